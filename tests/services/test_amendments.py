"""Whatever is voided, restored, corrected and merged, in any order: what is stored is a replay of what counts, and previews are right."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.services.matches import get_match
from tests.services.mirror import Mirror
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
KEYS = "ABCDE"
_chosen = st.integers(0, 999)
_key = st.sampled_from(KEYS)
_changes = st.fixed_dictionaries(
    {},
    optional={
        "first": st.sampled_from("ABCDEX"),
        "second": st.sampled_from("ABCDEY"),
        "score": st.sampled_from([0.0, 0.5, 1.0]),
        "weight": st.sampled_from([0.5, 1.0, 2.0]),
        "played_at": st.integers(0, 9).map(lambda day: NEW_YEAR_2024 + day * DAY),
    },
)
_steps = st.one_of(
    st.tuples(st.just("play"), st.permutations(KEYS), st.sampled_from(["first", "second", "draw"])),
    st.tuples(st.just("void"), _chosen),
    st.tuples(st.just("restore"), _chosen),
    st.tuples(st.just("void_entry"), _chosen),
    st.tuples(st.just("correct"), _chosen, _changes),
    st.tuples(st.just("merge"), _key, _key),
    st.tuples(st.just("settle"), st.sampled_from([16.0, 24.0, 32.0])),
)


def take(mirror: Mirror, step: tuple) -> None:
    kind, *about = step
    ids = mirror.match_ids
    if kind == "play":
        merged = {said.merged[0] for said in mirror.log.values() if said.kind == "merge"}
        one, other = [key for key in about[0] if key not in merged][:2] if len({*KEYS} - merged) > 1 else ("Y", "Z")
        day = NEW_YEAR_2024 + len(mirror.log) % 7 * DAY
        mirror.record(match(one, other, about[1], f"m{len(ids)}", played_at=day))
    elif kind in {"void", "restore"}:
        getattr(mirror, kind)(ids[about[0] % len(ids)])
    elif kind == "void_entry":
        mirror.void_entry(about[0] % len(mirror.log))
    elif kind == "correct":
        mirror.correct(ids[about[0] % len(ids)], **about[1])
    elif kind == "merge":
        mirror.merge(*about)
    else:
        mirror.settle(k=about[0])


def season(play: Play) -> Mirror:
    """Six matches among five, everyone with one at least."""
    mirror = Mirror.begin(play)
    pairs = ["AB", "BC", "CA", "DE", "EA", "BD"]
    mirror.record(*(match(*pair, ("first", "second", "draw")[n % 3], f"m{n}", played_at=NEW_YEAR_2024 + n * DAY) for n, pair in enumerate(pairs)))
    return mirror


@settings(max_examples=40, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_steps, min_size=2, max_size=9), order=st.sampled_from(["log", "played_at"]))
def test_in_any_order_what_is_stored_is_a_replay_of_what_counts(shared, steps, order):
    mirror = season(Play.begin(shared, order=order))
    for step in steps:
        take(mirror, step)
        mirror.holds()
        for key in mirror.keys:
            mirror.tells_history(key)
    mirror.play.verified()


@pytest.fixture
def mirror(play: Play) -> Mirror:
    return season(play)


def test_a_void_of_a_void_of_a_void(mirror):
    before = mirror.play.competitors()
    for _ in range(2):
        mirror.void("m0")
        mirror.holds()
        mirror.restore("m0")
        assert mirror.play.competitors() == before
    mirror.void_entry(mirror.play.position())
    assert get_match(mirror.play.database, OPERATOR, mirror.play.league, "m0")["status"] == "voided"
    mirror.holds()


def test_of_several_corrections_the_last_that_counts_holds(mirror):
    mirror.correct("m0", score=0.5)
    mirror.correct("m0", weight=2.0)
    third = mirror.correct("m0", first="New", second="Newer")
    mirror.holds()
    assert third is not None
    assert third["position"] is not None
    mirror.void_entry(third["position"])
    mirror.holds()
    assert get_match(mirror.play.database, OPERATOR, mirror.play.league, "m0")["status"] == "counted"
    mirror.void_entry(third["position"] - 2)
    mirror.holds()
    mirror.play.verified()


def test_a_correction_back_to_what_was_sent_restores_every_bit(mirror):
    before = mirror.play.competitors()
    mirror.correct("m1", first="C", second="B")
    mirror.correct("m1", first="B", second="C")
    assert mirror.play.competitors() == before


@pytest.mark.parametrize("change", [{"neutral": True}, {"first_score": 3.0, "second_score": -0.0}, {"context": '{"a":1}'}])
def test_what_rates_nobody_moves_nobody(mirror, change):
    answer = mirror.correct("m2", **change)
    assert answer is not None
    assert answer["moved"] == []
    mirror.holds()
    mirror.play.verified()


def test_a_merge_counts_before_and_after_and_is_undone(mirror):
    before = {one.key: one.rating for one in mirror.play.competitors()}
    merge = mirror.merge("E", "C")
    assert merge is not None
    assert merge["position"] is not None
    mirror.record(match("E", "B", "first", "later"), match("D", "E", "draw", "last"))
    mirror.holds()
    mirror.void_entry(merge["position"])
    mirror.holds()
    mirror.void("later")
    mirror.void("last")
    assert {one.key: one.rating for one in mirror.play.competitors()} == before
    mirror.play.verified()


def test_merges_chain_and_are_taken_apart_from_the_middle(mirror):
    mirror.record(match("F", "A", "draw", "f"), match("G", "A", "draw", "g"))
    mirror.merge("F", "G")
    middle = mirror.merge("G", "E")
    assert middle is not None
    assert middle["position"] is not None
    mirror.record(match("F", "B", "first", "later"))
    mirror.holds()
    assert mirror.merge("E", "F") is None
    mirror.void_entry(middle["position"])
    mirror.holds()
    assert [(one.key, one.merged_into) for one in mirror.play.competitors() if one.merged_into is not None] == [("F", 6)]
    mirror.play.verified()


def test_settings_count_from_their_entry_on_whatever_is_amended(mirror):
    mirror.settle(k=8.0)
    mirror.record(match("A", "D", "second", "late"))
    mirror.settle(k=64.0)
    mirror.record(match("B", "C", "draw", "later"))
    mirror.void("m1")
    mirror.correct("late", score=0.5)
    mirror.restore("m1")
    mirror.holds()
    mirror.play.verified()


def test_a_history_after_a_restore_tells_what_counts_and_not_what_was_recorded_while_it_was_void(mirror):
    mirror.void("m0")
    mirror.record(match("A", "B", "first", "meanwhile"))
    mirror.restore("m0")
    for key in mirror.keys:
        mirror.tells_history(key)


def test_a_circle_of_merges_is_refused_wherever_it_is_closed(mirror):
    mirror.record(match("F", "A", "draw", "f"), match("G", "A", "draw", "g"), match("H", "A", "draw", "h"))
    mirror.merge("F", "G")
    middle = mirror.merge("G", "H")
    assert middle is not None
    assert middle["position"] is not None
    mirror.void_entry(middle["position"])
    mirror.merge("H", "G")
    assert mirror.void_entry(mirror.play.position() - 1) is None
    mirror.holds()


def test_a_log_damaged_into_a_circle_of_merges_is_told(mirror):
    mirror.record(match("F", "A", "draw", "f"), match("G", "A", "draw", "g"))
    mirror.merge("F", "G")
    damage = "UPDATE entry SET details = replace(details, :told, :planted) WHERE league_id = :league AND kind = 6"
    assert mirror.play.sql(damage, told='"into":6', planted='"into":5') == 1
    assert not mirror.play.verify()["equal"]

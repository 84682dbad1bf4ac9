"""Leagues that are rated in the order of play: whoever delivers what, and when, the same matches end in the same state."""

import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.errors import BadInput, MatchIdTaken
from app.ratings.matches import OUTCOMES, format_time
from app.services import recording
from app.services.corrections import correct_match
from app.services.imports import import_file
from app.services.placing import preview_matches
from app.services.recording import MatchIn, as_columns
from app.services.standings import leaderboard
from tests.services.mirror import Mirror
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match, writes_nothing

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
QUIET = {"deadline": None, "phases": PHASES, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}


@st.composite
def seasons(draw: st.DrawFn) -> list[MatchIn]:
    """A few matches, some of them of the same moment, some before 1970."""
    pairs = draw(st.lists(st.permutations("ABCDE").map(lambda keys: keys[:2]), min_size=2, max_size=12))
    ids = draw(
        st.permutations([f"m{n}" for n in range(len(pairs))] if draw(st.booleans()) else [f"é{n}" if n % 2 else f"Z{n}" for n in range(len(pairs))])
    )
    days = st.integers(-3, 3).map(lambda day: day * DAY * 9_000)
    return [
        match(*pair, draw(st.sampled_from(["first", "second", "draw"])), match_id, played_at=draw(days), weight=draw(st.sampled_from([1.0, 0.5])))
        for pair, match_id in zip(pairs, ids, strict=True)
    ]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[MatchIn], list[tuple[str, list[MatchIn]]]]:
    """A season, and how it is delivered: shuffled, in parts, some of it more than once, by the match, the batch or the file."""
    season = draw(seasons())
    left = draw(st.permutations(season))
    parts: list[tuple[str, list[MatchIn]]] = []
    while left:
        count = draw(st.integers(1, len(left)))
        again = draw(st.lists(st.sampled_from(season), max_size=2, unique_by=lambda one: one.match_id))
        part, left = left[:count], left[count:]
        sent = part + [one for one in again if one not in part and (one not in left)]
        parts.append((draw(st.sampled_from(["single", "batch", "file"])), draw(st.permutations(sent))))
    return season, parts


def deliver(play: Play, how: str, matches: list[MatchIn]) -> None:
    if how == "single":
        for one in matches:
            play.record(one.first, one.second, OUTCOMES[one.score], one.match_id, played_at=one.played_at, weight=one.weight)
    elif how == "batch":
        play.batch(matches)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "matches.csv"
            rows = [[one.match_id, one.first, one.second, OUTCOMES[one.score], format_time(one.played_at or 0), one.weight] for one in matches]
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([["match_id", "first", "second", "outcome", "played_at", "weight"], *rows])
            import_file(play.database, OPERATOR, play.league, path)


@settings(max_examples=12, **QUIET)
@given(delivered=deliveries())
def test_any_order_of_delivery_ends_in_the_same_state(shared, delivered):
    season, parts = delivered
    usual = Mirror.begin(Play.begin(shared, order="played_at"))
    usual.record(*season)
    usual.holds()
    late = Play.begin(shared, order="played_at")
    for how, matches in parts:
        deliver(late, how, matches)
        late.verified()
    assert late.verified()["state_hash"] == usual.play.verified()["state_hash"]
    assert late.row().matches == len(season)


@settings(max_examples=10, **QUIET)
@given(season=seasons(), order=st.randoms(use_true_random=False))
def test_a_receipt_tells_the_ratings_at_the_place_of_the_match(shared, season, order):
    order.shuffle(season)
    mirror = Mirror.begin(Play.begin(shared, order="played_at"))
    for one in season:
        (receipt,) = mirror.record(one)
        mirror.holds()
        until = [other for other in season[: season.index(one) + 1] if (other.played_at, other.match_id) <= (one.played_at, one.match_id)]
        alone = Mirror.begin(Play.begin(shared))
        told = alone.record(*sorted(until, key=lambda other: (other.played_at, other.match_id)))[-1]
        assert receipt["ratings"] == told["ratings"]
    for key in mirror.keys:
        mirror.tells_history(key)
        mirror.explains(key)
        mirror.explains(key, since=len(season) // 2)


def standings(play: Play) -> dict[str, tuple[float, int]]:
    rows = leaderboard(play.database, OPERATOR, play.league, by="live", limit=1_000)["rows"]
    return {row["competitor"]: (row["live"]["rating"], row["rank"]) for row in rows}


@settings(max_examples=12, **QUIET)
@given(season=seasons(), known=st.integers(0, 12), order=st.sampled_from(["log", "played_at"]))
def test_a_preview_of_matches_is_what_recording_them_does(shared, season, known, order):
    play = Play.begin(shared, order=order)
    if season[:known]:
        play.batch(season[:known])
    rest = season[known // 2 :]
    with writes_nothing(play):
        told = preview_matches(shared, OPERATOR, play.league, as_columns(rest), [True] * len(rest))
    before = standings(play)
    play.batch(rest)
    after = standings(play)
    expected = {key: (*before.get(key, (None, None)), *after[key]) for key in after if before.get(key) != after[key]}
    assert {one["competitor"]: (one["before"], one["rank_before"], one["after"], one["rank_after"]) for one in told["moved"]} == expected
    assert told["moved_count"] == len(expected)


_amended = st.lists(
    st.tuples(st.sampled_from(["void", "restore", "correct", "record"]), st.integers(0, 99), st.integers(-3, 3)), min_size=1, max_size=6
)


@settings(max_examples=10, **QUIET)
@given(season=seasons(), steps=_amended)
def test_amendments_keep_the_order_also_where_they_move_a_match_in_it(shared, season, steps):
    mirror = Mirror.begin(Play.begin(shared, order="played_at"))
    mirror.record(*season)
    for number, (kind, chosen, day) in enumerate(steps):
        match_id = mirror.match_ids[chosen % len(mirror.match_ids)]
        if kind == "record":
            mirror.record(match("A", "E", "first", f"late{number}", played_at=day * DAY * 9_000 + chosen))
        elif kind == "correct":
            mirror.correct(match_id, played_at=day * DAY * 9_000, score=chosen % 3 / 2)
        else:
            getattr(mirror, kind)(match_id)
        mirror.holds()
        mirror.remember()
        for key in mirror.keys:
            mirror.tells_history(key)
            mirror.explains(key)
    mirror.remembers()
    mirror.play.verified()


@settings(max_examples=6, **QUIET)
@given(delivered=deliveries(), steps=_amended)
def test_a_restored_league_is_the_same_and_goes_on_the_same(both, delivered, steps):
    season, parts = delivered
    here = Mirror.begin(Play.begin(both[0], order="played_at"))
    for _, matches in parts[: len(parts) // 2 + 1]:
        fresh = [one for one in matches if one.match_id not in here.match_ids]
        if fresh:
            here.record(*fresh)
    here.void(here.match_ids[0])
    copy = here.play.restored_in(both[1])
    assert {**copy.verified(), "league": ""} == {**here.play.verified(), "league": ""}
    assert copy.export() == here.play.export()
    there = Mirror(copy, order="played_at")
    there.log = dict(here.log)
    rest = [one for one in season if one.match_id not in here.match_ids]
    for mirror in (here, there):
        for one in rest:
            mirror.record(one)
        for kind, chosen, _ in steps:
            if kind in {"void", "restore"}:
                getattr(mirror, kind)(mirror.match_ids[chosen % len(mirror.match_ids)])
        mirror.holds()
    for name in ("amended_position", "latest_played_at", "latest_match_id", "matches", "results", "competitors"):
        assert getattr(copy.row(), name) == getattr(here.play.row(), name), name
    assert copy.verified()["state_hash"] == here.play.verified()["state_hash"]


@pytest.fixture
def ordered(shared) -> Play:
    play = Play.begin(shared, order="played_at")
    play.batch([match("A", "B", "first", "m1", played_at=NEW_YEAR_2024 + DAY), match("B", "C", "first", "m2", played_at=NEW_YEAR_2024 + 2 * DAY)])
    return play


@pytest.mark.parametrize("fields", [{}, {"match_id": "x"}, {"played_at": NEW_YEAR_2024}])
def test_a_match_without_its_place_is_refused(ordered, fields):
    with writes_nothing(ordered), pytest.raises(BadInput):
        ordered.record("A", "B", "first", **fields)


def test_a_late_match_is_recorded_once(ordered):
    late = match("C", "A", "second", "late", played_at=NEW_YEAR_2024)
    first = ordered.batch([late])
    with writes_nothing(ordered):
        again = ordered.batch([late, match("A", "B", "first", "m1", played_at=NEW_YEAR_2024 + DAY)])
        with pytest.raises(MatchIdTaken):
            ordered.batch([match("C", "A", "first", "late", played_at=NEW_YEAR_2024)])
    assert again["replayed"] == 2
    assert again["receipts"][0] == first["receipts"][0]


def test_a_time_of_play_cannot_be_corrected_away(ordered):
    with writes_nothing(ordered), pytest.raises(BadInput):
        correct_match(ordered.database, OPERATOR, ordered.league, "m1", {"played_at": None}, reason="why")


def test_one_time_is_ordered_by_id_whoever_comes_first(shared):
    hashes = set()
    for ids in (["a", "é", "Z"], ["Z", "a", "é"], ["é", "Z", "a"]):
        play = Play.begin(shared, order="played_at")
        games = {"a": ("A", "B"), "é": ("B", "C"), "Z": ("C", "A")}
        for match_id in ids:
            play.batch([match(*games[match_id], "first", match_id, played_at=NEW_YEAR_2024)])
        hashes.add(play.verified()["state_hash"])
    assert len(hashes) == 1


@pytest.mark.parametrize("order", ["log", "played_at"])
def test_the_receipts_of_a_large_batch_are_those_of_its_first_matches(shared, monkeypatch, order):
    monkeypatch.setattr(recording, "MAX_RECEIPTS", 10)
    play = Play.begin(shared, order=order)
    sent = [match(f"C{n % 7}", f"D{n % 5}", "first", f"m{n}", played_at=NEW_YEAR_2024 + (40 - n) * DAY) for n in range(30)]
    sent.insert(4, sent[2])
    answer = play.batch(sent)
    assert (answer["recorded"], answer["replayed"]) == (30, 1)
    assert [receipt["match_id"] for receipt in answer["receipts"]] == [one.match_id for one in sent[:10]]
    play.verified()

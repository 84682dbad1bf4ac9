"""A refit from kept totals says the same, byte for byte, as one that reads every match; and says that it was one."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.services.backups import open_backup, restore_backup, write_backup
from app.services.fit_checks import check_fit
from app.services.fit_process import FitProcess, answer_of
from app.services.fit_work import compute_fit
from app.services.league_totals import packed_totals, unpacked_totals
from app.services.packing import packed, unpacked
from app.services.segments import keep_segments
from tests.services.mirror import Mirror
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match
from tests.services.test_amendments import _steps, season, take
from tests.services.test_fit_process import compute, fit_process

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
LARGE = "app.services.league_totals.LARGE"
SETTINGS = {
    "half-wins": {},
    "davidson": {"draws": "davidson"},
    "side estimated": {"side": "estimate"},
    "side known": {"side": 40.0},
    "both": {"draws": "davidson", "side": "estimate"},
    "no prior": {"prior_sd": None},
    "anchor": {"anchor": {"competitor": "C1", "rating": 1700.0}},
}
WEIGHTS = {"one": (1.0,), "whole": (1.0, 4.0), "dyadic": (1.0, 0.5, 2.75)}
CASES = [
    *(pytest.param(chosen, WEIGHTS["one"], id=name) for name, chosen in SETTINGS.items()),
    *(pytest.param(SETTINGS["both"], weights, id=f"both, weights {name}") for name, weights in WEIGHTS.items()),
    *(pytest.param({}, weights, id=f"half-wins, weights {name}") for name, weights in WEIGHTS.items() if name != "one"),
]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Every league is a large one."""
    monkeypatch.setattr(LARGE, 1)
    monkeypatch.setattr("app.services.segments.BLOCK", 64)


def league(database, weights=(1.0,), **chosen) -> Mirror:
    """A hundred and twenty matches among seven, some on neutral ground."""
    mirror = Mirror.begin(Play.begin(database, **chosen))
    games = [(f"C{n % 7}", f"C{(n + 1 + n // 7 % 6) % 7}", ("first", "draw", "second", "first")[n * 5 % 4], n) for n in range(120)]
    mirror.record(
        *(
            match(one, other, outcome, f"m{n}", played_at=NEW_YEAR_2024 + n * DAY // 3, weight=weights[n % len(weights)], neutral=n % 5 == 0)
            for one, other, outcome, n in games
        )
    )
    return mirror


def found(play: Play):
    return compute_fit(play.database, play.row().id, lambda _: None)


def by_rows(play: Play):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LARGE, 10**9)
        return found(play)


def told(work) -> tuple:
    return work.position, work.fitted.table, work.fitted.uncertainty, str(work.fitted.certificate), work.fitted.refusal


def holds(play: Play) -> dict:
    """The fit from totals is that from the rows; where the first one read."""
    work = found(play)
    assert told(work) == told(by_rows(play))
    return work.read


def more(mirror: Mirror, count: int = 3, **fields) -> None:
    begin = len(mirror.match_ids)
    mirror.record(*(match("C1", "C2", "second", f"more{begin + n}", played_at=NEW_YEAR_2024 + n * DAY, **fields) for n in range(count)))


def kept(play: Play):
    with play.database.read() as unit:
        return unit.totals.any(unit.leagues.existing(play.league).id)


@pytest.mark.parametrize(("chosen", "weights"), CASES)
def test_a_refit_from_totals_says_the_same_through_everything_that_happens(shared, chosen, weights):
    mirror = league(shared, weights, **chosen)
    play, count = mirror.play, len(mirror.match_ids)
    assert holds(play) == {"totals": 0, "segments": 0, "rows": count}
    assert play.fit()["read"]["totals"] == 0
    assert holds(play) == {"totals": count, "segments": 0, "rows": 0}
    happenings = [
        lambda: mirror.void("m5"),
        lambda: more(mirror),
        lambda: mirror.void(mirror.match_ids[-1]),
        lambda: mirror.correct("m6", score=0.5, weight=2.0, neutral=True),
        lambda: mirror.correct("m7", first="C3", second="C9"),
        lambda: mirror.record(match("X", "C4", "first", "newcomer", played_at=NEW_YEAR_2024)),
        lambda: mirror.merge("X", "C5"),
        lambda: keep_segments(play.database, play.league),
        lambda: mirror.restore("m5"),
        lambda: mirror.void_entry(mirror.play.position() - 2),
        lambda: mirror.void("m6"),
        lambda: more(mirror, 40),
    ]
    for happens in happenings:
        happens()
        assert holds(play)["totals"] == count
    assert play.fit()["read"]["totals"] == count
    assert holds(play)["totals"] == count + 3 + 1 + 40
    play.verified()


@settings(max_examples=15, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(_steps, st.booleans()), min_size=2, max_size=9), chosen=st.sampled_from(sorted(SETTINGS)))
def test_whatever_happens_between_two_fits(shared, steps, chosen):
    mirror = season(Play.begin(shared, **{**SETTINGS[chosen], "anchor": None}))
    for step, fits in steps:
        take(mirror, step)
        if fits:
            holds(mirror.play)
            mirror.play.fit()
    holds(mirror.play)
    mirror.play.verified()


def test_either_database_tells_the_same(both):
    hashes = set()
    for database in both:
        mirror = league(database, (1.0, 0.5), draws="davidson", side="estimate")
        hashes.add(mirror.play.fit()["table_hash"])
        more(mirror)
        mirror.void("m1")
        fit = mirror.play.fit()
        assert fit["read"]["totals"] > 0
        hashes.add(fit["table_hash"])
    assert len(hashes) == 2


def test_its_certificate_is_found_again_from_the_matches(shared):
    mirror = league(shared, draws="davidson", side="estimate")
    mirror.play.fit()
    more(mirror)
    mirror.void("m4")
    assert mirror.play.fit()["read"]["totals"] > 0
    checked = check_fit(shared, OPERATOR, mirror.play.league)
    assert checked["equal"], checked["figures"]


def test_the_process_of_the_fit_tells_the_same_and_writes_nothing(both):
    for database in both:
        mirror = league(database)
        with pytest.MonkeyPatch.context() as patched:
            # The child has limits of its own; a league of its size is told from rows there.
            patched.setattr(LARGE, 10**9)
            child = fit_process(database)
            work = compute(child, mirror.play)
            child.close()
        assert told(work) == told(found(mirror.play))
        assert kept(mirror.play) is None


def test_what_is_to_be_kept_comes_out_of_the_process_of_the_fit_as_it_is(shared):
    mirror = league(shared, side="estimate")
    for is_kept in (False, True):
        work = found(mirror.play)
        assert (work.totals is None) == is_kept
        fitter = FitProcess("", memory_mb=1, seconds=1.0)
        assert fitter._listen(io.BytesIO(b"".join(answer_of(work))), lambda _: None) == work
        mirror.play.fit()


FALLBACKS = {
    "time decay": {"half_life_days": 30.0},
    "the balance of pairs": {"balance": "pairs"},
    "covariates": {"covariates": ["x"]},
}


@pytest.mark.parametrize("chosen", FALLBACKS.values(), ids=FALLBACKS)
def test_what_totals_do_not_tell_is_read_in_full(shared, chosen):
    mirror = league(shared, **chosen)
    for _ in range(2):
        fit = mirror.play.fit()
        assert fit["read"]["totals"] == 0
        assert fit["read"]["rows"] == len(mirror.match_ids)
    assert kept(mirror.play) is None


def test_weights_that_round_are_read_in_full_from_then_on(shared):
    mirror = league(shared)
    mirror.play.fit()
    more(mirror, weight=0.1)
    assert holds(mirror.play)["totals"] == 0
    mirror.void(mirror.match_ids[-1])
    assert holds(mirror.play)["totals"] == 0


def test_a_correction_to_a_weight_that_rounds_is_read_in_full_until_it_is_taken_back(shared):
    mirror = league(shared)
    mirror.play.fit()
    mirror.correct("m5", weight=0.1)
    assert holds(mirror.play)["totals"] == 0
    mirror.void_entry(mirror.play.position())
    assert holds(mirror.play)["totals"] > 0


def test_very_many_amendments_are_read_in_full(shared, monkeypatch):
    mirror = league(shared)
    mirror.play.fit()
    for number in (1, 2, 3):
        mirror.void(f"m{number}")
    assert holds(mirror.play)["totals"] > 0
    monkeypatch.setattr("app.services.league_totals.MAX_AMENDED", 2)
    assert holds(mirror.play)["totals"] == 0


def test_whether_sides_are_told_apart_decides_which_totals_serve(shared):
    mirror = league(shared)
    mirror.play.fit()
    for side, totals in (("estimate", 0), (30.0, 1), ("estimate", 1), ("off", 0), ("off", 1)):
        mirror.play.change(side=side)
        assert (holds(mirror.play)["totals"] > 0) == bool(totals)
        mirror.play.fit()


def test_they_are_renewed_when_enough_came_after_them_and_not_before(shared):
    mirror = league(shared)
    mirror.play.fit()
    first = kept(mirror.play)
    more(mirror, 3)
    mirror.play.fit()
    assert kept(mirror.play) == first
    more(mirror, 30)
    mirror.play.fit()
    assert kept(mirror.play).position > first.position
    mirror.play.verified()


def test_a_league_of_which_nothing_counts_any_more(shared):
    mirror = season(Play.begin(shared))
    mirror.play.fit()
    for number in range(5):
        mirror.void(f"m{number}")
    holds(mirror.play)
    mirror.void("m5")
    holds(mirror.play)


def test_a_copy_of_the_log_has_none_until_it_is_fitted(shared):
    play = league(shared).play
    before = play.fit()
    copy = play.restored_in(play.database)
    assert kept(copy) is None
    assert copy.fit()["table_hash"] == before["table_hash"]
    copy.verified()


def test_a_backup_takes_them_along_to_either_database(database, other_database):
    mirror = league(database, (1.0, 0.5), side="estimate")
    mirror.play.fit()
    more(mirror)
    content = io.BytesIO()
    write_backup(database, OPERATOR, content)
    restore_backup(other_database, OPERATOR, open_backup(io.BytesIO(content.getvalue())))
    copy = replace(mirror.play, database=other_database)
    assert tuple(kept(copy)) == tuple(kept(mirror.play))
    copy.verified()
    assert holds(copy)["totals"] > 0
    assert copy.fit()["table_hash"] == mirror.play.fit()["table_hash"]


def test_a_league_below_the_size_has_none(shared, monkeypatch):
    monkeypatch.setattr(LARGE, 10**6)
    play = league(shared).play
    assert play.fit()["read"]["totals"] == 0
    assert kept(play) is None


def _changed(stored: bytes, name: str) -> bytes:
    columns = unpacked(stored)
    columns[name] = columns[name] + np.array(1, columns[name].dtype)
    return packed(columns)


DAMAGE = {
    "wins": lambda stored: _changed(stored, "wins"),
    "whom": lambda stored: _changed(stored, "second"),
    "how many": lambda stored: _changed(stored, "matches"),
    "rows": lambda stored: _changed(stored, "rows"),
    "half of it": lambda stored: stored[: len(stored) // 2],
    "all of it": lambda _: b"",
    "other columns": lambda _: packed({"number": np.arange(3)}),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_ones_are_found(shared, damage):
    play = league(shared).play
    play.fit()
    play.verified()
    play.sql("UPDATE totals SET totals = :damaged WHERE league_id = :league", damaged=damage(kept(play).totals))
    verdict = play.verify()
    assert any("totals of the matches up to position" in one for one in verdict["differences"]), verdict["differences"]


@pytest.mark.parametrize("damage", ["half of it", "all of it", "other columns"])
def test_unreadable_ones_are_made_anew(shared, damage):
    mirror = league(shared)
    mirror.play.fit()
    mirror.play.sql("UPDATE totals SET totals = :damaged WHERE league_id = :league", damaged=DAMAGE[damage](kept(mirror.play).totals))
    assert holds(mirror.play)["totals"] == 0
    mirror.play.fit()
    assert holds(mirror.play)["totals"] > 0
    mirror.play.verified()


def test_ones_of_another_position_are_found(shared):
    play = league(shared).play
    play.fit()
    for shift in (-1, 10_000):
        play.sql("UPDATE totals SET position = position + :shift WHERE league_id = :league", shift=shift)
        assert not play.verify()["equal"]


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("sided", ["off", "estimate"])
def test_packing_keeps_every_bit(shared, weights, sided):
    play = league(shared, weights, side=sided).play
    play.fit()
    stored = kept(play).totals
    assert packed_totals(unpacked_totals(stored)) == stored


def test_they_hold_nobody(shared):
    play = Play.begin(shared)
    play.results(("Annemarie-Unmistakable", "Bartholomew-Unmistakable", 3, 2))
    play.fit()
    assert b"Unmistakable" not in kept(play).totals

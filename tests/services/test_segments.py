"""Segments and checkpoints: with them and without them every answer is the same; one that is stale is not used, one that is damaged is found."""

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.services.packing import packed, unpacked
from app.services.segments import keep_segments
from app.storage.tables import checkpoint
from tests.services.mirror import Mirror, cold, pages, small_blocks
from tests.services.play import DAY, NEW_YEAR_2024, Play, match
from tests.services.test_amendments import _steps, season, take

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
OUTCOMES = ("first", "second", "draw", "first")


def long_season(play: Play, count: int = 40) -> Mirror:
    """So many matches among five, one a day."""
    mirror = Mirror.begin(play)
    games = [("ABCDE"[n % 5], "ABCDE"[(n + 1 + n // 5 % 4) % 5], OUTCOMES[n * 7 % 4]) for n in range(count)]
    mirror.record(*(match(one, other, outcome, f"m{n}", played_at=NEW_YEAR_2024 + n * DAY) for n, (one, other, outcome) in enumerate(games)))
    return mirror


def kept(play: Play) -> list[list[tuple]]:
    """What is kept of a league: its segments and its checkpoints."""
    with play.database.read() as unit:
        row = unit.leagues.existing(play.league)
        known = unit.checkpoints.ratings(row.id, sorted(unit.checkpoints.digests(row.id)))
        return [[*map(tuple, unit.segments.after(row.id, -1))], sorted(known.items())]


@pytest.fixture
def mirror(play: Play):
    with small_blocks():
        yield long_season(play)


@settings(max_examples=20, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(_steps, st.booleans()), min_size=2, max_size=8), order=st.sampled_from(["log", "played_at"]))
def test_with_them_and_without_them_everything_is_the_same(shared, steps, order):
    with small_blocks(4):
        mirror = season(Play.begin(shared, order=order))
        keep_segments(shared, mirror.play.league)
        for step, keeps in steps:
            take(mirror, step)
            mirror.holds()
            mirror.remember()
            for key in mirror.keys:
                mirror.tells_history(key)
            if keeps:
                keep_segments(shared, mirror.play.league)
        mirror.play.verified()
        with cold(mirror.play) as play:
            mirror.play = play
            mirror.remembers()
            mirror.play.verified()
    with cold(mirror.play) as play:
        mirror.play = play
        mirror.remembers()


def test_keeping_them_twice_writes_nothing(mirror):
    assert keep_segments(mirror.play.database, mirror.play.league)
    before = kept(mirror.play)
    assert [len(some) for some in before] == [5, 5]
    assert not keep_segments(mirror.play.database, mirror.play.league)
    assert kept(mirror.play) == before


def test_they_grow_with_the_log_and_what_is_there_stays(mirror):
    keep_segments(mirror.play.database, mirror.play.league)
    before = kept(mirror.play)
    mirror.record(*(match("A", "B", OUTCOMES[n % 4], f"n{n}") for n in range(9)))
    keep_segments(mirror.play.database, mirror.play.league)
    after = kept(mirror.play)
    assert [len(some) for some in after] == [6, 6]
    assert after[0][:5] == before[0]
    assert {*before[1]} < {*after[1]}
    mirror.play.verified()


def test_a_stale_checkpoint_is_never_used(mirror):
    keep_segments(mirror.play.database, mirror.play.league)
    mirror.void("m3")
    stale = {digest for digest, _ in kept(mirror.play)[1]}
    mirror.play.sql(
        "UPDATE checkpoint SET ratings = :nonsense WHERE league_id = :league", nonsense=packed({"number": np.arange(5), "rating": np.zeros(5)})
    )
    mirror.void("m20")
    mirror.holds()
    for key in mirror.keys:
        mirror.tells_history(key)
    assert keep_segments(mirror.play.database, mirror.play.league)
    assert not stale & {digest for digest, _ in kept(mirror.play)[1]}
    mirror.play.verified()


def test_what_many_amendments_leave_behind_is_swept(mirror):
    for number in range(4):
        mirror.void(f"m{number}")
        keep_segments(mirror.play.database, mirror.play.league)
        assert len(kept(mirror.play)[1]) <= 10
    mirror.play.verified()


def _shifted(stored: bytes, name: str) -> bytes:
    columns = unpacked(stored)
    columns[name] = columns[name] + np.array(1, columns[name].dtype)
    return packed(columns)


SEGMENT_DAMAGE = {
    "a column": lambda stored: _shifted(stored, "first"),
    "an id": lambda stored: _shifted(stored, "match_id"),
    "half of it": lambda stored: stored[: len(stored) // 2],
    "all of it": lambda _: b"",
    "forty bytes": lambda stored: stored[:60] + bytes(40) + stored[100:],
    "other columns": lambda _: packed({"number": np.arange(3)}),
}
CHECKPOINT_DAMAGE = {
    "a rating": lambda stored: _shifted(stored, "rating"),
    "half of it": lambda stored: stored[: len(stored) // 2],
    "other columns": lambda _: packed({"rating": np.zeros(5)}),
    "a number too high": lambda _: packed({"number": np.array([77]), "rating": np.zeros(1)}),
}


@pytest.mark.parametrize("number", [0, 2, 4])
@pytest.mark.parametrize("damage", SEGMENT_DAMAGE)
def test_a_damaged_segment_is_found(mirror, damage, number):
    keep_segments(mirror.play.database, mirror.play.league)
    stored = kept(mirror.play)[0][number][2]
    mirror.play.sql(
        "UPDATE segment SET matches = :damaged WHERE league_id = :league AND number = :number", damaged=SEGMENT_DAMAGE[damage](stored), number=number
    )
    verdict = mirror.play.verify()
    assert not verdict["equal"]
    assert any(f"Segment {number}" in difference for difference in verdict["differences"]), verdict["differences"]


@pytest.mark.parametrize("count", [8, 24, 40])
@pytest.mark.parametrize("damage", CHECKPOINT_DAMAGE)
def test_a_damaged_checkpoint_is_found(mirror, damage, count):
    keep_segments(mirror.play.database, mirror.play.league)
    with mirror.play.database.read() as unit:
        digest = next(row.digest for row in unit.connection.execute(_checkpoint_at(mirror.play, count)))
        stored = unit.checkpoints.ratings(unit.leagues.existing(mirror.play.league).id, [digest])[digest]
    mirror.play.sql(
        "UPDATE checkpoint SET ratings = :damaged WHERE league_id = :league AND digest = :digest",
        damaged=CHECKPOINT_DAMAGE[damage](stored),
        digest=digest,
    )
    verdict = mirror.play.verify()
    assert not verdict["equal"]
    assert any(f"checkpoint of the first {count} matches" in difference for difference in verdict["differences"]), verdict["differences"]


def _checkpoint_at(play: Play, count: int):
    return select(checkpoint.c.digest).where(checkpoint.c.league_id == play.row().id, checkpoint.c.count == count)


def test_a_segment_that_is_lost_in_the_middle_is_found_and_one_at_the_end_is_made_anew(mirror):
    keep_segments(mirror.play.database, mirror.play.league)
    before = kept(mirror.play)
    mirror.play.sql("DELETE FROM segment WHERE league_id = :league AND number = 4")
    mirror.play.verified()
    assert keep_segments(mirror.play.database, mirror.play.league)
    assert kept(mirror.play) == before
    mirror.play.sql("DELETE FROM segment WHERE league_id = :league AND number = 2")
    assert not mirror.play.verify()["equal"]


def test_two_at_once_keep_the_same_once(mirror):
    barrier, failures = threading.Barrier(2), list[BaseException]()

    def keep() -> None:
        try:
            barrier.wait(30)
            keep_segments(mirror.play.database, mirror.play.league)
        except BaseException as error:  # noqa: BLE001  told to the test
            failures.append(error)

    for count in range(3):
        threads = [threading.Thread(target=keep) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert [len(some) for some in kept(mirror.play)] == [5 + count, 5 + count]
        assert not keep_segments(mirror.play.database, mirror.play.league)
        mirror.record(*(match("A", "B", OUTCOMES[n % 4], f"n{count}-{n}") for n in range(8)))
    mirror.play.verified()


def test_a_history_tells_what_counts_and_not_what_was_recorded_while_it_did_not(mirror):
    mirror.void("m0")
    mirror.correct("m1", score=0.5)
    mirror.record(*(match("A", "B", "first", f"meanwhile{n}") for n in range(9)))
    mirror.restore("m0")
    mirror.void_entry(mirror.position_of("m39") + 2)
    keep_segments(mirror.play.database, mirror.play.league)
    with cold(mirror.play) as play:
        mirror.play = play
        for key in mirror.keys:
            mirror.tells_history(key)


def test_a_small_league_keeps_nothing(play):
    play.play("A", "B")
    assert not keep_segments(play.database, play.league)
    assert not keep_segments(play.database, "nowhere")


def test_as_of_before_the_last_segment_needs_none_of_it(mirror):
    before = [(position, pages(mirror.play, position)) for position in (3, 8, 9, 17, 40)]
    keep_segments(mirror.play.database, mirror.play.league)
    with cold(mirror.play) as play:
        assert [(position, pages(play, position)) for position, _ in before] == before

"""A table that moved on with the log is the table that a fresh process builds, byte for byte."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.api.formats import json_bytes
from app.services.everyone import everyone_at_head
from app.services.ordered_tables import ordered_table
from app.services.roster import merge_competitors
from app.services.standings import competitors, leaderboard
from app.storage.unit_of_work import Database
from tests.services.mirror import retire
from tests.services.play import OPERATOR, Play, match

NAMES = [f"C{number}" for number in range(9)]
WHATS = ["first", "second", "draw", "void", "fit", "retire"]
moves = st.tuples(st.integers(0, 8), st.integers(0, 8), st.sampled_from([*WHATS[:3] * 4, *WHATS[3:]]))


def shown(database: Database, league: str, by: str) -> bytes:
    pages, cursor = [], None
    while not pages or cursor is not None:
        pages.append(leaderboard(database, OPERATOR, league, by=by, cursor=cursor, limit=3))
        cursor = pages[-1]["next"]
    around = [leaderboard(database, OPERATOR, league, by=by, around=row["competitor"], limit=2) for page in pages for row in page["rows"]]
    return json_bytes([*pages, *around, competitors(database, OPERATOR, league)])


def check(play: Play, fitted: bool) -> None:
    fresh = Database(play.database.engine)
    for by in ("live", "fit") if fitted else ("live",):
        assert shown(play.database, play.league, by) == shown(fresh, play.league, by)


def do(play: Play, counted: list[str], number: int, one: int, other: int, what: str) -> bool:
    """True where it was a fit that was published."""
    if what == "void" and counted:
        play.void(counted.pop(one % len(counted)))
    elif what == "fit" and counted:
        play.fit()
        return True
    elif what == "retire" and counted:
        retire(play, leaderboard(play.database, OPERATOR, play.league)["rows"][0]["competitor"], retired=one > other)
    elif what not in {"void", "fit", "retire"} and one != other:
        play.batch([match(NAMES[one], NAMES[other], what, f"m{number}")])
        counted.append(f"m{number}")
    return False


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=st.lists(moves, min_size=3, max_size=20))
def test_a_table_that_moved_is_the_table_of_a_fresh_process(shared_sqlite, sent):
    play, counted, fitted = Play.begin(shared_sqlite), list[str](), False
    for number, (one, other, what) in enumerate(sent):
        fitted |= do(play, counted, number, one, other, what)
        check(play, fitted)


@pytest.fixture
def settled(play: Play) -> Play:
    play.batch([match(one, other, "draw" if one > "C6" else "first") for one in NAMES for other in NAMES if one != other])
    play.fit()
    return play


def table(play: Play, by: str):
    with play.database.read() as unit:
        return ordered_table(play.database, unit, unit.leagues.existing(play.league), by)


def test_matches_among_those_who_are_known_move_only_who_played(settled):
    before = {by: table(settled, by) for by in ("live", "fit")}
    settled.play("C3", "C0")
    settled.play("C7", "C1", "draw")
    after = {by: table(settled, by) for by in ("live", "fit")}
    assert after["live"].everyone.keys is before["live"].everyone.keys
    assert after["fit"].ordering is before["fit"].ordering
    assert after["live"].everyone.changed_since(before["live"].everyone).tolist() == [0, 1, 3, 7]
    same = [number for number in range(9) if number not in {0, 1, 3, 7}]
    assert all(after["live"].everyone.rows[number] is before["live"].everyone.rows[number] for number in same)
    check(settled, True)


def test_matches_under_a_merged_key_move_whom_they_count_for(play: Play):
    play.batch([match("A", "C"), match("B", "D"), match("C", "D", "draw"), match("D", "A", "draw")])
    merge_competitors(play.database, OPERATOR, play.league, "A", "B", reason="the same person")
    check(play, False)
    play.play("A", "C", "draw")
    check(play, False)
    assert [row["matches"] for row in leaderboard(play.database, OPERATOR, play.league)["rows"] if row["competitor"] == "B"] == [4]


def test_equals_among_those_who_moved_stand_by_their_keys(play: Play):
    play.batch([match(one, other, "draw") for one, other in (("D", "C"), ("B", "A"), ("C", "B"), ("E", "A"))])
    check(play, False)
    play.play("E", "C", "draw")
    play.play("D", "B", "draw")
    assert [row["competitor"] for row in leaderboard(play.database, OPERATOR, play.league)["rows"]] == ["A", "B", "C", "D", "E"]
    check(play, False)


def test_an_older_snapshot_is_not_answered_from_a_newer_one(settled):
    with settled.database.read() as unit:
        old = unit.leagues.existing(settled.league)
        before = everyone_at_head(settled.database, unit, old).rating.tolist()
        settled.play("C3", "C0")
        table(settled, "live")
        assert everyone_at_head(settled.database, unit, old).rating.tolist() == before

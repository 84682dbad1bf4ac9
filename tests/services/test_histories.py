"""One competitor over time: histories end at the rating of today, heads to heads add up."""

import pytest

from app.errors import BadInput, CompetitorNotFound
from app.services.histories import history, opponents
from app.services.standings import competitors
from tests.services.play import NEW_YEAR_2024, OPERATOR, Play, match
from tests.services.test_recording import feed


@pytest.fixture(params=["as recorded", "after voids"])
def season(request, play: Play) -> Play:
    play.batch(feed(80, 6))
    play.change(k=12.0)
    play.batch([match("C0", "C1", "draw", "late"), match("C2", "C0", "first", "later")])
    if request.param == "after voids":
        for match_id in ("m3", "m40", "late"):
            play.void(match_id)
    return play


def pages(ask, play: Play, key: str, limit: int) -> list:
    found, cursor = [], None
    while True:
        page = ask(play.database, OPERATOR, play.league, key, cursor=cursor, limit=limit)
        found += page["rows"]
        if (cursor := page["next"]) is None:
            return found


def test_a_history_leads_from_the_start_to_today(season):
    for one in competitors(season.database, OPERATOR, season.league)["rows"]:
        rows = list(reversed(pages(history, season, one["competitor"], 7)))
        assert rows == list(reversed(history(season.database, OPERATOR, season.league, one["competitor"])["rows"]))
        assert rows[0]["before"] == 1500.0
        assert [row["before"] for row in rows[1:]] == [row["after"] for row in rows[:-1]]
        assert rows[-1]["after"] == one["rating"]
        assert [row["position"] for row in rows] == sorted(row["position"] for row in rows)
        assert len(rows) == one["matches"]
        outcomes = [row["outcome"] for row in rows]
        assert [outcomes.count(word) for word in ("won", "drew", "lost")] == [one["wins"], one["draws"], one["losses"]]


def test_heads_to_heads_add_up(season):
    for one in competitors(season.database, OPERATOR, season.league)["rows"]:
        rows = pages(opponents, season, one["competitor"], 2)
        games = history(season.database, OPERATOR, season.league, one["competitor"])["rows"]
        for name in ("matches", "wins", "draws", "losses"):
            assert sum(row[name] for row in rows) == one[name]
        assert sum(row["score"] for row in rows) == one["wins"] + 0.5 * one["draws"]
        assert sum(row["expected"] for row in rows) == pytest.approx(sum(game["expected"] for game in games))
        assert [row["matches"] for row in rows] == sorted((row["matches"] for row in rows), reverse=True)
        assert len({row["competitor"] for row in rows}) == len(rows)


def test_either_side_tells_the_same(season):
    mine = {row["position"]: row for row in history(season.database, OPERATOR, season.league, "C0")["rows"]}
    for row in history(season.database, OPERATOR, season.league, "C1")["rows"]:
        if row["opponent"] == "C0":
            other = mine[row["position"]]
            assert other["opponent"] == "C1"
            assert {row["side"], other["side"]} == {"first", "second"}
            assert (row["outcome"], other["outcome"]) in {("won", "lost"), ("lost", "won"), ("drew", "drew")}
            assert row["expected"] + other["expected"] == pytest.approx(1.0)


def test_a_voided_match_is_not_in_the_history_and_what_followed_is_derived(play):
    play.play("A", "B", "first", "m1")
    play.play("A", "B", "first", "m2")
    play.void("m1")
    (row,) = history(play.database, OPERATOR, play.league, "A")["rows"]
    assert (row["match_id"], row["before"], row["after"], row["expected"]) == ("m2", 1500.0, 1516.0, 0.5)


def test_the_k_of_the_day_is_told(play):
    play.play("A", "B")
    play.change(k=10.0)
    play.play("A", "B")
    assert [row["k"] for row in history(play.database, OPERATOR, play.league, "A")["rows"]] == [10.0, 32.0]


def test_the_last_meeting_is_the_latest_to_the_microsecond(play):
    play.play("A", "B", played_at=NEW_YEAR_2024 + 500_000)
    play.play("A", "B", played_at=NEW_YEAR_2024)
    (row,) = opponents(play.database, OPERATOR, play.league, "A")["rows"]
    assert row["last_played_at"] == "2024-01-01T00:00:00.500000Z"


def test_who_has_no_counted_match_has_no_history(play):
    play.play("A", "B", "first", "m")
    play.void("m")
    for ask in (history, opponents):
        with pytest.raises(CompetitorNotFound):
            ask(play.database, OPERATOR, play.league, "A")


@pytest.mark.parametrize("ask", [history, opponents])
def test_a_foreign_cursor_is_refused(season, ask):
    with pytest.raises(BadInput):
        ask(season.database, OPERATOR, season.league, "C0", cursor="soon")

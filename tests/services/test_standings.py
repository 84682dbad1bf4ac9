"""Leaderboards and single competitors: ranks within islands, pages that fit together, words that say how much is known."""

import time

import pytest

from app.errors import BadInput, CompetitorNotFound, FitNotPublished, LeagueNotFound
from app.services import standings
from app.services.standings import competitor, competitors, leaderboard
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match


def board(play: Play, **options):
    return leaderboard(play.database, OPERATOR, play.league, **options)


def names(play: Play, **options) -> list[str]:
    return [row["competitor"] for row in board(play, **options)["rows"]]


def ranks(play: Play, **options) -> dict[str, int]:
    return {row["competitor"]: row["rank"] for row in board(play, **options)["rows"]}


@pytest.fixture
def islands(play: Play) -> Play:
    """A > B > C on one island, X = Y on another."""
    play.results(("A", "B", 3, 1), ("B", "C", 3, 1), ("A", "C", 2, 1))
    play.batch([match("X", "Y", "draw"), match("Y", "X", "draw")])
    return play


@pytest.mark.parametrize("by", ["live", "fit"])
def test_ranks_start_again_on_each_island(islands, by):
    islands.fit()
    shown = board(islands, by=by)
    assert [row["competitor"] for row in shown["rows"]] == ["A", "B", "C", "X", "Y"]
    assert [row["rank"] for row in shown["rows"]] == [1, 2, 3, 1, 1]
    assert [row["component"] for row in shown["rows"]] == [1, 1, 1, 2, 2]
    assert shown["components"] == [{"component": 1, "competitors": 3, "classes": 1}, {"component": 2, "competitors": 2, "classes": 1}]
    assert (shown["by"], shown["fit"], shown["total"], shown["next"]) == (by, 1, 5, None)


def test_islands_fitted_apart_are_not_ranked_together_after_they_meet(islands):
    """The fit knows nothing of the bridge; its ratings of either side have zeros of their own."""
    islands.fit()
    islands.play("C", "X", "draw")
    fitted = {row["competitor"]: row["fit"]["component"] for row in board(islands, by="fit")["rows"]}
    assert fitted == {"A": 1, "B": 1, "C": 1, "X": 2, "Y": 2}
    assert ranks(islands, by="fit") == {"A": 1, "B": 2, "C": 3, "X": 1, "Y": 1}
    islands.fit()
    assert sorted(ranks(islands, by="fit").values()) in ([1, 2, 3, 4, 5], [1, 2, 3, 3, 5], [1, 2, 2, 4, 5])


def test_newcomers_stand_last_in_the_fit_that_does_not_know_them(islands):
    islands.fit()
    islands.batch([match("New", "A"), match("New", "B")])
    shown = board(islands, by="fit")["rows"]
    new = next(row for row in shown if row["competitor"] == "New")
    assert (new["fit"], new["rank_low"], new["rank"], new["component"]) == (None, None, 4, 1)
    assert names(islands, by="fit").index("New") > names(islands, by="fit").index("C")


def test_fitted_means_are_the_offset_on_each_island(shared):
    play = Play.begin(shared, offset=1000.0)
    play.results(("A", "B", 3, 1), ("B", "C", 3, 1), ("X", "Y", 2, 5))
    play.fit()
    rows = board(play, by="fit")["rows"]
    for component in (1, 2):
        fitted = [row["fit"]["rating"] for row in rows if row["component"] == component]
        assert sum(fitted) / len(fitted) == pytest.approx(1000.0, abs=1e-6)
    for row in rows:
        fit = row["fit"]
        assert fit["lower"] < fit["rating"] < fit["upper"]
        assert fit["upper"] - fit["rating"] == pytest.approx(1.959963984540054 * fit["standard_error"])
        assert row["rank_low"] <= row["rank"] <= row["rank_high"]


def test_an_anchor_is_exact_and_moves_its_island_alone(islands):
    islands.fit()
    before = {row["competitor"]: row["fit"] for row in board(islands, by="fit")["rows"]}
    islands.change(anchor={"competitor": "B", "rating": 2200.0})
    islands.fit()
    shown = board(islands, by="fit")
    after = {row["competitor"]: row["fit"] for row in shown["rows"]}
    assert after["B"]["rating"] == pytest.approx(2200.0, abs=1e-9)
    assert after["B"]["standard_error"] == 0.0
    assert (after["B"]["lower"], after["B"]["upper"]) == (after["B"]["rating"], after["B"]["rating"])
    assert after["A"]["rating"] - after["B"]["rating"] == pytest.approx(before["A"]["rating"] - before["B"]["rating"], abs=1e-6)
    assert after["A"]["standard_error"] > 0
    for key in ("X", "Y"):
        assert after[key]["rating"] == pytest.approx(before[key]["rating"], abs=1e-6)
    assert "“B”" in shown["relative_to"]


def test_an_undefeated_leader_keeps_a_finite_rating(play):
    play.results(("A", "B", 5, 0), ("B", "C", 3, 2))
    play.fit()
    rows = {row["competitor"]: row for row in board(play, by="fit")["rows"]}
    assert rows["A"]["remarks"] == ["undefeated"]
    assert rows["B"]["remarks"] == rows["C"]["remarks"] == []
    assert 1500.0 < rows["A"]["fit"]["rating"] < 3000.0
    assert rows["A"]["fit"]["class"] != rows["B"]["fit"]["class"] == rows["C"]["fit"]["class"]
    assert [rows[key]["rank"] for key in "ABC"] == [1, 2, 3]


def test_one_match_only(play):
    play.play("A", "B")
    assert play.fit()["status"] == "published"
    a, b = board(play, by="fit")["rows"]
    assert (a["competitor"], a["rank"], a["remarks"], b["rank"], b["remarks"]) == ("A", 1, ["undefeated"], 2, ["winless"])
    assert a["fit"]["rating"] > b["fit"]["rating"]
    assert (a["rank_low"], a["rank_high"], b["rank_low"], b["rank_high"]) == (1, 2, 1, 2)


@pytest.mark.parametrize("draws", ["half", "davidson"])
def test_nothing_but_draws(shared, draws):
    play = Play.begin(shared, draws=draws)
    play.batch([match(one, other, "draw") for one, other in ("AB", "BC", "CA", "BA", "CB", "AC")])
    fit = play.fit()
    rows = board(play)["rows"]
    assert [row["remarks"] for row in rows] == [[], [], []]
    if draws == "half":
        assert fit["status"] == "published"
        assert [row["rank"] for row in board(play, by="fit")["rows"]] == [1, 1, 1]
        assert all(row["fit"]["rating"] == pytest.approx(1500.0) for row in rows)
    else:
        assert fit["status"] in {"published", "refused"}
        assert fit["status"] == "published" or fit["reason"]


def test_nobody_has_played(play):
    shown = board(play)
    assert (shown["rows"], shown["components"], shown["total"], shown["next"]) == ([], [], 0, None)
    assert competitors(play.database, OPERATOR, play.league) == {"rows": [], "next": None}


@pytest.mark.parametrize("by", ["live", "fit"])
def test_everybody_has_gone_since_the_fit(play, by):
    play.play("A", "B", "first", "m")
    play.fit()
    play.void("m")
    assert board(play, by=by)["rows"] == []
    play.play("C", "D")
    assert ranks(play, by=by) == ({"C": 1, "D": 2} if by == "live" else {"C": 1, "D": 1})


def test_equal_ratings_share_a_rank_and_are_in_order_of_key(play):
    play.batch([match(one, other, "draw") for one, other in (("b", "a"), ("é", "Z"), ("a", "é"))])
    assert ranks(play) == {"Z": 1, "a": 1, "b": 1, "é": 1}
    assert names(play) == ["Z", "a", "b", "é"]


def test_pages_are_complete_and_do_not_overlap(play):
    play.batch([match(f"C{n:02}", f"C{n + 1:02}") for n in range(22)])
    everything = board(play)["rows"]
    found, cursor = [], None
    while True:
        page = board(play, cursor=cursor, limit=5)
        found += page["rows"]
        if (cursor := page["next"]) is None:
            break
    assert found == everything
    assert len(found) == 23
    keys, cursor = [], None
    while True:
        page = competitors(play.database, OPERATOR, play.league, cursor=cursor, limit=4)
        keys += [row["competitor"] for row in page["rows"]]
        if (cursor := page["next"]) is None:
            break
    assert keys == sorted(row["competitor"] for row in everything)


@pytest.mark.parametrize("cursor", ["x", "-1", "", "1e3", "9" * 10])
def test_a_foreign_cursor_is_refused(islands, cursor):
    with pytest.raises(BadInput):
        board(islands, cursor=cursor)


def test_a_cursor_beyond_the_end_is_an_empty_page(islands):
    assert board(islands, cursor="500.1.Z")["rows"] == []


def test_around_a_competitor(play):
    play.batch([match(f"C{n:02}", f"C{n + 1:02}") for n in range(22)])
    everything = names(play)
    for place in (0, 1, 11, 21, 22):
        shown = names(play, around=everything[place], limit=5)
        assert everything[place] in shown
        start = max(0, place - 2)
        assert shown == everything[start : start + 5]
    with pytest.raises(CompetitorNotFound) as caught:
        board(play, around="c07")
    assert "C07" in caught.value.extensions["similar"]


def test_around_somebody_whom_the_filter_hides_shows_the_neighbours(play):
    play.results(("A", "B", 3, 2), ("B", "C", 2, 3), ("A", "D", 1, 0))
    assert "D" not in names(play, around="D", min_matches=2)
    assert names(play, around="D", min_matches=2)


def test_few_matches_are_left_out_and_ranks_stay(islands):
    everyone = ranks(islands)
    shown = ranks(islands, min_matches=3)
    assert shown == {key: everyone[key] for key in "ABC"}
    assert board(islands, min_matches=3)["total"] == 3


def test_the_last_match_decides_who_is_active(play):
    play.play("A", "B", played_at=NEW_YEAR_2024)
    play.play("C", "B", played_at=NEW_YEAR_2024 + DAY)
    play.play("A", "B", played_at=NEW_YEAR_2024 - DAY)
    assert set(names(play, active_since=NEW_YEAR_2024)) == {"A", "B", "C"}
    assert set(names(play, active_since=NEW_YEAR_2024 + 1)) == {"B", "C"}
    assert names(play, active_since=NEW_YEAR_2024 + DAY + 1) == []


def test_what_a_competitor_is_called(shared):
    play = Play.begin(shared, provisional_matches=2, inactive_days=30)
    today = time.time_ns() // 1000 // DAY * DAY
    play.batch([match("Old", "Gone", played_at=today - 31 * DAY), match("Edge", "Old", played_at=today - 30 * DAY)])
    play.batch([match("New", "Busy", played_at=today), match("Busy", "Gone", played_at=today - 31 * DAY)])
    status = {row["competitor"]: row["status"] for row in board(play)["rows"]}
    assert status == {"Gone": "inactive", "Old": "active", "Edge": "provisional", "New": "provisional", "Busy": "active"}
    hidden = board(play, inactive=False)
    assert (hidden["hidden_inactive"], hidden["total"]) == (1, 4)
    assert "Gone" not in [row["competitor"] for row in hidden["rows"]]
    play.sql("UPDATE competitor SET retired = :yes WHERE league_id = :league AND key = 'Gone'", yes=True)
    assert competitor(play.database, OPERATOR, play.league, "New")["status"] == "provisional"
    play.change(inactive_days=None, provisional_matches=0)
    status = {row["competitor"]: row["status"] for row in board(play)["rows"]}
    assert status == {"Gone": "retired", "Old": "active", "Edge": "active", "New": "active", "Busy": "active"}


def test_the_day_begins_at_midnight_utc():
    assert standings.today() % DAY == 0
    assert 0 <= time.time_ns() // 1000 - standings.today() < 2 * DAY


def test_one_competitor_is_their_row_of_the_leaderboard(islands):
    islands.fit()
    for row in board(islands)["rows"]:
        shown = competitor(islands.database, OPERATOR, islands.league, row["competitor"])
        assert {name: shown[name] for name in row if name in shown} == {name: value for name, value in row.items() if name in shown}
        assert (shown["league"], shown["position"]) == (islands.league, islands.position())


def test_one_competitor_of_the_list(islands):
    (row,) = competitors(islands.database, OPERATOR, islands.league, key="X")["rows"]
    assert (row["competitor"], row["rating"], row["matches"], row["draws"]) == ("X", 1500.0, 2, 2)
    assert competitors(islands.database, OPERATOR, islands.league, key="nobody")["rows"] == []


@pytest.mark.parametrize(
    ("wanted", "meant"), [("magnus carlsen", "Magnus Carlsen"), ("Magnus Carlson", "Magnus Carlsen"), ("MAGNUSCARLSEN", "Magnus Carlsen")]
)
def test_who_is_not_there_may_be_spelled_otherwise(play, wanted, meant):
    play.play("Magnus Carlsen", "Hikaru")
    with pytest.raises(CompetitorNotFound) as caught:
        competitor(play.database, OPERATOR, play.league, wanted)
    assert caught.value.extensions["similar"] == [meant]
    assert meant in caught.value.detail


def test_primary_decides_and_falls_back_to_live(shared):
    play = Play.begin(shared, primary="fit")
    play.results(("A", "B", 2, 1))
    assert board(play)["by"] == "live"
    with pytest.raises(FitNotPublished):
        board(play, by="fit")
    play.fit()
    assert board(play)["by"] == "fit"
    assert board(play, by="live")["by"] == "live"


def test_every_answer_is_of_its_own_position(play):
    """Tables are kept in the process; none may outlive what it was made of."""
    play.play("A", "B")
    assert names(play) == ["A", "B"]
    play.batch([match("B", "A", match_id="x"), match("B", "A", match_id="y")])
    assert names(play) == ["B", "A"]
    play.void("x")
    play.void("y")
    assert names(play) == ["A", "B"]
    play.change(provisional_matches=1)
    assert {row["status"] for row in board(play)["rows"]} == {"active"}
    assert board(play)["position"] == 6


def test_no_such_league_or_competitor(play):
    for ask in (leaderboard, competitors):
        with pytest.raises(LeagueNotFound):
            ask(play.database, OPERATOR, "nowhere")
    with pytest.raises(CompetitorNotFound):
        competitor(play.database, OPERATOR, play.league, "nobody")

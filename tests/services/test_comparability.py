"""What is said of two who cannot be compared, or only ordered: the reason that is true of them, and what would help."""

import pytest

from app.errors import BadInput, CompetitorNotFound
from app.services.comparability import comparabilities, comparability
from app.services.differences import difference
from app.services.fit_checks import check_fit
from app.services.fitting import MAX_STANDARD_ERROR
from app.services.ordered_tables import ordered_table
from app.services.predictions import predict
from app.services.roster import register_competitor
from app.services.standings import competitor
from app.services.suggestions import forecast, suggestions
from app.services.tournaments import Tournament, simulate
from app.storage.unit_of_work import Database
from tests.services.play import OPERATOR, Play, match


def told(play: Play, first: str, second: str, by: str) -> list[str]:
    """The sentences of a prediction and of a difference."""
    asked = (play.database, OPERATOR, play.league, first, second)
    return [ask(*asked, by=by)["sentence"] for ask in (predict, difference)]


def refusal(play: Play, *competitors: str, by: str = "fit") -> str:
    with pytest.raises(BadInput) as refused:
        simulate(play.database, OPERATOR, play.league, Tournament("knock-out", runs=100), list(competitors), by=by)
    return refused.value.detail


@pytest.fixture
def play(shared) -> Play:
    """A and B are undefeated and have not met; C, D and E are one class; X and Y an island."""
    play = Play.begin(shared)
    play.results(("A", "C", 8, 0), ("B", "C", 1, 0), ("C", "D", 3, 2), ("D", "E", 2, 2), ("X", "Y", 1, 1))
    assert play.fit()["status"] == "published"
    return play


def test_two_undefeated_of_one_island(play):
    for by in ("live", "fit"):
        for sentence in [*told(play, "A", "B", by), refusal(play, "A", "B", by=by)]:
            assert "Matches join A and B through others, but no chain of results leads from one to the other" in sentence
            assert "a match between the two would" in sentence
    shown = forecast(play.database, OPERATOR, play.league)
    assert shown is not None
    assert (shown["matches"], "do not say which of A and B is ahead; once they have met" in shown["sentence"]) == (None, True)


def test_two_islands(play):
    for by in ("live", "fit"):
        for sentence in [*told(play, "A", "X", by), refusal(play, "A", "X", by=by)]:
            assert "Nothing recorded connects A and X" in sentence


def test_who_came_after_the_fit(play):
    position = play.position() - 1
    play.batch([match("N", "C"), match("C", "N")])
    for sentence in [*told(play, "C", "N", "fit"), *told(play, "N", "C", "fit"), refusal(play, "C", "N")]:
        assert f"Fit 1 ends at entry {position}, before the first counted match of N, so it cannot say" in sentence
        assert "ask for a new fit, or by=live" in sentence
    assert not any("Fit 1" in sentence for sentence in told(play, "C", "N", "live"))
    play.fit()
    assert not any("ends at entry" in sentence for sentence in told(play, "C", "N", "fit"))


@pytest.mark.parametrize("pair", ["AB", "CX"])
def test_who_met_after_the_fit(play, pair):
    first, second = pair
    position = play.position() - 1
    play.batch([match(first, second), match(second, first)])
    for sentence in [*told(play, first, second, "fit"), refusal(play, first, second)]:
        assert f"Fit 1 ends at entry {position}, before the matches that compare {first} with {second}" in sentence


def test_an_order_names_who_is_ahead(play):
    for by in ("live", "fit"):
        for first, second in ("AC", "CA"):
            for sentence in told(play, first, second, by):
                assert sentence.endswith("Results put A ahead of C, but not by how much: the size of this number is an assumption.")


def test_a_number_against_the_order_is_named(shared):
    """Who won often stands high; whoever beat them once is ahead by the results, and far below by live rating."""
    play = Play.begin(shared)
    play.results(("A", "B", 21, 1), ("Z", "A", 1, 0))
    for sentence in told(play, "A", "Z", "live"):
        assert "Results put Z ahead of A" in sentence
        assert sentence.endswith("The figures have A ahead all the same: take them as an assumption.")


def test_one_and_many_agree(play):
    play.batch([match("N", "C"), match("C", "N"), match("A", "B")])
    for by in ("live", "fit"):
        with play.database.read() as unit:
            table = ordered_table(play.database, unit, unit.leagues.existing(play.league), by)
        numbers = [row.number for row in table.rows]
        expected = [[None if i == j else comparability(table, i, j) for j in numbers] for i in numbers]
        assert comparabilities(table, numbers) == expected


def test_a_default_tournament_is_of_the_largest_island(shared):
    play = Play.begin(shared)
    play.results(("C", "D", 3, 2), ("D", "E", 2, 2), ("X", "Y", 9, 1))
    shown = simulate(play.database, OPERATOR, play.league, Tournament("knock-out", runs=100), by="live")
    assert {row["competitor"] for row in shown["rows"]} == set("CDE")


def test_everyone_belongs_to_the_first_ten(play):
    shown = suggestions(play.database, OPERATOR, play.league, goal="top", k=10)
    assert (shown["rows"], shown["sentence"].startswith("All 5 active competitors")) == ([], True)


def test_who_is_registered_is_known(shared):
    play = Play.begin(shared)
    play.play("A", "B")
    register_competitor(play.database, OPERATOR, play.league, "Zara")
    for ask in (lambda: competitor(play.database, OPERATOR, play.league, "Zara"), lambda: told(play, "A", "Zara", "live")):
        with pytest.raises(CompetitorNotFound, match="“Zara” is known in this league but has no counted match yet"):
            ask()
    with pytest.raises(CompetitorNotFound, match="There is no competitor “Zora”"):
        competitor(play.database, OPERATOR, play.league, "Zora")


def test_a_maximum_that_exists_on_paper_only_is_refused(shared):
    """All of B's wins have faded to nothing: the odds are of a size that no float knows, and the errors of none that anybody could read."""
    play = Play.begin(shared, prior_sd=None, half_life_days=30.0)
    for year, winner, loser in ((2020, "B", "A"), (2026, "A", "B")):
        play.batch([match(winner, loser, played_at=1_000_000 * (1_577_836_800 + 31_536_000 * (year - 2020) + day)) for day in range(3)])
    shown = play.fit()
    assert shown["status"] == "refused"
    assert "results that weigh next to nothing" in shown["reason"]
    assert MAX_STANDARD_ERROR > 1000.0  # the widest prior


DAY = 86_400 * 1_000_000


@pytest.mark.parametrize("prior_sd", [2.0, None])
def test_matches_that_have_faded_to_nothing_still_join(shared, prior_sd):
    """To the fit they are none, so that Old is alone and without an error; to the league and to whoever checks the fit they are matches."""
    play = Play.begin(shared, prior_sd=prior_sd, half_life_days=1.0)
    play.batch([match("Old", "A", winner, played_at=DAY * day) for day, winner in ((1, "first"), (2, "second"))])
    play.batch([match("A", "B", winner, played_at=DAY * (4_000 + day)) for day, winner in enumerate(("first", "second", "first"))])
    assert play.fit()["status"] == "published"
    assert check_fit(play.database, OPERATOR, play.league)["equal"]
    asked = (OPERATOR, play.league, "Old", "A")
    known = [predict(play.database, *asked, by=by) for by in ("live", "fit")]
    fresh = Database(play.database.engine)
    assert [predict(fresh, *asked, by=by) for by in ("live", "fit")] == known
    assert [one["comparable"] for one in known] == ["yes", "no"]
    assert "or these have no weight left" in known[1]["sentence"]

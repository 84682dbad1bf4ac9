"""What is known and what is not: differences, drift, tiers, what is missing to compare everyone, which match to play next."""

import math

import numpy as np
import pytest

from app.core.identifiability import identify
from app.errors import BadInput, CompetitorNotFound, FitNotPublished
from app.ratings.fitted import NORMAL_95
from app.ratings.scale import natural_unit
from app.services.bridges import bridges
from app.services.differences import difference
from app.services.drift_alarms import league_drift
from app.services.fit_arrays import TABLE, table_hash
from app.services.packing import unpacked
from app.services.predictions import matrix, predict, predict_many
from app.services.standings import competitor, leaderboard
from app.services.stored_fits import FitTable, published_fit
from app.services.suggestions import suggestions
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match


def ask(service, play: Play, *arguments, **options):
    return service(play.database, OPERATOR, play.league, *arguments, **options)


def fit_of(play: Play) -> FitTable:
    with play.database.read() as unit:
        fit = published_fit(play.database, unit, unit.leagues.existing(play.league))
    assert fit is not None
    return fit


@pytest.fixture
def season(shared) -> Play:
    """One class of four, an undefeated leader, and an island of two."""
    play = Play.begin(shared)
    play.results(("B", "C", 3, 2), ("C", "D", 4, 3), ("D", "B", 1, 2), ("B", "E", 5, 2), ("A", "B", 5, 0), ("X", "Y", 1, 2))
    assert play.fit()["status"] == "published"
    return play


def test_a_difference_is_that_of_the_ratings_and_turns_round(season):
    shown = {row["competitor"]: row["fit"]["rating"] for row in ask(leaderboard, season, by="fit")["rows"]}
    for first, second in ("BC", "CD", "AB", "XY", "AE"):
        one, other = ask(difference, season, first, second), ask(difference, season, second, first)
        assert one["estimate"] == pytest.approx(shown[first] - shown[second])
        assert other["estimate"] == pytest.approx(-one["estimate"])
        assert one["superiority"] + other["superiority"] == pytest.approx(1.0)
        assert one["interval"]["lower"] == pytest.approx(-other["interval"]["upper"])
        assert one["interval"]["upper"] - one["estimate"] == pytest.approx(NORMAL_95 * one["standard_error"])
        assert (one["relative_to"], one["by"], one["fit"], one["position"]) == (f"“{second}”", "fit", 1, season.position())
        certain = one["interval"]["lower"] > 0 or one["interval"]["upper"] < 0
        assert certain == (abs(one["superiority"] - 0.5) > 0.475)
        assert (one["comparable"], one["rests_on"]) == (("ordered-only", "prior") if first == "A" else ("yes", "data"))


def test_a_difference_nobody_can_tell_has_no_number(season):
    shown = ask(difference, season, "A", "X")
    assert {shown[name] for name in ("estimate", "standard_error", "interval", "superiority", "rests_on")} == {None}
    assert shown["comparable"] == "no"
    assert "nobody can say" in shown["sentence"]


def test_a_live_difference_has_no_interval(season):
    rating = {row.key: row.rating for row in season.competitors()}
    shown = ask(difference, season, "A", "B", by="live")
    assert (shown["estimate"], shown["interval"], shown["superiority"]) == (rating["A"] - rating["B"], None, None)
    assert "no interval" in shown["sentence"]


def test_differences_that_cannot_be_asked_for(season, play):
    with pytest.raises(BadInput):
        ask(difference, season, "A", "A")
    with pytest.raises(CompetitorNotFound):
        ask(difference, season, "A", "Nobody")
    play.play("A", "B")
    assert ask(difference, play, "A", "B")["by"] == "live"
    with pytest.raises(FitNotPublished):
        ask(difference, play, "A", "B", by="fit")


def test_every_answer_can_be_had_as_of_then(season):
    before = {
        service: ask(service, season, *arguments, **options)
        for service, arguments, options in (
            (difference, ("A", "B"), {}),
            (bridges, (), {}),
            (league_drift, (), {}),
            (suggestions, (), {"goal": "top", "k": 2}),
            (competitor, ("A",), {}),
            (predict_many, ([("A", "B")],), {"by": "both"}),
        )
    }
    position = season.position()
    season.batch([match("X", "A", "draw"), match("E", "A"), match("New", "E")])
    season.fit()
    assert ask(difference, season, "A", "B", as_of=position) == before[difference]
    assert ask(bridges, season, as_of=position) == before[bridges]
    assert ask(league_drift, season, as_of=position) == before[league_drift]
    assert ask(suggestions, season, goal="top", k=2, as_of=position) == before[suggestions]
    assert ask(predict_many, season, [("A", "B")], by="both", as_of=position) == before[predict_many]
    assert {**ask(competitor, season, "A", as_of=position), "status": None} == {**before[competitor], "status": None}


def test_the_chances_to_be_first_add_up_on_each_island(season):
    rows = ask(leaderboard, season, by="fit")["rows"]
    for component in (1, 2):
        chances = [row["p_top"] for row in rows if row["component"] == component]
        assert sum(chances) == pytest.approx(1.0)
        assert all(0.0 <= chance <= 1.0 for chance in chances)
        tiers = [row["tier"] for row in rows if row["component"] == component]
        assert tiers == sorted(tiers)
        assert tiers[0] == 1
    assert rows[0]["p_top"] > 0.5


def test_a_tier_opens_where_the_gap_to_its_leader_is_significant(shared):
    play = Play.begin(shared)
    strength = {f"{number:02d}": 8 - number for number in range(8)}
    play.results(*[(a, b, 3 * strength[a] + 3, 3 * strength[b] + 3) for a in strength for b in strength if a < b])
    play.fit()
    rows = ask(leaderboard, play, by="fit")["rows"]
    assert rows[-1]["tier"] > 2
    leader = rows[0]
    for row in rows[1:]:
        found = ask(difference, play, leader["competitor"], row["competitor"])
        if row["tier"] == leader["tier"]:
            assert found["interval"]["lower"] <= 0
        else:
            assert found["interval"]["lower"] > 0
            leader = row


def test_fits_of_an_earlier_version_stay_readable(season):
    fit = fit_of(season)
    old = {name: fit.arrays[name] for name in TABLE}
    earlier = FitTable(fit.number, fit.position, fit.settings, 0.0, None, old, fit.tie_parameter, lambda: fit.strengths)
    assert (earlier.tier(0), earlier.top_probability(0)) == (None, None)
    assert earlier.centred_error is not None
    assert table_hash(old) != table_hash(fit.arrays)
    import hashlib

    assert table_hash(old) == hashlib.sha256(b"".join(np.ascontiguousarray(old[name]).tobytes() for name in TABLE)).digest()
    with season.database.read() as unit:
        row = unit.fits.by_number(unit.leagues.existing(season.league).id, 1, with_arrays=True)
    assert row is not None
    assert table_hash(unpacked(row.table)) == row.table_hash


@pytest.mark.parametrize("k", [32.0, {"newcomer": 60.0, "matches": 2, "then": 10.0}], ids=["one K", "K by games"])
def test_drift_is_the_gap_in_standard_errors(shared, k):
    """About the mean of the island, which K by games moves away from that of the league."""
    season = Play.begin(shared, k=k)
    season.batch(
        [match("B", "C"), match("C", "B"), *[match("B", "E")] * 4, match("E", "B"), match("D", "B"), *[match("Y", "Z")] * 3, match("Z", "Y")]
    )
    season.batch([match("X", "Y"), match("Y", "X")])
    season.fit()
    rows = ask(leaderboard, season, by="fit")["rows"]
    for component in (1, 2):
        members = [row for row in rows if row["component"] == component]
        live, fitted = ([row[name]["rating"] for row in members] for name in ("live", "fit"))
        for row in members:
            apart = (row["live"]["rating"] - np.mean(live)) - (row["fit"]["rating"] - np.mean(fitted))
            assert row["drift"] == pytest.approx(apart / row["fit"]["standard_error"], abs=1e-6)
    assert ask(competitor, season, rows[0]["competitor"])["drift"] == rows[0]["drift"]


def test_an_anchor_moves_no_drift(season):
    before = {row["competitor"]: row["drift"] for row in ask(leaderboard, season, by="fit")["rows"]}
    season.change(anchor={"competitor": "B", "rating": 2000.0})
    season.fit()
    rows = ask(leaderboard, season, by="fit")["rows"]
    assert {row["competitor"]: row["drift"] for row in rows} == pytest.approx(before, abs=1e-6)
    assert (ask(competitor, season, "A")["relative_to"], ask(competitor, season, "X")["relative_to"]) == ("“B”", "the mean of the island")


def test_drift_under_draws_goes_through_the_expected_score(shared):
    play = Play.begin(shared, draws="davidson", k=16.0)
    play.results(("A", "B", 4, 2), ("B", "C", 4, 2), ("A", "C", 5, 1))
    play.batch([match(a, b, "draw") for a, b in ("AB", "BC", "CA") for _ in range(4)])
    play.fit()
    fit, rows = fit_of(play), ask(leaderboard, play, by="fit")["rows"]
    tie, unit = fit.strengths.tie_parameter, natural_unit(400.0)
    scored = {}
    for row in rows:
        theta = (row["fit"]["rating"] - 1500.0) / unit
        odds = math.exp(theta / 2), tie, math.exp(-theta / 2)
        score = (odds[0] + odds[1] / 2) / sum(odds)
        scored[row["competitor"]] = math.log(score / (1 - score)), theta
    mean_live, mean_score = np.mean([row["live"]["rating"] for row in rows]), np.mean([score for score, _ in scored.values()])
    for row in rows:
        score, theta = scored[row["competitor"]]
        apart = (row["live"]["rating"] - mean_live) / unit - (score - mean_score)
        step = 1e-6
        odds = [math.exp((theta + s * step) / 2) + tie / 2 for s in (1, -1)], [math.exp(-(theta + s * step) / 2) + tie / 2 for s in (1, -1)]
        slope = (math.log(odds[0][0] / odds[1][0]) - math.log(odds[0][1] / odds[1][1])) / (2 * step)
        assert row["drift"] == pytest.approx(apart / (row["fit"]["standard_error"] / unit * slope), rel=1e-5)


def test_the_alarm_counts_those_who_are_well_known(shared):
    play = Play.begin(shared, k=400.0)
    play.results(*[(a, b, 12, 12) for a in "ABCD" for b in "ABCD" if a < b])
    play.batch([match("A", b) for b in "BCD" for _ in range(4)])
    with pytest.raises(FitNotPublished):
        ask(league_drift, play)
    play.fit()
    play.batch([match("New", "A")])
    shown = ask(league_drift, play)
    drifts = {row["competitor"]: row["drift"] for row in ask(leaderboard, play, by="fit")["rows"]}
    beyond = {key for key, drift in drifts.items() if drift is not None and abs(drift) > 4.0}
    assert beyond
    assert {row["competitor"] for row in shown["rows"]} == beyond
    assert (shown["judged"], shown["beyond"], shown["share"], shown["alarm"]) == (4, len(beyond), len(beyond) / 4, True)
    assert drifts["New"] is None
    calm = Play.begin(shared, k=4.0)
    calm.results(*[(a, b, 12, 12) for a in "ABCD" for b in "ABCD" if a < b])
    calm.play("Once", "A")
    calm.fit()
    found = ask(league_drift, calm)
    assert (found["judged"], found["beyond"], found["alarm"]) == (4, 0, False), "who played once is not judged"


def classes_of(play: Play, extra: list[tuple[str, str]]) -> tuple[int, int]:
    """Components and classes of the league's graph with further results (taker, giver)."""
    log = [(entry.first, entry.second, entry.score) for entry in play.entries() if entry.score is not None]
    number = {row.key: row.number for row in play.competitors()}
    log += [(number[taker], number[giver], 1.0) for taker, giver in extra]
    first, second, score = (np.array(column) for column in zip(*log, strict=True))
    known = identify(first, second, score > 0.0, score < 1.0, len(number))
    return known.n_components, known.n_classes


GRAPHS = {
    "two islands": [("A", "B", 1, 1), ("X", "Y", 1, 1)],
    "a chain and a pair": [("A", "B", 2, 0), ("B", "C", 1, 0), ("X", "Y", 1, 0)],
    "a star of losers": [("A", "B", 1, 0), ("A", "C", 1, 0), ("A", "D", 1, 0)],
    "a star of winners": [("B", "A", 1, 0), ("C", "A", 1, 0), ("D", "A", 1, 0), ("P", "Q", 1, 1), ("R", "S", 3, 0)],
    "five islands": [(f"{a}1", f"{a}2", 1, a % 2) for a in range(5)],
}


@pytest.mark.parametrize("name", GRAPHS)
def test_what_is_missing_would_be_enough(shared, name):
    play = Play.begin(shared)
    play.results(*GRAPHS[name])
    shown = ask(bridges, play)
    islands, classes = classes_of(play, [])
    assert (shown["islands"], shown["classes"]) == (islands, classes)
    assert shown["maximum_exists"] == (islands == classes)
    assert shown["pairings_needed"] == len(shown["pairings"]) == islands - 1
    assert classes_of(play, [(one["first"], one["second"]) for one in shown["pairings"]])[0] == 1
    taken = [(one["taker"], one["giver"]) for one in shown["upsets"]]
    assert classes_of(play, taken) == (islands, islands)
    assert all(a == b for a, b in (one["components"] for one in shown["upsets"]))
    everywhere = [(one["taker"], one["giver"]) for one in shown["upsets_throughout"]]
    assert classes_of(play, everywhere) == (1, 1)
    assert shown["upsets_throughout_needed"] == len(everywhere)
    assert len(ask(bridges, play, limit=1)["upsets_throughout"]) == 1


def test_nothing_is_missing_where_everyone_can_be_compared(play):
    assert ask(bridges, play)["sentence"].startswith("There are no two")
    play.batch([match("A", "B", "draw")])
    shown = ask(bridges, play)
    assert (shown["pairings"], shown["upsets"], shown["upsets_throughout"], shown["maximum_exists"]) == ([], [], [], True)
    assert "nothing is missing" in shown["sentence"]


def test_bridges_are_sent_to_who_still_plays_and_played_much(shared):
    play = Play.begin(shared, inactive_days=30)
    today = NEW_YEAR_2024
    games = [match("Old", b, match_id=f"old-{b}-{n}", played_at=today) for b in "AB" for n in range(9)]
    games += [match("A", "B", match_id=f"new-{n}") for n in range(5)] + [match("B", "C", match_id="once")]
    games += [match("X", "Y", match_id=f"xy-{n}", played_at=today + DAY) for n in range(2)]
    play.batch(games)
    shown = ask(bridges, play)
    assert shown["pairings"] == [{"first": "B", "second": "X", "components": [1, 2]}]


def test_suggestions_are_drawn_as_they_say(season):
    for goal, options in (("top", {"k": 2}), ("neighbours", {}), ("connect", {})):
        shown = ask(suggestions, season, goal=goal, count=3, seed=7, **options)
        again = ask(suggestions, season, goal=goal, count=3, seed=7, **options)
        assert shown == again
        pairs = {frozenset((row["first"], row["second"])) for row in shown["rows"]}
        assert len(pairs) == len(shown["rows"]) == min(3, shown["candidates"])
        for row in shown["rows"]:
            assert 0.0 < row["propensity"] <= 1.0
            assert row["gain"] > 0.0
            assert row["context"] == {"suggestion": f"{goal}-{season.position()}-7", "propensity": row["propensity"]}


def test_the_context_of_a_suggestion_is_taken_with_its_match(season):
    from app.ratings.matches import canonical_context

    row = ask(suggestions, season, goal="connect")["rows"][0]
    receipt = season.play(row["first"], row["second"], context=canonical_context(row["context"]))
    assert receipt["context"] == row["context"]
    assert ask(bridges, season)["islands"] == 1


def test_connecting_suggestions_join_islands_then_classes(play):
    play.results(("A", "B", 1, 1), ("X", "Y", 2, 0))
    shown = ask(suggestions, play, goal="connect", count=100)
    assert {frozenset((row["first"], row["second"])) for row in shown["rows"]} == {frozenset(pair) for pair in ("AX", "AY", "BX", "BY")}
    play.play("A", "X", "draw")
    shown = ask(suggestions, play, goal="connect", count=100)
    assert {(row["first"], row["second"]) for row in shown["rows"]} <= {("Y", "A"), ("Y", "B"), ("Y", "X")}
    play.play("Y", "X")
    assert ask(suggestions, play, goal="connect")["rows"] == []


def test_the_forecast_is_about_right(shared):
    play = Play.begin(shared, prior_sd=None)
    play.results(("A", "B", 12, 10))
    play.fit()
    forecast = ask(suggestions, play)["forecast"]
    assert ask(difference, play, "A", "B")["interval"]["lower"] < 0
    wins = round(forecast["matches"] * 12 / 22)
    play.results(("A", "B", wins, forecast["matches"] - wins))
    play.fit()
    found = ask(difference, play, "A", "B")
    assert found["interval"]["lower"] == pytest.approx(0.0, abs=0.1 * found["estimate"])
    play.results(("A", "B", 12, 8))
    play.fit()
    assert ask(suggestions, play)["forecast"]["matches"] == 0


def test_suggestions_that_cannot_be_asked_for(play):
    play.play("A", "B")
    for wrong in ({"k": 0}, {"k": 31}, {"count": 0}, {"count": 101}):
        with pytest.raises(BadInput):
            ask(suggestions, play, **wrong)
    with pytest.raises(FitNotPublished):
        ask(suggestions, play, goal="top")
    play.fit()
    assert ask(suggestions, play, goal="top", k=5)["rows"] == []


def test_both_is_the_live_and_the_fitted_answer_in_turn(season):
    pairs = [("B", "C"), ("A", "X")]
    rows = ask(predict_many, season, pairs, by="both")["rows"]
    assert rows == [ask(predict, season, *pair, by=by) for pair in pairs for by in ("live", "fit")]


def test_a_matrix_under_draws_is_its_single_predictions_with_robust_errors(shared):
    play = Play.begin(shared, draws="davidson", half_life_days=10.0)
    start = NEW_YEAR_2024
    games = [
        match(a, b, outcome, played_at=start + day * DAY)
        for a in "ABCD"
        for b in "ABCD"
        if a < b
        for day, outcome in enumerate(("first", "draw", "second", "first"))
    ]
    play.batch([*games, match("D", "A", played_at=start)])
    assert "robust" in play.fit()["certificate"]["covariance"]
    cells = ask(matrix, play, list("ABCD"), by="fit")
    for i, first in enumerate("ABCD"):
        for j, second in enumerate("ABCD"):
            if i != j:
                assert cells["first"][i][j] == pytest.approx(ask(predict, play, first, second, by="fit")["first"], abs=1e-12)

"""Who would win: probabilities that add up, and no number where nothing connects two competitors."""

import pytest

from app.errors import BadInput, CompetitorNotFound, FitNotPublished
from app.ratings.scale import expected_score
from app.services import predictions
from app.services.predictions import matrix, predict, predict_many
from tests.services.play import OPERATOR, Play, match


def ask(play: Play, first: str, second: str, **options):
    return predict(play.database, OPERATOR, play.league, first, second, **options)


@pytest.fixture(params=["half", "davidson", "side"])
def season(request, shared) -> Play:
    """One class of four, an undefeated leader, and an island of two."""
    settings = {"side": "estimate"} if request.param == "side" else {"draws": request.param}
    play = Play.begin(shared, **settings)
    play.results(("B", "C", 3, 2), ("C", "D", 4, 3), ("D", "B", 1, 2), ("B", "E", 5, 2), ("A", "B", 5, 0), ("X", "Y", 1, 2))
    play.batch([match("B", "D", "draw"), match("E", "C", "draw"), match("X", "Y", "draw")])
    assert play.fit()["status"] == "published"
    return play


@pytest.mark.parametrize("by", ["live", "fit"])
def test_probabilities_add_up_from_either_side(season, by):
    for first, second in ("BC", "CD", "BE", "AB", "XY", "AE"):
        one, other = ask(season, first, second, by=by), ask(season, second, first, by=by)
        draw = one["draw"] or 0.0
        assert one["first"] + one["second"] + draw == pytest.approx(1.0, abs=1e-12)
        assert one["first"] + other["first"] + draw == pytest.approx(1.0, abs=1e-12)
        assert other["draw"] == pytest.approx(one["draw"]) if one["draw"] is not None else other["draw"] is None
        assert (one["meaning"] == "outcome") == (one["draw"] is not None)
        assert (one["by"], one["position"]) == (by, season.position())
        assert (one["fit"], one["interval"] is not None) == ((1, True) if by == "fit" else (None, False))
        if one["interval"]:
            assert 0 <= one["interval"]["lower"] <= one["first"] <= one["interval"]["upper"] <= 1
        assert one["sentence"].startswith(f"{first} is expected")


def test_the_live_chance_is_elos(season):
    ratings = {row.key: row.rating for row in season.competitors()}
    assert ask(season, "B", "C", by="live")["first"] == expected_score(ratings["B"] - ratings["C"])


@pytest.mark.parametrize("by", ["live", "fit"])
def test_what_nothing_connects_has_no_number(season, by):
    shown = ask(season, "A", "X", by=by)
    assert (shown["first"], shown["draw"], shown["second"], shown["interval"]) == (None, None, None, None)
    assert (shown["comparable"], shown["rests_on"]) == ("no", None)
    assert "Nothing recorded connects" in shown["sentence"]


@pytest.mark.parametrize("by", ["live", "fit"])
def test_what_is_only_ordered_rests_on_the_prior(season, by):
    shown = ask(season, "A", "C", by=by)
    assert (shown["comparable"], shown["rests_on"]) == ("ordered-only", "prior")
    assert shown["first"] > 0.5
    assert "assumption" in shown["sentence"]
    shown = ask(season, "B", "C", by=by)
    assert (shown["comparable"], shown["rests_on"]) == ("yes", "data")


def test_the_fit_compares_no_further_than_what_it_saw(season):
    season.play("X", "A", "draw")
    assert ask(season, "A", "X", by="live")["comparable"] != "no"
    assert ask(season, "A", "X", by="fit")["comparable"] == "no"
    season.fit()
    assert ask(season, "A", "X", by="fit")["comparable"] != "no"


def test_a_newcomer_is_unknown_to_the_fit(season):
    season.batch([match("New", "B"), match("B", "New")])
    assert ask(season, "New", "B", by="live")["comparable"] == "yes"
    shown = ask(season, "New", "B", by="fit")
    assert (shown["comparable"], shown["first"]) == ("no", None)
    cells = matrix(season.database, OPERATOR, season.league, ["New", "B", "C"], by="fit")
    assert cells["first"][0] == [None, None, None]
    assert cells["first"][1][2] is not None


def test_a_void_may_take_the_comparison_away(play):
    play.play("A", "B", "draw", "bridge")
    assert ask(play, "A", "B")["comparable"] == "yes"
    play.batch([match("A", "C"), match("B", "D")])
    play.void("bridge")
    assert ask(play, "A", "B")["comparable"] == "no"
    play.fit()
    play.play("A", "B", "first")
    assert ask(play, "A", "B", by="fit")["comparable"] == "no"


@pytest.mark.parametrize("by", ["live", "fit"])
def test_a_matrix_is_its_single_predictions(season, by):
    keys = ["D", "A", "X", "B", "C", "Y", "E"]
    cells = matrix(season.database, OPERATOR, season.league, keys, by=by)
    assert cells["competitors"] == keys
    for i, first in enumerate(keys):
        assert (cells["first"][i][i], cells["comparable"][i][i], cells["games"][i][i]) == (None, None, 0)
        for j, second in enumerate(keys):
            if i == j:
                continue
            single = ask(season, first, second, by=by)
            assert cells["comparable"][i][j] == single["comparable"]
            if single["first"] is None:
                assert cells["first"][i][j] is None
            else:
                assert cells["first"][i][j] == pytest.approx(single["first"], abs=1e-12)
            assert cells["games"][i][j] == cells["games"][j][i]
    assert cells["games"][keys.index("B")][keys.index("D")] == 4


def test_voided_matches_are_no_games(play):
    play.batch([match("A", "B", match_id="m"), match("B", "A")])
    play.void("m")
    assert matrix(play.database, OPERATOR, play.league)["games"] == [[0, 1], [1, 0]]


def test_a_matrix_takes_the_first_of_the_leaderboard(season):
    cells = matrix(season.database, OPERATOR, season.league, top=3)
    assert len(cells["competitors"]) == 3
    assert len(matrix(season.database, OPERATOR, season.league)["competitors"]) == 7


def test_many_pairs_are_their_single_predictions(season):
    pairs = [("B", "C"), ("A", "X"), ("E", "A"), ("B", "C")]
    answer = predict_many(season.database, OPERATOR, season.league, pairs, by="fit")
    assert answer["rows"] == [ask(season, *pair, by="fit") for pair in pairs]
    assert answer["position"] == season.position()
    assert predict_many(season.database, OPERATOR, season.league, [])["rows"] == []


def test_the_side_counts_where_the_ground_is_not_neutral(shared):
    play = Play.begin(shared, side="estimate")
    play.results(("A", "B", 8, 2), ("B", "A", 8, 2), ("B", "C", 8, 2), ("C", "B", 8, 2))
    fit = play.fit()
    assert fit["certificate"]["side_advantage"] > 0
    home, neutral, away = ask(play, "A", "B", by="fit", neutral=False), ask(play, "A", "B", by="fit"), ask(play, "B", "A", by="fit", neutral=False)
    assert home["first"] > neutral["first"] == pytest.approx(0.5, abs=0.05)
    assert away["second"] < neutral["first"]
    assert home["first"] == pytest.approx(away["first"], abs=0.05)


@pytest.mark.parametrize("draws", ["half", "davidson"])
def test_a_side_that_is_known_counts_for_live_and_fit_unless_the_ground_is_neutral(shared, draws):
    play = Play.begin(shared, side=400.0, draws=draws)
    play.results(("A", "B", 3, 2), ("B", "A", 3, 2), ("B", "C", 8, 2), ("C", "B", 2, 3))
    play.batch([match("A", "C", "draw")])
    certificate = play.fit()["certificate"]
    assert (certificate["side_advantage_points"], certificate["side_advantage_standard_error"]) == (pytest.approx(400.0), 0.0)
    ratings = {row.key: row.rating for row in play.competitors()}
    ahead = ratings["A"] - ratings["C"]
    live = [ask(play, "A", "C", by="live", neutral=neutral)["first"] for neutral in (True, False)]
    assert live == [expected_score(ahead), expected_score(ahead + 400.0)]
    home, neutral, away = (ask(play, *pair, by="fit", neutral=on) for pair, on in (("AC", False), ("AC", True), ("CA", False)))
    assert home["first"] > neutral["first"] > away["second"]
    widths = [told["interval"]["upper"] - told["interval"]["lower"] for told in (home, neutral)]
    assert widths[0] < widths[1], "nearer to certain, and no less sure of the side itself"
    with_side_off = Play.begin(shared, draws=draws)
    with_side_off.results(("A", "B", 3, 2), ("B", "A", 3, 2), ("B", "C", 8, 2), ("C", "B", 2, 3))
    with_side_off.batch([match("A", "C", "draw")])
    with_side_off.fit()
    assert ask(with_side_off, "B", "C", by="fit")["first"] > ask(play, "B", "C", by="fit")["first"], "wins at home say less"


def test_a_certain_fit_says_more_than_a_doubtful_one(shared):
    few, many = Play.begin(shared), Play.begin(shared)
    few.results(("A", "B", 3, 1))
    many.results(("A", "B", 300, 100))
    widths = []
    for play in (few, many):
        play.fit()
        interval = ask(play, "A", "B", by="fit")["interval"]
        widths.append(interval["upper"] - interval["lower"])
    assert widths[0] > 3 * widths[1]
    assert ask(many, "A", "B", by="fit")["first"] == pytest.approx(0.75, abs=0.01)


def test_one_match_only(play):
    play.play("A", "B")
    play.fit()
    shown = ask(play, "A", "B", by="fit")
    assert (shown["comparable"], shown["rests_on"]) == ("ordered-only", "prior")
    assert 0.5 < shown["first"] < 0.95
    assert shown["interval"]["lower"] < 0.5 < shown["interval"]["upper"]


def test_nothing_but_draws_is_even(play):
    play.batch([match("A", "B", "draw"), match("B", "C", "draw"), match("C", "A", "draw")])
    play.fit()
    for by in ("live", "fit"):
        assert ask(play, "A", "C", by=by)["first"] == pytest.approx(0.5)
        assert ask(play, "A", "C", by=by)["comparable"] == "yes"


def test_what_cannot_be_asked(season, monkeypatch):
    here = (season.database, OPERATOR, season.league)
    with pytest.raises(BadInput):
        predict(*here, "A", "A")
    with pytest.raises(CompetitorNotFound):
        predict(*here, "A", "Nobody")
    with pytest.raises(BadInput):
        matrix(*here, ["A", "B", "A"])
    for wrong in ({"top": 1}, {"top": 101}, {"competitors": ["A"]}, {"competitors": []}):
        with pytest.raises(BadInput):
            matrix(*here, **wrong)
    with pytest.raises(CompetitorNotFound):
        matrix(*here, ["A", "Nobody"])
    monkeypatch.setattr(predictions, "MAX_PAIRS", 1)
    with pytest.raises(BadInput):
        predict_many(*here, [("A", "B"), ("B", "C")])


def test_without_a_fit_only_the_live_rating_answers(play):
    play.play("A", "B")
    assert ask(play, "A", "B")["by"] == "live"
    for refused in (lambda: ask(play, "A", "B", by="fit"), lambda: matrix(play.database, OPERATOR, play.league, by="fit")):
        with pytest.raises(FitNotPublished):
            refused()


def test_a_matrix_of_a_league_without_two_competitors(play):
    cells = matrix(play.database, OPERATOR, play.league)
    assert (cells["competitors"], cells["first"]) == ([], [])

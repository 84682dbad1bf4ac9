"""The odds of tournaments, on real leagues."""

import pytest

from app.errors import BadInput, CompetitorNotFound, FitNotPublished
from app.services.predictions import predict
from app.services.tournaments import Tournament, simulate
from tests.services.play import OPERATOR, Play, match

KNOCK_OUT, ROUND_ROBIN = Tournament("knock-out", runs=20_000), Tournament("round-robin", runs=5_000)
NEAR = 0.0145


def ask(play: Play, tournament: Tournament = KNOCK_OUT, competitors=None, **options):
    return simulate(play.database, OPERATOR, play.league, tournament, competitors, **options)


def titles(shape):
    return {row["competitor"]: row["title"] for row in shape["rows"]}


@pytest.fixture(params=["half", "davidson"])
def season(request, shared) -> Play:
    play = Play.begin(shared, draws=request.param)
    play.results(*[(a, b, 4, 2) for a in "ABCDE" for b in "ABCDE" if a < b], ("X", "Y", 2, 1))
    play.batch([match(a, b, "draw") for a in "ABCDE" for b in "ABCDE" if a < b])
    assert play.fit()["status"] == "published"
    return play


@pytest.mark.parametrize("by", ["live", "fit"])
def test_a_final_is_its_prediction(season, by):
    told = predict(season.database, OPERATOR, season.league, "A", "D", by=by)
    shape = ask(season, competitors=["A", "D"], by=by)
    assert titles(shape)["A"] == pytest.approx(told["first"] + (told["draw"] or 0.0) / 2, abs=NEAR)
    assert (shape["by"], shape["fit"], shape["uncertainty"]) == ((by, 1, "joint") if by == "fit" else (by, None, "none"))
    assert shape["draws"] == ("modelled" if told["draw"] is not None else "half a win")
    assert (shape["position"], shape["rests_on"]) == (season.position(), "data")


@pytest.mark.parametrize("tournament", [KNOCK_OUT, ROUND_ROBIN], ids=["knock-out", "round-robin"])
def test_the_titles_add_up_and_the_seed_fixes_them(season, tournament):
    shape = ask(season, tournament, top=5, by="fit")
    assert sum(titles(shape).values()) == pytest.approx(1.0)
    assert shape == ask(season, tournament, top=5, by="fit")
    assert shape != ask(season, Tournament(tournament.format, runs=tournament.runs, seed=1), top=5, by="fit")
    if tournament is ROUND_ROBIN:
        assert sum(row["points"] for row in shape["rows"]) == pytest.approx(10.0)
        assert (shape["bracket"], shape["byes"]) == (None, 0)
    else:
        assert all(row["reaches"][0] == 1.0 for row in shape["rows"])
        assert all(row["reaches"] == sorted(row["reaches"], reverse=True) and row["reaches"][-1] >= row["title"] for row in shape["rows"])


def test_byes_are_named_and_said(season):
    shape = ask(season, competitors=list("EDCBA"), by="live")
    assert shape["byes"] == 3
    assert [pair for pair in shape["bracket"] if None in pair] == [["E", None], ["D", None], ["C", None]]
    assert "3 of 5 have no opponent" in shape["sentence"]
    with pytest.raises(BadInput, match="no place for byes"):
        ask(season, Tournament("knock-out", "listed"), list("EDCBA"))
    assert ask(season, Tournament("knock-out", "listed"), list("EDCB"))["bracket"] == [["E", "D"], ["C", "B"]]


def test_what_is_not_known_is_said(season):
    assert "not in these odds" in ask(season, by="live", top=4)["sentence"]
    assert "is in these odds" in ask(season, by="fit", top=4)["sentence"]
    season.batch([match("New", "A")])
    shape = ask(season, competitors=["New", "A"], by="live")
    assert (shape["rests_on"], "assumption" in shape["sentence"]) == ("prior", True)


def test_what_cannot_be_played(season, play):
    for keys in (["A", "X"], ["A", "B", "Y"]):
        for by in ("live", "fit"):
            with pytest.raises(BadInput, match="Nothing recorded connects"):
                ask(season, competitors=keys, by=by)
    for wrong in (["A"], ["A", "A"], []):
        with pytest.raises(BadInput):
            ask(season, competitors=wrong)
    with pytest.raises(CompetitorNotFound):
        ask(season, competitors=["A", "Nobody"])
    with pytest.raises(BadInput, match="too long"):
        ask(season, Tournament("round-robin", runs=100_000), top=128)
    with pytest.raises(BadInput):
        ask(season, top=129)
    play.play("A", "B")
    with pytest.raises(FitNotPublished):
        ask(play, by="fit", top=2)


def test_who_is_new_to_the_fit_cannot_be_drawn_from_it(season):
    season.batch([match("New", "A"), match("A", "New")])
    with pytest.raises(
        BadInput, match=r"ends at entry .* before the first counted match of New, so it cannot say who would win; ask for a new fit, or by=live"
    ):
        ask(season, competitors=["New", "A"], by="fit")

"""Covariates of a league: what the fits of the service say of them is what the numerical core, and another library, say of the same columns."""

import json
from typing import Any

import numpy as np
import pytest

from app.errors import BadInput
from app.ratings import bradley_terry
from app.ratings.covariates import replaceable_column, standard_deviations
from app.ratings.matches import canonical_context
from app.ratings.scale import natural_unit
from app.services.conditions import Conditions
from app.services.corrections import correct_match
from app.services.covariates import read_columns
from app.services.fit_process import FitProcess
from app.services.fit_work import FitHere
from app.services.fitting import fit_league
from app.services.league_settings import read_settings, resolve_settings
from app.services.leagues import get_league
from app.services.predictions import predict
from app.services.segments import contexts_of, counted_for_fit
from app.services.standings import leaderboard
from tests.services.mirror import cold
from tests.services.play import OPERATOR, Play, match
from tests.services.test_segment_fits import fit as fit_of
from tests.services.test_segment_fits import fitted as fitted_of

KEYS = "ABCDEF"
LENGTH = {"name": "length", "first": "tokens_a", "second": "tokens_b", "form": "relative"}
LISTS = {"name": "lists", "first": "lists_a", "second": "lists_b"}
EFFECTS = (0.8, -0.3)


def season(play: Play, count: int = 600, *, draws: float = 0.0, seed: int = 7) -> dict[str, np.ndarray]:
    """Play matches whose outcome depends on strengths and on two covariates; the columns as numbers."""
    random = np.random.default_rng(seed)
    strengths = np.linspace(1.0, -1.0, len(KEYS))
    first = random.integers(0, len(KEYS), count)
    second = (first + random.integers(1, len(KEYS), count)) % len(KEYS)
    tokens = random.integers(20, 2_000, (count, 2)).astype(float)
    lists = random.poisson(3.0, (count, 2)).astype(float)
    relative = (tokens[:, 0] - tokens[:, 1]) / tokens.sum(axis=1)
    covariates = np.column_stack([relative, lists[:, 0] - lists[:, 1]])
    scales = np.sqrt((covariates**2).mean(axis=0))
    chance = 1 / (1 + np.exp(-(strengths[first] - strengths[second] + covariates / scales @ EFFECTS)))
    score = np.where(random.random(count) < draws, 0.5, (random.random(count) < chance).astype(float))
    words = {1.0: "first", 0.5: "draw", 0.0: "second"}
    play.batch([match(KEYS[first[n]], KEYS[second[n]], words[score[n]], f"m{n}", context=told(tokens[n], lists[n])) for n in range(count)])
    return {"first": first, "second": second, "score": score, "covariates": covariates}


def told(tokens: Any, lists: Any) -> str | None:
    names = ("tokens_a", "tokens_b", "lists_a", "lists_b")
    return canonical_context({**dict(zip(names, (*tokens, *lists), strict=True)), "language": "de" if tokens[0] > 1_000 else "en"})


def figures(told: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in told.items() if name != "name"}


def numbers(play: Play) -> list[int]:
    """The league's numbers of the competitors, which come in the order of first use."""
    known = {row.key: row.number for row in play.competitors()}
    return [known[key] for key in KEYS]


@pytest.mark.parametrize("draws", ["half", "davidson"])
def test_the_coefficients_are_those_of_the_core(play, draws):
    play.change(covariates=[LENGTH, LISTS], draws=draws)
    columns = season(play, draws=0.2)
    found = play.fit()
    assert found["status"] == "published"
    order = np.array(numbers(play))
    scales = standard_deviations(columns["covariates"], np.ones(len(columns["score"])))
    core = bradley_terry(
        order[columns["first"]],
        order[columns["second"]],
        columns["score"],
        draws=draws,
        covariates=columns["covariates"] / scales,
        coefficient_prior_sd=2.0,
    )
    length, lists = found["certificate"]["covariates"]
    assert (length["name"], lists["name"], length["lacking"]) == ("length", "lists", 0)
    unit = natural_unit(400)
    for index, each in enumerate((length, lists)):
        assert each["standard_deviation"] == pytest.approx(scales[index], rel=1e-12)
        assert each["coefficient"] == pytest.approx(core.coefficients[index], abs=1e-9)
        assert each["standard_error"] == pytest.approx(core.coefficient_standard_errors[index], rel=1e-9)
        assert each["points"] == pytest.approx(unit * each["coefficient"])
        assert each["points_standard_error"] == pytest.approx(unit * each["standard_error"])
        assert each["coefficient_per_unit"] == pytest.approx(each["coefficient"] / scales[index])
        assert abs(each["coefficient"] - EFFECTS[index]) < 4 * each["standard_error"]
    ratings = {row["competitor"]: row["fit"]["rating"] for row in leaderboard(play.database, OPERATOR, play.league, by="fit")["rows"]}
    assert [ratings[key] for key in KEYS] == pytest.approx(1500 + unit * core.theta[order], abs=1e-7)
    told_chance = predict(play.database, OPERATOR, play.league, "A", "B", by="fit")
    assert told_chance["first"] == pytest.approx(core.win_probability(order[0], order[1]).first, abs=1e-9)
    play.verified()


def test_the_coefficients_are_those_of_a_logistic_regression_elsewhere(play):
    discrete = pytest.importorskip("statsmodels.discrete.discrete_model")
    play.change(covariates=[LENGTH, LISTS], prior_sd=None)
    columns = season(play, 1_500)
    scales = np.sqrt((columns["covariates"] ** 2).mean(axis=0))
    rows = np.arange(len(columns["score"]))
    design = np.zeros((len(rows), len(KEYS)))
    design[rows, columns["first"]], design[rows, columns["second"]] = 1.0, -1.0
    elsewhere = discrete.Logit(columns["score"], np.column_stack([design[:, 1:], columns["covariates"] / scales])).fit(disp=0)
    for each, coefficient, error in zip(play.fit()["certificate"]["covariates"], elsewhere.params[-2:], elsewhere.bse[-2:], strict=True):
        # The service's prior of 2.0 takes error² / 4 of a coefficient, to first order; the two are hardly correlated.
        assert each["coefficient"] == pytest.approx(coefficient / (1 + error**2 / 4), rel=2e-3, abs=1e-4)
        assert each["standard_error"] == pytest.approx(error, rel=5e-3)


def test_style_that_wins_is_told_from_strength(play):
    """Equal competitors, of whom one writes longer: without the covariate they lead, with it they do not."""
    random = np.random.default_rng(3)
    games = []
    for n in range(600):
        one, other = ("Long", "Short") if n % 2 else ("Short", "Long")
        tokens = {key: float(random.integers(600, 1_400) if key == "Long" else random.integers(300, 1_100)) for key in (one, other)}
        edge = (tokens[one] - tokens[other]) / (tokens[one] + tokens[other])
        won = random.random() < 1 / (1 + np.exp(-4.0 * edge))
        context = canonical_context({"tokens_a": tokens[one], "tokens_b": tokens[other]})
        games.append(match(one, other, "first" if won else "second", context=context))
    play.batch(games)
    gaps = []
    for covariates in ([], [LENGTH]):
        play.change(covariates=covariates)
        play.fit()
        rows = {row["competitor"]: row["fit"]["rating"] for row in leaderboard(play.database, OPERATOR, play.league, by="fit")["rows"]}
        gaps.append(rows["Long"] - rows["Short"])
        play.play("Long", "Short", "draw")
    assert gaps[0] > 100
    assert abs(gaps[1]) < 60


def test_which_side_is_called_first_changes_nothing(play, shared):
    random = np.random.default_rng(5)
    mirrored = Play.begin(shared, covariates=[LENGTH])
    play.change(covariates=[LENGTH])
    for league, swap in ((play, False), (mirrored, True)):
        random = np.random.default_rng(5)
        games = [match("A", "B", match_id="m")]
        for _ in range(80):
            one, other = (KEYS[number] for number in random.permutation(4)[:2])
            tokens, outcome = random.integers(1, 500, 2).astype(float), ("first", "second")[random.integers(2)]
            if swap and random.random() < 0.5:
                one, other, tokens, outcome = other, one, tokens[::-1], {"first": "second", "second": "first"}[outcome]
            elif not swap:
                random.random()
            games.append(match(one, other, outcome, context=canonical_context({"tokens_a": tokens[0], "tokens_b": tokens[1]})))
        league.batch(games)
    (here,), (there,) = (league.fit()["certificate"]["covariates"] for league in (play, mirrored))
    assert figures(here) == pytest.approx(figures(there), rel=1e-9)
    assert here["lacking"] == 1


def test_a_field_may_hold_the_difference_itself_and_weights_are_repetitions(play, shared):
    play.change(covariates=["edge"])
    repeated = Play.begin(shared, covariates=[{"name": "edge", "first": "a", "second": "b"}])
    random = np.random.default_rng(11)
    for _ in range(40):
        one, other = (KEYS[number] for number in random.permutation(4)[:2])
        a, b, outcome = float(random.integers(9)), float(random.integers(9)), ("first", "second")[random.integers(2)]
        play.play(one, other, outcome, weight=2.0, context=canonical_context({"edge": a - b}))
        repeated.batch([match(one, other, outcome, context=canonical_context({"a": a, "b": b})) for _ in range(2)])
    (here,), (there,) = (league.fit()["certificate"]["covariates"] for league in (play, repeated))
    assert figures(here) == pytest.approx(figures(there), rel=1e-9)


def test_live_ratings_know_nothing_of_covariates(play, shared):
    plain = Play.begin(shared)
    play.change(covariates=[LENGTH])
    season(play, 60)
    season(plain, 60)
    assert {row.key: row.rating for row in play.competitors()} == {row.key: row.rating for row in plain.competitors()}


@pytest.mark.parametrize(
    ("contexts", "words"),
    [
        ([{}, {"tokens_a": 3.0}, {"tokens_a": "3", "tokens_b": "2"}, {"tokens_a": True, "tokens_b": False}], "is known of no match: 12 of 12"),
        ([{"tokens_a": 5.0, "tokens_b": 5.0}, {"tokens_a": 0.0, "tokens_b": 0.0}, {}], "is the same for both sides in every match: 4 of 12"),
        ([{"tokens_a": -5.0, "tokens_b": 5.0}], "is known of no match"),
    ],
    ids=["lacking", "alike", "negative"],
)
def test_a_covariate_that_says_nothing_is_refused_by_its_name(play, contexts, words):
    play.change(covariates=[LENGTH])
    sides = [("A", "B"), ("B", "C"), ("C", "A")]
    play.batch([match(*sides[n % 3], ("first", "second")[n % 2], context=canonical_context(contexts[n % len(contexts)])) for n in range(12)])
    found = play.fit()
    assert (found["status"], found["table_hash"]) == ("refused", None)
    assert "“length”" in found["reason"]
    assert words in found["reason"]


@pytest.mark.parametrize("prior_sd", [2.0, None])
def test_a_covariate_that_follows_from_who_plays_is_refused_by_its_name(play, prior_sd):
    """Every competitor always writes the same: length and strength cannot be told apart."""
    play.change(covariates=[LISTS, {"name": "size", "first": "size_a", "second": "size_b"}], prior_sd=prior_sd)
    random = np.random.default_rng(2)
    games = []
    for _ in range(90):
        one, other = random.permutation(4)[:2]
        lists = random.integers(0, 9, 2)
        context = {"size_a": float(one**2), "size_b": float(other**2), "lists_a": float(lists[0]), "lists_b": float(lists[1])}
        games.append(match(KEYS[one], KEYS[other], ("first", "second")[random.integers(2)], context=canonical_context(context)))
    play.batch(games)
    reason = play.fit()["reason"]
    assert "“size” follows from who plays whom" in reason
    play.change(covariates=[LISTS])
    assert play.fit()["status"] == "published"


def test_separation_is_refused_by_name_where_the_pure_maximum_is_asked_for(play):
    play.change(covariates=[LISTS], prior_sd=None)
    random = np.random.default_rng(4)
    games = []
    for n in range(60):
        one, other = random.permutation(4)[:2]
        lists = random.permutation(9)[:2]
        outcome = "first" if lists[0] > lists[1] else "second"
        games.append(
            match(KEYS[one], KEYS[other], outcome, f"s{n}", context=canonical_context({"lists_a": float(lists[0]), "lists_b": float(lists[1])}))
        )
    play.batch(games)
    reason = play.fit()["reason"]
    assert "the covariate “lists”" in reason
    assert "covariates[" not in reason
    play.change(prior_sd=2.0)
    assert play.fit()["status"] == "published"


def test_matches_without_the_fields_count_as_alike_and_are_told(play):
    play.change(covariates=[LENGTH])
    season(play, 200)
    play.batch([match("A", "B"), match("B", "A"), match("C", "D", context=canonical_context({"tokens_a": 3.0}))])
    (each,) = play.fit()["certificate"]["covariates"]
    assert each["lacking"] == 3
    fields = {"context": canonical_context({"tokens_a": 3.0, "tokens_b": 1.0})}
    match_id = next(entry.match_id for entry in reversed(play.entries()) if entry.match_id)
    correct_match(play.database, OPERATOR, play.league, match_id, fields, reason="forgotten")
    assert play.fit()["certificate"]["covariates"][0]["lacking"] == 2


def test_a_segment_has_coefficients_of_its_own(play):

    play.change(covariates=[LENGTH])
    season(play, 300)
    german = Conditions.of_texts(["language=de"])
    whole, part = play.fit()["certificate"], fit_of(play, german)["certificate"]
    assert part["matches"] < whole["matches"]
    assert part["covariates"][0]["standard_error"] > whole["covariates"][0]["standard_error"]
    assert set(fitted_of(play, german)) == set(KEYS)


def test_an_older_fit_with_covariates_is_shown_as_it_was(play):
    play.change(covariates=[LENGTH])
    season(play, 120)
    play.fit()
    position = play.position()
    ask = (play.database, OPERATOR, play.league)
    then = predict(*ask, "A", "B", by="fit", as_of=position)
    play.change(covariates=[])
    play.play("A", "B")
    play.fit()
    with cold(play) as again:
        assert predict(again.database, OPERATOR, again.league, "A", "B", by="fit", as_of=position) == then
    play.verified()


def test_a_process_of_its_own_reads_the_covariates_too(play):
    play.change(covariates=[LENGTH, LISTS])
    season(play, 120)
    fitter = FitProcess(play.database.engine.url.render_as_string(hide_password=False), memory_mb=4096, seconds=60)
    try:
        there = fitter.compute(play.database, play.row().id, lambda _: None)
    finally:
        fitter.close()
    here = FitHere().compute(play.database, play.row().id, lambda _: None)
    # The child computes on one thread and this process perhaps on several: the last bits of standard errors may differ.
    for one, other in zip(there.fitted.certificate["covariates"], here.fitted.certificate["covariates"], strict=True):
        assert figures(one) == pytest.approx(figures(other), rel=1e-12)
        assert one["coefficient"] == other["coefficient"] != 0.0


@pytest.mark.parametrize(
    ("covariates", "pointer"),
    [
        ([{"name": "length", "first": "a"}], "/settings/covariates/0/second"),
        ([{**LENGTH, "form": "ratio"}], "/settings/covariates/0/form"),
        ([{**LENGTH, "unit": "km"}], "/settings/covariates/0/unit"),
        ([LENGTH, "length"], "/settings/covariates"),
        ([" edge"], "/settings/covariates/0"),
        ([3], "/settings/covariates/0"),
        ([f"c{n}" for n in range(9)], "/settings/covariates"),
        ("length", "/settings/covariates"),
    ],
    ids=str,
)
def test_a_covariate_that_cannot_be_is_refused_by_its_place(covariates, pointer):
    with pytest.raises(BadInput) as caught:
        resolve_settings({"covariates": covariates})
    assert [fault.pointer for fault in caught.value.faults] == [pointer]


def test_the_setting_is_kept_as_it_was_resolved(play):
    play.change(covariates=["edge", {"name": "lists", "first": "a", "second": "b"}])
    resolved = ["edge", {"name": "lists", "first": "a", "second": "b", "form": "difference"}]
    assert get_league(play.database, OPERATOR, play.league)["settings"]["covariates"] == resolved
    position = play.position()
    play.change(covariates=resolved)
    assert play.position() == position
    assert json.loads(play.entries()[-1].details)["settings"]["covariates"] == resolved


def test_columns_that_others_can_replace_are_found():
    random = np.random.default_rng(1)
    first, second = np.array([0, 1, 2, 0, 1, 2, 0]), np.array([1, 2, 0, 2, 0, 1, 1])
    free = random.normal(size=(7, 2))
    own = np.array([3.0, 1.0, 2.0])
    tied = (own[first] - own[second])[:, None]
    side = np.ones(7)
    assert replaceable_column(first, second, 3, free, None) is None
    assert replaceable_column(first, second, 3, np.hstack([free, tied]), None) == 2
    assert replaceable_column(first, second, 3, np.hstack([free, free @ [[2.0], [1.0]]]), None) == 2
    assert replaceable_column(first, second, 3, tied + side[:, None], None) is None
    assert replaceable_column(first, second, 3, tied + side[:, None], side) == 0


def test_in_whatever_order_matches_are_read_the_fit_is_the_same(play):
    play.change(covariates=[LENGTH, LISTS])
    season(play, 150)
    with play.database.read() as unit:
        row = play.row()
        log, _ = counted_for_fit(unit, row, row.position)
        columns = read_columns(read_settings(row.settings), contexts_of(unit, row, row.position, log))
    order = np.random.default_rng(9).permutation(len(log))
    fits = [
        fit_league(matches, read_settings(row.settings), row.competitors, None, row.recorded_at, columns=values)
        for matches, values in ((log, columns), (log.take(order), columns.take(order)))
    ]
    assert (fits[0].table, fits[0].certificate) == (fits[1].table, fits[1].certificate)

"""Bradley–Terry and Davidson fits: the laws they obey, the cases that need care, and what they refuse."""

from dataclasses import replace

import choix
import evalica
import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import norm

from app.core import inference
from app.ratings import MaximumLikelihoodDoesNotExist, bradley_terry
from app.ratings.scale import natural_unit
from tests.ratings.seasons import season as _season

KINDS = {
    "plain": ({}, {}),
    "no prior": ({}, {"prior_sd": None}),
    "half-win draws": ({"draws": True}, {}),
    "davidson": ({"draws": True}, {"draws": "davidson"}),
    "davidson with sides, no prior": ({"draws": True, "sides": True}, {"draws": "davidson", "prior_sd": None}),
    "sides": ({"sides": True}, {}),
    "robust": ({"draws": True, "sides": True}, {"covariance": "robust"}),
    "a side that is known": ({"sides": True}, {"side_advantage": 0.3}),
    "davidson with a side that is known": ({"draws": True, "sides": True}, {"draws": "davidson", "side_advantage": -0.4}),
}
every_kind = pytest.mark.parametrize(("season", "options"), KINDS.values(), ids=list(KINDS))


def _same(one, other, tolerance=1e-8):
    assert other.theta == pytest.approx(one.theta, abs=tolerance)
    assert other.standard_error == pytest.approx(one.standard_error, abs=tolerance)
    assert (other.side_advantage, other.tie_parameter) == pytest.approx((one.side_advantage, one.tie_parameter), abs=tolerance)
    assert other.difference(0, 5)[:2] == pytest.approx(one.difference(0, 5)[:2], abs=tolerance)
    assert other.win_probability(0, 5)[:5] == pytest.approx(one.win_probability(0, 5)[:5], abs=tolerance, nan_ok=True)


@every_kind
def test_the_order_of_matches_changes_no_bit(season, options):
    columns = _season(**season)
    order = np.random.default_rng(5).permutation(600)
    shuffled = {name: None if column is None else column[order] for name, column in columns.items()}
    one, other = bradley_terry(**columns, **options), bradley_terry(**shuffled, **options)
    assert one.theta.tobytes() == other.theta.tobytes()
    assert one.standard_error.tobytes() == other.standard_error.tobytes()


@every_kind
def test_swapping_the_sides_changes_nothing(season, options):
    columns = _season(**season)
    swapped = {
        "first": columns["second"],
        "second": columns["first"],
        "score": 1.0 - columns["score"],
        "side": None if columns["side"] is None else -columns["side"],
    }
    _same(bradley_terry(**columns, **options), bradley_terry(**swapped, **options))


@every_kind
def test_other_numbers_for_the_same_competitors_change_nothing(season, options):
    columns = _season(**season)
    number = np.random.default_rng(6).permutation(12)
    fit = bradley_terry(**columns, **options)
    renumbered = bradley_terry(**(columns | {"first": number[columns["first"]], "second": number[columns["second"]]}), **options)
    assert renumbered.theta[number] == pytest.approx(fit.theta, abs=1e-9)
    assert renumbered.standard_error[number] == pytest.approx(fit.standard_error, abs=1e-9)


@every_kind
def test_weight_is_repetition(season, options):
    columns = _season(**season)
    counts = np.random.default_rng(7).integers(0, 4, 600)
    repeated = {name: None if column is None else np.repeat(column, counts) for name, column in columns.items()}
    _same(bradley_terry(**columns, weight=counts, **options), bradley_terry(**repeated, **options))


@every_kind
def test_both_solvers_reach_the_same_maximum(season, options):
    columns = _season(**season)
    _same(bradley_terry(**columns, solver="cholesky", **options), bradley_terry(**columns, solver="krylov", **options))


@every_kind
def test_strengths_sum_to_zero_and_the_certificate_holds(season, options):
    fit = bradley_terry(**_season(**season), **options)
    assert fit.theta.sum() == pytest.approx(0.0, abs=1e-12)
    assert fit.certificate.status == "converged"
    assert fit.certificate.gradient_norm <= 1e-12
    assert fit.certificate.score_residual <= 1e-9
    assert (fit.certificate.components, fit.certificate.classes) == (1, 1)
    assert fit.certificate.condition >= 1.0
    assert np.all(fit.rating == 1500.0 + natural_unit() * fit.theta)


def test_the_score_residual_is_in_games_whatever_the_units_of_a_covariate():
    columns = _season()
    weight_in_milligrams = 1e8 * np.random.default_rng(8).standard_normal(600)
    fit = bradley_terry(**columns, covariates=weight_in_milligrams[:, None])
    gradient = np.abs(fit.second_order.objective.gradient(fit.second_order.point))
    assert fit.certificate.score_residual == gradient[:12].max() < 1e-9
    assert 600 * fit.certificate.gradient_norm == pytest.approx(gradient[12])
    assert gradient[12] > fit.certificate.score_residual


def test_without_a_prior_everyone_scores_what_is_expected():
    columns = _season(draws=True)
    fit = bradley_terry(**columns, prior_sd=None)
    expected = 1 / (1 + np.exp(fit.theta[columns["second"]] - fit.theta[columns["first"]]))
    surprise = columns["score"] - expected
    residual = np.bincount(columns["first"], surprise, 12) - np.bincount(columns["second"], surprise, 12)
    assert residual == pytest.approx(np.zeros(12), abs=1e-9)
    assert fit.certificate.shrinkage == pytest.approx(0.0, abs=1e-9)


def test_a_prior_holds_back_a_little():
    assert bradley_terry(**_season()).certificate.shrinkage > 0.01


def test_importance_scales_an_observation_but_is_not_repetition():
    columns = _season()
    twice = bradley_terry(**columns, importance=np.full(600, 2.0))
    counted = bradley_terry(**columns, weight=np.full(600, 2.0))
    assert twice.theta == pytest.approx(counted.theta, abs=1e-9)
    assert twice.covariance == "robust with the model-based floor for few games"
    assert np.all(twice.standard_error > 1.2 * counted.standard_error)


class TestAgainstOthers:
    def test_choix(self):
        columns = _season()
        winners = np.where(columns["score"] == 1.0, columns["first"], columns["second"])
        losers = np.where(columns["score"] == 1.0, columns["second"], columns["first"])
        oracle = choix.opt_pairwise(12, list(zip(winners.tolist(), losers.tolist(), strict=True)), alpha=0.125, tol=1e-12)
        assert bradley_terry(**columns).theta == pytest.approx(oracle - oracle.mean(), abs=1e-5)

    def test_evalica(self):
        columns = _season(draws=True)
        winners = [{1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}[score] for score in columns["score"].tolist()]
        oracle = evalica.bradley_terry(
            [str(x) for x in columns["first"]], [str(x) for x in columns["second"]], winners, tolerance=1e-12, limit=10_000
        )
        logs = np.log([oracle.scores[str(number)] for number in range(12)])
        assert bradley_terry(**columns, prior_sd=None).theta == pytest.approx(logs - logs.mean(), abs=1e-6)

    @pytest.mark.parametrize("kind", ["model", "robust"])
    def test_statsmodels(self, kind):
        columns = _season(sides=True)
        X = np.eye(12)[columns["first"]] - np.eye(12)[columns["second"]]
        X = np.column_stack([X[:, 1:], columns["side"]])
        oracle = sm.Logit(columns["score"], X).fit(disp=0, tol=1e-12, cov_type="nonrobust" if kind == "model" else "HC0")
        fit = bradley_terry(**columns, prior_sd=None, covariance=kind)
        for other in range(1, 12):
            assert fit.difference(other, 0)[:2] == pytest.approx((oracle.params[other - 1], oracle.bse[other - 1]), abs=1e-7)
        assert (fit.side_advantage, fit.side_advantage_standard_error) == pytest.approx((oracle.params[-1], oracle.bse[-1]), abs=1e-7)
        assert fit.certificate.log_likelihood == pytest.approx(oracle.llf)

    @pytest.mark.parametrize("kind", ["model", "robust"])
    def test_statsmodels_with_a_side_that_is_known(self, kind):
        columns = _season(sides=True)
        X = (np.eye(12)[columns["first"]] - np.eye(12)[columns["second"]])[:, 1:]
        oracle = sm.GLM(columns["score"], X, sm.families.Binomial(), offset=0.7 * columns["side"])
        oracle = oracle.fit(tol=1e-13, cov_type="nonrobust" if kind == "model" else "HC0")
        fit = bradley_terry(**columns, prior_sd=None, covariance=kind, side_advantage=0.7)
        for other in range(1, 12):
            assert fit.difference(other, 0)[:2] == pytest.approx((oracle.params[other - 1], oracle.bse[other - 1]), abs=1e-7)
        assert (fit.side_advantage, fit.side_advantage_standard_error, fit.coefficients.size) == (0.7, 0.0, 0)
        assert fit.certificate.log_likelihood == pytest.approx(oracle.llf)

    def test_covariates_are_coefficients(self):
        columns = _season()
        x = np.random.default_rng(8).standard_normal((600, 2))
        fit = bradley_terry(**columns, covariates=x, prior_sd=None)
        X = (np.eye(12)[columns["first"]] - np.eye(12)[columns["second"]])[:, 1:]
        oracle = sm.Logit(columns["score"], np.column_stack([X, x])).fit(disp=0, tol=1e-12)
        assert fit.coefficients == pytest.approx(oracle.params[-2:], abs=1e-7)
        assert fit.coefficient_standard_errors == pytest.approx(oracle.bse[-2:], abs=1e-7)


class TestAKnownSide:
    """What the first is known to be ahead by moves η and is none of the coefficients."""

    @pytest.mark.parametrize("options", [{}, {"draws": "davidson"}, {"solver": "krylov"}, {"prior_sd": None}], ids=str)
    def test_told_what_would_be_estimated_the_strengths_are_the_same(self, options):
        columns = _season(sides=True, draws="draws" in options)
        estimated = bradley_terry(**columns, **options)
        told = bradley_terry(**columns, **options, side_advantage=estimated.side_advantage)
        assert told.theta == pytest.approx(estimated.theta, abs=1e-7)
        assert told.tie_parameter == pytest.approx(estimated.tie_parameter, abs=1e-7) if "draws" in options else told.tie_parameter is None
        assert (told.standard_error <= estimated.standard_error + 1e-12).all(), "knowing more is never less sure"

    @pytest.mark.parametrize("draws", ["half", "davidson"])
    def test_what_is_held_back_is_the_prior(self, draws):
        columns = _season(sides=True, draws=True)
        fit, surprise = bradley_terry(**columns, draws=draws, side_advantage=-0.9), np.zeros(12)
        for first, second, score, side in zip(*(columns[name] for name in ("first", "second", "score", "side")), strict=True):
            d = fit.theta[first] - fit.theta[second] - 0.9 * side
            parts = np.array([np.exp(d / 2), fit.tie_parameter or 0.0, np.exp(-d / 2)])
            held = score - (parts @ [1.0, 0.5, 0.0] / parts.sum())
            surprise[first] += held
            surprise[second] -= held
        assert surprise == pytest.approx(fit.theta / 4.0, abs=1e-7)

    @pytest.mark.parametrize("draws", ["half", "davidson"])
    def test_a_prediction_has_it_for_certain(self, draws):
        fit = bradley_terry(**_season(sides=True, draws=True), draws=draws, side_advantage=0.5)
        shifted = replace(fit, theta=fit.theta + np.where(np.arange(12) == 3, 0.5, 0.0))
        assert fit.win_probability(3, 7, side=1.0)[:5] == pytest.approx(shifted.win_probability(3, 7)[:5], abs=1e-12, nan_ok=True)
        assert fit.win_probability(3, 7, side=-1.0).first < fit.win_probability(3, 7).first

    def test_none_is_as_without_a_side(self):
        columns = _season(sides=True)
        told = bradley_terry(**columns, side_advantage=0.0)
        assert told.theta == pytest.approx(bradley_terry(**(columns | {"side": None})).theta, abs=1e-9)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"side": None, "side_advantage": 0.5}, "side_advantage needs side"),
            ({"side_advantage": float("nan")}, "side_advantage must be a finite number"),
            ({"side_advantage": 0.5, "cluster": np.arange(600)}, "side_advantage cannot be given with cluster"),
        ],
        ids=["no side", "nan", "cluster"],
    )
    def test_what_cannot_be_told_is_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            bradley_terry(**(_season(sides=True) | options))


class TestCases:
    def test_undefeated_with_a_prior_is_finite_and_unsure(self):
        fit = bradley_terry([0, 1, 1], [1, 2, 2], [1, 1, 0], weight=[5, 3, 2])
        assert 1.0 < fit.theta[0] < 4.0
        assert fit.standard_error[0] > 0.8
        assert fit.difference(0, 2).comparable == "ordered-only"
        assert fit.difference(1, 2).comparable == "yes"
        assert fit.win_probability(0, 2).upper > 0.99 > fit.win_probability(0, 2).first

    def test_twenty_wins_to_none_claim_no_certainty(self):
        assert bradley_terry([0], [1], [1.0], weight=[20]).difference(0, 1).standard_error == pytest.approx(1.31, abs=0.005)
        assert bradley_terry([0], [1], [1.0], weight=[20], covariance="robust").difference(0, 1).standard_error < 0.8

    def test_few_games_keep_the_model_based_error_where_there_are_draws(self):
        columns = ([0, 2, 2], [1, 3, 3], [1.0, 0.5, 1.0], [15, 30, 20])
        auto, model = (bradley_terry(*columns, covariance=kind) for kind in ("auto", "model"))
        assert auto.covariance == "robust with the model-based floor for few games"
        assert auto.difference(0, 1) == model.difference(0, 1)
        assert auto.difference(2, 3).standard_error < model.difference(2, 3).standard_error

    def test_a_cycle_that_does_not_close_has_no_maximum(self):
        with pytest.raises(MaximumLikelihoodDoesNotExist, match="Give prior_sd") as refused:
            bradley_terry([0, 1, 0], [1, 2, 2], [1.0, 1.0, 1.0], weight=[3, 2, 4], prior_sd=None)
        assert refused.value.classes.max() == 2
        assert refused.value.components.tolist() == [0, 0, 0]
        assert bradley_terry([0, 1, 0], [1, 2, 2], [1.0, 1.0, 0.0], weight=[3, 2, 4], prior_sd=None).certificate.classes == 1

    def test_two_islands_are_centred_apart_and_not_compared(self):
        fit = bradley_terry([0, 0, 2, 3], [1, 1, 3, 4], [1, 0, 1, 0.5], prior_sd=2.0)
        assert fit.components.tolist() == [1, 1, 0, 0, 0]
        assert np.bincount(fit.components, fit.theta) == pytest.approx([0.0, 0.0], abs=1e-12)
        assert fit.difference(0, 2).comparable == "no"
        assert np.isnan([*fit.difference(0, 2)[:2], *fit.win_probability(0, 2)[:5]]).all()

    def test_one_match_only(self):
        fit = bradley_terry([0], [1], [1.0])
        assert fit.theta[0] == -fit.theta[1] > 0.0
        assert fit.standard_error[0] == pytest.approx(fit.standard_error[1])

    def test_all_draws_leave_everyone_equal(self):
        fit = bradley_terry([0, 1, 2], [1, 2, 0], [0.5, 0.5, 0.5], prior_sd=None)
        assert fit.theta == pytest.approx(np.zeros(3), abs=1e-12)
        assert fit.win_probability(0, 1).first == pytest.approx(0.5)

    def test_who_never_played_has_no_error(self):
        fit = bradley_terry([0], [1], [1.0], n_competitors=4)
        assert fit.theta[2:].tolist() == [0.0, 0.0]
        assert np.isnan(fit.standard_error).tolist() == [False, False, True, True]

    @pytest.mark.parametrize("prior_sd", [2.0, None])
    def test_no_matches_at_all(self, prior_sd):
        fit = bradley_terry([], [], [], n_competitors=2, prior_sd=prior_sd)
        assert fit.theta.tolist() == [0.0, 0.0]
        assert fit.certificate.status == "converged"

    def test_a_long_chain_keeps_its_length(self):
        first = np.arange(59)
        fit = bradley_terry(np.tile(first, 2), np.tile(first + 1, 2), np.repeat([1.0, 0.0], 59), weight=np.repeat([7.0, 3.0], 59), prior_sd=None)
        assert fit.theta[0] - fit.theta[-1] == pytest.approx(59 * np.log(7 / 3))
        assert fit.difference(0, 59).standard_error == pytest.approx(np.sqrt(59 / (10 * 0.21)))

    def test_a_side_that_always_wins_is_refused_by_name(self):
        with pytest.raises(MaximumLikelihoodDoesNotExist, match="do not determine side") as refused:
            bradley_terry([0, 1], [1, 0], [1.0, 1.0], side=[1, 1], weight=[3, 2])
        assert refused.value.column == "side"
        assert 0.0 < bradley_terry([0, 1], [1, 0], [1.0, 1.0], side=[1, 1], coefficient_prior_sd=2.0).side_advantage < 3.0

    def test_a_covariate_that_strengths_can_replace_is_refused_by_name(self):
        columns = _season()
        column = (columns["first"] == 3).astype(float) - (columns["second"] == 3)
        with pytest.raises(MaximumLikelihoodDoesNotExist, match=r"covariates\[:, 0\]"):
            bradley_terry(**columns, covariates=column[:, None], prior_sd=None)

    def test_davidson_without_a_draw_has_no_tie_parameter(self):
        fit = bradley_terry(**_season(), draws="davidson")
        assert fit.tie_parameter == 0.0
        assert fit.theta.tolist() == bradley_terry(**_season()).theta.tolist()
        assert fit.win_probability(0, 1).draw == 0.0

    def test_davidson_of_draws_alone_is_refused(self):
        with pytest.raises(MaximumLikelihoodDoesNotExist, match="tie_parameter"):
            bradley_terry([0, 1], [1, 0], [0.5, 0.5], draws="davidson")

    def test_davidson_probabilities_share_one(self):
        fit = bradley_terry(**_season(draws=True, sides=True), draws="davidson")
        probability = fit.win_probability(0, 1, side=1.0)
        assert probability.first + probability.draw + probability.second == pytest.approx(1.0)
        assert probability.lower < probability.first < probability.upper
        assert fit.log_tie_parameter_standard_error > 0.0
        assert probability.first > fit.win_probability(0, 1).first

    def test_two_equals_under_davidson(self):
        fit = bradley_terry([0, 0, 0], [1, 1, 1], [1.0, 0.5, 0.0], weight=[30, 40, 30], draws="davidson", prior_sd=None)
        assert fit.tie_parameter == pytest.approx(40 / 30)
        assert fit.theta == pytest.approx([0.0, 0.0], abs=1e-12)

    def test_a_probability_carries_the_uncertainty_of_the_fit(self):
        fit = bradley_terry([0], [1], [1.0], weight=[6])
        plain = 1 / (1 + np.exp(-fit.difference(0, 1).estimate))
        assert 0.5 < fit.win_probability(0, 1).first < plain

    def test_the_sides_of_a_probability_mirror(self):
        fit = bradley_terry(**_season(sides=True))
        one, other = fit.win_probability(2, 7, side=1.0), fit.win_probability(7, 2, side=-1.0)
        assert (one.first, one.lower) == pytest.approx((other.second, 1.0 - other.upper))


def test_large_leagues_have_estimated_errors_and_exact_differences(monkeypatch):
    columns = _season(n=8_000, competitors=400)
    exact = bradley_terry(**columns)
    assert not exact.approximate
    expected = exact.standard_error, exact.difference(3, 9)
    monkeypatch.setattr(inference, "DENSE_LIMIT", 100)
    estimate = bradley_terry(**columns)
    assert estimate.approximate
    assert estimate.standard_error == pytest.approx(expected[0], rel=0.02)
    assert estimate.difference(3, 9)[:2] == pytest.approx(expected[1][:2], rel=1e-8)
    assert 0.0 < estimate.standard_error_accuracy < 0.02


def test_intervals_cover_at_their_level():
    rng = np.random.default_rng(9)
    covered = []
    for _ in range(40):
        theta = rng.normal(0.0, 0.7, 20)
        first = rng.integers(0, 20, 400)
        second = (first + rng.integers(1, 20, 400)) % 20
        score = (rng.random(400) < 1 / (1 + np.exp(theta[second] - theta[first]))).astype(float)
        fit = bradley_terry(first, second, score)
        gap = (fit.theta[:, None] - fit.theta) - (theta[:, None] - theta)
        error = np.sqrt(fit.uncertainty.difference_variances())
        covered.append((np.abs(gap) <= 1.96 * error)[np.triu_indices(20, 1)])
    assert 0.93 <= np.mean(covered) <= 0.97


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"draws": "none"}, "draws must be one of half, davidson"),
        ({"covariance": "hc3"}, "covariance must be one of"),
        ({"solver": "magic"}, "solver must be one of"),
        ({"prior_sd": 0.0}, "prior_sd must be a positive number"),
        ({"coefficient_prior_sd": -1.0}, "coefficient_prior_sd must be"),
        ({"draws": "davidson", "score": [0.3]}, "score must be 0, ½ or 1"),
        ({"covariates": [1.0]}, "covariates must have 2 dimensions"),
        ({"importance": [-1.0]}, "importance must not be negative"),
        ({"score": [2.0]}, "score must lie"),
    ],
)
def test_what_cannot_be_fitted_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        bradley_terry(**({"first": [0], "second": [1], "score": [1.0]} | arguments))


@pytest.mark.parametrize("nobody", [-1, -12, 12])
@pytest.mark.parametrize(
    "ask",
    [
        lambda fit, nobody: fit.difference(nobody, 3),
        lambda fit, nobody: fit.difference(3, nobody),
        lambda fit, nobody: fit.win_probability(nobody, 3),
        lambda fit, nobody: fit.win_probability(3, nobody),
        lambda fit, nobody: fit.win_matrix([0, nobody]),
        lambda fit, nobody: fit.rating_interval(nobody),
    ],
    ids=["difference, first", "difference, second", "win probability, first", "win probability, second", "win matrix", "rating interval"],
)
def test_who_is_nobody_is_refused_by_number(ask, nobody):
    with pytest.raises(ValueError, match=rf"competitor {nobody} is not one of the 12 "):
        ask(bradley_terry(**_season()), nobody)


def test_superiority_is_the_normal_probability_and_nothing_where_nothing_compares():
    fit = bradley_terry([0, 0, 0, 2], [1, 1, 1, 3], [1.0, 1.0, 0.0, 1.0])
    difference = fit.difference(0, 1)
    assert difference.superiority == pytest.approx(norm.cdf(difference.estimate / difference.standard_error))
    assert fit.difference(1, 0).superiority == pytest.approx(1.0 - difference.superiority)
    assert fit.difference(2, 3).superiority > 0.5
    assert np.isnan([fit.difference(0, 2).superiority, fit.difference(0, 0).superiority]).all()


def test_intervals_of_side_ties_and_coefficients_cover_what_made_the_data():
    rng, side_in, tie_in, slope_in, covered = np.random.default_rng(8), 0.4, 0.6, -0.5, np.zeros(3)
    for _ in range(100):
        first = rng.integers(0, 5, 400)
        second = (first + rng.integers(1, 5, 400)) % 5
        theta, side, x = rng.normal(0.0, 0.5, 5), rng.choice([-1.0, 0.0, 1.0], 400), rng.standard_normal((400, 1))
        half = 0.5 * (theta[first] - theta[second] + side_in * side + slope_in * x[:, 0])
        odds = np.stack([np.exp(half), np.full(400, tie_in), np.exp(-half)])
        drawn = rng.random(400) * odds.sum(axis=0)
        score = np.where(drawn < odds[0], 1.0, np.where(drawn < odds[0] + odds[1], 0.5, 0.0))
        fit = bradley_terry(first, second, score, draws="davidson", side=side, covariates=x)
        intervals = [fit.side_advantage_interval, fit.tie_parameter_interval, fit.coefficient_intervals[0]]
        covered += [lower <= truth <= upper for (lower, upper), truth in zip(intervals, (side_in, tie_in, slope_in), strict=True)]
    assert (covered >= 88).all()
    assert (covered <= 100).all()


def test_intervals_of_what_was_not_fitted_are_nothing():
    fit = bradley_terry([0, 1], [1, 0], [1.0, 1.0])
    assert np.isnan([fit.side_advantage_interval, fit.tie_parameter_interval]).all()
    assert fit.coefficient_intervals.shape == (0, 2)


@pytest.mark.parametrize("games", [1, 20, 700, 1000, 2000, 3000, 10**6])
@pytest.mark.parametrize("losses", [0, 1])
def test_a_record_that_is_all_but_perfect_converges(games, losses):
    """F is then a small difference of large terms; its rounding must not pass for a step that leads uphill."""
    fit = bradley_terry([0] * 2, [1] * 2, [1.0, 0.0], weight=[float(games), float(losses)])
    rows = bradley_terry([0] * min(games, 3000), [1] * min(games, 3000), [1.0] * min(games, 3000))
    assert fit.certificate.status == rows.certificate.status == "converged"


RICH = {**_season(draws=True, sides=True), "covariates": np.random.default_rng(8).standard_normal((600, 2))}


class TestProfileIntervals:
    @pytest.mark.parametrize("solver", ["cholesky", "krylov"])
    @pytest.mark.parametrize("prior_sd", [2.0, None])
    def test_with_many_matches_they_are_walds(self, solver, prior_sd):
        fit = bradley_terry(**RICH, draws="davidson", prior_sd=prior_sd, solver=solver)
        walds = {"side": fit.side_advantage_interval, "covariates[:, 1]": fit.coefficient_intervals[1], "tie_parameter": fit.tie_parameter_interval}
        for column, wald in walds.items():
            assert fit.profile_interval(column) == pytest.approx(tuple(wald), abs=0.01)

    def test_with_few_they_lean_to_where_the_likelihood_is_flat(self):
        fit = bradley_terry([0, 1, 1], [1, 0, 0], [1.0, 1.0, 0.0], side=[1, 1, 1], weight=[5, 4, 1])
        lower, upper = fit.profile_interval("side")
        assert upper - fit.side_advantage != pytest.approx(fit.side_advantage - lower, rel=0.05)

    def test_that_of_the_tie_parameter_is_that_of_its_logarithm(self):
        fit = bradley_terry([0, 0, 0], [1, 1, 1], [1.0, 0.5, 0.0], weight=[30, 40, 30], draws="davidson", prior_sd=None)
        lower, upper = fit.profile_interval("tie_parameter")
        low, best, high = (80 * np.log(nu) - 200 * np.log(2 + nu) for nu in (lower, 4 / 3, upper))
        assert (best - low, best - high) == pytest.approx((3.8415, 3.8415), abs=1e-3)

    def test_what_has_none_says_why(self):
        half, plain = bradley_terry(**RICH), bradley_terry(**_season())
        with pytest.raises(ValueError, match="has no profile interval"):
            half.profile_interval("side")
        with pytest.raises(ValueError, match="must be one of none, for none was fitted, not 'side'"):
            plain.profile_interval("side")
        with pytest.raises(ValueError, match=r"must be one of side, covariates\[:, 0\]"):
            half.profile_interval("tie_parameter")

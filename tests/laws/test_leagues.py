"""What every batch fit obeys, over all systems: repetition, renaming, mirroring, order, the gauge, and the score equations."""

import numpy as np
import pytest
from scipy.special import expit

from app.ratings.fitted import NORMAL_95
from app.ratings.ranking import rank_fit
from app.ratings.resampling import bootstrap
from tests.laws.leagues import (
    ALONE,
    COEFFICIENT_PRIOR_SD,
    PRIOR_SD,
    ROWS,
    N,
    chosen,
    every_estimate,
    every_system,
    expectations,
    fitted,
    formula,
    rearranged,
)


def _everything(fit):
    """All that a fit says, by name; competitors' figures by competitor."""
    differences = np.array([fit.difference(i, j)[:2] for i, j in [(0, 1), (2, 7), (8, 12)]])
    chances = np.array([fit.win_probability(i, j, side=1.0)[:5] for i, j in [(0, 1), (2, 7), (8, 12)]])
    return {
        "side": np.array([fit.side_advantage or 0.0, fit.side_advantage_standard_error]),
        "ties": np.array([fit.tie_parameter or 0.0, fit.log_tie_parameter_standard_error]),
        "coefficients": fit.coefficients,
        "errors of coefficients": fit.coefficient_standard_errors,
        "differences": differences,
        "chances": chances,
        "likelihood": np.array([fit.certificate.log_likelihood / 1e3]),
        "condition": np.log(fit.certificate.condition),
    }


def _same(one, other, number=None):
    """`number` is what competitors of `one` are called in `other`."""
    number = np.arange(N) if number is None else number
    assert other.theta[number] == pytest.approx(one.theta, abs=1e-8)
    assert other.standard_error[number] == pytest.approx(one.standard_error, abs=1e-8, nan_ok=True)
    assert other.components[number].tolist() == one.components.tolist()
    assert rank_fit(other).rank_low[number].tolist() == rank_fit(one).rank_low.tolist()


@every_system
def test_a_frequency_is_repetition(columns, options):
    given = chosen(columns)
    counts = np.random.default_rng(2).integers(0, 4, ROWS)
    weighted, repeated = fitted(given, options, weight=counts), fitted(rearranged(given, lambda column: np.repeat(column, counts, axis=0)), options)
    _same(weighted, repeated)
    for name, value in _everything(weighted).items():
        assert _everything(repeated)[name] == pytest.approx(value, abs=1e-8, nan_ok=True), name


@every_estimate
def test_a_frequency_is_repetition_in_the_bootstrap(columns, options):
    given = chosen(columns)
    counts = np.random.default_rng(2).integers(0, 4, ROWS)
    weighted = bootstrap(**given, n_competitors=N, **options, weight=counts, replicates=4)
    repeated = bootstrap(**rearranged(given, lambda column: np.repeat(column, counts, axis=0)), n_competitors=N, **options, replicates=4)
    assert np.array_equal(weighted.theta, repeated.theta, equal_nan=True)
    assert np.array_equal(weighted.coefficients, repeated.coefficients, equal_nan=True)
    assert weighted.reason == repeated.reason


@every_system
def test_other_numbers_for_the_same_competitors_change_nothing(columns, options):
    given, number = chosen(columns), np.random.default_rng(3).permutation(N)
    renamed = given | {"first": number[given["first"]], "second": number[given["second"]]}
    _same(fitted(given, options), fitted(renamed, options), number)


@every_system
def test_seen_from_the_other_side_everything_is_the_same(columns, options):
    given = chosen(columns)
    mirrored = {name: -given[name] for name in columns} | {"first": given["second"], "second": given["first"], "score": 1.0 - given["score"]}
    one, other = fitted(given, options), fitted(mirrored, options)
    _same(one, other)
    for name, value in _everything(one).items():
        assert _everything(other)[name] == pytest.approx(value, abs=1e-8, nan_ok=True), name


@every_system
def test_the_order_of_matches_changes_no_bit(columns, options):
    given, order = chosen(columns), np.random.default_rng(4).permutation(ROWS)
    one, other = fitted(given, options), fitted(rearranged(given, lambda column: column[order]), options)
    assert one.theta.tobytes() == other.theta.tobytes()
    assert one.standard_error.tobytes() == other.standard_error.tobytes()
    for name, value in _everything(one).items():
        assert np.array_equal(_everything(other)[name], value, equal_nan=True), name


@every_estimate
def test_strengths_sum_to_zero_in_every_component(columns, options):
    fit = fitted(chosen(columns), options)
    assert np.bincount(fit.components).tolist() == [8, 5, 1]
    assert np.bincount(fit.components, fit.theta) == pytest.approx(np.zeros(3), abs=1e-12)
    assert fit.theta[ALONE] == 0.0
    assert np.isnan(fit.standard_error[ALONE])


@every_estimate
def test_actual_and_expected_figures_differ_by_what_the_prior_holds_back(columns, options):
    """Σ c(y − p) over a competitor's matches is λθ; over the side, covariates and draws it is λ times their coefficient."""
    given, counts = chosen(columns), np.random.default_rng(5).integers(1, 4, ROWS)
    fit = fitted(given, options, weight=counts)
    expected, draw = expectations(fit, given)
    surprise = counts * (given["score"] - expected)
    by_competitor = np.bincount(given["first"], surprise, N) - np.bincount(given["second"], surprise, N)
    held, coefficient_held = (0.0, 0.0) if options["prior_sd"] is None else (PRIOR_SD**-2.0, COEFFICIENT_PRIOR_SD**-2.0)
    assert by_competitor == pytest.approx(held * fit.theta, abs=1e-8)
    if "side" in columns:
        assert surprise @ given["side"] == pytest.approx(coefficient_held * fit.side_advantage, abs=1e-7)
    if "covariates" in columns:
        assert surprise @ given["covariates"] == pytest.approx(coefficient_held * fit.coefficients, abs=1e-7)
    if options["draws"] == "davidson":
        assert counts @ ((given["score"] == 0.5) - draw) == pytest.approx(coefficient_held * np.log(fit.tie_parameter), abs=1e-7)


@every_system
def test_standard_errors_are_those_of_the_formula_over_single_matches(columns, options):
    """Everyone here has many games, so that `auto` is model-based for Davidson and robust for half-wins."""
    given, counts = chosen(columns), np.random.default_rng(6).integers(1, 4, ROWS).astype(float)
    fit = fitted(given, options, weight=counts)
    right = "model" if options["draws"] == "davidson" else "robust"
    V = formula(fit, given, options | ({"covariance": right} if options["covariance"] == "auto" else {}), counts)
    own = np.sqrt(np.diag(V))
    assert fit.standard_error[:ALONE] == pytest.approx(own[:ALONE], rel=1e-7)
    assert fit.difference(1, 6).standard_error == pytest.approx(np.sqrt(V[1, 1] + V[6, 6] - 2.0 * V[1, 6]), rel=1e-7)
    island = np.arange(8)
    differences = np.diag(V)[:8, None] + np.diag(V)[:8] - 2.0 * V[:8, :8]
    assert fit.uncertainty.difference_variances()[np.ix_(island, island)] == pytest.approx(differences, rel=1e-7, abs=1e-12)
    beside = [fit.side_advantage_standard_error, *fit.coefficient_standard_errors, fit.log_tie_parameter_standard_error]
    assert [error for error in beside if not np.isnan(error)] == pytest.approx(own[N:].tolist(), rel=1e-7)


def _log_odds(coefficients, options, columns, i, j):
    """Of a win of i at home against j, from strengths, side advantage, covariates (none here) and ln ν, as one vector."""
    d = coefficients[i] - coefficients[j] + (coefficients[N] if "side" in columns else 0.0)
    if options["draws"] == "half":
        return d
    return 0.5 * d - np.logaddexp(coefficients[-1], -0.5 * d)


@every_system
def test_the_interval_of_a_probability_is_formed_on_its_log_odds(columns, options):
    given = chosen(columns)
    fit = fitted(given, options)
    right = "model" if options["draws"] == "davidson" else "robust"
    V = formula(fit, given, options | ({"covariance": right} if options["covariance"] == "auto" else {}), np.ones(ROWS))
    side = [fit.side_advantage] if "side" in columns else []
    ties = [np.log(fit.tie_parameter)] if options["draws"] == "davidson" else []
    best = np.concatenate([fit.theta, side, fit.coefficients, ties])
    of = lambda at: _log_odds(at, options, columns, 1, 6)  # noqa: E731 - a function of one argument
    slope = np.array([(of(best + unit) - of(best - unit)) / 2e-6 for unit in 1e-6 * np.eye(len(best))])
    margin = NORMAL_95 * np.sqrt(slope @ V @ slope)
    shown = fit.win_probability(1, 6, side=1.0)
    assert (shown.lower, shown.upper) == pytest.approx((expit(of(best) - margin), expit(of(best) + margin)), abs=1e-7)
    assert shown.lower < shown.first < shown.upper


@every_estimate
def test_matches_as_expected_give_back_what_made_them(columns, options):
    """Every match is played in each of its outcomes, as often as is likely."""
    if options["prior_sd"] is not None:
        options = options | {"prior_sd": 1e5, "coefficient_prior_sd": 1e5}
    given = chosen(columns)
    made = fitted(given, {"draws": options["draws"], "prior_sd": 1.0, "coefficient_prior_sd": 1.0})
    expected, draw = expectations(made, given)
    won = expected - 0.5 * draw
    every = rearranged(given, lambda column: np.concatenate([column] * 3))
    every["score"] = np.repeat([1.0, 0.5, 0.0], ROWS)
    found = fitted(every, options, weight=np.concatenate([won, draw, 1.0 - won - draw]))
    assert found.theta == pytest.approx(made.theta, abs=1e-7)
    assert (found.side_advantage or 0.0, found.tie_parameter or 0.0) == pytest.approx(
        (made.side_advantage or 0.0, made.tie_parameter or 0.0), abs=1e-7
    )
    assert found.coefficients == pytest.approx(made.coefficients, abs=1e-7)

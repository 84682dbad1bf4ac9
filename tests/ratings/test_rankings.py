"""Plackett–Luce: the fit of rankings, its laws, its oracles, and what it refuses."""

import choix
import numpy as np
import pytest
from choix.opt import Top1Fcts

from app.ratings import MaximumLikelihoodDoesNotExist, bradley_terry, plackett_luce, rankings

COMPETITORS = 9


def _draw(rng, theta, length):
    """One ranking: strengths with Gumbel noise, sorted."""
    who = rng.choice(len(theta), length, replace=False)
    return who[np.argsort(-(theta[who] + rng.gumbel(size=length)))].tolist()


def _season(seed=1, n=80, lengths=(2, 7), competitors=COMPETITORS):
    rng = np.random.default_rng(seed)
    theta = rng.normal(0.0, 0.8, competitors)
    return [_draw(rng, theta, int(rng.integers(*lengths))) for _ in range(n)]


either_prior = pytest.mark.parametrize("prior_sd", [None, 2.0, 0.5])


@either_prior
def test_the_strengths_are_those_of_choix(prior_sd):
    season = _season()
    # choix has its penalty without the half, so that its alpha is half of our precision.
    oracle = choix.opt_rankings(COMPETITORS, season, alpha=0.0 if prior_sd is None else 0.5 / prior_sd**2, tol=1e-10)
    assert plackett_luce(season, prior_sd=prior_sd).theta == pytest.approx(oracle - oracle.mean(), abs=1e-8)


def test_the_strengths_are_those_of_iterated_spectral_ranking():
    season = _season()
    oracle = choix.ilsr_rankings(COMPETITORS, season, alpha=0.0, tol=1e-12)
    assert plackett_luce(season, prior_sd=None).theta == pytest.approx(oracle - oracle.mean(), abs=1e-8)


@either_prior
def test_standard_errors_are_the_inverse_of_the_information_written_out(prior_sd):
    season = _season()
    fit = plackett_luce(season, prior_sd=prior_sd)
    precision = 0.0 if prior_sd is None else 1.0 / prior_sd**2
    inverse = np.linalg.pinv(Top1Fcts.from_rankings(season, 0.5 * precision).hessian(fit.theta))
    centring = np.eye(COMPETITORS) - 1.0 / COMPETITORS
    covariance = centring @ inverse @ centring
    assert fit.standard_error == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-9)
    spread = covariance[0, 0] + covariance[1, 1] - 2.0 * covariance[0, 1]
    assert fit.difference(0, 1)[:2] == pytest.approx((fit.theta[0] - fit.theta[1], np.sqrt(spread)), rel=1e-9)


@either_prior
def test_rankings_of_two_are_bradley_terry(prior_sd):
    pairs = np.array([ranking[:2] for ranking in _season(n=250)])
    weight = np.random.default_rng(2).uniform(0.5, 2.0, len(pairs))
    ours = plackett_luce(pairs, weight, prior_sd=prior_sd)
    theirs = bradley_terry(pairs[:, 0], pairs[:, 1], np.ones(len(pairs)), weight, prior_sd=prior_sd)
    for name in ("theta", "standard_error", "rating", "components", "classes"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-10), name
    for name in ("status", "gradient_norm", "shrinkage", "log_likelihood", "pairs", "components", "classes", "condition"):
        assert getattr(ours.certificate, name) == pytest.approx(getattr(theirs.certificate, name), abs=1e-9), name
    assert ours.win_probability(0, 1)[:5] == pytest.approx(theirs.win_probability(0, 1)[:5], abs=1e-10, nan_ok=True)


def _same(one, other, tolerance=1e-9):
    assert other.theta == pytest.approx(one.theta, abs=tolerance)
    assert other.standard_error == pytest.approx(one.standard_error, abs=tolerance)
    assert other.certificate.log_likelihood == pytest.approx(one.certificate.log_likelihood)


@either_prior
def test_weight_is_repetition(prior_sd):
    season = _season()
    counts = np.random.default_rng(3).integers(0, 4, len(season))
    repeated = [ranking for ranking, count in zip(season, counts, strict=True) for _ in range(count)]
    _same(plackett_luce(season, counts, prior_sd=prior_sd), plackett_luce(repeated, prior_sd=prior_sd))


@either_prior
def test_other_numbers_for_the_same_competitors_change_nothing(prior_sd):
    season, number = _season(), np.random.default_rng(4).permutation(COMPETITORS)
    fit, renumbered = plackett_luce(season, prior_sd=prior_sd), plackett_luce([number[ranking] for ranking in season], prior_sd=prior_sd)
    assert renumbered.theta[number] == pytest.approx(fit.theta, abs=1e-9)
    assert renumbered.standard_error[number] == pytest.approx(fit.standard_error, abs=1e-9)


@either_prior
def test_the_order_of_rankings_changes_no_bit(prior_sd):
    season, rng = _season() * 4, np.random.default_rng(5)
    weight, order = rng.uniform(0.5, 2.0, len(season)), rng.permutation(len(season))
    one = plackett_luce(season, weight, prior_sd=prior_sd)
    other = plackett_luce([season[row] for row in order], weight[order], prior_sd=prior_sd)
    assert one.theta.tobytes() == other.theta.tobytes()
    assert one.standard_error.tobytes() == other.standard_error.tobytes()


@either_prior
def test_both_solvers_reach_the_same_maximum(prior_sd, monkeypatch):
    season = _season()
    dense = plackett_luce(season, prior_sd=prior_sd)
    monkeypatch.setattr(rankings, "CHOLESKY_LIMIT", 0)
    _same(dense, plackett_luce(season, prior_sd=prior_sd), 1e-8)


@either_prior
@pytest.mark.parametrize("lengths", [(2, 3), (2, 7), (60, 61)])
def test_strengths_sum_to_zero_and_the_certificate_holds(prior_sd, lengths):
    fit = plackett_luce(_season(lengths=lengths, competitors=60), prior_sd=prior_sd or 10.0)
    assert fit.theta.sum() == pytest.approx(0.0, abs=1e-12)
    assert fit.certificate.status == "converged"
    assert fit.certificate.score_residual <= 1e-9
    assert fit.certificate.condition >= 1.0


def test_shares_in_proportion_to_chances_give_back_the_strengths():
    theta = np.array([0.9, -0.3, -0.6])
    odds = np.exp(theta)
    orders = [(i, j, 3 - i - j) for i in range(3) for j in range(3) if i != j]
    chances = [odds[i] / odds.sum() * odds[j] / (odds.sum() - odds[i]) for i, j, _ in orders]
    assert plackett_luce(orders, chances, prior_sd=None).theta == pytest.approx(theta, abs=1e-9)


def test_long_rankings_beside_short_ones():
    rng = np.random.default_rng(8)
    theta = rng.normal(0.0, 1.0, 300)
    season = [_draw(rng, theta, 300) for _ in range(3)] + [_draw(rng, theta, 2) for _ in range(500)]
    fit = plackett_luce(season)
    assert fit.certificate.status == "converged"
    assert np.corrcoef(fit.theta, theta)[0, 1] > 0.75


def test_strengths_far_apart_stay_finite():
    fit = plackett_luce([[0, 1, 2, 3]], [1e6], prior_sd=200.0)
    assert fit.certificate.status == "converged"
    assert np.all(np.diff(fit.theta) < -5.0)
    assert np.isfinite(fit.standard_error).all()


def test_many_competitors_go_through_conjugate_gradients():
    fit = plackett_luce(_season(n=2000, lengths=(5, 9), competitors=2_200))
    assert fit.certificate.status == "converged"
    assert max(row.inner_iterations for row in fit.certificate.trace) > 0
    assert fit.certificate.score_residual < 1e-9


def test_who_is_joined_and_who_can_be_compared():
    fit = plackett_luce([[0, 1, 2], [2, 1], [4, 5], [7]], n_competitors=8)
    assert fit.components.tolist() == [0, 0, 0, 2, 1, 1, 3, 4]
    assert [fit.difference(*pair).comparable for pair in [(1, 2), (0, 2), (0, 4)]] == ["yes", "ordered-only", "no"]
    assert np.isnan(fit.standard_error).tolist() == [False, False, False, True, False, False, True, True]


@pytest.mark.parametrize("season", [[[0, 1, 2]], [[0, 1, 2], [0, 2, 1]], [[0, 1, 2, 3], [3, 2], [1, 0, 2]], [[0, 1], [2, 3, 2 + 2], [3, 4, 2]]])
def test_without_a_prior_everyone_must_be_placed_above_everyone(season):
    with pytest.raises(MaximumLikelihoodDoesNotExist, match="all rankings agree"):
        plackett_luce(season, prior_sd=None)
    assert plackett_luce(season).certificate.status == "converged"


def test_the_last_placed_above_the_first_once_is_enough():
    assert plackett_luce([[0, 1, 2, 3], [3, 0]], prior_sd=None).certificate.status == "converged"


def test_a_ranking_that_counts_nothing_does_not_join():
    with pytest.raises(MaximumLikelihoodDoesNotExist):
        plackett_luce([[0, 1, 2], [2, 0]], [1.0, 0.0], prior_sd=None)


@pytest.mark.parametrize("season", [[], np.zeros((0, 3), dtype=int), [[]], [[0]]])
def test_nothing_to_learn_is_a_fit_too(season):
    fit = plackett_luce(season)
    assert fit.certificate.status == "converged"
    assert fit.theta.tolist() == [0.0] * len(fit.theta)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0, 1], [0, [1, 2]]],), r"draws, as shared places, are not supported \(row 1\)"),
        (([[[0], [1]]],), "draws, as shared places, are not supported"),
        (([[0, 1], [2, 1, 2]],), r"rankings must not name a competitor twice \(row 1\)"),
        (([[0.5, 1.0]],), "rankings must hold sequences of integers"),
        (([[0, -1]],), "rankings must hold sequences of integers"),
        (([0, 1],), "rankings must hold sequences of integers"),
        (([["a", "b"]],), "rankings must hold sequences of integers"),
        (([[0, 1]], [1.0, 1.0]), r"weight must have shape \(1,\)"),
        (([[0, 1]], [-1.0]), "weight must be finite and not negative"),
        (([[0, 1]], [np.nan]), "weight must be finite and not negative"),
        (([[0, 1]], None, 1), "n_competitors is 1, but competitor 1 has a ranking"),
        (([[0, 1]], None, None, 0.0), "prior_sd must be a positive number or None"),
    ],
)
def test_what_cannot_be_fitted_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        plackett_luce(*arguments)

"""Ranks and their intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from app.core import inference
from app.ratings import bradley_terry
from app.ratings.ranking import rank_fit, rank_intervals, rank_upper_bounds, ranks, top_probabilities


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2)), min_size=1, max_size=12))
def test_a_rank_counts_who_is_better_in_the_component(rows):
    values, components = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    expected = [1 + sum(other == own and value > mine for value, other in rows) for mine, own in rows]
    assert ranks(values, components).tolist() == expected
    assert rank_upper_bounds(values - 1.0, values + 1.0, components).tolist() == [
        1 + sum(other == own and value - 1.0 > mine + 1.0 for value, other in rows) for mine, own in rows
    ]


def test_values_within_the_resolution_share_a_rank():
    assert ranks(np.array([1.0, 1.0 + 1e-12, 0.5]), np.zeros(3, dtype=int), 1e-9).tolist() == [1, 1, 3]


def _holm(z, comparable, level=0.95):
    """Word for word: the largest statistic against all tests, the next against one fewer, until one fails."""
    tests = sorted((j for j in range(len(z)) if comparable[j]), key=lambda j: -abs(z[j]))
    significant = []
    for step, j in enumerate(tests):
        if 2 * norm.sf(abs(z[j])) >= (1 - level) / (len(tests) - step):
            break
        significant.append(j)
    return significant


@given(st.integers(0, 10_000), st.integers(2, 9))
def test_intervals_are_holms_procedure(seed, n):
    rng = np.random.default_rng(seed)
    theta, components = rng.normal(0.0, 2.0, n), rng.integers(0, 2, n)
    root = rng.standard_normal((n, n))
    V = 0.3 * root @ root.T
    variances = V.diagonal()[:, None] + V.diagonal() - 2 * V
    comparable = rng.random((n, n)) < 0.8
    comparable |= comparable.T
    low, high = rank_intervals(theta, variances, components, comparable)
    for i in range(n):
        tested = [bool(comparable[i, j]) and j != i and components[i] == components[j] for j in range(n)]
        z = [(theta[j] - theta[i]) / np.sqrt(variances[i, j]) if tested[j] else 0.0 for j in range(n)]
        significant = _holm(z, tested)
        assert low[i] == 1 + sum(z[j] > 0 for j in significant)
        assert high[i] == np.sum(components == components[i]) - sum(z[j] < 0 for j in significant)


def test_everyone_is_inside_their_interval_and_strangers_are_undecided():
    rng = np.random.default_rng(3)
    first = rng.integers(0, 10, 2_000)
    second = (first + rng.integers(1, 10, 2_000)) % 10
    score = (rng.random(2_000) < 1 / (1 + np.exp(0.5 * (first - second)))).astype(float)
    got = rank_fit(bradley_terry([*first, 10], [*second, 11], [*score, 1.0]))
    assert np.all((got.rank_low <= got.rank) & (got.rank <= got.rank_high))
    assert got.rank[:10].tolist() == list(range(1, 11))
    assert np.max(got.rank_high[:10] - got.rank_low[:10]) < 9
    assert (got.rank[10:].tolist(), got.rank_low[10:].tolist(), got.rank_high[10:].tolist()) == ([1, 2], [1, 1], [2, 2])
    assert np.all(got.rank_ub <= got.rank)


def test_two_winners_who_never_met_stay_undecided():
    fit = bradley_terry([0, 1], [2, 2], [1.0, 1.0], weight=[500, 2])
    got = rank_fit(fit)
    assert fit.structure.comparable(0, 1) == "no"
    assert (got.rank_low[0], got.rank_low[1]) == (1, 1)


def test_large_leagues_have_the_marginal_bound_alone(monkeypatch):
    monkeypatch.setattr(inference, "DENSE_LIMIT", 5)
    rng = np.random.default_rng(4)
    first = rng.integers(0, 40, 600)
    got = rank_fit(bradley_terry(first, (first + rng.integers(1, 40, 600)) % 40, rng.integers(0, 2, 600).astype(float)))
    assert got.rank_low is None
    assert got.rank_high is None
    assert got.rank_ub.min() == 1


@pytest.mark.parametrize("prior_sd", [2.0, None])
def test_nobody_has_no_rank(prior_sd):
    assert rank_fit(bradley_terry([], [], [], prior_sd=prior_sd)).rank.tolist() == []


def _league(theta, games, seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(theta), games)
    second = (first + rng.integers(1, len(theta), games)) % len(theta)
    return first, second, (rng.random(games) < 1.0 / (1.0 + np.exp(theta[second] - theta[first]))).astype(float)


def test_of_two_the_probability_of_being_first_is_that_of_superiority():
    fit = bradley_terry([0, 0, 0, 2, 2], [1, 1, 1, 3, 3], [1.0, 1.0, 0.0, 1.0, 0.0], n_competitors=5)
    top = top_probabilities(fit, draws=200_000)
    assert top[0] == pytest.approx(fit.difference(0, 1).superiority, abs=0.005)
    assert top[[0, 2]] + top[[1, 3]] == pytest.approx([1.0, 1.0])
    assert (top[2], top[4]) == (pytest.approx(0.5, abs=0.005), 1.0)


@pytest.mark.parametrize("options", [{}, {"prior_sd": None}, {"covariance": "robust"}])
def test_the_probability_of_being_first_against_draws_from_the_whole_covariance(options):
    fit = bradley_terry(*_league(np.linspace(-0.3, 0.3, 6), 300, seed=2), **options)
    strengths = np.random.default_rng(1).multivariate_normal(fit.theta, fit.uncertainty.joint(range(6)), 100_000)
    expected = np.bincount(np.argmax(strengths, axis=1), minlength=6) / 100_000
    assert top_probabilities(fit, draws=50_000) == pytest.approx(expected, abs=0.01)


def test_the_same_seed_gives_the_same_and_nobody_negligible_is_drawn():
    fit = bradley_terry(*_league(np.array([3.0, 3.0, -3.0]), 3_000, seed=3))
    top = top_probabilities(fit)
    assert top.tobytes() == top_probabilities(fit).tobytes()
    assert top[2] == 0.0
    assert top.sum() == pytest.approx(1.0)


def test_those_called_first_are_first_as_often_as_said():
    """Strengths drawn from the prior of the fit, so that its probabilities are those of Bayes."""
    said, were = [], []
    for seed in range(250):
        theta = np.random.default_rng(seed).normal(0.0, 0.5, 5)
        top = top_probabilities(bradley_terry(*_league(theta, 60, seed + 1_000), prior_sd=0.5, n_competitors=5), draws=1_000)
        said.extend(top)
        were.extend(np.arange(5) == np.argmax(theta))
    said, were = np.array(said), np.array(were)
    for lower, upper in [(0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.01)]:
        band = (said >= lower) & (said < upper)
        assert were[band].mean() == pytest.approx(said[band].mean(), abs=4.0 * 0.5 / np.sqrt(band.sum()))


def test_above_the_dense_limit_nobody_is_called_first(monkeypatch):
    monkeypatch.setattr(inference, "DENSE_LIMIT", 2)
    assert top_probabilities(bradley_terry([0, 1, 2], [1, 2, 0], [1.0, 1.0, 1.0])) is None


def test_without_competitors_there_is_nobody_to_be_first():
    assert top_probabilities(bradley_terry([], [], [], n_competitors=0)).tolist() == []

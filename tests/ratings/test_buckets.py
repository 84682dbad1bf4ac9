"""Collapsing keeps everything that a fit reads, whatever the order of the matches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ratings import buckets as buckets_module
from app.ratings.buckets import collapse, outcomes
from app.ratings.comparisons import check_comparisons


def _games(seed=1, n=400, competitors=9, *, soft=False, weighted=False, side=True, covariates=False):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, competitors, n)
    return {
        "first": first,
        "second": (first + rng.integers(1, competitors, n)) % competitors,
        "score": rng.random(n) if soft else rng.choice([0.0, 0.5, 1.0], n),
        "weight": rng.random(n) if weighted else rng.integers(0, 4, n).astype(float),
        "importance": rng.random(n) if weighted else None,
        "side": rng.choice([-1.0, 0.0, 1.0], n) if side else None,
        "covariates": rng.integers(0, 3, (n, 2)) / 3.0 if covariates else None,
    }


def _collapse(columns, order=slice(None)):
    return collapse(check_comparisons(**{name: None if column is None else column[order] for name, column in columns.items()}))


KINDS = [{}, {"soft": True}, {"weighted": True}, {"covariates": True}, {"side": False}, {"covariates": True, "soft": True, "weighted": True}]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dense_keys", [4_000_000, 0])
def test_the_order_of_matches_changes_no_bit(monkeypatch, kind, dense_keys):
    monkeypatch.setattr(buckets_module, "DENSE_KEYS", dense_keys)
    columns = _games(**kind)
    one, other = _collapse(columns), _collapse(columns, np.random.default_rng(2).permutation(400))
    for field in ("first", "second", "columns", "moments", "squared"):
        assert np.array_equal(getattr(one, field), getattr(other, field))


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_of_summing_agree(monkeypatch, kind):
    dense = _collapse(_games(**kind))
    monkeypatch.setattr(buckets_module, "DENSE_KEYS", 0)
    sorted_ = _collapse(_games(**kind))
    assert np.array_equal(dense.first, sorted_.first)
    assert sorted_.moments == pytest.approx(dense.moments)


@pytest.mark.parametrize("kind", KINDS)
def test_any_prediction_scores_the_same_on_rows_and_buckets(kind):
    columns = _games(**kind)
    buckets = _collapse(columns)
    rng = np.random.default_rng(3)
    theta, beta = rng.standard_normal(9), rng.standard_normal(buckets.columns.shape[1])
    parts = [] if columns["side"] is None else [columns["side"][:, None]]
    parts += [] if columns["covariates"] is None else [columns["covariates"]]
    X = np.hstack(parts) if parts else np.zeros((400, 0))
    eta = theta[columns["first"]] - theta[columns["second"]] + X @ beta
    mean = 1 / (1 + np.exp(-eta))
    weight, importance = columns["weight"], 1.0 if columns["importance"] is None else columns["importance"]
    ours = theta[buckets.first] - theta[buckets.second] + buckets.columns @ beta
    collapsed = buckets.games @ (np.logaddexp(0, ours) - buckets.score * ours)
    assert collapsed == pytest.approx((weight * importance) @ (np.logaddexp(0, eta) - columns["score"] * eta))
    robust = buckets.squared_residuals(1 / (1 + np.exp(-ours))).sum()
    assert robust == pytest.approx((weight * importance**2 * (mean - columns["score"]) ** 2).sum())


@given(st.integers(1, 50), st.integers(0, 50), st.integers(0, 50))
@settings(max_examples=25)
def test_outcomes_are_counted(wins, draws, losses):
    score = np.repeat([1.0, 0.5, 0.0], [wins, draws, losses])
    first = np.arange(len(score)) % 2
    buckets = collapse(check_comparisons(first, 1 - first, np.where(first == 0, score, 1.0 - score)))
    assert outcomes(buckets.moments).tolist() == [[wins, draws, losses]]


def test_swapping_the_sides_of_every_match_changes_no_bit():
    columns = _games(covariates=True)
    swapped = columns | {
        "first": columns["second"],
        "second": columns["first"],
        "score": 1.0 - columns["score"],
        "side": -columns["side"],
        "covariates": -columns["covariates"],
    }
    one, other = _collapse(columns), _collapse(swapped)
    assert np.array_equal(one.moments, other.moments)
    assert np.array_equal(one.columns, other.columns)


def test_matches_without_weight_do_not_count():
    buckets = collapse(check_comparisons([0, 1], [1, 2], [1.0, 1.0], weight=[0.0, 2.0]))
    assert (buckets.first.tolist(), buckets.games.tolist(), buckets.n_pairs) == ([1], [2.0], 1)


def test_many_competitors_and_many_covariates_do_not_overflow():
    rng = np.random.default_rng(4)
    first = rng.integers(0, 2**30, 50)
    buckets = collapse(check_comparisons(first, first + 1, np.ones(50), n_competitors=2**31, covariates=rng.standard_normal((50, 1))))
    assert len(buckets.first) == 50
    assert np.array_equal(np.sort(first), buckets.first)


def test_effective_games_discount_uneven_importance():
    games = check_comparisons([0, 0], [1, 1], [1.0, 0.0], importance=[1.0, 0.5])
    assert collapse(games).effective_games() == pytest.approx([1.5**2 / 1.25] * 2)

"""What a match tells, and draws with probabilities that are known: against matrices inverted in full, and against counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, ndtr

from app.ratings.suggestions import drawn, matches_to_separate, own_gains, propensities, separating_gains

THETA = np.array([1.4, 1.1, 0.3, 0.0, -0.8])


def covariance():
    root = np.random.default_rng(5).normal(size=(5, 5))
    return root @ root.T + np.eye(5)


def after(v, a, b):
    """V once one more match of a and b is known, by inverting what is known of everyone."""
    contrast = np.zeros(5)
    contrast[[a, b]] = 1.0, -1.0
    weight = expit(THETA[a] - THETA[b]) * expit(THETA[b] - THETA[a])
    return np.linalg.inv(np.linalg.inv(v) + weight * np.outer(contrast, contrast))


def variance(v, i, j):
    return v[i, i] + v[j, j] - 2 * v[i, j]


@pytest.mark.parametrize("pair", [(0, 1), (1, 4), (2, 3)])
def test_the_gain_of_a_match_is_the_fall_of_its_variance(pair):
    v = covariance()
    gain = own_gains(np.array(THETA[pair[0]] - THETA[pair[1]]), np.array(variance(v, *pair)))
    assert gain == pytest.approx(variance(v, *pair) - variance(after(v, *pair), *pair))


@pytest.mark.parametrize("top", [1, 2, 4])
def test_the_gain_for_the_top_is_the_fall_across_its_border(top):
    v = covariance()
    first, second = np.triu_indices(5, 1)
    gains = separating_gains(THETA, v, top, first, second)
    for gain, a, b in zip(gains, first, second, strict=True):
        later, expected = after(v, a, b), 0.0
        for i in range(top):
            for j in range(top, 5):
                doubt = ndtr(-abs(THETA[i] - THETA[j]) / np.sqrt(variance(v, i, j)))
                expected += doubt * (variance(v, i, j) - variance(later, i, j))
        assert gain == pytest.approx(expected)


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=40), st.integers(1, 50))
def test_propensities_add_up_to_what_is_drawn(gains, count):
    chances = propensities(np.array(gains), count)
    assert chances.sum() == pytest.approx(min(count, len(gains)))
    assert (chances > 0.0).all()
    assert (chances <= 1.0 + 1e-12).all()
    order = np.argsort(gains)
    assert (np.diff(chances[order]) >= -1e-9).all()


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=30), st.integers(1, 30), st.integers(0, 1000))
def test_nobody_is_drawn_twice(gains, count, seed):
    places = drawn(propensities(np.array(gains), count), np.random.default_rng(seed))
    assert len(places) == len(set(places.tolist())) == min(count, len(gains))


def test_each_is_drawn_with_its_propensity():
    chances = propensities(np.array([50.0, 5.0, 3.0, 1.0, 1.0, 0.0]), 3)
    assert chances[0] == 1.0
    assert chances[-1] > 0.0
    generator, counts = np.random.default_rng(11), np.zeros(6)
    for _ in range(20_000):
        counts[drawn(chances, generator)] += 1
    assert counts / 20_000 == pytest.approx(chances, abs=0.0142)


@pytest.mark.parametrize(("difference", "spread"), [(0.3, 0.2), (-0.5, 1.0), (2.0, 0.9)])
def test_so_many_matches_separate_and_no_fewer(difference, spread):
    matches = matches_to_separate(difference, spread)
    weight = expit(difference) * expit(-difference)

    def z(n):
        return abs(difference) * np.sqrt(1 / spread + n * weight)

    assert matches is not None
    assert z(matches) >= 1.9599 > z(matches - 1) if matches else z(0) >= 1.9599


def test_what_is_equal_is_never_separated():
    assert matches_to_separate(0.0, 1.0) is None
    assert matches_to_separate(1.0, 0.01) == 0

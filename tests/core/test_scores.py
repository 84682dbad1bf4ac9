"""The gram of clustered scores is S Sᵀ + diag(ridge) through all of its verbs, and its draws have it for covariance."""

import numpy as np
import pytest
from scipy import sparse

from app.core.scores import ScoreGram

RNG = np.random.default_rng(1)
SCORES = np.where(RNG.random((6, 9)) < 0.5, RNG.standard_normal((6, 9)), 0.0)
RIDGE = np.linspace(0.0, 4.0, 6)
GRAM = ScoreGram(sparse.csr_array(SCORES), RIDGE)
PLAIN = SCORES @ SCORES.T + np.diag(RIDGE)


def test_products_diagonal_and_array_are_those_of_the_matrix():
    for v in (RNG.standard_normal(6), RNG.standard_normal((6, 3))):
        assert GRAM @ v == pytest.approx(PLAIN @ v)
    assert GRAM.diagonal() == pytest.approx(np.diag(PLAIN))
    assert GRAM.toarray() == pytest.approx(PLAIN)
    assert GRAM.plus_diagonal(np.ones(6)).toarray() == pytest.approx(PLAIN + np.eye(6))


def test_draws_have_the_matrix_for_covariance():
    drawn = GRAM.draw(np.random.default_rng(2), 40_000)
    assert drawn @ drawn.T / 40_000 == pytest.approx(PLAIN, abs=0.25)
    assert drawn.mean(axis=1) == pytest.approx(np.zeros(6), abs=0.06)

"""Every design is the same linear map through all of its verbs."""

import numpy as np
import pytest

from tests.core.problems import DESIGNS, matrix

every_design = pytest.mark.parametrize("design", [design for design, _ in DESIGNS.values()], ids=list(DESIGNS))


def _weights(D, rng):
    if D.ndim == 2:
        return rng.uniform(0.1, 2.0, len(D))
    root = rng.standard_normal((len(D), D.shape[1], D.shape[1]))
    return root @ root.transpose(0, 2, 1)


@every_design
def test_predict_is_linear(design):
    rng = np.random.default_rng(3)
    theta = rng.standard_normal(design.width)
    assert design.predict(theta) == pytest.approx(matrix(design) @ theta)


@every_design
def test_pullback_is_the_adjoint_of_predict(design):
    rng = np.random.default_rng(4)
    theta = rng.standard_normal(design.width)
    eta = design.predict(theta)
    u = rng.standard_normal(eta.shape)
    assert (u * eta).sum() == pytest.approx(design.pullback(u) @ theta)


@every_design
def test_gram_is_the_weighted_square(design):
    D = matrix(design)
    w = _weights(D, np.random.default_rng(5))
    expected = np.einsum("np,n,nq->pq", D, w, D) if D.ndim == 2 else np.einsum("nip,nij,njq->pq", D, w, D)
    assert design.gram(w).toarray() == pytest.approx(expected)


@every_design
@pytest.mark.parametrize("columns", [None, 3])
def test_a_gram_multiplies_as_its_array_does(design, columns):
    rng = np.random.default_rng(6)
    gram = design.gram(_weights(matrix(design), rng)).plus_diagonal(rng.uniform(0.0, 1.0, design.width))
    v = rng.standard_normal(design.width if columns is None else (design.width, columns))
    assert gram @ v == pytest.approx(gram.toarray() @ v)
    assert gram.diagonal() == pytest.approx(gram.toarray().diagonal())


@every_design
def test_rows_are_the_same_map_for_some_rows(design):
    index = np.array([7, 0, 7])
    assert matrix(design.rows(index)) == pytest.approx(matrix(design)[index])

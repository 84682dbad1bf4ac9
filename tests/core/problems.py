"""The catalogue: small designs, each with a family and outcomes that fit it. Every law of core runs through all of them."""

import numpy as np
from scipy import sparse

from app.core.designs import ClassDesign, DenseDesign, PairDesign, SparseDesign, TiedDesign
from app.core.families import Logistic, Softmax
from app.core.objective import Objective

ROWS = 30


def _pairs(rng, columns=0):
    first = rng.integers(0, 6, ROWS)
    return PairDesign(first, (first + rng.integers(1, 6, ROWS)) % 6, 6, rng.standard_normal((ROWS, columns)))


def _designs():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((ROWS, 4))
    yield "dense", DenseDesign(X), Logistic()
    yield "sparse", SparseDesign(sparse.csr_array(np.where(np.abs(X) > 0.7, X, 0.0))), Logistic()
    yield "pairs", _pairs(rng), Logistic()
    yield "pairs with columns", _pairs(rng, 2), Logistic()
    yield "classes", ClassDesign(X, 3), Softmax()
    yield "classes with a reference", ClassDesign(X, 2), Softmax(reference=True)
    few = sparse.csr_array(np.where(np.abs(X) > 0.7, X, 0.0))
    yield "sparse classes", ClassDesign(few, 3), Softmax()
    yield "sparse classes with a reference", ClassDesign(few, 2), Softmax(reference=True)
    yield "ties", TiedDesign(_pairs(rng)), Softmax()
    yield "ties with columns", TiedDesign(_pairs(rng, 2)), Softmax()


DESIGNS = {name: (design, family) for name, design, family in _designs()}


def matrix(design):
    """The design as an array (n, p), or (n, K, p)."""
    return np.stack([design.predict(unit) for unit in np.eye(design.width)], axis=-1)


def outcomes(design, family, rng):
    shape = design.predict(np.zeros(design.width)).shape
    if isinstance(family, Logistic):
        return rng.choice([0.0, 0.5, 1.0, 0.3], shape)
    classes = shape[1] + int(family.reference)
    return rng.dirichlet(np.ones(classes), shape[0])


def problem(name, seed=2, ridge=0.3):
    design, family = DESIGNS[name]
    rng = np.random.default_rng(seed)
    y = outcomes(design, family, rng)
    return Objective(design, family, y, rng.uniform(0.5, 3.0, len(y)), np.full(design.width, ridge), 0.1 * rng.standard_normal(design.width))

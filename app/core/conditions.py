"""The condition number of the information where it matters: on strengths that sum to zero, and on the coefficients beside them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from app.core.grams import Floats, Gram
from app.core.solvers import conjugate_gradients

DENSE_LIMIT = 300
ESTIMATED_FROM = 3_000


class _Care(NamedTuple):
    """How carefully eigenvalues are sought: the residual of a solve, that of an eigenvector, and how many vectors are kept for it."""

    solve: float
    vector: float
    basis: int


_CLOSE = _Care(1e-8, 1e-4, 20)
# An eigenvalue is known far better than its vector; of a very large league a few parts in 10,000 do.
_ROUGH = _Care(1e-3, 1e-2, 10)


def condition_number(gram: Gram, n_strengths: int) -> float:
    """λmax / λmin of a gram on the space where its first `n_strengths` coordinates sum to zero; NaN where that space is empty.

    Exact up to `DENSE_LIMIT` coordinates, by Lanczos above (with conjugate gradients for the inverse), to about 1 in 1,000 above `ESTIMATED_FROM`.
    """
    width = len(gram.diagonal())
    if width - 1 < 1 or n_strengths < 1:
        return float("nan")
    if width <= DENSE_LIMIT:
        return _dense(gram, n_strengths)
    care = _CLOSE if width <= ESTIMATED_FROM else _ROUGH
    start = _sum_free(np.random.default_rng(0).standard_normal(width), n_strengths)
    largest = _extreme(lambda v: _sum_free(gram @ _sum_free(v, n_strengths), n_strengths), start, care)
    slowest = _extreme(lambda v: _sum_free(conjugate_gradients(gram, _sum_free(v, n_strengths), care.solve)[0], n_strengths), start, care)
    return largest * slowest


def _dense(gram: Gram, n_strengths: int) -> float:
    projected = _sum_free(_sum_free(gram.toarray(), n_strengths).T, n_strengths)
    values = np.linalg.eigvalsh(projected)[1:]
    return float(values[-1] / values[0])


def _sum_free(v: Floats, n_strengths: int) -> Floats:
    free = v.copy()
    free[:n_strengths] -= v[:n_strengths].mean(axis=0)
    return free


def _extreme(product: Callable[[Floats], Floats], start: Floats, care: _Care) -> float:
    n = len(start)
    operator = LinearOperator((n, n), matvec=lambda v: product(np.asarray(v).ravel()), dtype=np.float64)
    return float(eigsh(operator, k=1, which="LA", v0=start, tol=care.vector, ncv=min(care.basis, n), return_eigenvectors=False)[0])

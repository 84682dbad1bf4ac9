"""The diagonal of an inverse that is too large to compute: marginal variances on a sparse comparison graph.

Write H = D − A with the diagonal D and the weights A ≥ 0 of the pairs. Then H⁻¹ is a sum over walks on the graph, and its diagonal counts the
walks that return. Two parts are computed without drawing a random number:

- Walks that return the way they came: Gaussian belief propagation, v_i = 1 / (D_i − Σ_j A_ij² / P_j∖i) with P_i∖j = D_i − Σ_k≠j A_ik² / P_k∖i.
  It is exact where the graph is a tree, and never above the true variance (Malioutov, Johnson and Willsky 2006).
- Walks round long loops: they follow the slowest modes A x = ν D x, whose powers from the third on add Σ x_i² ν³ / (1 − ν).

On 7,504 tennis players the error of a standard error is 0.3 % at the 99th percentile, and 1 % at most. Where loops are short and slow modes many,
as on a ladder or a map, it is some 5 % for everyone: `inference` measures it, and goes over to `selected_inverses`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from app.core.grams import Floats, PairGram
from app.core.solvers import conjugate_gradients

MODES = 8
# Modes in the bulk of the spectrum are hard to tell apart and of no account; a loose tolerance in a wide basis does not try.
MODE_ACCURACY = 1e-2
BASIS = 48
MESSAGE_ROUNDS = 200
NEUTRAL_MODE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Generalised eigenvectors of the pairs against the diagonal, xᵀDx = 1, and their eigenvalues."""

    values: Floats
    vectors: Floats


def estimated_variances(hessian: PairGram, modes: Modes) -> Floats:
    """An estimate of the diagonal of the graph's inverse, shape (n,), O(pairs) memory and time; constants of components take no part."""
    return _tree_variances(hessian) + (modes.vectors**2) @ _tail(modes.values)


def estimated_sandwich(hessian: PairGram, bread: PairGram, modes: Modes) -> Floats:
    """An estimate of diag(L⁻¹ G L⁻¹) for the graphs of both, shape (n,): the derivative of diag((L − tG)⁻¹) at t = 0."""
    return _tree_slope(hessian, bread) + _modes_slope(bread, modes)


def marginal_variances(hessian: PairGram, strengths: Floats) -> Floats:
    """diag(H⁻¹), shape (p,), from that of the graph alone.

    Parameters
    ----------
    hessian : PairGram
        Positive definite, or flat along the constants of its components alone.
    strengths : array, shape (n,)
        The diagonal of the inverse of the graph, without the border.

    Returns
    -------
    array, shape (p,)
        As exact as `strengths`; the coefficients of the border are exact.
    """
    if not len(hessian.corner):
        return strengths
    border = _eliminate(hessian)
    return np.concatenate([strengths + _row_products(border.influence @ border.covariance, border.influence), border.covariance.diagonal()])


def sandwich_variances(hessian: PairGram, bread: PairGram, strengths: Floats) -> Floats:
    """diag(H⁻¹ G H⁻¹), shape (p,), from that of the graphs alone. The pairs of G must be those of H."""
    if not len(hessian.corner):
        return strengths
    n = len(hessian.head)
    border = _eliminate(hessian)
    contrast = np.concatenate([-border.influence, np.eye(len(hessian.corner))])
    carried = bread @ contrast
    spread = border.covariance @ (contrast.T @ carried) @ border.covariance
    crossed = _solve_graph(hessian, carried[:n]) @ border.covariance
    correction = _row_products(border.influence @ spread - 2.0 * crossed, border.influence)
    return np.concatenate([strengths + correction, spread.diagonal()])


@dataclass(frozen=True, slots=True, eq=False)
class _Border:
    """Block elimination of the graph: Z = L⁻¹B, and the inverse of C − BᵀZ, the covariance of the coefficients."""

    influence: Floats
    covariance: Floats


def _eliminate(hessian: PairGram) -> _Border:
    influence = _solve_graph(hessian, hessian.border)
    return _Border(influence, np.asarray(np.linalg.inv(hessian.corner - hessian.border.T @ influence), dtype=np.float64))


def _solve_graph(hessian: PairGram, b: Floats) -> Floats:
    graph = PairGram(hessian.pairs, hessian.head, np.zeros((len(hessian.head), 0)), np.zeros((0, 0)))
    return conjugate_gradients(graph, b, 1e-8)[0]


def _row_products(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", a, b))


def _tree_slope(hessian: PairGram, bread: PairGram) -> Floats:
    """Belief propagation on both sides of t = 0, so close that every weight stays positive."""
    largest = max(float(np.max(bread.pairs.data / hessian.pairs.data, initial=1.0)), float(np.max(bread.head / hessian.head)))
    step = 0.1 / largest
    return (_tree_variances(_shifted(hessian, bread, -step), 1e-11) - _tree_variances(_shifted(hessian, bread, step), 1e-11)) / (2.0 * step)


def _modes_slope(bread: PairGram, modes: Modes) -> Floats:
    """Perturbation of the eigenvalues and of the norm; the shape of a mode is held."""
    squares = modes.vectors**2
    norms = bread.head @ squares
    pairs = 2.0 * _row_products(modes.vectors.T, np.asarray(bread.pairs @ modes.vectors).T)
    slopes: Floats = _tail_slope(modes.values) * (modes.values * norms - pairs) + _tail(modes.values) * norms
    return squares @ slopes


def _shifted(gram: PairGram, meat: PairGram, amount: float) -> PairGram:
    pairs = gram.pairs.copy()
    pairs.data = gram.pairs.data + amount * meat.pairs.data
    return PairGram(pairs, gram.head + amount * meat.head, gram.border, gram.corner)


def _tree_variances(gram: PairGram, accuracy: float = 1e-6) -> Floats:
    """Gaussian belief propagation on every pair in both directions, until no message changes."""
    n = len(gram.head)
    squares = gram.pairs.data**2
    j = gram.pairs.indices
    i = np.repeat(np.arange(n, dtype=j.dtype), np.diff(gram.pairs.indptr))
    floor = 1e-12 * gram.head.max(initial=1.0)
    from_i, from_j = gram.head[i], gram.head[j]
    precision = gram.head
    for _ in range(MESSAGE_ROUNDS):
        to_j, to_i = squares / from_i, squares / from_j
        previous, precision = precision, np.maximum(gram.head - np.bincount(i, to_i, n) - np.bincount(j, to_j, n), floor)
        from_i, from_j = precision[i] + to_i, precision[j] + to_j
        if np.all(np.abs(precision - previous) <= accuracy * precision):
            break
    return 1.0 / precision


def slow_modes(gram: PairGram) -> Modes:
    """The modes that decay slowest. One that does not decay at all is a constant of a component, and is left out."""
    n = len(gram.head)
    half = 1.0 / np.sqrt(np.where(gram.head > 0.0, gram.head, 1.0))

    def product(v: Floats) -> Floats:
        scaled = half * v.ravel()
        return np.asarray(half * (gram.pairs @ scaled + gram.pairs.T @ scaled))

    start = np.random.default_rng(0).standard_normal(n)
    operator = LinearOperator((n, n), matvec=product, dtype=np.float64)
    values, vectors = eigsh(operator, k=min(MODES, n - 1), which="LA", v0=start, tol=MODE_ACCURACY, ncv=min(BASIS, n))
    kept = (values < 1.0 - NEUTRAL_MODE) & (values > 0.0)
    return Modes(values[kept], half[:, None] * vectors[:, kept])


def _tail(nu: Floats) -> Floats:
    """Σ_k≥3 ν^k: shorter closed walks return the way they came and are counted there."""
    return nu**3 / (1.0 - nu)


def _tail_slope(nu: Floats) -> Floats:
    return nu * nu * (3.0 - 2.0 * nu) / (1.0 - nu) ** 2

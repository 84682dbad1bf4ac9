"""Minimise many objectives that differ in outcomes and weights alone, as the replicates of a bootstrap do.

With few coefficients all replicates take their Newton steps together, full steps from a common start: sparse products fill a Hessian per replicate,
and one call solves them all. What has not converged that way, and every replicate of a large problem, is solved for itself from the same start.
Which replicates are drawn, and what a replicate without a minimum means, is decided by the caller.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from app.core.designs import Design, Integers
from app.core.grams import Floats, Sparse
from app.core.objective import Objective
from app.core.solvers import Status, cholesky_direction, krylov_direction, newton, without_flat

TOGETHER = 150
"""Coefficients up to which replicates are solved together."""
CHUNK = 4_000_000
"""Numbers that the Hessians of a chunk may hold."""
STEPS = 8
TOLERANCE = 1e-8


def minimise_all(objective: Objective, y: Floats, weight: Floats, start: Floats) -> Floats:
    """The minimum of every replicate.

    Parameters
    ----------
    objective : Objective
        What the replicates share: design, family, prior and gauge.
    y : array, shape (B, n) or (B, n, K)
        The outcomes of each replicate.
    weight : array, shape (B, n)
        The weights of each replicate.
    start : array, shape (p,)
        Where all begin, best at the minimum of the original.

    Returns
    -------
    array, shape (B, p)
        NaN in the rows of replicates without a minimum.
    """
    width = objective.design.width
    theta = np.full((len(weight), width), np.nan)
    if width <= TOGETHER:
        together = _Together(objective.design)
        size = max(CHUNK // max(width * width, len(weight.T)), 1)
        for begin in range(0, len(weight), size):
            chunk = slice(begin, begin + size)
            theta[chunk] = together.minimise(objective, y[chunk], weight[chunk], start)
    for row in np.flatnonzero(np.isnan(theta).any(axis=1)):
        theta[row] = _alone(replace(objective, y=y[row], weight=weight[row]), start)
    return theta


def are_joined(
    first: Integers, second: Integers, first_took: NDArray[np.bool_], second_took: NDArray[np.bool_], components: Integers
) -> NDArray[np.bool_]:
    """Which replicates have a maximum likelihood estimate without a prior: in each component everybody is joined to everybody by points taken.

    Parameters
    ----------
    first, second : array of int, shape (m,)
        The pairs that have met.
    first_took, second_took : array of bool, shape (B, m)
        Whether that side took any points in the replicate.
    components : array of int, shape (n,)
        The component of each competitor, in the original.

    Returns
    -------
    array of bool, shape (B,)
        By walks from one member of each component, forwards and backwards, in all replicates at once: O(B m) per length of a walk.
    """
    m, n = len(first), len(components)
    to_first, to_second = (sparse.csr_array((np.ones(m, dtype=np.float32), (ends, np.arange(m))), shape=(n, m)) for ends in (first, second))
    took = first_took.T, second_took.T
    joined = np.ones(len(first_took), dtype=np.bool_)
    for onwards, back in (took, took[::-1]):
        reached = np.zeros((n, len(first_took)), dtype=np.bool_)
        reached[np.unique(components, return_index=True)[1]] = True
        before = -1
        while (count := int(np.count_nonzero(reached))) > before:
            before = count
            reached |= to_second @ (reached[first] & onwards).astype(np.float32) > 0.0
            reached |= to_first @ (reached[second] & back).astype(np.float32) > 0.0
        joined &= reached.all(axis=0)
    return joined


def _alone(objective: Objective, start: Floats) -> Floats:
    solution = newton(objective, start, cholesky_direction if len(start) <= TOGETHER else krylov_direction, TOLERANCE)
    return solution.theta if solution.status is Status.CONVERGED else np.full_like(start, np.nan)


@dataclass(frozen=True, eq=False)
class _Together:
    """A design as sparse matrices that act on all replicates at once; their last axis counts the replicates."""

    design: Design

    @cached_property
    def _rows(self) -> list[Sparse]:
        """One matrix (n, p) per η of a row, the one matrix where there is one η."""
        eta = np.stack([self.design.predict(unit) for unit in np.eye(self.design.width)], axis=-1)
        return [Sparse(part) for part in (eta[:, None] if eta.ndim == 2 else eta).swapaxes(0, 1)]

    @cached_property
    def _squares(self) -> Sparse:
        """Shape (p², K² n): what the curvatures of each row add to the Hessian."""
        return Sparse(sparse.hstack([_products(a, b) for a in self._rows for b in self._rows]))

    def minimise(self, objective: Objective, y: Floats, weight: Floats, start: Floats) -> Floats:
        """Full Newton steps from the start; NaN in the rows of those that have not converged."""
        ridge = (
            np.diag(objective.precision) if objective.flat is None else np.diag(objective.precision) + (objective.flat @ objective.flat.T).toarray()
        )
        theta = np.tile(start, (len(weight), 1))
        for _ in range(STEPS):
            gradient, hessian = self._derivatives(objective, y, weight, theta)
            try:
                step = np.linalg.solve(hessian + ridge, gradient[:, :, None])[:, :, 0]
            except np.linalg.LinAlgError:
                break
            theta -= step
            if np.abs(step).max(initial=0.0) <= TOLERANCE:
                break
        theta[~(np.abs(step).max(axis=1, initial=0.0) <= TOLERANCE)] = np.nan
        return theta if objective.flat is None else np.array([without_flat(row, objective.flat) for row in theta])

    def _derivatives(self, objective: Objective, y: Floats, weight: Floats, theta: Floats) -> tuple[Floats, Floats]:
        replicates, width = theta.shape
        eta = np.stack([np.asarray(part @ theta.T) for part in self._rows], axis=-1)
        kinds = eta.shape[-1]
        flat_eta, flat_y = (eta[..., 0], y.T) if y.ndim == 2 else (eta.reshape(-1, kinds), y.swapaxes(0, 1).reshape(-1, y.shape[-1]))
        terms = objective.family.terms(flat_eta, flat_y)
        residual = weight.T[..., None] * terms.residual.reshape(eta.shape)
        curvature = (weight.T[..., None, None] * terms.curvature.reshape(*eta.shape, kinds)).transpose(2, 3, 0, 1)
        gradient = sum(np.asarray(part.T @ residual[..., kind]).T for kind, part in enumerate(self._rows))
        hessian = np.asarray(self._squares @ np.ascontiguousarray(curvature.reshape(-1, replicates)))
        return gradient + objective.precision * (theta - objective.centre), hessian.T.reshape(replicates, width, width)


def _products(a: Sparse, b: Sparse) -> Sparse:
    """Shape (p², n): the products of every two entries of a row of a and of the same row of b."""
    left, right = (sparse.csr_array(part) for part in (a, b))
    counts = np.diff(left.indptr) * np.diff(right.indptr)
    row = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    size = np.diff(right.indptr)[row]
    i, j = left.indptr[row] + within // np.maximum(size, 1), right.indptr[row] + within % np.maximum(size, 1)
    place = left.indices[i].astype(np.int64) * a.shape[1] + right.indices[j]
    return Sparse((left.data[i] * right.data[j], (place, row)), shape=(a.shape[1] ** 2, a.shape[0]))

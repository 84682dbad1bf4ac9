"""The covariance among a few of very many competitors, from their neighbourhoods in the comparison graph.

A column of H⁻¹ falls off quickly with the distance from its competitor, but for a few slow modes. So each column is solved by conjugate gradients
that know only whom its competitor is joined to, and whom those are, for some steps (x, with the residual r = e_i − Hx); and what the slow modes W
and the coefficients of the border add is solved exactly among themselves:

    (H⁻¹)_ij  ≈  x_j[i] + x_i·r_j + (Wᵀr_i)ᵀ (WᵀHW)⁻¹ (Wᵀr_j)

Its error is the product of the errors of both columns in the norm of H. The square of that norm is at most |r|² / (1 − ν), with the part of r beside W,
in the norm of the preconditioner D⁻¹, and ν the slowest mode that W leaves. Columns are solved until that is `ACCURACY` of the least that the
variance can be, 1/D_i. Then a difference has a variance that is at most 1 in 1,000 too small, and a standard error 5 in 10,000; in ordinary
leagues it is some parts in 100,000. A sandwich H⁻¹GH⁻¹ is made of the same
columns, x + W(WᵀHW)⁻¹Wᵀr; there the error is of first order, some parts in 10,000 where it was measured, as G is near to H.

Nothing here depends on who else is asked for, but for rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from app.core.grams import Floats, PairGram, Sparse
from app.core.marginals import Modes
from app.core.solvers import conjugate_gradients

ACCURACY = 2.5e-4
ROBUST_ACCURACY = 1e-4
"""Where a sandwich is made of the columns, whose error is of first order."""
DENSE_FROM = 0.1
"""The share of competitors reached by a column's direction, from which whole vectors are quicker."""
MAX_STEPS = 5_000
Labels = NDArray[np.int64]


class Column(NamedTuple):
    """Of H⁻¹ for one competitor: x and r at those whom they reach, and Wᵀr, shape (m,)."""

    near: Labels
    x: Floats
    far: Labels
    residual: Floats
    carried: Floats

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return len(self.x) + len(self.residual)


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """What is needed of a fit beside its pairs, made once.

    Parameters
    ----------
    hessian : csr_array, shape (n, n)
        H of the competitors, in full.
    bread : csr_array, shape (n, n), or None
        G of the competitors, in full; None where only the model-based covariance is wanted.
    diagonal : array, shape (n,)
        D.
    modes : array, shape (n, m)
        The slow modes, XᵀDX = 1; the constant of a component is one of them, or `flat`.
    flat : array, shape (n,)
        The constant that costs nothing, of the same norm; zero where there is a prior.
    gap : float
        1 − ν of the slowest mode that is left.
    influence : array, shape (n, q)
        L⁻¹B, of the border.
    inner, inner_bread : array, shape (m + q, m + q)
        WᵀHW and WᵀGW, where W is the modes and, in front of the coefficients, minus the influence.
    bread_modes : array, shape (n, m + q)
        GW of the competitors.
    """

    hessian: Sparse
    bread: Sparse | None
    diagonal: Floats
    modes: Floats
    flat: Floats
    gap: float
    influence: Floats
    inner: Floats
    inner_bread: Floats
    bread_modes: Floats

    @classmethod
    def of(cls, hessian: PairGram, bread: PairGram | None, modes: Modes, flat: Floats) -> Self:
        """From the grams, and the slow modes of the competitors who will be asked about."""
        n, q = len(hessian.head), len(hessian.corner)
        bare = PairGram(hessian.pairs, hessian.head, np.zeros((n, 0)), np.zeros((0, 0)))
        influence = conjugate_gradients(bare, hessian.border, 1e-10)[0] if q else np.zeros((n, 0))
        m = modes.vectors.shape[1]
        w = np.zeros((n + q, m + q))
        w[:n, :m], w[:n, m:], w[n:, m:] = modes.vectors, -influence, np.eye(q)
        spread = w if bread is None else bread @ w
        return cls(
            _whole(hessian),
            None if bread is None else _whole(bread),
            hessian.head,
            modes.vectors,
            flat,
            1.0 - float(modes.values.min()) if m else 1.0,
            influence,
            w.T @ (hessian @ w),
            w.T @ spread,
            spread[:n],
        )

    def covariances(self, chosen: Labels, columns: Sequence[Column]) -> tuple[Floats, Floats | None]:
        """The model-based covariance and the sandwich among competitors and coefficients, shape (k, k).

        Up to what is common to all competitors, which no difference knows.

        Parameters
        ----------
        chosen : array of int, shape (k,)
            Competitors first, the coefficients (n …) after them.
        columns : sequence of Column
            Of the competitors among them.
        """
        n, among = len(self.diagonal), len(columns)
        near = _Gathered(n)
        for column in columns:
            near.add(column.near)
        x: Any = _rows([(near.place[column.near], column.x) for column in columns], len(near.members))
        residual = _rows([near.known(column.far, column.residual) for column in columns], len(near.members))
        carried = np.zeros((len(self.inner), len(chosen)))
        carried[:, :among] = np.array([column.carried for column in columns]).T.reshape(len(self.inner), among)
        carried[self.modes.shape[1] + chosen[among:] - n, np.arange(among, len(chosen))] = 1.0
        corrected = linalg.solve(self.inner, carried, assume_a="pos") if len(self.inner) else carried
        model = carried.T @ corrected
        model[:among, :among] += _at(x, near.place[chosen[:among]]) + (x @ residual.T.tocsr()).toarray()
        if self.bread is None:
            return _symmetric(model), None
        robust = corrected.T @ self.inner_bread @ corrected
        crossed = (x @ np.take(self.bread_modes, near.members, axis=0)) @ corrected
        robust[:among] += crossed
        robust[:, :among] += crossed.T
        robust[:among, :among] += ((x @ near.block(self.bread)) @ x.T.tocsr()).toarray()
        return _symmetric(model), _symmetric(robust)

    def column(self, competitor: int) -> Column:
        """Solve for one competitor: O(those whom its direction reaches and their pairs) per step."""
        accuracy = ACCURACY if self.bread is None else ROBUST_ACCURACY
        goal = accuracy * self.gap / float(self.diagonal[competitor])
        reached = _Gathered(len(self.diagonal))
        reached.add(np.array([competitor]))
        told = self._beside[[competitor]]
        x, residual = np.zeros(1), np.ones(1)
        direction = residual / self.diagonal[competitor]
        rho = float(direction[0]) - float(self.flat[competitor]) ** 2
        for _ in range(MAX_STEPS):
            if rho - float(np.square(residual @ told[:, 2:]).sum()) <= goal:
                break
            if len(reached.members) > DENSE_FROM * len(self.diagonal) and told is not self._beside:
                x, residual, direction = (reached.whole(values) for values in (x, residual, direction))
                reached, told = _Gathered.everyone(len(self.diagonal)), self._beside
            image = self._image(reached, direction)
            x, residual, direction = (_longer(values, len(image)) for values in (x, residual, direction))
            told = told if len(told) == len(image) else np.concatenate([told, np.take(self._beside, reached.members[len(told) :], axis=0)])
            alpha = rho / float(direction @ image)
            x, residual = x + alpha * direction, residual - alpha * image
            z = residual / told[:, 0]
            # A constant that costs nothing is no part of the preconditioner; what it would add to a direction has no image.
            rho, before = float(residual @ z) - float(residual @ told[:, 1]) ** 2, rho
            direction = z + (rho / before) * direction
        carried = np.concatenate([residual @ told[:, 2:], -self.influence[competitor]])
        near, far = np.flatnonzero(x), np.flatnonzero(residual)
        return Column(reached.members[near], x[near], reached.members[far], residual[far], carried)

    @cached_property
    def _beside(self) -> Floats:
        """D, the constant and the modes side by side: what a column reads of a competitor lies in one place. Shape (n, 2 + m)."""
        return np.column_stack([self.diagonal, self.flat, self.modes])

    def _image(self, reached: "_Gathered", direction: Floats) -> Floats:
        """H times a direction, at those whom that reaches: they are gathered behind those whom the direction reached."""
        hessian, members = self.hessian, reached.members
        if len(members) == len(self.diagonal):  # in the order of the league: `column` sees to that
            return np.asarray(hessian @ direction)
        begins = hessian.indptr[members].astype(np.int64)
        counts = hessian.indptr[members + 1] - begins
        places = np.repeat(begins - np.cumsum(counts) + counts, counts) + np.arange(int(counts.sum()))
        ends = hessian.indices[places]
        reached.add(ends)
        products = np.asarray(hessian.data[places] * np.repeat(direction, counts), dtype=np.float64)
        return np.asarray(np.bincount(reached.place[ends], products, len(reached.members)), dtype=np.float64)


class _Gathered:
    """Competitors in the order in which they were met, and the place of each: nothing but the table of places is as long as the league."""

    def __init__(self, n: int) -> None:
        self.members: Labels = np.zeros(0, dtype=np.int64)
        self.place = np.full(n, -1, dtype=np.int64)
        """−1 for who was not met."""

    @classmethod
    def everyone(cls, n: int) -> Self:
        found = cls(0)
        found.members = found.place = np.arange(n)
        return found

    def add(self, ends: NDArray[Any]) -> None:
        """Those who are new among these, who may be named more than once."""
        fresh = ends[self.place[ends] < 0]
        at = np.arange(len(fresh))
        self.place[fresh] = at  # of who is named more than once, the last stays
        distinct = fresh[self.place[fresh] == at]
        self.place[distinct] = len(self.members) + np.arange(len(distinct))
        self.members = np.concatenate([self.members, distinct])

    def whole(self, values: Floats) -> Floats:
        """From an order of ours to that of the league."""
        whole = np.zeros(len(self.place))
        whole[self.members] = values
        return whole

    def known(self, whom: Labels, values: Floats) -> tuple[Labels, Floats]:
        """The places of those who were met, and their values."""
        place = self.place[whom]
        return place[place >= 0], values[place >= 0]

    def block(self, matrix: Sparse) -> Sparse:
        """Of a square matrix, what is among those who were met, in our order."""
        rows = matrix[self.members]
        place = self.place[rows.indices]
        met = place >= 0
        indptr = np.concatenate([[0], np.cumsum(met)])[rows.indptr]
        return Sparse((rows.data[met], place[met], indptr), shape=(len(self.members), len(self.members)))


def _longer(values: Floats, size: int) -> Floats:
    return values if len(values) == size else np.concatenate([values, np.zeros(size - len(values))])


def _rows(parts: Sequence[tuple[Labels, Floats]], n: int) -> Sparse:
    """Shape (k, n)."""
    indptr = np.concatenate([[0], np.cumsum([len(reached) for reached, _ in parts])]).astype(np.int64)
    reached = np.concatenate([np.zeros(0, dtype=np.int64), *(one for one, _ in parts)])
    values = np.concatenate([np.zeros(0), *(one for _, one in parts)])
    return Sparse((values, reached, indptr), shape=(len(parts), n))


def _at(x: Sparse, places: Labels) -> Floats:
    """What each column says of those at some places, shape (k, k): the row is of whom it says it; nothing of who has no place."""
    there = np.flatnonzero(places >= 0)
    said = np.zeros((len(places), x.shape[0]))
    said[there] = x[:, places[there]].toarray().T
    return said


def _whole(gram: PairGram) -> Sparse:
    """The pairs on both sides of the diagonal, and the diagonal."""
    whole = sparse.diags_array(gram.head) - gram.pairs - gram.pairs.T
    return sparse.csr_array(whole)


def _symmetric(matrix: Floats) -> Floats:
    return 0.5 * (matrix + matrix.T)

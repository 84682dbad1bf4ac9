"""Linear maps θ → η, known by four verbs and by nothing else.

    predict(θ) = Dθ      pullback(u) = Dᵀu      gram(w) = Dᵀ diag(w) D      rows(i) = the design of these rows alone

A design knows neither outcomes nor losses. `ClassDesign` and `TiedDesign` map to several η per row; their w is a block per row.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from app.core.grams import DenseGram, Floats, Gram, PairGram, Sparse

Integers = NDArray[np.integer[Any]]


class Design(Protocol):
    """A linear map of `width` coefficients."""

    @property
    def width(self) -> int:
        """The number p of coefficients."""

    def predict(self, theta: Floats) -> Floats:
        """η = Dθ, shape (n,) or (n, K)."""

    def pullback(self, u: Floats) -> Floats:
        """Dᵀu, shape (p,)."""

    def gram(self, w: Floats) -> Gram:
        """Dᵀ diag(w) D; w has shape (n,), or (n, K, K) where η has shape (n, K)."""

    def rows(self, index: Integers) -> Self:
        """The same map for some rows, in the order asked for."""


@dataclass(frozen=True, eq=False)
class DenseDesign:
    """A plain matrix X of shape (n, p)."""

    X: Floats

    @property
    def width(self) -> int:
        return int(self.X.shape[1])

    def predict(self, theta: Floats) -> Floats:
        return self.X @ theta

    def pullback(self, u: Floats) -> Floats:
        return self.X.T @ u

    def gram(self, w: Floats) -> DenseGram:
        return DenseGram(self.X.T @ (w[:, None] * self.X))

    def rows(self, index: Integers) -> "DenseDesign":
        return DenseDesign(self.X[index])


@dataclass(frozen=True, eq=False)
class SparseDesign:
    """A CSR matrix X of shape (n, p) whose p is small enough for a dense gram."""

    X: Sparse

    @property
    def width(self) -> int:
        return int(self.X.shape[1])

    def predict(self, theta: Floats) -> Floats:
        return np.asarray(self.X @ theta)

    def pullback(self, u: Floats) -> Floats:
        return np.asarray(self.X.T @ u)

    def gram(self, w: Floats) -> DenseGram:
        return DenseGram((self.X.T @ sparse.diags_array(w) @ self.X).toarray())

    def rows(self, index: Integers) -> "SparseDesign":
        return SparseDesign(sparse.csr_array(self.X[index]))


def matrix_design(X: Floats | Sparse) -> DenseDesign | SparseDesign:
    """The design of a plain matrix, dense or CSR."""
    return DenseDesign(X) if isinstance(X, np.ndarray) else SparseDesign(X)


@dataclass(frozen=True, eq=False)
class PairDesign:
    """η = θ_first − θ_second + columns · β: competitors first, then the coefficients of dense columns (side advantage, covariates).

    Parameters
    ----------
    first, second : array of int, shape (n,)
        Indices of two different competitors.
    n_competitors : int
        How many there are.
    columns : array, shape (n, q), optional
        Dense columns.
    """

    first: Integers
    second: Integers
    n_competitors: int
    columns: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        if not self.columns.size:
            object.__setattr__(self, "columns", np.zeros((len(self.first), 0)))

    @property
    def width(self) -> int:
        return self.n_competitors + int(self.columns.shape[1])

    def predict(self, theta: Floats) -> Floats:
        strength, coefficients = theta[: self.n_competitors], theta[self.n_competitors :]
        eta = self._of_first(strength) - strength[self.second]
        return eta + self.columns @ coefficients if len(coefficients) else eta

    def pullback(self, u: Floats) -> Floats:
        return np.concatenate([self._net(u), self.columns.T @ u])

    def gram(self, w: Floats) -> PairGram:
        weighted = w[:, None] * self.columns
        border = np.zeros((self.n_competitors, weighted.shape[1]))
        for index, column in enumerate(weighted.T):
            border[:, index] = self._net(column)
        pairs, ones = self._graph(w), np.ones(self.n_competitors)
        degrees = np.asarray(pairs @ ones + pairs.T @ ones)
        return PairGram(pairs, degrees, border, self.columns.T @ weighted)

    def rows(self, index: Integers) -> "PairDesign":
        return PairDesign(self.first[index], self.second[index], self.n_competitors, self.columns[index])

    def tosparse(self) -> Sparse:
        """D as a matrix (n, p), for what is not a solver."""
        m = len(self.first)
        ends = np.column_stack([self.first, self.second]).ravel()
        graph = Sparse((np.tile([1.0, -1.0], m), ends, 2 * np.arange(m + 1)), shape=(m, self.n_competitors))
        return Sparse(sparse.hstack([graph, sparse.csr_array(self.columns)]))

    def _of_first(self, strength: Floats) -> Floats:
        """strength[first]; in order, each is repeated as often as it comes, which is quicker."""
        repeats = self._repeats
        return strength[self.first] if repeats is None else np.repeat(strength, repeats)

    @cached_property
    def _repeats(self) -> Integers | None:
        is_ordered = len(self.first) > self.n_competitors and bool(np.all(self.first[1:] >= self.first[:-1]))
        return np.bincount(self.first, minlength=self.n_competitors) if is_ordered else None

    def _net(self, u: Floats) -> Floats:
        """What u adds to each first minus what it adds to each second. A product with the graph is faster than counting row by row."""
        swapped = self._pattern.swapped
        graph, ones = self._graph(u if swapped is None else np.where(swapped, -u, u)), np.ones(self.n_competitors)
        return np.asarray(graph @ ones - graph.T @ ones)

    def _graph(self, w: Floats) -> Sparse:
        """The sums of w per pair, above the diagonal."""
        pattern = self._pattern
        data = w if pattern.order is None else w[pattern.order]
        if len(pattern.starts) < len(data):
            data = np.add.reduceat(data, pattern.starts)
        return Sparse((data, pattern.indices, pattern.indptr), shape=(self.n_competitors, self.n_competitors))

    @cached_property
    def _pattern(self) -> "_Pattern":
        swapped = self.first > self.second
        is_swapped = bool(swapped.any())
        low = np.where(swapped, self.second, self.first) if is_swapped else self.first
        high = np.where(swapped, self.first, self.second) if is_swapped else self.second
        key = low.astype(np.int64) * self.n_competitors + high
        order = None if np.all(key[1:] >= key[:-1]) else np.argsort(key, kind="stable")
        if order is not None:
            low, high, key = low[order], high[order], key[order]
        new = np.ones(len(key), dtype=np.bool_)
        np.not_equal(key[1:], key[:-1], out=new[1:])
        starts = np.flatnonzero(new)
        if len(starts) < len(key):
            low, high = low[starts], high[starts]
        indptr = np.concatenate([[0], np.cumsum(np.bincount(low, minlength=self.n_competitors))])
        return _Pattern(swapped if is_swapped else None, order, starts, high.astype(np.int32), indptr.astype(np.int32))


class _Pattern(NamedTuple):
    """Which rows share a pair, and the CSR pattern of the pairs i < j: built once, because only the weights change from step to step."""

    swapped: NDArray[np.bool_] | None
    order: Integers | None
    starts: Integers
    indices: Integers
    indptr: Integers


@dataclass(frozen=True, eq=False)
class ClassDesign:
    """η_k = X w_k for each of K classes, X dense or CSR, the coefficients class by class. With a reference class there are K − 1 of them."""

    X: Floats | Sparse
    n_classes: int

    @property
    def width(self) -> int:
        return self.n_classes * int(self.X.shape[1])

    def predict(self, theta: Floats) -> Floats:
        return np.asarray(self.X @ theta.reshape(self.n_classes, -1).T)

    def pullback(self, u: Floats) -> Floats:
        return np.asarray(self.X.T @ u).T.ravel()

    def gram(self, w: Floats) -> DenseGram:
        plain = matrix_design(self.X)
        blocks = [[plain.gram(w[:, i, j]).matrix for j in range(self.n_classes)] for i in range(self.n_classes)]
        return DenseGram(np.block(blocks))

    def rows(self, index: Integers) -> "ClassDesign":
        return ClassDesign(self.X[index], self.n_classes)


@dataclass(frozen=True, eq=False)
class TiedDesign:
    """Davidson's three logits (d/2, ln ν, −d/2) for first, draw and second; the last coefficient is ln ν."""

    pairs: PairDesign

    @property
    def width(self) -> int:
        return self.pairs.width + 1

    def predict(self, theta: Floats) -> Floats:
        half = 0.5 * self.pairs.predict(theta[:-1])
        return np.column_stack([half, np.full_like(half, theta[-1]), -half])

    def pullback(self, u: Floats) -> Floats:
        return np.append(self.pairs.pullback(0.5 * (u[:, 0] - u[:, 2])), u[:, 1].sum())

    def gram(self, w: Floats) -> PairGram:
        difference = 0.25 * (w[:, 0, 0] - 2.0 * w[:, 0, 2] + w[:, 2, 2])
        mixed = self.pairs.pullback(0.5 * (w[:, 0, 1] - w[:, 1, 2]))
        inner = self.pairs.gram(difference)
        n = self.pairs.n_competitors
        corner = np.block([[inner.corner, mixed[n:, None]], [mixed[None, n:], np.array([[w[:, 1, 1].sum()]])]])
        return PairGram(inner.pairs, inner.head, np.column_stack([inner.border, mixed[:n]]), corner)

    def rows(self, index: Integers) -> "TiedDesign":
        return TiedDesign(self.pairs.rows(index))

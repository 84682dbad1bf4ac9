"""Symmetric matrices as the solvers see them: a product with a vector, the diagonal, and the full array where it is small enough.

`PairGram` is the information of paired comparisons, the Laplacian of the weighted comparison graph with a few dense rows and columns around it.
It stores each pair once, so its cost is that of the graph and never the square of the number of competitors.
"""

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Sparse = sparse.csr_array[np.float64, tuple[int, int]]


class Gram(Protocol):
    """A symmetric positive semidefinite matrix of shape (p, p)."""

    def __matmul__(self, v: Floats) -> Floats:
        """The product with a vector (p,) or with the columns of (p, k)."""

    def diagonal(self) -> Floats:
        """Shape (p,)."""

    def toarray(self) -> Floats:
        """Shape (p, p)."""

    def plus_diagonal(self, ridge: Floats) -> Self:
        """The matrix with `ridge` added to its diagonal."""


@dataclass(frozen=True, slots=True, eq=False)
class DenseGram:
    """A plain array."""

    matrix: Floats

    def __matmul__(self, v: Floats) -> Floats:
        return self.matrix @ v

    def diagonal(self) -> Floats:
        return self.matrix.diagonal().copy()

    def toarray(self) -> Floats:
        return self.matrix.copy()

    def plus_diagonal(self, ridge: Floats) -> "DenseGram":
        return DenseGram(self.matrix + np.diag(ridge))


@dataclass(frozen=True, slots=True, eq=False)
class PairGram:
    """Diagonal, minus the weights of the pairs off it, and a border: [[diag(d) − U − Uᵀ, B], [Bᵀ, C]].

    Parameters
    ----------
    pairs : csr_array, shape (n, n)
        U: the positive weight of each pair (i, j), once.
    head : array, shape (n,)
        d.
    border : array, shape (n, q)
        B.
    corner : array, shape (q, q)
        C.
    """

    pairs: Sparse
    head: Floats
    border: Floats
    corner: Floats

    def __matmul__(self, v: Floats) -> Floats:
        n = len(self.head)
        top, tail = v[:n], v[n:]
        diagonal = self.head if v.ndim == 1 else self.head[:, None]
        product = diagonal * top - self.pairs @ top - self.pairs.T @ top
        if not len(self.corner):
            return product
        return np.concatenate([product + self.border @ tail, self.border.T @ top + self.corner @ tail])

    def diagonal(self) -> Floats:
        return np.concatenate([self.head, self.corner.diagonal()])

    def toarray(self) -> Floats:
        pairs = self.pairs.toarray()
        graph = np.diag(self.head) - pairs - pairs.T
        return np.block([[graph, self.border], [self.border.T, self.corner]])

    def plus_diagonal(self, ridge: Floats) -> "PairGram":
        n = len(self.head)
        return replace(self, head=self.head + ridge[:n], corner=self.corner + np.diag(ridge[n:]))

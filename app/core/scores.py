"""The meat of clustered observations: scores are summed within a cluster before their outer products are.

    M = Σ_g s_g s_gᵀ,   s_g = Σ_{n in g} c_n a_n D_nᵀ(μ_n − y_n)

A cluster joins pairs that never met, so M has no place on the comparison graph; it is kept as its factor S = (s_1 … s_G). Which observations
belong together is decided by the caller.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.core.grams import Floats, Sparse


@dataclass(frozen=True, slots=True, eq=False)
class ScoreGram:
    """S Sᵀ + diag(ridge).

    Parameters
    ----------
    scores : csr_array, shape (p, G)
        S, a column per cluster.
    ridge : array, shape (p,)
        What is added to the diagonal.
    """

    scores: Sparse
    ridge: Floats

    def __matmul__(self, v: Floats) -> Floats:
        ridge = self.ridge if v.ndim == 1 else self.ridge[:, None]
        return np.asarray(self.scores @ (self.scores.T @ v)) + ridge * v

    def diagonal(self) -> Floats:
        return np.asarray(self.scores.power(2).sum(axis=1)).ravel() + self.ridge

    def toarray(self) -> Floats:
        return np.asarray((self.scores @ self.scores.T).toarray()) + np.diag(self.ridge)

    def plus_diagonal(self, ridge: Floats) -> "ScoreGram":
        return replace(self, ridge=self.ridge + ridge)

    def part(self, kept: NDArray[np.int64]) -> "ScoreGram":
        """Some of its rows and columns."""
        return ScoreGram(Sparse(self.scores[kept]), self.ridge[kept])

    def draw(self, generator: np.random.Generator, size: int) -> Floats:
        """Normal vectors whose covariance is this matrix, shape (p, size)."""
        width, clusters = self.scores.shape
        pulled = np.asarray(self.scores @ generator.standard_normal((clusters, size)))
        return pulled + np.sqrt(self.ridge)[:, None] * generator.standard_normal((width, size))

"""The covariance of differences among a few competitors, from that of their strengths, with its floor for those of few games (`inference`)."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.core.grams import Floats
from app.core.inference import Labels, differences_of, upper_bound


class AmongFew(Protocol):
    """What knows the covariance among a few."""

    @property
    def few(self) -> NDArray[np.bool_]:
        """Whose robust variance has a floor, shape (n,)."""

    @property
    def width(self) -> int:
        """How many competitors and coefficients there are."""

    def covariances(self, chosen: Labels) -> tuple[Floats, Floats | None]:
        """The model-based one and, where that is reported, the robust one, shape (k, k), up to what is common to all competitors."""

    def contrasts(self, indices: list[int], values: Floats) -> Floats:
        """The covariance of weighted sums, which are the columns of `values`."""

    def joint(self, indices: list[int]) -> Floats:
        """The covariance among a few, up to what is common to all competitors."""


def pair_variances(of: AmongFew, indices: list[int]) -> Floats:
    """The variance of every difference among k competitors, shape (k, k), by one solve per competitor."""
    chosen = np.asarray(indices, dtype=np.int64)
    model, robust = of.covariances(chosen)
    if robust is None:
        return differences_of(model)
    few = of.few[chosen]
    differences = differences_of(robust)
    return np.where(few[:, None] | few[None, :], np.maximum(differences_of(model), differences), differences)


def pair_spreads(of: AmongFew, indices: list[int]) -> Floats:
    """The covariance of (θ_i − θ_j, the last coefficient) for every pair of k competitors, shape (k, k, 2, 2), by one solve per competitor."""
    chosen = np.asarray([*indices, of.width - 1], dtype=np.int64)
    model, robust = of.covariances(chosen)
    if robust is None:
        return _spreads(model)
    few, spreads = of.few[chosen[:-1]], _spreads(robust)
    return np.where((few[:, None] | few[None, :])[:, :, None, None], upper_bound(_spreads(model), spreads), spreads)


def _spreads(covariance: Floats) -> Floats:
    """From the covariance of k strengths and a coefficient to that of each difference and the coefficient."""
    k = len(covariance) - 1
    spreads = np.empty((k, k, 2, 2))
    spreads[:, :, 0, 0] = differences_of(covariance[:k, :k])
    spreads[:, :, 0, 1] = spreads[:, :, 1, 0] = covariance[:k, None, k] - covariance[None, :k, k]
    spreads[:, :, 1, 1] = covariance[k, k]
    return spreads

"""The joint covariance of every difference among a few competitors with one coefficient, as Davidson's probabilities need it."""

import numpy as np

from app.core.grams import Floats
from app.core.inference import Uncertainty, differences_of, upper_bound


def pair_spreads(of: Uncertainty, indices: list[int]) -> Floats:
    """The covariance of (θ_i − θ_j, the last coefficient) for every pair of k competitors, shape (k, k, 2, 2), by one solve per competitor."""
    chosen = np.asarray([*indices, len(of.precision) - 1], dtype=np.int64)
    contrasts = of.centred(of.unit_vectors(chosen))
    solved = of.solve(contrasts)
    model = _spreads(contrasts.T @ solved)
    if of.covariance == "model":
        return model
    robust, few = _spreads(solved.T @ (of.bread @ solved)), of.few[chosen[:-1]]
    return np.where((few[:, None] | few[None, :])[:, :, None, None], upper_bound(model, robust), robust)


def _spreads(covariance: Floats) -> Floats:
    """From the covariance of k strengths and a coefficient to that of each difference and the coefficient."""
    k = len(covariance) - 1
    spreads = np.empty((k, k, 2, 2))
    spreads[:, :, 0, 0] = differences_of(covariance[:k, :k])
    spreads[:, :, 0, 1] = spreads[:, :, 1, 0] = covariance[:k, None, k] - covariance[None, :k, k]
    spreads[:, :, 1, 1] = covariance[k, k]
    return spreads

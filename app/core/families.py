"""Pointwise losses of canonical families: they know an η and an outcome, and nothing of a design.

    family     η                mean           value                     curvature
    logistic   (n,)             σ(η)           softplus(η) − yη          μ(1 − μ)
    softmax    (n, K)           softmax(η)     logsumexp(η) − ⟨y, η⟩     diag μ − μμᵀ
    reference  (n, K − 1)       the same with η_K = 0 for the last class, and the leading block

residual = μ − y. `terms` computes the exponential once for all three. All are stable at |η| = 800.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from app.core.grams import Floats

ROWS_IN_CACHE = 16_384
"""Rows whose intermediate values stay in the processor's cache together."""


class Terms(NamedTuple):
    """Per row: the loss, its derivative in η (the residual μ − y), and its second derivative."""

    value: Floats
    residual: Floats
    curvature: Floats


class Family(Protocol):
    """A canonical exponential family."""

    def mean(self, eta: Floats) -> Floats:
        """The expected outcome at η."""

    def terms(self, eta: Floats, y: Floats) -> Terms:
        """Value, residual and curvature per row."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """One outcome in [0, 1]."""

    def mean(self, eta: Floats) -> Floats:
        small = np.exp(-np.abs(eta))
        return np.asarray(np.maximum(eta >= 0.0, small) / (1.0 + small))

    def terms(self, eta: Floats, y: Floats) -> Terms:
        out = Terms(np.empty(eta.shape), np.empty(eta.shape), np.empty(eta.shape))
        for start in range(0, len(eta), ROWS_IN_CACHE):
            rows = slice(start, start + ROWS_IN_CACHE)
            self._fill(eta[rows], y[rows], out.value[rows], out.residual[rows], out.curvature[rows])
        return out

    @staticmethod
    def _fill(eta: Floats, y: Floats, value: Floats, residual: Floats, curvature: Floats) -> None:
        """Where η ≥ 0 the less likely outcome is y = 0. No branch per row, because a processor guesses half of them wrong."""
        small = np.exp(-np.abs(eta))
        less_likely = small / (1.0 + small)
        ahead = (eta >= 0.0).astype(np.float64)
        np.subtract(ahead, y, out=residual)
        # Both parts of softplus(η) − yη = log(1 + e^−|η|) + (1[η ≥ 0] − y) η are positive, so nothing cancels after many wins in a row.
        np.log1p(small, out=value)
        value += residual * eta
        # 1 − y − (1 − μ) keeps every digit where μ rounds to 1.
        residual -= (2.0 * ahead - 1.0) * less_likely
        np.multiply(less_likely, 1.0 - less_likely, out=curvature)


@dataclass(frozen=True, slots=True)
class Softmax:
    """One of K outcomes as a row of y (n, K); with `reference` the last class has η = 0 and η has K − 1 columns."""

    reference: bool = False

    def mean(self, eta: Floats) -> Floats:
        """The probabilities of all K classes."""
        full = self._all_classes(eta)
        odds = np.exp(full - full.max(axis=1, keepdims=True))
        probabilities: Floats = odds / odds.sum(axis=1, keepdims=True)
        return probabilities

    def terms(self, eta: Floats, y: Floats) -> Terms:
        # Class by class, because a sum over the few classes of each row is slow and one over long columns is not.
        full = np.ascontiguousarray(self._all_classes(eta).T)
        below = full.max(axis=0) - full
        odds = np.exp(-below)
        total = odds.sum(axis=0)
        mean = (odds / total)[: eta.shape[1]]
        value = np.log(total) + (below * y.T).sum(axis=0)
        curvature = np.empty((*eta.shape, eta.shape[1]))
        for i, j in np.ndindex(curvature.shape[1:]):
            curvature[:, i, j] = mean[i] * ((i == j) - mean[j])
        return Terms(value, mean.T - y[:, : eta.shape[1]], curvature)

    def _all_classes(self, eta: Floats) -> Floats:
        return np.column_stack([eta, np.zeros(len(eta))]) if self.reference else eta

"""Designs × families × problems: every design of `tests.core.problems` and rankings, each with outcomes and weights of several kinds.

A design of one's own stands beside ours: `Written` is nothing but an array, and knows only the four verbs.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from app.core.choices import ChainedChoices, RankedDesign
from app.core.families import Logistic, Softmax
from app.core.grams import DenseGram
from app.core.objective import Objective
from tests.core.problems import DESIGNS, matrix, problem

NAMES = [*DESIGNS, "rankings"]
SYMMETRIC = [name for name, (_, family) in DESIGNS.items() if isinstance(family, Softmax) and not family.reference]


def _soft(objective, _rng):
    return objective


def _certain(objective, rng):
    """Every outcome is one class, as if it were sure."""
    if isinstance(objective.family, ChainedChoices):
        return objective
    shape = objective.y.shape
    y = rng.integers(0, 2, shape).astype(float) if len(shape) == 1 else np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
    return replace(objective, y=y)


def _uneven(objective, rng):
    """Weights from nothing to a million."""
    return replace(objective, weight=rng.choice([0.0, 1e-3, 1.0, 1e3, 1e6], len(objective.y)))


PROBLEMS = {"soft outcomes": _soft, "certain outcomes": _certain, "uneven weights": _uneven}


def _rankings(ridge):
    rng = np.random.default_rng(5)
    places = np.full((12, 5), -1)
    for row, length in zip(places, [2, 3, 4, 5] * 3, strict=True):
        row[:length] = rng.permutation(6)[:length]
    weight = rng.uniform(0.5, 3.0, 12)
    return Objective(RankedDesign(places, 6), ChainedChoices(), (places >= 0).astype(float), weight, np.full(6, ridge), np.linspace(-0.1, 0.1, 6))


def objective_of(name, kind="soft outcomes", ridge=0.3):
    """One entry of the catalogue."""
    plain = _rankings(ridge) if name == "rankings" else problem(name, ridge=ridge)
    return PROBLEMS[kind](plain, np.random.default_rng(6))


every_design = pytest.mark.parametrize("name", NAMES)
every_canonical_design = pytest.mark.parametrize("name", list(DESIGNS))
every_problem = pytest.mark.parametrize("kind", list(PROBLEMS))


def theta_of(objective, seed=7):
    return np.random.default_rng(seed).standard_normal(objective.design.width)


@dataclass(frozen=True, eq=False)
class Written:
    """A design written out: D of shape (n, p), or (n, K, p)."""

    D: np.ndarray

    @property
    def width(self):
        return self.D.shape[-1]

    def predict(self, theta):
        return self.D @ theta

    def pullback(self, u):
        return np.tensordot(u, self.D, u.ndim)

    def gram(self, w):
        return DenseGram(np.einsum("np,n,nq->pq", self.D, w, self.D) if w.ndim == 1 else np.einsum("nip,nij,njq->pq", self.D, w, self.D))

    def rows(self, index):
        return Written(self.D[index])


def written_out(objective):
    """The same objective over the design written out."""
    return replace(objective, design=Written(matrix(objective.design)))


def scores_over_outcomes(objective, point):
    """For each row every pure outcome: its chance (n, o), and its score Dᵀ(y − μ) (n, o, p)."""
    mean, D = objective.family.mean(point.eta), matrix(objective.design)
    if isinstance(objective.family, Logistic):
        chances, surprises = np.column_stack([mean, 1.0 - mean]), (np.array([1.0, 0.0]) - mean[:, None])[:, :, None]
        return chances, np.einsum("nkp,nok->nop", D[:, None, :], surprises)
    surprises = np.eye(mean.shape[1])[None, :, : D.shape[1]] - mean[:, None, : D.shape[1]]
    return mean, np.einsum("nkp,nok->nop", D, surprises)

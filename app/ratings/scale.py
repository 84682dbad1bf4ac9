"""Points and natural units: the one place that knows how the Elo scale relates to log-odds.

A difference of `scale` points (400) means odds of 10 to 1, so one natural unit is s = scale / ln 10 points (173.7178 at scale 400).
The expected score is the kernel of `core.kernels`, so that whatever is computed here agrees in every bit with the ledger's replay.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.core.kernels import logistic

LN_10 = 2.302585092994046

DEFAULT_SCALE = 400.0
DEFAULT_OFFSET = 1500.0
"""The points shown for the mean of a component of a fit."""

Number = TypeVar("Number", float, NDArray[np.float64])


def natural_unit(scale: float = DEFAULT_SCALE) -> float:
    """Points per natural unit: scale / ln 10."""
    return scale / LN_10


def expected_score(difference_points: float, scale: float = DEFAULT_SCALE) -> float:
    """The expected score of a side that is `difference_points` ahead: 1 / (1 + 10^(−difference / scale))."""
    return logistic(difference_points / natural_unit(scale))


def learning_rate(k: float, scale: float = DEFAULT_SCALE) -> float:
    """The step of stochastic gradient descent in natural units that K points are: ρ = K / s (0.184207 for K = 32)."""
    return k / natural_unit(scale)


def to_points(theta: Number, scale: float = DEFAULT_SCALE, offset: float = DEFAULT_OFFSET) -> Number:
    """R = offset + s·θ."""
    return offset + natural_unit(scale) * theta


def to_natural_units(points: Number, scale: float = DEFAULT_SCALE, offset: float = DEFAULT_OFFSET) -> Number:
    """θ = (R − offset) / s."""
    return (points - offset) / natural_unit(scale)

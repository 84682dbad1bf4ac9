"""Profile-likelihood intervals: all values of one coefficient that lower the maximum of the objective by less than ½ z².

Unlike Wald's, they follow the shape of the likelihood and do not depend on how the coefficient is written: that of ν is e to that of ln ν.
A spring ½κ(θ_k − c)² added to F moves θ_k, and where it comes to rest all others are at their best for that θ_k: points of the profile are
minima of F with another prior, and need no solver of their own. Whether a likelihood interval is right for some data is decided by the caller.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from app.core.grams import Floats
from app.core.objective import Objective, Point
from app.core.solvers import Solution

ACCURACY = 1e-9
"""Of an end, in standard errors."""

Minimise = Callable[[Objective, Floats], Solution]


def profile_interval(objective: Objective, best: Point, index: int, error: float, minimise: Minimise, z: float) -> tuple[float, float]:
    """Where 2 (min F given θ_k − min F) = z², below and above the minimum.

    Parameters
    ----------
    objective, best : Objective, Point
        F with its prior, and its minimum.
    index : int
        k; F must not be flat along it.
    error : float
        The model-based standard error of θ_k, the unit of length here.
    minimise : Minimise
        The minimum of an objective, from a start.
    z : float
        Of the level, 1.96 for 95 %.

    Returns
    -------
    lower, upper : float
        About six minimisations each. Venzon and Moolgavkar (1988).
    """
    from scipy.optimize import brentq  # noqa: PLC0415 - a third of the start-up time, for what few ask

    def end(sign: float) -> float:
        latest = best

        def beyond(pull: float) -> float:
            nonlocal latest
            latest = minimise(_with_spring(objective, index, error**-2, best.theta[index] + sign * pull * error), latest.theta).point
            drop = objective.at(latest.theta, latest.eta).value - best.value
            return math.sqrt(max(2.0 * drop, 0.0)) - z

        far = 2.0 * z
        while beyond(far) < 0.0:
            far *= 2.0
        beyond(float(brentq(beyond, 0.0, far, xtol=ACCURACY)))
        return float(latest.theta[index])

    return end(-1.0), end(1.0)


def _with_spring(objective: Objective, index: int, stiffness: float, rest: float) -> Objective:
    precision, centre = objective.precision.copy(), objective.centre.copy()
    precision[index] += stiffness
    centre[index] += (rest - centre[index]) * stiffness / precision[index]
    return replace(objective, precision=precision, centre=centre)

"""L-BFGS, for where products with H are not wanted: SciPy's, in coordinates of unit curvature, run again until our own test is content.

Left alone it stops early on sums: F is known to 16 digits, so a step whose gain is below ε·F looks like none, and θ is then right to √ε only.
Every further run starts where the last gave up and measures F from there by the trapezoid rule, ½ (g₀ + g)·(θ − θ₀), which has digits where F
has none left. Whether the end is a minimum is decided by the Newton decrement, as for the other solvers, and not by SciPy's flag.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from app.core.grams import Floats
from app.core.objective import Objective, Point
from app.core.solvers import EPSILON, Descent, Iteration, Solution, Status, is_minimum, is_noise, krylov_direction, newton_decrement, without_flat

MEMORY = 20


def lbfgs(objective: Objective, start: Floats, tolerance: float = 1e-10, max_iterations: int = 2_000) -> Solution:
    """Minimise by the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno.

    Parameters
    ----------
    objective : Objective
        Convex, with p coefficients.
    start : array, shape (p,)
        Where to begin.
    tolerance : float
        Converged when the Newton decrement is at most this: what is left is that fraction of a standard error.
    max_iterations : int
        Of all runs together.

    Returns
    -------
    Solution
        The trace has no decrements, because nothing here knows H on the way.

    Notes
    -----
    O(rows + p · memory) per iteration. Liu and Nocedal (1989); on differences of F by gradients, Hager and Zhang (2005).
    """
    run = _Run(objective, start, max_iterations)
    run.minimise(_plain, 64.0 * EPSILON, 0.01 * tolerance)
    reached = math.inf
    while run.left and tolerance < run.decrement < 0.9 * reached:
        reached = run.decrement
        run.minimise(_from_here, 0.0, 0.1 * tolerance / reached * run.scaled_gradient)
    if run.left and run.decrement > tolerance:
        run.finish()
    return run.solution(tolerance)


Measure = Callable[[Point, Floats, Point, Floats], float]


def _plain(_origin: Point, _gradient: Floats, point: Point, _gradient_there: Floats) -> float:
    return point.value


def _from_here(origin: Point, gradient: Floats, point: Point, gradient_there: Floats) -> float:
    return 0.5 * float((gradient + gradient_there) @ (point.theta - origin.theta))


class _Run:
    """The point that was reached and the iterations that are left, over all runs."""

    def __init__(self, objective: Objective, start: Floats, max_iterations: int) -> None:
        self.objective, self.left = objective, max_iterations
        self.point = objective.at(start)
        self.gradient = objective.gradient(self.point)
        self.trace: list[Iteration] = []
        diagonal = objective.hessian(self.point).diagonal()
        self.scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))

    def minimise(self, measure: Measure, enough: float, gradient_enough: float) -> None:
        """Stop where F gains less than `enough` relative to itself, or the scaled gradient falls below `gradient_enough`."""
        from scipy.optimize import minimize  # noqa: PLC0415 - a third of the start-up time

        origin, gradient = self.point, self.gradient
        options = {"ftol": enough, "gtol": gradient_enough, "maxcor": MEMORY, "maxiter": self.left, "maxfun": 20 * self.left + 20}

        def value_and_gradient(scaled: Floats) -> tuple[float, Floats]:
            trial = self.objective.at(self.scale * scaled)
            there = self.objective.gradient(trial)
            self.latest = trial, there
            return measure(origin, gradient, trial, there), self.scale * there

        arguments: Any = {"jac": True, "method": "L-BFGS-B", "options": options, "callback": self._accept}
        minimize(value_and_gradient, origin.theta / self.scale, **arguments)

    def finish(self) -> None:
        """Take the step that Newton would, where that leaves less: along what is all but flat, rounding hides the way from differences of gradients."""
        trial = self.objective.at(self.point.theta + self.descent.direction)
        gradient = self.objective.gradient(trial)
        if np.abs(self.scale * gradient).max(initial=0.0) < self.scaled_gradient:
            self._accept_point(trial, gradient)

    def _accept_point(self, point: Point, gradient: Floats) -> None:
        self.trace.append(Iteration(self.point.value, float(np.abs(self.gradient).max(initial=0.0)), math.nan, math.nan, 0, 0.0))
        self.point, self.gradient = point, gradient
        self.left -= 1

    def _accept(self, _scaled: Floats) -> None:
        """SciPy reports a step right after the evaluation that it accepts."""
        self._accept_point(*self.latest)

    @property
    def scaled_gradient(self) -> float:
        """The largest entry in the coordinates of the search; how it compares with the decrement tells how flat the flattest direction is."""
        return float(np.abs(self.scale * self.gradient).max(initial=0.0))

    @property
    def descent(self) -> Descent:
        """What Newton would do here, roughly."""
        return krylov_direction(self.objective.hessian(self.point), self.gradient, self.objective.flat, 0.01)

    @property
    def decrement(self) -> float:
        return newton_decrement(self.gradient, self.descent)

    def solution(self, tolerance: float) -> Solution:
        status = self._status(tolerance)
        largest = float(np.abs(self.gradient).max(initial=0.0))
        theta = without_flat(self.point.theta, self.objective.flat)
        return Solution(theta, self.point, status, len(self.trace), largest, self.point.value, tuple(self.trace))

    def _status(self, tolerance: float) -> Status:
        if not (math.isfinite(self.point.value) and np.isfinite(self.gradient).all()):
            return Status.NOT_FINITE
        # Of a gradient that is rounding alone no decrement can be asked for, but the step that is left must still be small.
        reachable = math.inf if is_noise(self.objective, self.point, self.gradient) else tolerance
        if is_minimum(self.point, self.gradient, self.descent, reachable):
            return Status.CONVERGED
        return Status.STALLED if self.left else Status.ITERATION_LIMIT

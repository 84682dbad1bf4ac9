"""Minimise an objective: a direction times a step length, repeated until the gradient is noise.

A direction solves H d = −∇F, by Cholesky (`cholesky_direction`) or by Jacobi-preconditioned conjugate gradients that stop early far from the
minimum (`krylov_direction`, truncated Newton). The length halves until Armijo's condition holds (`line_search`), or is cut to a region of bounded
Kullback–Leibler divergence (`trust_region`), on an η that is known already. Near machine precision F cannot show progress any more; there a step
counts if F moves by rounding alone and the gradient shrinks. `quasi_newton` holds the solver that does without H.
For canonical links H is the Fisher information plus the prior's, so each full step is a natural-gradient step of rate one.
The outcome is a value with a reason. Nothing here raises for a minimum that was not reached, warns or logs.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from scipy import linalg

from app.core.grams import Floats, Gram, Sparse
from app.core.objective import Objective, Point

EPSILON = float(np.finfo(np.float64).eps)
ARMIJO = 1e-4
SHORTEST_STEP = 2.0**-30
MAX_KRYLOV_STEPS = 5_000
# A product with H is far cheaper than one pass over the outcomes, so even early solves are tight.
LOOSEST_SOLVE = 0.01
# Rounding keeps the residual of a flat problem from falling for ever.
TIGHTEST_SOLVE = 1e-8


class Status(StrEnum):
    """Why a solver stopped; the value is a sentence for people."""

    CONVERGED = "converged"
    ITERATION_LIMIT = "stopped at the limit of iterations before the gradient vanished"
    STALLED = "no step along the search direction lowers the objective, though the gradient has not vanished"
    NOT_FINITE = "the objective left the range of floating-point numbers"


class Iteration(NamedTuple):
    """One row of diagnostics, taken where the iteration began."""

    value: float
    gradient_norm: float
    decrement: float
    step_length: float
    inner_iterations: int
    damping: float


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The last point, and why it is the last."""

    theta: Floats
    point: Point
    status: Status
    iterations: int
    gradient_norm: float
    value: float
    trace: tuple[Iteration, ...]


class Descent(NamedTuple):
    """A search direction, and what finding it took."""

    direction: Floats
    inner_iterations: int = 0
    damping: float = 0.0


class Taken(NamedTuple):
    """Where a step led, the gradient there and the length; or no point, and why."""

    point: Point | None
    gradient: Floats
    length: float
    status: Status


Flat = Sparse | None
Direction = Callable[[Gram, Floats, Flat, float], Descent]
TakeStep = Callable[[Point, Floats, Floats], Taken]
Step = Callable[[Objective], TakeStep]


def cholesky_direction(hessian: Gram, gradient: Floats, flat: Flat, _accuracy: float) -> Descent:
    """−H⁻¹∇F by dense Cholesky, O(p³). Where H is not positive definite in floating point, a growing multiple of its diagonal is added."""
    matrix = grounded(hessian, flat)
    scale = np.maximum(matrix.diagonal(), EPSILON)
    damping = 0.0
    while damping < 1.0:
        try:
            factor = linalg.cho_factor(matrix + np.diag(damping * scale), lower=True, overwrite_a=True, check_finite=False)
        except linalg.LinAlgError:
            damping = max(100.0 * damping, 1e-12)
            continue
        return Descent(-linalg.cho_solve(factor, gradient, check_finite=False), 0, damping)
    return Descent(-gradient / scale, 0, damping)


def krylov_direction(hessian: Gram, gradient: Floats, flat: Flat, accuracy: float) -> Descent:
    """−H⁻¹∇F by conjugate gradients, to a residual of `accuracy` relative to the gradient.

    What rounding left of the gradient along flat directions is taken away, because no multiple of H can meet it.
    """
    solution, iterations = conjugate_gradients(hessian, without_flat(gradient, flat), accuracy)
    return Descent(-without_flat(solution, flat), iterations)


def grounded(hessian: Gram, flat: Flat) -> Floats:
    """H as an array, with the directions in which F is flat given the size of its diagonal, so that it has an inverse."""
    matrix = hessian.toarray()
    if flat is not None:
        size = float(matrix.diagonal().max(initial=EPSILON))
        matrix += size * (flat @ flat.T).toarray()
    return matrix


def conjugate_gradients(gram: Gram, b: Floats, accuracy: float, max_steps: int = MAX_KRYLOV_STEPS) -> tuple[Floats, int]:
    """Solve G x = b for one (p,) or many (p, k) right-hand sides, preconditioned by the diagonal.

    Parameters
    ----------
    gram : Gram
        Symmetric positive semidefinite; b must lie in its range.
    b : array, shape (p,) or (p, k)
        Right-hand sides.
    accuracy : float
        Stop when every residual is this small relative to its right-hand side, in the norm of the preconditioner.
    max_steps : int
        Stop here in any case.

    Returns
    -------
    x, steps
        The solution, and how many products with G it took.

    Notes
    -----
    Hestenes and Stiefel (1952). Every column has its own step lengths.
    """
    diagonal = gram.diagonal()
    inverse = 1.0 / np.where(diagonal > 0.0, diagonal, 1.0)
    if b.ndim == 2:
        inverse = inverse[:, None]
    x, residual = np.zeros_like(b), b.copy()
    z = inverse * residual
    direction, rho = z.copy(), _dots(residual, z)
    goal = accuracy**2 * rho
    for step in range(max_steps):
        if np.all(rho <= goal):
            return x, step
        image = gram @ direction
        alpha = _quotient(rho, _dots(direction, image))
        x += alpha * direction
        residual -= alpha * image
        z = inverse * residual
        rho, previous = _dots(residual, z), rho
        direction = z + _quotient(rho, previous) * direction
    return x, max_steps


def _dots(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.einsum("i...,i...->...", a, b))


def _quotient(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0.0)


def is_minimum(point: Point, gradient: Floats, descent: Descent, tolerance: float) -> bool:
    """Whether the decrement is within the tolerance, and the step that is left is small as well."""
    return newton_decrement(gradient, descent) <= tolerance and _largest(descent.direction) <= 1e-6 * max(1.0, _largest(point.theta))


def newton_decrement(gradient: Floats, descent: Descent) -> float:
    """√(∇Fᵀ H⁻¹ ∇F), the distance to the minimum in standard errors."""
    return math.sqrt(max(-float(gradient @ descent.direction), 0.0))


def line_search(objective: Objective) -> TakeStep:
    """Halve the step until F falls enough."""

    def take(point: Point, gradient: Floats, direction: Floats) -> Taken:
        slope = float(gradient @ direction)
        eta_direction = objective.design.predict(direction)
        length = 1.0
        while length >= SHORTEST_STEP:
            trial = objective.at(point.theta + length * direction, point.eta + length * eta_direction)
            after = _gradient_if_better(objective, point, gradient, trial, ARMIJO * length * slope)
            if after is not None:
                return Taken(trial, after, length, Status.CONVERGED)
            if is_noise(objective, point, gradient):
                break
            length *= 0.5
        return Taken(None, gradient, 0.0, _reason_without_progress(objective, point, gradient))

    return take


def trust_region(objective: Objective) -> TakeStep:
    """Steps that move the distribution of the data by a bounded Kullback–Leibler divergence, ½ δᵀIδ ≤ radius.

    In this metric the minimum of the quadratic model within the region lies on the Newton direction (exactly where there is no prior), so a step
    is Newton's, cut to the radius. The radius starts at one nat per observation and follows how well the model foretold F.
    """
    radius = float(objective.weight.sum())

    def take(point: Point, gradient: Floats, direction: Floats) -> Taken:
        nonlocal radius
        eta_direction = objective.design.predict(direction)
        slope, divergence = float(gradient @ direction), objective.divergence(point, eta_direction)
        curved = 2.0 * divergence + float(direction @ (objective.precision * direction))
        length = 1.0
        while length >= SHORTEST_STEP:
            length = min(length, math.sqrt(radius / divergence)) if divergence > 0.0 else length
            trial = objective.at(point.theta + length * direction, point.eta + length * eta_direction)
            predicted = length * slope + 0.5 * length * length * curved
            after = _gradient_if_better(objective, point, gradient, trial, ARMIJO * predicted)
            radius *= _adapted(trial.value - point.value, predicted, length)
            if after is not None:
                return Taken(trial, after, length, Status.CONVERGED)
            if is_noise(objective, point, gradient):
                break
            length *= 0.5
            radius = min(radius, length * length * divergence)
        return Taken(None, gradient, 0.0, _reason_without_progress(objective, point, gradient))

    return take


def _adapted(change: float, predicted: float, length: float) -> float:
    """The factor of the radius: less trust where the model foretold too much, more where it was right and the region was in the way."""
    if change > 0.25 * predicted:
        return 0.25
    return 4.0 if length < 1.0 and change < 0.75 * predicted else 1.0


def _gradient_if_better(objective: Objective, point: Point, gradient: Floats, trial: Point, needed: float) -> Floats | None:
    """∇F at the trial, if F falls as needed. F at rounding level decides nothing; there the gradient does."""
    change, noise = trial.value - point.value, 16.0 * EPSILON * objective.magnitude(point)
    if not (change <= needed or abs(change) <= noise):
        return None
    after = objective.gradient(trial)
    return after if abs(change) > noise or _largest(after) < _largest(gradient) else None


def _reason_without_progress(objective: Objective, point: Point, gradient: Floats) -> Status:
    if not np.isfinite(point.value):
        return Status.NOT_FINITE
    return Status.CONVERGED if is_noise(objective, point, gradient) else Status.STALLED


def is_noise(objective: Objective, point: Point, gradient: Floats) -> bool:
    """Whether the gradient is no larger than the rounding errors of the sums that it is made of."""
    summed = float(np.abs(objective.weight).sum()) + float(np.abs(objective.precision * point.theta).sum())
    return _largest(gradient) <= 64.0 * EPSILON * summed


def newton(
    objective: Objective,
    start: Floats,
    direction: Direction = cholesky_direction,
    tolerance: float = 1e-10,
    max_iterations: int = 100,
    step: Step = line_search,
) -> Solution:
    """Damped Newton steps until what is left is a fraction `tolerance` of a standard error.

    Parameters
    ----------
    objective : Objective
        Convex, with p coefficients.
    start : array, shape (p,)
        Where to begin.
    direction : Direction
        How H d = −∇F is solved.
    tolerance : float
        Converged when the Newton decrement √(∇Fᵀ H⁻¹ ∇F) is at most this, and the step itself is small: along a direction in which
        F falls for ever the decrement vanishes as well, but the steps do not.
    max_iterations : int
        Stop here in any case.
    step : Step
        How far to go along the direction: `line_search` or `trust_region`.

    Returns
    -------
    Solution
        The point, and why the solver stopped there.
    """
    point = objective.at(start)
    gradient = objective.gradient(point)
    first_norm = _largest(gradient)
    take = step(objective)
    trace: list[Iteration] = []
    status = Status.ITERATION_LIMIT
    for _ in range(max_iterations):
        last = trace[-1].decrement if trace else math.inf
        descent = direction(objective.hessian(point), gradient, objective.flat, _accuracy(_largest(gradient), first_norm, last, tolerance))
        if is_minimum(point, gradient, descent, tolerance):
            status = Status.CONVERGED
            break
        taken = take(point, gradient, descent.direction)
        trace.append(
            Iteration(point.value, _largest(gradient), newton_decrement(gradient, descent), taken.length, descent.inner_iterations, descent.damping)
        )
        if taken.point is None:
            status = taken.status
            break
        point, gradient = taken.point, taken.gradient
    return Solution(without_flat(point.theta, objective.flat), point, status, len(trace), _largest(gradient), point.value, tuple(trace))


def _accuracy(norm: float, first_norm: float, last_decrement: float, tolerance: float) -> float:
    """How well to solve for the direction: the better, the nearer the minimum; except where only a proof is wanted that this is it.

    A Newton step squares the decrement, so the step before tells when the next is expected to have arrived.
    """
    if first_norm == 0.0 or last_decrement * last_decrement <= tolerance:
        return LOOSEST_SOLVE
    return min(LOOSEST_SOLVE, max(TIGHTEST_SOLVE, norm / first_norm))


def sgd(objective: Objective, start: Floats, rate: float, order: Iterable[int]) -> Solution:
    """One stochastic gradient step per row of the data, in the order given: θ ← θ − rate · c·a · Dᵀ(μ − y). Elo is this with rate K / s.

    The prior takes no part, because it belongs to the sum and to no single row.

    Parameters
    ----------
    objective : Objective
        With p coefficients and n rows.
    start : array, shape (p,)
        Where to begin.
    rate : float
        Of every step alike, so the steps end where the order does and never settle.
    order : iterable of int
        Rows, each as often as it is to be stepped along.

    Returns
    -------
    Solution
        A row of the trace per step, with the row's own loss and the largest entry of its gradient, before the step. Value, gradient and status
        are those of the whole objective at the end: converged only where the gradient there is noise.
    """
    theta, trace = start.copy(), []
    for row in order:
        index = np.array([row])
        design, weight = objective.design.rows(index), float(objective.weight[row])
        terms = objective.family.terms(design.predict(theta), objective.y[index])
        gradient = weight * design.pullback(terms.residual)
        trace.append(Iteration(weight * float(terms.value[0]), _largest(gradient), math.nan, rate, 0, 0.0))
        theta -= rate * gradient
    point = objective.at(theta)
    gradient = objective.gradient(point)
    return Solution(theta, point, _status_after(objective, point, gradient), len(trace), _largest(gradient), point.value, tuple(trace))


def _status_after(objective: Objective, point: Point, gradient: Floats) -> Status:
    if not (math.isfinite(point.value) and np.isfinite(gradient).all()):
        return Status.NOT_FINITE
    return Status.CONVERGED if is_noise(objective, point, gradient) else Status.ITERATION_LIMIT


def _largest(values: Floats) -> float:
    return float(np.abs(values).max(initial=0.0))


def without_flat(theta: Floats, flat: Flat) -> Floats:
    """θ less its part in the directions along which F is flat."""
    return theta if flat is None else theta - flat @ (flat.T @ theta)

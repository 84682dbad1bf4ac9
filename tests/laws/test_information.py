"""Derivatives, their forms in weight space, and what makes Newton's step the natural gradient, over the catalogue."""

from dataclasses import replace

import numpy as np
import pytest

from app.core.designs import ClassDesign
from app.core.families import Logistic, Softmax
from app.core.objective import Objective
from app.core.solvers import cholesky_direction, krylov_direction, newton
from tests.laws.catalogue import SYMMETRIC, every_canonical_design, every_design, every_problem, objective_of, scores_over_outcomes, theta_of

STEP = 1e-6
FAMILIES = {"logistic": (Logistic(), 1), "softmax": (Softmax(), 3), "softmax with a reference": (Softmax(reference=True), 2)}
every_family = pytest.mark.parametrize(("family", "columns"), FAMILIES.values(), ids=list(FAMILIES))
every_direction = pytest.mark.parametrize("direction", [cholesky_direction, krylov_direction])


def _rows(family, columns):
    rng = np.random.default_rng(1)
    eta = 3.0 * rng.standard_normal((40, columns))
    if isinstance(family, Logistic):
        return eta[:, 0], rng.choice([0.0, 0.3, 0.5, 1.0], 40)
    return eta, rng.dirichlet(np.ones(columns + int(family.reference)), 40)


def _slopes(function, eta):
    """Central differences of every row's function by every column of η, the columns last."""
    units = np.eye(eta.shape[1])[:, None, :] if eta.ndim == 2 else np.ones((1, 1))
    slopes = [(function(eta + STEP * unit) - function(eta - STEP * unit)) / (2.0 * STEP) for unit in units]
    return np.stack(slopes, axis=-1) if eta.ndim == 2 else slopes[0]


@every_family
def test_the_residual_of_a_row_is_the_slope_of_its_value(family, columns):
    eta, y = _rows(family, columns)
    assert family.terms(eta, y).residual == pytest.approx(_slopes(lambda at: family.terms(at, y).value, eta), abs=1e-8)


@every_family
def test_the_curvature_of_a_row_is_the_slope_of_its_residual_and_of_its_mean(family, columns):
    eta, y = _rows(family, columns)
    curvature = family.terms(eta, y).curvature
    assert curvature == pytest.approx(_slopes(lambda at: family.terms(at, y).residual, eta), abs=1e-8)
    means = _slopes(family.mean, eta)
    assert curvature == pytest.approx(means if eta.ndim == 1 else means[:, : eta.shape[1]], abs=1e-8)


@every_design
@every_problem
def test_gradient_and_hessian_are_slopes(name, kind):
    objective = objective_of(name, kind)
    theta = theta_of(objective)
    units = STEP * np.eye(len(theta))
    there, back = ([objective.at(theta + sign * unit) for unit in units] for sign in (1.0, -1.0))
    slopes = np.array([(one.value - other.value) / (2.0 * STEP) for one, other in zip(there, back, strict=True)])
    columns = [(objective.gradient(one) - objective.gradient(other)) / (2.0 * STEP) for one, other in zip(there, back, strict=True)]
    size = max(1.0, float(objective.weight.max()))
    assert objective.gradient(objective.at(theta)) == pytest.approx(slopes, abs=2e-8 * size * len(objective.y))
    assert objective.hessian(objective.at(theta)).toarray() == pytest.approx(np.array(columns), abs=1e-8 * size * len(objective.y))


@every_canonical_design
def test_the_hessian_does_not_contain_the_outcome(name):
    objective, certain = objective_of(name, ridge=0.0), objective_of(name, "certain outcomes", ridge=0.0)
    theta = theta_of(objective)
    assert not np.array_equal(objective.y, certain.y)
    assert np.array_equal(objective.hessian(objective.at(theta)).toarray(), certain.hessian(certain.at(theta)).toarray())


@every_canonical_design
def test_scores_average_to_nothing_over_outcomes(name):
    objective = objective_of(name, ridge=0.0)
    chances, scores = scores_over_outcomes(objective, objective.at(theta_of(objective)))
    assert np.einsum("no,nop->np", chances, scores) == pytest.approx(np.zeros((len(scores), scores.shape[2])), abs=1e-12)


def _grounded_pinv(information):
    return np.linalg.pinv(information, rcond=1e-10, hermitian=True)


@every_canonical_design
@every_direction
def test_without_a_prior_a_newton_step_is_a_natural_gradient_step_of_rate_one(name, direction):
    """The metric is averaged over outcomes and never looks at a Hessian; where data leave a direction free, the step has no part in it."""
    objective = objective_of(name, ridge=0.0)
    point = objective.at(0.3 * theta_of(objective))
    chances, scores = scores_over_outcomes(objective, point)
    metric = np.einsum("n,no,nop,noq->pq", objective.weight, chances, scores, scores)
    gradient = objective.gradient(point)
    taken = direction(objective.hessian(point).plus_diagonal(np.full(len(gradient), 1e-11)), gradient, None, 1e-14).direction
    seen = metric @ _grounded_pinv(metric)
    assert seen @ taken == pytest.approx(-_grounded_pinv(metric) @ gradient, abs=1e-7)


@every_canonical_design
def test_the_first_step_of_the_solver_is_the_natural_gradient_in_the_metric_of_data_and_prior(name):
    objective = objective_of(name)
    start = objective.at(np.zeros(objective.design.width))
    chances, scores = scores_over_outcomes(objective, start)
    metric = np.einsum("n,no,nop,noq->pq", objective.weight, chances, scores, scores) + np.diag(objective.precision)
    solution = newton(objective, start.theta, max_iterations=1)
    assert solution.trace[0].step_length == 1.0
    assert solution.theta == pytest.approx(start.theta - np.linalg.solve(metric, objective.gradient(start)), abs=1e-10)


@every_canonical_design
@pytest.mark.parametrize("size", [1e-2, 0.1, 1.0, 10.0])
def test_what_the_quadratic_form_leaves_of_the_divergence_is_of_third_order(name, size):
    """|KL(p_θ ‖ p_θ+δ) − ½ δᵀIδ| ≤ Σ r³/36√3: the third central moment of what lies within a range of r is at most r³/6√3."""
    objective = objective_of(name, ridge=0.0)
    theta, delta = theta_of(objective), size * theta_of(objective, 8)
    point, away = objective.at(theta), objective.design.predict(delta)
    own = replace(objective, y=objective.family.mean(point.eta))
    divergence = own.at(theta + delta).value - own.at(theta).value
    scores = away[:, None] if away.ndim == 1 else away
    binary_or_reference = away.ndim == 1 or objective.family.reference
    every = np.column_stack([scores, np.zeros(len(scores))]) if binary_or_reference else scores
    third = objective.weight @ np.ptp(every, axis=1) ** 3 / (36.0 * np.sqrt(3.0))
    assert divergence >= 0.0
    quadratic = 0.5 * delta @ (objective.fisher(point) @ delta)
    assert abs(divergence - quadratic) <= third + 1e-12
    assert objective.divergence(point, away) == pytest.approx(quadratic, rel=1e-12)


def _regression(reference):
    rng = np.random.default_rng(3)
    X, K = rng.standard_normal((25, 4)), 3
    columns = K - int(reference)
    y, weight, width = rng.dirichlet(np.ones(K), 25), rng.uniform(0.5, 3.0, 25), columns * 4
    return Objective(ClassDesign(X, columns), Softmax(reference=reference), y, weight, np.zeros(width), np.zeros(width)), rng.standard_normal(width)


def test_the_softmax_hessian_in_weight_space_is_a_sum_of_kronecker_products():
    objective, theta = _regression(reference=False)
    point = objective.at(theta)
    mean, X = objective.family.mean(point.eta), objective.design.X
    kronecker = sum(c * np.kron(np.diag(m) - np.outer(m, m), np.outer(x, x)) for c, m, x in zip(objective.weight, mean, X, strict=True))
    assert objective.hessian(point).toarray() == pytest.approx(kronecker, abs=1e-12)


def test_with_a_reference_class_its_blocks_are_weighted_squares():
    """H_ij = Xᵀ diag(c p_i (δ_ij − p_j)) X."""
    objective, theta = _regression(reference=True)
    point = objective.at(theta)
    p, X = objective.family.mean(point.eta), objective.design.X
    hessian = objective.hessian(point).toarray()
    for i, j in np.ndindex(2, 2):
        block = X.T @ np.diag(objective.weight * p[:, i] * (float(i == j) - p[:, j])) @ X
        assert hessian[4 * i : 4 * i + 4, 4 * j : 4 * j + 4] == pytest.approx(block, abs=1e-12)


@pytest.mark.parametrize("name", SYMMETRIC)
def test_the_curvature_of_classes_is_flat_where_all_of_them_rise(name):
    objective = objective_of(name)
    curvature = objective.at(theta_of(objective)).curvature
    assert curvature.sum(axis=2) == pytest.approx(np.zeros(curvature.shape[:2]), abs=1e-15)


@every_design
@every_problem
@pytest.mark.parametrize("seed", [7, 8])
def test_at_800_everything_is_finite_and_the_value_is_that_of_the_larger_terms(name, kind, seed):
    objective = objective_of(name, kind, ridge=0.0)
    theta = theta_of(objective, seed)
    theta *= 800.0 / np.abs(objective.design.predict(theta)).max()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        point = objective.at(theta)
        gradient, hessian = objective.gradient(point), objective.hessian(point).toarray()
    assert np.abs(point.eta).max() == pytest.approx(800.0)
    assert np.isfinite([point.value, *gradient, *hessian.ravel()]).all()
    assert point.value >= 0.0
    slope = (objective.at(theta * (1.0 + 1e-7)).value - objective.at(theta * (1.0 - 1e-7)).value) / 2e-7
    assert gradient @ theta == pytest.approx(slope, rel=1e-6, abs=1e-6 * abs(point.value))


@every_design
def test_from_800_a_solver_comes_back(name):
    objective = objective_of(name)
    theta = theta_of(objective)
    far = theta * 800.0 / np.abs(objective.design.predict(theta)).max()
    assert newton(objective, far, max_iterations=1_000).theta == pytest.approx(newton(objective, np.zeros_like(theta)).theta, abs=1e-8)

"""Solvers reach the minimum of every problem of the catalogue, by whichever direction, and say so."""

import dataclasses
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from app.core.designs import DenseDesign
from app.core.families import Logistic
from app.core.grams import DenseGram
from app.core.objective import Objective
from app.core.quasi_newton import lbfgs
from app.core.solvers import Status, cholesky_direction, conjugate_gradients, krylov_direction, line_search, newton, sgd, trust_region
from app.ratings.online import EloRules, replay
from app.ratings.scale import learning_rate, natural_unit
from tests.core.problems import DESIGNS, problem

every_problem = pytest.mark.parametrize("name", list(DESIGNS))
SOLVERS = {
    "Cholesky, line search": partial(newton, direction=cholesky_direction),
    "Cholesky, trust region": partial(newton, direction=cholesky_direction, step=trust_region),
    "conjugate gradients, line search": partial(newton, direction=krylov_direction),
    "conjugate gradients, trust region": partial(newton, direction=krylov_direction, step=trust_region),
    "L-BFGS": lbfgs,
}
every_solver = pytest.mark.parametrize("solve", SOLVERS.values(), ids=list(SOLVERS))
every_step = pytest.mark.parametrize("step", [line_search, trust_region])


@every_problem
@every_solver
def test_a_constructed_solution_is_found(name, solve):
    objective = problem(name, ridge=1e-3)
    truth = np.random.default_rng(3).standard_normal(objective.design.width)
    y = objective.family.mean(objective.design.predict(truth))
    solution = solve(dataclasses.replace(objective, y=y, centre=truth), np.zeros_like(truth))
    assert solution.status is Status.CONVERGED
    assert solution.theta == pytest.approx(truth, abs=1e-8)


@every_problem
@every_solver
def test_the_gradient_vanishes_and_every_step_goes_down(name, solve):
    objective = problem(name)
    solution = solve(objective, np.zeros(objective.design.width))
    assert solution.gradient_norm <= 1e-8
    values = [row.value for row in solution.trace] + [solution.value]
    assert all(after <= before + 1e-14 * abs(before) for before, after in pairwise(values))
    assert len(solution.trace) == solution.iterations


@every_problem
def test_all_solvers_find_the_same_minimum(name):
    objective = problem(name, ridge=1e-2)
    solutions = [solve(objective, np.zeros(objective.design.width)) for solve in SOLVERS.values()]
    assert {solution.status for solution in solutions} == {Status.CONVERGED}
    for other in solutions[1:]:
        assert other.theta == pytest.approx(solutions[0].theta, abs=1e-8)


@every_problem
@every_solver
def test_one_iteration_is_not_enough_and_the_status_says_so(name, solve):
    objective = problem(name)
    solution = solve(objective, np.full(objective.design.width, 3.0) * np.arange(objective.design.width), max_iterations=1)
    assert (solution.status, solution.iterations) == (Status.ITERATION_LIMIT, 1)


@every_solver
def test_separated_data_do_not_converge_and_do_not_raise(solve):
    X = np.array([[-1.0], [1.0]])
    solution = solve(Objective(DenseDesign(X), Logistic(), np.array([0.0, 1.0]), np.ones(2), np.zeros(1), np.zeros(1)), np.zeros(1))
    assert solution.status is not Status.CONVERGED


@every_problem
def test_no_step_of_a_trust_region_leaves_it(name):
    objective = problem(name)
    take = trust_region(dataclasses.replace(objective, weight=objective.weight))
    point = objective.at(10.0 * np.arange(objective.design.width))
    gradient = objective.gradient(point)
    direction = cholesky_direction(objective.hessian(point), gradient, None, 0.0).direction
    taken = take(point, gradient, direction)
    assert objective.divergence(point, objective.design.predict(taken.length * direction)) <= objective.weight.sum() * (1.0 + 1e-12)


@every_problem
def test_the_divergence_is_that_of_kullback_and_leibler_to_second_order(name):
    objective = problem(name)
    theta, step = np.random.default_rng(5).standard_normal((2, objective.design.width))
    here = objective.at(theta)
    for size in (1e-2, 1e-3):
        there = objective.design.predict(theta + size * step)
        mean = objective.family.mean(here.eta)
        exact = objective.weight @ (objective.family.terms(there, mean).value - objective.family.terms(here.eta, mean).value)
        assert objective.divergence(here, there - here.eta) == pytest.approx(exact, rel=20.0 * size)


@every_problem
@every_step
def test_a_start_far_away_leads_to_the_same_minimum(name, step):
    objective = problem(name)
    near, far = (newton(objective, np.full(objective.design.width, start) * np.arange(objective.design.width), step=step) for start in (0.0, 10.0))
    assert far.theta == pytest.approx(near.theta, abs=1e-8)


def test_a_single_coefficient_with_a_gaussian_prior_alone_has_its_mean():
    objective = Objective(DenseDesign(np.zeros((1, 1))), Logistic(), np.ones(1), np.ones(1), np.array([4.0]), np.array([0.7]))
    assert newton(objective, np.zeros(1)).theta == pytest.approx([0.7])


def test_a_singular_hessian_is_damped_and_the_trace_says_so():
    X = np.ones((5, 2))
    objective = Objective(DenseDesign(X), Logistic(), np.array([1.0, 1.0, 1.0, 0.0, 0.0]), np.ones(5), np.zeros(2), np.zeros(2))
    solution = newton(objective, np.zeros(2))
    assert solution.theta.sum() == pytest.approx(np.log(3 / 2))
    assert max(row.damping for row in solution.trace) > 0.0


@every_solver
def test_a_minimum_is_not_left_however_large_the_sum(solve):
    objective = problem("pairs with columns")
    heavy = dataclasses.replace(objective, weight=objective.weight * 1e9)
    assert solve(heavy, np.zeros(8)).status is Status.CONVERGED


def test_conjugate_gradients_solve_one_and_many():
    root = np.random.default_rng(1).standard_normal((20, 20))
    gram = DenseGram(root @ root.T + np.eye(20))
    b = np.random.default_rng(2).standard_normal((20, 4))
    solved, _ = conjugate_gradients(gram, b, 1e-12)
    assert gram.matrix @ solved == pytest.approx(b, abs=1e-8)
    assert conjugate_gradients(gram, b[:, 0], 1e-12)[0] == pytest.approx(solved[:, 0], abs=1e-8)


def test_conjugate_gradients_of_nothing_is_nothing():
    assert conjugate_gradients(DenseGram(np.zeros((3, 3))), np.zeros(3), 1e-8)[0].tolist() == [0.0, 0.0, 0.0]


def test_elo_is_stochastic_gradient_descent():
    objective = dataclasses.replace(problem("pairs"), precision=np.zeros(6))
    design, unit = objective.design, natural_unit(400.0)
    theta = sgd(objective, np.zeros(6), learning_rate(32.0, 400.0), range(len(objective.y))).theta
    columns = (design.first.tolist(), design.second.tolist(), objective.y.tolist(), objective.weight.tolist(), [0.0] * len(objective.y))
    replay(EloRules(), *columns, ratings := [0.0] * 6)
    assert np.array(ratings) / unit == pytest.approx(theta, abs=1e-12)


@every_problem
def test_stochastic_descent_reports_as_the_others_do(name):
    objective = problem(name, ridge=0.0)
    rows = len(objective.y)
    solution = sgd(objective, np.zeros(objective.design.width), 0.01, [*range(rows), *range(rows)])
    assert (solution.status, solution.iterations, len(solution.trace)) == (Status.ITERATION_LIMIT, 2 * rows, 2 * rows)
    assert solution.value == objective.at(solution.theta).value
    assert solution.gradient_norm == np.abs(objective.gradient(objective.at(solution.theta))).max()
    assert {row.step_length for row in solution.trace} == {0.01}
    first = sum(row.value for row in solution.trace[:rows])
    assert sum(row.value for row in solution.trace[rows:]) < first


def test_stochastic_descent_from_the_minimum_along_no_row_is_at_the_minimum():
    objective = problem("dense")
    minimum = newton(objective, np.zeros(4)).theta
    assert sgd(objective, minimum, 0.1, []).status is Status.CONVERGED


def test_stochastic_descent_that_runs_away_says_so():
    objective = problem("dense")
    with np.errstate(all="ignore"):
        assert sgd(objective, np.full(4, 1e200), 1e300, range(3)).status is Status.NOT_FINITE

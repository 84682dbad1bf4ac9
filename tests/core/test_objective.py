"""F, its gradient, its Hessian and the Fisher information, on every design of the catalogue."""

import dataclasses

import numpy as np
import pytest

from app.core.designs import ClassDesign, DenseDesign
from app.core.families import Logistic, Softmax
from app.core.objective import Objective
from tests.core.problems import DESIGNS, matrix, problem

every_problem = pytest.mark.parametrize("name", list(DESIGNS))


def _theta(objective, seed=7):
    return np.random.default_rng(seed).standard_normal(objective.design.width)


@every_problem
def test_the_gradient_is_the_slope_of_the_value(name):
    objective = problem(name)
    theta = _theta(objective)
    step = 1e-6
    slopes = [(objective.at(theta + step * unit).value - objective.at(theta - step * unit).value) / (2 * step) for unit in np.eye(len(theta))]
    assert objective.gradient(objective.at(theta)) == pytest.approx(np.array(slopes), abs=1e-6)


@every_problem
def test_the_hessian_is_the_slope_of_the_gradient(name):
    objective = problem(name)
    theta = _theta(objective)
    step = 1e-6
    columns = [
        (objective.gradient(objective.at(theta + step * unit)) - objective.gradient(objective.at(theta - step * unit))) / (2 * step)
        for unit in np.eye(len(theta))
    ]
    assert objective.hessian(objective.at(theta)).toarray() == pytest.approx(np.array(columns), abs=1e-6)


@every_problem
def test_the_fisher_information_is_the_mean_outer_product_of_scores(name):
    objective = problem(name, ridge=0.0)
    theta = _theta(objective)
    point = objective.at(theta)
    D = matrix(objective.design)
    mean = objective.family.mean(point.eta)
    if isinstance(objective.family, Logistic):
        D, chances = D[:, None, :], np.column_stack([mean, 1.0 - mean])
        residuals = (mean[:, None] - np.array([1.0, 0.0]))[:, :, None]
    else:
        chances = mean
        residuals = (mean[:, None, :] - np.eye(mean.shape[1]))[:, :, : D.shape[1]]
    scores = np.einsum("nkp,nok->nop", D, residuals)
    information = np.einsum("n,no,nop,noq->pq", objective.weight, chances, scores, scores)
    assert objective.fisher(point).toarray() == pytest.approx(information, abs=1e-10)


@every_problem
def test_the_divergence_of_a_small_step_is_half_its_length_in_the_information(name):
    objective = problem(name, ridge=0.0)
    theta, step = _theta(objective), 1e-3 * _theta(objective, 8)
    point = objective.at(theta)
    mean = objective.family.mean(point.eta)
    own = dataclasses.replace(objective, y=mean, precision=np.zeros(len(theta)))
    divergence = own.at(theta + step).value - own.at(theta).value
    assert divergence == pytest.approx(0.5 * step @ (objective.fisher(point) @ step), rel=1e-2)


@every_problem
def test_weight_is_repetition(name):
    objective = problem(name)
    counts = np.random.default_rng(9).integers(1, 4, len(objective.y))
    rows = np.repeat(np.arange(len(counts)), counts)
    weighted = dataclasses.replace(objective, weight=counts.astype(float))
    repeated = dataclasses.replace(objective, design=objective.design.rows(rows), y=objective.y[rows], weight=np.ones(len(rows)))
    theta = _theta(objective)
    assert weighted.at(theta).value == pytest.approx(repeated.at(theta).value)
    assert weighted.gradient(weighted.at(theta)) == pytest.approx(repeated.gradient(repeated.at(theta)))


@every_problem
def test_the_prior_is_not_part_of_the_likelihood(name):
    objective = problem(name)
    theta = _theta(objective)
    bare = dataclasses.replace(objective, precision=np.zeros(len(theta)))
    assert objective.log_likelihood(objective.at(theta)) == pytest.approx(-bare.at(theta).value)


def test_the_half_is_on_the_ridge():
    objective = Objective(DenseDesign(np.zeros((1, 1))), Logistic(), np.ones(1), np.zeros(1), np.array([3.0]), np.array([1.0]))
    assert objective.at(np.array([5.0])).value == 0.5 * 3.0 * 16.0


def test_two_classes_are_logistic_with_twice_the_ridge():
    objective = problem("dense")
    theta = _theta(objective)
    y = np.column_stack([objective.y, 1.0 - objective.y])
    both = Objective(ClassDesign(objective.design.X, 2), Softmax(), y, objective.weight, np.full(8, 0.6), np.zeros(8))
    logistic = dataclasses.replace(objective, centre=np.zeros(4))
    assert both.at(np.concatenate([theta / 2, -theta / 2])).value == pytest.approx(logistic.at(theta).value)


@pytest.mark.parametrize(("field", "value"), [("weight", np.ones(3)), ("precision", np.ones(2)), ("centre", np.ones(9)), ("y", np.full(30, np.nan))])
def test_what_does_not_fit_is_refused_at_construction(field, value):
    with pytest.raises(ValueError, match=field):
        dataclasses.replace(problem("dense"), **{field: value})

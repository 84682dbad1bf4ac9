"""Chains of choices: derivatives against differences and against the sum over choices written out; the mean over all rankings; far out."""

import dataclasses
from itertools import pairwise, permutations

import numpy as np
import pytest
from choix.opt import Top1Fcts
from hypothesis import given
from hypothesis import strategies as st

from app.core.choices import ChainedChoices, RankedDesign
from app.core.objective import Objective
from app.core.solvers import Status, cholesky_direction, krylov_direction, newton, sgd

COMPETITORS = 6


def _places(lengths, seed):
    rng = np.random.default_rng(seed)
    places = np.full((len(lengths), max(lengths)), -1)
    for row, length in zip(places, lengths, strict=True):
        row[:length] = rng.permutation(COMPETITORS)[:length]
    return places


def _objective(places, weight=None, ridge=0.3):
    design = RankedDesign(places, COMPETITORS)
    weight = np.ones(len(places)) if weight is None else weight
    return Objective(design, ChainedChoices(), (places >= 0).astype(float), weight, np.full(COMPETITORS, ridge), np.linspace(-0.1, 0.1, COMPETITORS))


LENGTHS = {
    "pairs": [2] * 12,
    "all": [COMPETITORS] * 5,
    "mixed": [2, 6, 3, 4, 6, 1, 5, 2, 3],
    "short first": [1, 2, 3, 4, 5, 6],
    "long first": [6, 5, 4, 3, 2, 1],
}
every_shape = pytest.mark.parametrize("lengths", LENGTHS.values(), ids=list(LENGTHS))


def _problem(lengths, ridge=0.3):
    return _objective(_places(lengths, 2), np.random.default_rng(3).uniform(0.5, 3.0, len(lengths)), ridge)


def _theta(seed=7):
    return np.random.default_rng(seed).standard_normal(COMPETITORS)


@every_shape
def test_predict_and_pullback_are_adjoint(lengths):
    design, theta = _problem(lengths).design, _theta()
    u = np.random.default_rng(4).standard_normal(design.places.shape)
    assert (u * design.predict(theta)).sum() == pytest.approx(design.pullback(u) @ theta)


@every_shape
def test_the_gradient_is_the_slope_of_the_value(lengths):
    objective, theta, step = _problem(lengths), _theta(), 1e-6
    slopes = [(objective.at(theta + step * unit).value - objective.at(theta - step * unit).value) / (2 * step) for unit in np.eye(COMPETITORS)]
    assert objective.gradient(objective.at(theta)) == pytest.approx(np.array(slopes), abs=1e-6)


@every_shape
def test_the_hessian_is_the_slope_of_the_gradient(lengths):
    objective, theta, step = _problem(lengths), _theta(), 1e-6
    columns = [
        (objective.gradient(objective.at(theta + step * unit)) - objective.gradient(objective.at(theta - step * unit))) / (2 * step)
        for unit in np.eye(COMPETITORS)
    ]
    assert objective.hessian(objective.at(theta)).toarray() == pytest.approx(np.array(columns), abs=1e-6)


@every_shape
def test_all_is_the_sum_over_choices_written_out(lengths):
    places, theta = _places(lengths, 2), _theta()
    objective = _objective(places, ridge=0.0)
    point = objective.at(theta)
    written_out = Top1Fcts.from_rankings([row[row >= 0].tolist() for row in places], 0.0)
    assert point.value == pytest.approx(written_out.objective(theta), rel=1e-13)
    assert objective.gradient(point) == pytest.approx(written_out.gradient(theta), abs=1e-13)
    assert objective.hessian(point).toarray() == pytest.approx(written_out.hessian(theta), abs=1e-13)


@every_shape
def test_a_gram_multiplies_as_its_array_does(lengths):
    objective = _problem(lengths)
    hessian, v = objective.hessian(objective.at(_theta())), np.random.default_rng(5).standard_normal((COMPETITORS, 3))
    assert hessian @ v == pytest.approx(hessian.toarray() @ v)
    assert hessian.diagonal() == pytest.approx(hessian.toarray().diagonal())


@every_shape
def test_weight_is_repetition(lengths):
    places, theta = _places(lengths, 2), _theta()
    counts = np.random.default_rng(9).integers(0, 4, len(lengths))
    weighted, repeated = _objective(places, counts.astype(float)), _objective(np.repeat(places, counts, axis=0))
    assert weighted.at(theta).value == pytest.approx(repeated.at(theta).value)
    assert weighted.gradient(weighted.at(theta)) == pytest.approx(repeated.gradient(repeated.at(theta)))
    assert weighted.hessian(weighted.at(theta)).toarray() == pytest.approx(repeated.hessian(repeated.at(theta)).toarray())


@every_shape
def test_rows_are_the_same_rankings(lengths):
    objective, index = _problem(lengths), np.array([1, 0, 1])
    some = dataclasses.replace(objective, design=objective.design.rows(index), y=objective.y[index], weight=objective.weight[index])
    repeated = dataclasses.replace(objective, weight=objective.weight * np.bincount(index, minlength=len(lengths)))
    assert some.at(_theta()).value == pytest.approx(repeated.at(_theta()).value)


@every_shape
@pytest.mark.parametrize("direction", [cholesky_direction, krylov_direction])
def test_newton_goes_down_to_the_minimum(lengths, direction):
    solution = newton(_problem(lengths), np.zeros(COMPETITORS), direction)
    assert solution.status is Status.CONVERGED
    assert solution.gradient_norm <= 1e-9
    values = [row.value for row in solution.trace] + [solution.value]
    assert all(after <= before + 1e-14 * abs(before) for before, after in pairwise(values))


def test_a_ranking_rated_online_is_one_step_down():
    objective = _objective(np.array([[3, 0, 5, 1]]), ridge=0.0)
    stepped = sgd(objective, np.zeros(COMPETITORS), 0.1, [0]).theta
    assert stepped == pytest.approx(-0.1 * objective.gradient(objective.at(np.zeros(COMPETITORS))))


def test_over_all_rankings_chances_sum_to_one_and_the_mean_hessian_is_the_information():
    eta = np.array([0.7, -0.4, 1.5, 0.1])
    places = np.array(list(permutations(range(4))))
    terms = ChainedChoices().terms(eta[places], np.ones(places.shape))
    chance = np.exp(-terms.value)
    scores = np.zeros(places.shape)
    np.put_along_axis(scores, places, terms.residual, axis=1)
    mean_hessian = RankedDesign(places, 4).gram(chance[:, None, None] * terms.curvature).toarray()
    assert chance.sum() == pytest.approx(1.0)
    assert chance @ scores == pytest.approx(np.zeros(4), abs=1e-14)
    assert mean_hessian == pytest.approx(scores.T @ (chance[:, None] * scores), abs=1e-14)


def test_the_mean_is_what_the_residual_is_measured_from():
    eta = np.array([[0.3, -1.0, 2.0]])
    odds = np.exp(eta[0])
    first, second = odds / odds.sum(), odds[1:] / odds[1:].sum()
    assert ChainedChoices().mean(eta)[0] == pytest.approx(first + np.append(0.0, second))


@given(st.lists(st.floats(-800.0, 800.0), min_size=2, max_size=6))
def test_all_is_finite_everywhere(eta):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        terms = ChainedChoices().terms(np.array([eta]), np.ones((1, len(eta))))
        information = RankedDesign(np.arange(len(eta))[None], len(eta)).gram(terms.curvature).toarray()
    assert np.isfinite(terms.value).all()
    assert terms.residual.sum() == pytest.approx(0.0, abs=1e-12)
    assert np.isfinite(information).all()
    assert information.sum(axis=0) == pytest.approx(np.zeros(len(eta)), abs=1e-12)


def test_digits_survive_where_chances_round_to_one():
    terms = ChainedChoices().terms(np.array([[80.0, 40.0, 0.0]]), np.ones((1, 3)))
    assert terms.residual[0] == pytest.approx([-np.exp(-40.0), -np.exp(-40.0) + np.exp(-40.0), np.exp(-40.0)], rel=1e-12, abs=1e-30)
    assert RankedDesign(np.array([[0, 1, 2]]), 3).gram(terms.curvature).toarray()[0, 1] == pytest.approx(-np.exp(-40.0), rel=1e-12, abs=0.0)

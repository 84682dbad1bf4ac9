"""Profile-likelihood intervals against their definition: the other coefficients at their best, F higher by ½ z²."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize

from app.core.designs import DenseDesign
from app.core.families import Logistic
from app.core.objective import Objective
from app.core.profiles import profile_interval
from app.core.solvers import newton
from tests.core.problems import DESIGNS, problem

Z = 1.959963984540054
every_problem = pytest.mark.parametrize("name", list(DESIGNS))


def _interval(objective, index, z=Z):
    best = newton(objective, np.zeros(objective.design.width)).point
    error = np.sqrt(np.linalg.inv(objective.hessian(best).toarray())[index, index])
    return profile_interval(objective, best, index, error, newton, z), best, error


@every_problem
def test_at_each_end_the_best_of_the_others_lies_half_z_squared_above(name):
    objective = problem(name)
    index = objective.design.width - 1
    ends, best, _ = _interval(objective, index)
    for end in ends:

        def others(theta, end=end):
            point = objective.at(np.append(theta, end))
            return point.value, objective.gradient(point)[:-1]

        found = minimize(others, best.theta[:-1], jac=True, method="BFGS", options={"gtol": 1e-9})
        assert found.fun - best.value == pytest.approx(0.5 * Z * Z, abs=1e-6)
    assert ends[0] < best.theta[index] < ends[1]


@every_problem
def test_for_much_data_it_is_walds(name):
    objective = problem(name)
    many = dataclasses.replace(objective, weight=1e6 * objective.weight, precision=1e6 * objective.precision)
    ends, best, error = _interval(many, 0)
    assert ends == pytest.approx((best.theta[0] - Z * error, best.theta[0] + Z * error), abs=0.01 * error)


@every_problem
def test_a_higher_level_is_wider(name):
    narrow, wide = (_interval(problem(name), 0, z)[0] for z in (0.5, 2.5))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_a_proportion_has_the_interval_of_its_likelihood():
    """3 of 10: the roots of 2 (ℓ(0.3) − ℓ(p)) = z²."""
    objective = Objective(DenseDesign(np.ones((1, 1))), Logistic(), np.array([0.3]), np.array([10.0]), np.zeros(1), np.zeros(1))
    ends, _, _ = _interval(objective, 0)
    chances = 1 / (1 + np.exp(-np.array(ends)))
    drop = 2 * (3 * np.log(0.3) + 7 * np.log(0.7) - 3 * np.log(chances) - 7 * np.log1p(-chances))
    assert drop == pytest.approx([Z * Z] * 2, abs=1e-6)
    assert chances == pytest.approx([0.0846, 0.6068], abs=1e-3)

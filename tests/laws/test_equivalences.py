"""One thing said in two ways has one answer: designs, families, layers and online steps."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from app.core import Chain, Linear, LogisticRegression, LogSoftmax, NegativeLogLikelihood, ReferenceClass, SoftmaxRegression
from app.core.designs import DenseDesign, PairDesign, SparseDesign
from app.core.families import Logistic
from app.core.objective import Objective
from app.core.solvers import krylov_direction, newton, sgd
from app.ratings import elo
from app.ratings.online import EloRules, rate, replay
from app.ratings.scale import learning_rate, natural_unit
from tests.core.problems import matrix
from tests.laws.catalogue import every_canonical_design, every_problem, objective_of, theta_of, written_out


@every_canonical_design
@every_problem
def test_a_design_and_its_array_have_one_minimum_and_one_information(name, kind):
    objective = objective_of(name, kind)
    array = written_out(objective)
    ours, theirs = (newton(each, np.zeros(each.design.width)) for each in (objective, array))
    assert theirs.theta == pytest.approx(ours.theta, abs=1e-8)
    assert theirs.value == pytest.approx(ours.value, rel=1e-13)
    hessian = objective.hessian(ours.point).toarray()
    assert array.hessian(theirs.point).toarray() == pytest.approx(hessian, rel=1e-8, abs=1e-8 * np.abs(hessian).max())


@every_problem
@pytest.mark.parametrize("name", ["pairs", "pairs with columns"])
def test_pairs_as_a_graph_a_sparse_and_a_dense_matrix(name, kind):
    objective = objective_of(name, kind)
    X = matrix(objective.design)
    minima = [
        newton(replace(objective, design=design), np.zeros(objective.design.width), *direction).theta
        for design in (objective.design, DenseDesign(X), SparseDesign(sparse.csr_array(X)))
        for direction in ((), (krylov_direction,))
    ]
    for other in minima[1:]:
        assert other == pytest.approx(minima[0], abs=1e-8)


@every_canonical_design
def test_rows_in_any_order_have_one_minimum(name):
    objective = objective_of(name)
    order = np.random.default_rng(3).permutation(len(objective.y))
    shuffled = replace(objective, design=objective.design.rows(order), y=objective.y[order], weight=objective.weight[order])
    one, other = (newton(each, np.zeros(objective.design.width)) for each in (objective, shuffled))
    assert other.theta == pytest.approx(one.theta, abs=1e-10)


def _classified():
    rng = np.random.default_rng(4)
    X = rng.standard_normal((150, 3))
    weight = rng.integers(0, 4, 150).astype(float)
    return X, (rng.random(150) < 1.0 / (1.0 + np.exp(-X @ [1.0, -0.5, 0.2]))).astype(int), weight


def test_without_a_ridge_two_classes_of_which_one_is_the_reference_are_logistic():
    X, y, weight = _classified()
    logistic, softmax = LogisticRegression().fit(X, y, weight), SoftmaxRegression().fit(X, 1 - y, weight)
    assert softmax.coef_[0] == pytest.approx(logistic.coef_, abs=1e-9)
    assert softmax.covariance_ == pytest.approx(logistic.covariance_, abs=1e-9)
    assert softmax.log_likelihood_ == pytest.approx(logistic.log_likelihood_, rel=1e-12)
    assert softmax.predict_proba(X)[:, ::-1] == pytest.approx(logistic.predict_proba(X), abs=1e-10)


@pytest.mark.parametrize("ridge", [1e-6, 0.5, 50.0])
def test_two_symmetric_classes_with_twice_the_ridge_are_logistic_with_its_covariance(ridge):
    X, y, weight = _classified()
    logistic = LogisticRegression(ridge=ridge).fit(X, y, weight)
    softmax = SoftmaxRegression(ridge=2.0 * ridge, reference_class=False).fit(X, y, weight)
    difference = np.kron([-1.0, 1.0], np.eye(4))
    assert softmax.coef_[1] - softmax.coef_[0] == pytest.approx(logistic.coef_, abs=1e-7)
    assert difference @ softmax.covariance_ @ difference.T == pytest.approx(logistic.covariance_, abs=1e-7)
    biases_together = np.kron([1.0, 1.0], [0.0, 0.0, 0.0, 1.0])
    assert softmax.covariance_ @ biases_together == pytest.approx(np.zeros(8), abs=1e-10)


def test_elo_is_a_replay_is_descent_is_reverse_mode():
    """A side advantage is a coefficient that nobody learns: it is put back after every step."""
    rng, n, rows, advantage, k = np.random.default_rng(7), 5, 200, 40.0, 24.0
    first = rng.integers(0, n, rows)
    second, score = (first + rng.integers(1, n, rows)) % n, rng.choice([0.0, 0.5, 1.0, 0.7], rows)
    side, weight, unit = rng.choice([-1.0, 0.0, 1.0], rows), rng.uniform(0.5, 3.0, rows), natural_unit()
    rules = EloRules(k=k, initial=0.0, side_advantage=advantage)
    online = elo(first, second, score, weight, k=k, initial=0.0, side=side, side_advantage=advantage).rating
    replay(rules, *(column.tolist() for column in (first, second, score, weight, side)), replayed := [0.0] * n)
    single = [0.0] * n
    design = PairDesign(first, second, n, side[:, None])
    objective = Objective(design, Logistic(), score, weight, np.zeros(n + 1), np.zeros(n + 1))
    descended = np.append(np.zeros(n), advantage / unit)
    linear = Linear(descended[:, None])
    X = matrix(design)
    for row in range(rows):
        i, j = first[row], second[row]
        _, single[i], single[j] = rate(rules, single[i], single[j], score[row], weight[row], side[row])
        descended[:n] = sgd(objective, descended, learning_rate(k), [row]).theta[:n]
        loss = NegativeLogLikelihood([[score[row], 1.0 - score[row]]], weight[row : row + 1])
        gradient = Chain(linear, ReferenceClass(), LogSoftmax(), loss).loss_and_gradient(X[row : row + 1])[1]
        linear.weight.value[:n, 0] -= learning_rate(k) * gradient[:n]
    assert online.tolist() == replayed == single
    assert unit * descended[:n] == pytest.approx(online, abs=1e-9)
    assert unit * linear.weight.value[:n, 0] == pytest.approx(online, abs=1e-9)


@every_canonical_design
def test_a_full_pass_of_descent_in_one_batch_is_the_gradient(name):
    """The steps of all rows taken from one point add up to the gradient of the whole."""
    objective = objective_of(name, ridge=0.0)
    theta = theta_of(objective)
    steps = sum(sgd(objective, theta, 1.0, [row]).theta - theta for row in range(len(objective.y)))
    assert -steps == pytest.approx(objective.gradient(objective.at(theta)), abs=1e-11)

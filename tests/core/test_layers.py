"""Reverse mode: every layer and every composition has the derivatives that central differences see, and those of the closed forms."""

import doctest

import numpy as np
import pytest

from app.core import Chain, Linear, LogSoftmax, NegativeLogLikelihood, Parameter, ReferenceClass, Sigmoid, Softplus, Tanh, layers
from app.core.designs import ClassDesign, DenseDesign
from app.core.families import Logistic, Softmax
from app.core.objective import Objective
from app.ratings.rewards import FirstMinusSecond

ROWS, WIDTH, CLASSES = 6, 4, 3
RNG = np.random.default_rng(1)
X = RNG.standard_normal((ROWS, WIDTH))
TARGET, WEIGHT = RNG.dirichlet(np.ones(CLASSES), ROWS), RNG.uniform(0.5, 3.0, ROWS)


def _documentation():
    """What the example in the documentation of the module makes, and how it went."""
    test = doctest.DocTestParser().get_doctest(layers.__doc__, dict(vars(layers)), "layers", None, 0)
    outcome = doctest.DocTestRunner(verbose=False).run(test, clear_globs=False)
    return test.globs, outcome


DOCUMENTED, OUTCOME = _documentation()
Scale = DOCUMENTED["Scale"]


def _linear(outputs=CLASSES, **options):
    return Linear.drawn(WIDTH, outputs, np.random.default_rng(2), **options)


def _catalogue():
    shared = _linear(WIDTH)
    loss = NegativeLogLikelihood(TARGET, WEIGHT)
    yield "linear", Chain(_linear())
    yield "linear without a bias", Chain(_linear(bias=False))
    yield "sigmoid", Chain(Sigmoid())
    yield "tanh", Chain(Tanh())
    yield "softplus", Chain(Softplus())
    yield "reference class", Chain(ReferenceClass())
    yield "log-softmax", Chain(LogSoftmax())
    yield "negative log-likelihood", Chain(NegativeLogLikelihood(RNG.dirichlet(np.ones(WIDTH), ROWS), WEIGHT))
    yield "first minus second", Chain(FirstMinusSecond())
    yield "a layer of one's own", Chain(Scale(WIDTH))
    yield "one's own among others", Chain(Scale(WIDTH), _linear(), LogSoftmax(), loss)
    yield "softmax regression", Chain(_linear(), LogSoftmax(), loss)
    yield "a network", Chain(_linear(WIDTH), Tanh(), _linear(WIDTH), Softplus(), _linear(), LogSoftmax(), loss)
    yield "one layer twice", Chain(shared, Sigmoid(), shared)
    yield "a chain in a chain", Chain(Chain(_linear(), Tanh()), LogSoftmax())
    yield "nothing", Chain()


CATALOGUE = dict(_catalogue())
every_chain = pytest.mark.parametrize("chain", list(CATALOGUE.values()), ids=list(CATALOGUE))


def test_the_documented_layer_runs_as_printed():
    assert (OUTCOME.failed, OUTCOME.attempted) == (0, 4)


def _slopes(function, at):
    """Central differences of a scalar function of an array."""
    slopes, step = np.zeros(at.size), 1e-6
    for index in range(at.size):
        shift = np.zeros(at.size)
        shift[index] = step
        shift = shift.reshape(at.shape)
        slopes[index] = (function(at + shift) - function(at - shift)) / (2 * step)
    return slopes.reshape(at.shape)


def _pulled(chain, x, seed=3):
    """A random delta of the output, what it is pulled back to, and the scalar function whose derivatives these are."""
    chain.forget_gradient()
    trace = chain.trace(x)
    delta = np.random.default_rng(seed).standard_normal(trace[-1].shape)
    return chain.pull(trace, delta), lambda value: float((delta * chain.forward(value)).sum())


@every_chain
def test_the_delta_of_the_input_is_the_slope(chain):
    delta, scalar = _pulled(chain, X)
    assert delta == pytest.approx(_slopes(scalar, X), abs=1e-6)


@every_chain
def test_the_gradient_of_the_parameters_is_the_slope(chain):
    _, scalar = _pulled(chain, X)
    gradient, theta = chain.gradient, chain.theta

    def of_parameters(values):
        chain.theta = values
        return scalar(X)

    slopes = _slopes(of_parameters, theta)
    chain.theta = theta
    assert gradient == pytest.approx(slopes, abs=1e-6)


@every_chain
def test_deltas_are_linear_and_gradients_add_up(chain):
    _pulled(chain, X, seed=3)
    one = chain.gradient
    _pulled(chain, X, seed=4)
    other = chain.gradient
    chain.forget_gradient()
    trace = chain.trace(X)
    for seed in (3, 4):
        chain.pull(trace, np.random.default_rng(seed).standard_normal(trace[-1].shape))
    assert chain.gradient == pytest.approx(one + other, abs=1e-12)


@every_chain
def test_rows_do_not_know_each_other(chain):
    if len(chain.forward(X)) != ROWS or any(isinstance(layer, NegativeLogLikelihood) for layer in chain.layers):
        return
    assert chain.forward(X[[4, 1]]) == pytest.approx(chain.forward(X)[[4, 1]], abs=1e-14)


@every_chain
def test_theta_can_be_put_back(chain):
    theta = chain.theta
    before = chain.forward(X)
    chain.theta = theta + 1.0
    chain.theta = theta
    assert np.array_equal(chain.forward(X), before)


def _objective(design, family, y, width):
    return Objective(design, family, y, WEIGHT, np.zeros(width), np.zeros(width))


def _same_as(objective, theta, loss_and_gradient, shape):
    point = objective.at(theta)
    loss, gradient = loss_and_gradient
    assert loss == pytest.approx(point.value, rel=1e-12)
    assert gradient == pytest.approx(objective.gradient(point).reshape(shape).T.ravel(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_logistic_regression_from_layers_has_the_gradient_of_the_closed_form(scale):
    theta = scale * RNG.standard_normal(WIDTH)
    score = RNG.choice([0.0, 0.3, 0.5, 1.0], ROWS)
    loss = NegativeLogLikelihood(np.column_stack([score, 1.0 - score]), WEIGHT)
    chain = Chain(Linear(theta[:, None]), ReferenceClass(), LogSoftmax(), loss)
    _same_as(_objective(DenseDesign(X), Logistic(), score, WIDTH), theta, chain.loss_and_gradient(X), (1, WIDTH))


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_softmax_regression_from_layers_has_the_gradient_of_the_closed_form(reference, scale):
    columns = CLASSES - int(reference)
    theta = scale * RNG.standard_normal(columns * (WIDTH + 1))
    coefficients = theta.reshape(columns, WIDTH + 1).T
    linear = Linear(coefficients[:-1], coefficients[-1])
    tail = [ReferenceClass()] if reference else []
    chain = Chain(linear, *tail, LogSoftmax(), NegativeLogLikelihood(TARGET, WEIGHT))
    design = ClassDesign(np.column_stack([X, np.ones(ROWS)]), columns)
    _same_as(_objective(design, Softmax(reference=reference), TARGET, len(theta)), theta, chain.loss_and_gradient(X), (columns, WIDTH + 1))


def test_weight_is_repetition():
    counts = np.array([1, 2, 3, 1, 4, 2])
    linear = _linear()
    weighted = Chain(linear, LogSoftmax(), NegativeLogLikelihood(TARGET, counts)).loss_and_gradient(X)
    repeated = Chain(linear, LogSoftmax(), NegativeLogLikelihood(np.repeat(TARGET, counts, axis=0))).loss_and_gradient(np.repeat(X, counts, axis=0))
    assert weighted[0] == pytest.approx(repeated[0], rel=1e-13)
    assert weighted[1] == pytest.approx(repeated[1], abs=1e-12)


@pytest.mark.parametrize("layer", [Sigmoid(), Tanh(), Softplus(), LogSoftmax(), ReferenceClass()], ids=lambda layer: type(layer).__name__)
def test_far_out_nothing_overflows(layer):
    x = np.array([[800.0, -800.0, 0.0], [-800.0, -800.0, 800.0]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = layer.forward(x)
        delta = layer.backward(x, y, np.ones_like(y))
    assert np.isfinite(y).all()
    assert np.isfinite(delta).all()


def test_a_sigmoid_keeps_the_digits_of_its_slope_where_it_rounds_to_one():
    x = np.array([[40.0]])
    assert Sigmoid().backward(x, Sigmoid().forward(x), np.ones((1, 1)))[0, 0] == pytest.approx(np.exp(-40.0), rel=1e-12, abs=0.0)


def test_a_gradient_lies_beside_its_parameter():
    linear = _linear()
    Chain(linear, LogSoftmax(), NegativeLogLikelihood(TARGET)).loss_and_gradient(X)
    assert linear.weight.gradient.shape == linear.weight.value.shape == (WIDTH, CLASSES)
    assert np.any(linear.bias.gradient != 0.0)


def test_a_parameter_is_a_copy_of_what_it_began_with():
    begin = np.zeros(3)
    Parameter(begin).value[0] = 1.0
    assert begin[0] == 0.0


def test_the_same_seed_draws_the_same_weights():
    assert np.array_equal(_linear().weight.value, _linear().weight.value)


def test_a_theta_of_another_length_is_refused():
    with pytest.raises(ValueError, match="theta must have shape"):
        CATALOGUE["linear"].theta = np.zeros(2)

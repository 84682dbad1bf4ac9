"""Reward models: the linear one against its oracle, the neural one against the linear one, and the laws of both."""

import functools

import numpy as np
import pytest
import statsmodels.api as sm

from app.core import Chain, LogSoftmax, NegativeLogLikelihood, ReferenceClass
from app.ratings import NeuralRewardModel, RewardModel, bradley_terry
from app.ratings.rewards import FirstMinusSecond

RNG = np.random.default_rng(21)
ROWS, WIDTH = 120, 3
FIRST, SECOND = RNG.standard_normal((2, ROWS, WIDTH)) * [1.0, 10.0, 0.1] + [0.0, 5.0, -1.0]
TRUTH = np.array([1.0, -0.1, 4.0])
SCORE = (RNG.random(ROWS) < 1 / (1 + np.exp(-((FIRST - SECOND) @ TRUTH)))).astype(float)

MODELS = {
    "linear": RewardModel(ridge=0.5),
    "linear without a ridge": RewardModel(),
    "neural": NeuralRewardModel(hidden=(6,), seed=3),
    "two hidden layers": NeuralRewardModel(hidden=(5, 4), seed=4),
    "no hidden layer": NeuralRewardModel(hidden=(), ridge=0.5),
}
every_model = pytest.mark.parametrize("name", list(MODELS))


def _fitted(model, *data):
    """A model of the same settings, so that no test sees another's fit."""
    if isinstance(model, RewardModel):
        return RewardModel(ridge=model.ridge).fit(*data)
    return NeuralRewardModel(model.hidden, model.ridge, model.seed).fit(*data)


@functools.cache
def _plain(name):
    """The fit that most laws start from."""
    return _fitted(MODELS[name], FIRST, SECOND, SCORE)


def _probability(model):
    return model.predict_proba(FIRST, SECOND)[:, 1]


@every_model
def test_a_probability_is_the_logistic_of_a_difference_of_rewards(name):
    fitted = _plain(name)
    difference = fitted.reward(FIRST) - fitted.reward(SECOND)
    assert _probability(fitted) == pytest.approx(1 / (1 + np.exp(-difference)))
    assert fitted.predict_proba(FIRST, SECOND).sum(axis=1) == pytest.approx(np.ones(ROWS))
    assert fitted.predict_proba(SECOND, FIRST)[:, 0] == pytest.approx(_probability(fitted))


@every_model
def test_the_certificate_says_how_it_ended(name):
    fitted = _plain(name)
    chance = _probability(fitted)
    assert fitted.certificate_.status == "converged"
    assert fitted.certificate_.gradient_norm <= 1e-7
    assert fitted.certificate_.iterations > 0
    assert fitted.log_likelihood_ == pytest.approx(np.sum(SCORE * np.log(chance) + (1 - SCORE) * np.log1p(-chance)))


@every_model
def test_the_same_data_give_the_same_bits(name):
    again = _fitted(MODELS[name], FIRST, SECOND, SCORE)
    assert again.reward(FIRST).tobytes() == _plain(name).reward(FIRST).tobytes()


@every_model
def test_swapping_the_sides_changes_nothing(name):
    other = _fitted(MODELS[name], SECOND, FIRST, 1.0 - SCORE)
    assert _probability(other) == pytest.approx(_probability(_plain(name)), abs=1e-4)


@every_model
def test_weight_is_repetition(name):
    counts = np.random.default_rng(5).integers(0, 4, ROWS)
    weighted = _fitted(MODELS[name], FIRST, SECOND, SCORE, counts)
    repeated = _fitted(MODELS[name], *(np.repeat(each, counts, axis=0) for each in (FIRST, SECOND, SCORE)))
    assert _probability(weighted) == pytest.approx(_probability(repeated), abs=1e-4)


@every_model
def test_a_soft_score_is_a_share_of_two(name):
    soft = np.full(ROWS, 0.25)
    one = _fitted(MODELS[name], FIRST, SECOND, soft)
    twice = (np.concatenate([each, each]) for each in (FIRST, SECOND))
    other = _fitted(MODELS[name], *twice, np.repeat([1.0, 0.0], ROWS), np.repeat([0.25, 0.75], ROWS))
    assert _probability(other) == pytest.approx(_probability(one), abs=1e-4)


@every_model
def test_differences_far_out_stay_finite(name):
    fitted = _plain(name)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        chances = fitted.predict_proba(800.0 * FIRST, 800.0 * SECOND)
    assert np.isfinite(chances).all()


def test_the_linear_model_is_statsmodels_logit_of_differences():
    oracle = sm.Logit(SCORE, FIRST - SECOND).fit(disp=0)
    ours = RewardModel().fit(FIRST, SECOND, SCORE)
    assert ours.coef_ == pytest.approx(oracle.params, abs=1e-8)
    assert ours.standard_errors_ == pytest.approx(oracle.bse, abs=1e-7)
    assert ours.log_likelihood_ == pytest.approx(oracle.llf)


def test_on_indicators_of_competitors_it_is_bradley_terry():
    rng = np.random.default_rng(6)
    first = rng.integers(0, 7, 300)
    second = (first + rng.integers(1, 7, 300)) % 7
    score = rng.choice([0.0, 0.5, 1.0], 300)
    fit = bradley_terry(first, second, score, prior_sd=2.0)
    ours = RewardModel(ridge=0.25).fit(np.eye(7)[first], np.eye(7)[second], score)
    assert ours.coef_ - ours.coef_.mean() == pytest.approx(fit.theta, abs=1e-9)
    assert ours.certificate_.log_likelihood == pytest.approx(fit.certificate.log_likelihood)


def test_a_constructed_solution_is_found():
    score = 1 / (1 + np.exp(-((FIRST - SECOND) @ TRUTH)))
    assert RewardModel().fit(FIRST, SECOND, score).coef_ == pytest.approx(TRUTH, abs=1e-8)


def test_without_hidden_layers_the_network_is_the_linear_model_on_scaled_features():
    both = np.concatenate([FIRST, SECOND])
    scaled = [(each - both.mean(axis=0)) / both.std(axis=0) for each in (FIRST, SECOND)]
    linear = RewardModel(ridge=0.5).fit(*scaled, SCORE)
    network = NeuralRewardModel(hidden=(), ridge=0.5).fit(FIRST, SECOND, SCORE)
    assert _probability(network) == pytest.approx(linear.predict_proba(*scaled)[:, 1], abs=1e-5)
    assert network.log_likelihood_ == pytest.approx(linear.log_likelihood_, rel=1e-6)


def test_the_network_learns_what_no_line_can():
    rng = np.random.default_rng(7)
    first, second = rng.uniform(-2.0, 2.0, (2, 600, 1))
    score = (rng.random(600) < 1 / (1 + np.exp(-3.0 * (first**2 - second**2)[:, 0]))).astype(float)
    network, line = NeuralRewardModel(hidden=(8,), ridge=0.2).fit(first, second, score), RewardModel().fit(first, second, score)
    assert network.log_likelihood_ > 0.5 * line.log_likelihood_
    grid = np.linspace(-1.8, 1.8, 37)[:, None]
    assert np.corrcoef(network.reward(grid), grid[:, 0] ** 2)[0, 1] > 0.98


def test_a_minimum_balances_the_loss_and_a_ridge_on_weights_alone():
    fitted = _plain("two hidden layers")
    scaled = [(each - fitted._centre) / fitted._scale for each in (FIRST, SECOND)]
    target = np.column_stack([SCORE, 1.0 - SCORE])
    loss = Chain(fitted._reward, FirstMinusSecond(), ReferenceClass(), LogSoftmax(), NegativeLogLikelihood(target))
    value, _ = loss.loss_and_gradient(np.concatenate(scaled))
    assert -value == pytest.approx(fitted.log_likelihood_)
    assert any(parameter.value.ndim == 1 and np.abs(parameter.value).max() > 0.01 for parameter in loss.parameters)
    for parameter in loss.parameters:
        pull = fitted.ridge * parameter.value if parameter.value.ndim == 2 else 0.0
        assert parameter.gradient + pull == pytest.approx(np.zeros(parameter.value.shape), abs=1e-4)


def test_another_seed_starts_elsewhere():
    one, other = (NeuralRewardModel(seed=seed, max_iterations=1).fit(FIRST, SECOND, SCORE).reward(FIRST) for seed in (1, 2))
    assert np.abs(one - other).max() > 1e-3


def test_an_iteration_limit_is_reported_and_nothing_warns():
    stopped = NeuralRewardModel(max_iterations=2).fit(FIRST, SECOND, SCORE)
    assert stopped.certificate_.status.startswith("stopped before the gradient vanished: STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT")
    assert stopped.certificate_.gradient_norm > 1e-7


def test_units_of_a_feature_do_not_matter_to_the_network():
    units = np.array([1000.0, 1e-3, 7.0])
    one, other = NeuralRewardModel().fit(FIRST, SECOND, SCORE), NeuralRewardModel().fit(FIRST * units, SECOND * units, SCORE)
    assert other.reward(FIRST * units) == pytest.approx(one.reward(FIRST), abs=1e-3)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_a_feature_that_never_varies_is_harmless(constant):
    with_constant = [np.column_stack([each, np.full(ROWS, constant)]) for each in (FIRST, SECOND)]
    fitted = NeuralRewardModel(hidden=(4,)).fit(*with_constant, SCORE)
    assert fitted.certificate_.status == "converged"
    assert np.isfinite(fitted.reward(with_constant[0])).all()


@pytest.mark.parametrize("model", [RewardModel(), NeuralRewardModel()], ids=["linear", "neural"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (([[np.nan]], [[0.0]], [1.0]), "first_features must be finite"),
        (([[0.0]], [0.0], [1.0]), "second_features must be finite and have 2 dimensions"),
        (([[0.0]], [[0.0, 1.0]], [1.0]), r"second_features must have shape \(1, 1\)"),
        (([[0.0]], [[1.0]], [2.0]), "score must lie between 0 and 1"),
        (([[0.0]], [[1.0]], [1.0, 0.0]), r"score must be finite and have shape \(1,\)"),
        (([[0.0]], [[1.0]], [1.0], [-1.0]), "sample_weight must not be negative"),
        (([[0.0]], [[1.0]], [1.0], [np.inf]), "sample_weight must be finite"),
    ],
)
def test_what_cannot_be_fitted_is_refused_by_name(model, data, message):
    with pytest.raises(ValueError, match=message):
        model.fit(*data)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (RewardModel(ridge=-1.0), "ridge must be"),
        (NeuralRewardModel(ridge=np.nan), "ridge must be"),
        (NeuralRewardModel(hidden=(4, 0)), "hidden must hold widths"),
    ],
)
def test_settings_without_a_meaning_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(FIRST, SECOND, SCORE)

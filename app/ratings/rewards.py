"""Rewards learned from preferences: r(x) of what is compared, from its features, with P(first preferred) = σ(r(x_first) − r(x_second)).

`RewardModel` is linear and rests on the objective and solver of `core`; `NeuralRewardModel` is a small network of `core.layers`. Only differences
of rewards have a meaning. Competitors without features are the business of `fits`.
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from app.core.families import Logistic
from app.core.layers import Chain, Linear, LogSoftmax, NegativeLogLikelihood, ReferenceClass, Tanh
from app.core.regressions import LogisticRegression, RegressionCertificate
from app.ratings.comparisons import Floats

GRADIENT_TOLERANCE = 1e-7


@dataclass
class RewardModel:
    """r(x) = w·x: logistic regression on x_first − x_second, without a bias.

    Parameters
    ----------
    ridge : float
        λ ≥ 0: the prior precision of every coefficient.
    """

    ridge: float = 0.0
    coef_: Floats = field(init=False, repr=False)
    covariance_: Floats = field(init=False, repr=False)
    log_likelihood_: float = field(init=False, repr=False)
    certificate_: RegressionCertificate = field(init=False, repr=False)

    @property
    def standard_errors_(self) -> Floats:
        """Model-based, shape (p,)."""
        return np.sqrt(np.diag(self.covariance_))

    def fit(self, first_features: ArrayLike, second_features: ArrayLike, score: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to features (n, p) of both sides and scores (n,) of the first: 1 preferred, 0 not, or between. Weights are frequencies."""
        first, second, scores, weight = _checked(first_features, second_features, score, sample_weight)
        fitted = LogisticRegression(ridge=self.ridge, bias=False).fit(first - second, scores, weight)
        self.coef_, self.covariance_ = fitted.coef_, fitted.covariance_
        self.log_likelihood_, self.certificate_ = fitted.log_likelihood_, fitted.certificate_
        return self

    def reward(self, X: ArrayLike) -> Floats:  # noqa: N803 - the name of the field, as in core
        """The reward r of each row of features (n, p), shape (n,), natural units."""
        return _features("X", X) @ self.coef_

    def predict_proba(self, first_features: ArrayLike, second_features: ArrayLike) -> Floats:
        """P(second preferred) and P(first preferred), shape (n, 2): the chances of the scores 0 and 1."""
        return _chances(self.reward(first_features) - self.reward(second_features))


@dataclass
class NeuralRewardModel:
    """r(x) by a network: layers of tanh and a linear one, on features centred and scaled by their mean and deviation over both sides.

    Parameters
    ----------
    hidden : tuple of int
        The width of each hidden layer; none is `RewardModel` on scaled features.
    ridge : float
        λ ≥ 0: the prior precision of every weight, for scaled features; biases have none.
    seed : int
        Where the weights start. The same seed and data give the same model.
    max_iterations : int
        Of L-BFGS.

    Notes
    -----
    The objective is that of STATISTICS §1 with r in place of Dθ, and no longer convex: what is found is a minimum near the start.
    Minimised by L-BFGS (Byrd, Lu, Nocedal and Zhu 1995); `certificate_` says how it ended.
    """

    hidden: tuple[int, ...] = (16,)
    ridge: float = 1.0
    seed: int = 0
    max_iterations: int = 2_000
    log_likelihood_: float = field(init=False, repr=False)
    certificate_: RegressionCertificate = field(init=False, repr=False)
    _reward: Chain = field(init=False, repr=False)
    _centre: Floats = field(init=False, repr=False)
    _scale: Floats = field(init=False, repr=False)

    def fit(self, first_features: ArrayLike, second_features: ArrayLike, score: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """As `RewardModel.fit`."""
        _check_settings(self)
        first, second, scores, weight = _checked(first_features, second_features, score, sample_weight)
        both = np.concatenate([first, second])
        self._centre, self._scale = _mean_and_deviation(both, np.concatenate([weight, weight]))
        self._reward, penalised = _network(first.shape[1], self.hidden, self.seed)
        targets = np.column_stack([scores, 1.0 - scores])
        loss = Chain(self._reward, FirstMinusSecond(), ReferenceClass(), LogSoftmax(), NegativeLogLikelihood(targets, weight))
        self.certificate_ = _minimise(loss, (both - self._centre) / self._scale, self.ridge * penalised, float(weight.sum()), self.max_iterations)
        self.log_likelihood_ = self.certificate_.log_likelihood
        return self

    def reward(self, X: ArrayLike) -> Floats:  # noqa: N803 - the name of the field, as in core
        """The reward r of each row of features (n, p), shape (n,), natural units."""
        return self._reward.forward((_features("X", X) - self._centre) / self._scale)[:, 0]

    def predict_proba(self, first_features: ArrayLike, second_features: ArrayLike) -> Floats:
        """P(second preferred) and P(first preferred), shape (n, 2): the chances of the scores 0 and 1."""
        return _chances(self.reward(first_features) - self.reward(second_features))


class FirstMinusSecond:
    """A layer: the upper half of the rows minus the lower half."""

    def forward(self, x: Floats) -> Floats:
        half = len(x) // 2
        return x[:half] - x[half:]

    def backward(self, _x: Floats, _y: Floats, delta: Floats) -> Floats:
        return np.concatenate([delta, -delta])


def _network(width: int, hidden: tuple[int, ...], seed: int) -> tuple[Chain, Floats]:
    """The reward, and which of its parameters bear the ridge. The last layer has no bias, because it would cancel in a difference."""
    generator = np.random.default_rng(seed)
    widths = (width, *hidden)
    layers = [each for pair in zip(widths[:-1], hidden, strict=True) for each in (Linear.drawn(*pair, generator), Tanh())]
    chain = Chain(*layers, Linear.drawn(widths[-1], 1, generator, bias=False))
    return chain, np.concatenate([np.full(each.value.size, float(each.value.ndim == 2)) for each in chain.parameters])


def _minimise(loss: Chain, x: Floats, precision: Floats, total: float, max_iterations: int) -> RegressionCertificate:
    """Leaves the minimum in the parameters of `loss`. Whether it is one is judged by the gradient, not by the minimiser's word."""
    from scipy.optimize import minimize  # noqa: PLC0415 - a third of the start-up time, for the rarest of fits

    def objective(theta: Floats) -> tuple[float, Floats]:
        loss.theta = theta
        value, gradient = loss.loss_and_gradient(x)
        return value + 0.5 * float(precision @ (theta * theta)), gradient + precision * theta

    options: Any = {"maxiter": max_iterations, "maxfun": 2 * max_iterations, "maxcor": 20, "ftol": 0.0, "gtol": 0.1 * GRADIENT_TOLERANCE * total}
    outcome: Any = minimize(objective, loss.theta, jac=True, method="L-BFGS-B", options=options)
    theta: Floats = np.asarray(outcome.x, dtype=np.float64)
    norm = float(np.abs(objective(theta)[1]).max(initial=0.0))
    status = "converged" if norm <= GRADIENT_TOLERANCE * total else f"stopped before the gradient vanished: {outcome.message}"
    return RegressionCertificate(status, int(outcome.nit), norm / total if total else 0.0, norm, -float(loss.forward(x).sum()))


def _mean_and_deviation(features: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted, so that a weight remains a repetition; a feature that never varies is left as it is."""
    share = weight / weight.sum() if weight.any() else weight
    mean: Floats = share @ features
    deviation: Floats = np.sqrt(share @ (features - mean) ** 2)
    return mean, np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0)


def _chances(difference: Floats) -> Floats:
    return np.column_stack([Logistic().mean(-difference), Logistic().mean(difference)])


def _check_settings(asked: NeuralRewardModel) -> None:
    if not 0.0 <= asked.ridge < float("inf"):
        raise ValueError(f"ridge must be a number from 0 on, not {asked.ridge}")
    if any(width < 1 for width in asked.hidden):
        raise ValueError(f"hidden must hold widths from 1 on, not {asked.hidden}")


def _checked(first: ArrayLike, second: ArrayLike, score: ArrayLike, weight: ArrayLike | None) -> tuple[Floats, Floats, Floats, Floats]:
    one, other = _features("first_features", first), _features("second_features", second)
    if one.shape != other.shape:
        raise ValueError(f"second_features must have shape {one.shape}, as first_features has, not {other.shape}")
    scores = _column("score", score, len(one))
    if np.any((scores < 0.0) | (scores > 1.0)):
        raise ValueError("score must lie between 0 and 1")
    frequency = np.ones(len(one)) if weight is None else _column("sample_weight", weight, len(one))
    if np.any(frequency < 0.0):
        raise ValueError("sample_weight must not be negative")
    return one, other, scores, frequency


def _features(name: str, values: ArrayLike) -> Floats:
    array: Floats = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != 2 or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite and have 2 dimensions, a row of features for each")
    return array


def _column(name: str, values: ArrayLike, n: int) -> Floats:
    array: Floats = np.ascontiguousarray(values, dtype=np.float64)
    if array.shape != (n,) or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite and have shape ({n},), as first_features has rows")
    return array

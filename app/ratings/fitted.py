"""What a batch fit says: strengths, how sure they are, which differences mean anything, and a certificate of the computation.

A fit is immutable. Whatever costs more than the fit itself (standard errors, the condition number) is computed on first access and kept.
NaN stands for what cannot be known: the error of a competitor that is alone in its component, the probability of a pair that no path joins.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, ndtr

from app.core.conditions import condition_number
from app.core.identifiability import Comparable, Identifiability
from app.core.inference import Uncertainty
from app.core.solvers import Iteration
from app.core.spreads import AmongFew, pair_spreads, pair_variances
from app.ratings.comparisons import Floats, Integers
from app.ratings.scale import to_points

NORMAL_95 = 1.959963984540054
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(32)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()

Draws = Literal["half", "davidson"]
CovarianceUsed = Literal["model", "robust", "robust with the model-based floor for few games"]


class SecondOrder(Protocol):
    """What computes the uncertainty when it is first asked for, and keeps it."""

    @property
    def uncertainty(self) -> Uncertainty:
        """The covariance of everything."""

    @property
    def among_few(self) -> AmongFew:
        """The covariance among a few, for predictions: the same, or one that is as good and quicker."""


class FitOrder(SecondOrder, Protocol):
    """That of a fit which was just made: it has its objective still."""

    def profile_interval(self, column: str) -> tuple[float, float]:
        """95 %, of a column by its name; a ValueError where there is none."""


class RatingInterval(NamedTuple):
    """95 % of a rating in points, and what it is relative to: an interval of one rating alone has no meaning."""

    lower: float
    upper: float
    relative_to: Literal["the mean of its component", "the anchor"]


class Difference(NamedTuple):
    """θ_i − θ_j in natural units. Estimate and error are NaN across components."""

    estimate: float
    standard_error: float
    comparable: Comparable

    @property
    def superiority(self) -> float:
        """The probability that i is the stronger, Φ(estimate / standard error); NaN where the two are not comparable."""
        if self.comparable == "no" or not self.standard_error > 0.0:
            return math.nan
        return float(ndtr(self.estimate / self.standard_error))


class WinProbability(NamedTuple):
    """What is expected of one match, the uncertainty of the fit included, and the 95 % interval of `first` (lower, upper).

    Without a model of draws `draw` is NaN and first and second are expected scores. Everything is NaN for a pair that is not comparable.
    """

    first: float
    draw: float
    second: float
    lower: float
    upper: float
    comparable: Comparable


@dataclass(frozen=True, eq=False)
class Strengths:
    """What a fit knows of differences: enough to predict, and all that has to be stored of it for that.

    Parameters
    ----------
    theta : array, shape (n,)
        Log-strengths in natural units, centred within each component, but for that of an anchor.
    structure : Identifiability
        Components, classes and comparability.
    draws : {"half", "davidson"}
        What a draw is.
    side_advantage : float or None
        In natural units; None where no side was given.
    side_is_known : bool
        Whether that was given beforehand: then it has no uncertainty, and is none of the coefficients.
    tie_parameter : float or None
        Davidson's ν; 0 where there was no draw to estimate it from; None for half-wins.
    coefficients : array, shape (q,)
        Of the covariates.
    second_order : SecondOrder
        Where the uncertainty comes from.
    """

    theta: Floats
    structure: Identifiability
    draws: Draws
    side_advantage: float | None
    tie_parameter: float | None
    coefficients: Floats
    second_order: SecondOrder
    side_is_known: bool = field(default=False, kw_only=True)

    @property
    def side_is_estimated(self) -> bool:
        """Whether the side advantage is the first of the coefficients after the strengths."""
        return self.side_advantage is not None and not self.side_is_known

    @property
    def uncertainty(self) -> Uncertainty:
        """Computed on first access."""
        return self.second_order.uncertainty

    @property
    def _has_ties(self) -> bool:
        return self.tie_parameter is not None and self.tie_parameter > 0.0

    def difference(self, i: int, j: int) -> Difference:
        """θ_i − θ_j with its standard error, which is exact at any size. A ValueError where i or j is nobody."""
        self._require_competitors(i, j)
        comparable = self.structure.comparable(i, j)
        if self.structure.components[i] != self.structure.components[j]:
            return Difference(math.nan, math.nan, comparable)
        return Difference(float(self.theta[i] - self.theta[j]), math.sqrt(self.uncertainty.variance_of_difference(i, j)), comparable)

    def win_probability(self, i: int, j: int, side: float = 0.0) -> WinProbability:
        """The expected outcome of i (first) against j: the mean over the fit's uncertainty, by Gauss–Hermite quadrature.

        Parameters
        ----------
        i, j : int
            Two different competitors.
        side : float
            +1 where i has the advantage of the side, −1 where j has it, 0 for neither.

        Raises
        ------
        ValueError
            Where i or j is nobody.
        """
        self._require_competitors(i, j)
        comparable = self.structure.comparable(i, j)
        if comparable == "no":
            return WinProbability(math.nan, math.nan, math.nan, math.nan, math.nan, comparable)
        difference = float(self.theta[i] - self.theta[j]) + side * (self.side_advantage or 0.0)
        spread = self._spread(i, j, side if self.side_is_estimated else 0.0)
        if self._has_ties:
            return WinProbability(*self._with_draws(difference, spread), comparable)
        error = math.sqrt(spread[0, 0])
        mean = float(NODE_WEIGHTS @ expit(difference + error * NODES))
        lower, upper = (float(expit(difference + sign * NORMAL_95 * error)) for sign in (-1.0, 1.0))
        return WinProbability(mean, 0.0 if self.draws == "davidson" else math.nan, 1.0 - mean, lower, upper, comparable)

    def win_matrix(self, indices: list[int]) -> Floats:
        """The expected outcome of every pair of a few competitors on neutral ground, shape (k, k): P(row wins), NaN on the diagonal.

        As `win_probability`, with one solve per competitor in place of one per pair. Comparability is the caller's to judge.
        """
        self._require_competitors(*indices)
        if self._has_ties:
            return self._matrix_with_draws(indices)
        theta = self.theta[indices]
        error = np.sqrt(np.maximum(pair_variances(self.second_order.among_few, indices), 0.0))
        mean = expit((theta[:, None] - theta[None, :])[:, :, None] + error[:, :, None] * NODES) @ NODE_WEIGHTS
        np.fill_diagonal(mean, np.nan)
        return np.asarray(mean)

    def _require_competitors(self, *indices: int) -> None:
        """Negative numbers would count from the end."""
        for index in indices:
            if not 0 <= index < len(self.theta):
                raise ValueError(f"competitor {index} is not one of the {len(self.theta)} of this fit, which are numbered from 0")

    def _matrix_with_draws(self, indices: list[int]) -> Floats:
        """As `_with_draws`: e^(ln ν) is a product of what each node adds, so that there is one exponential per node and pair."""
        k, theta = len(indices), self.theta[indices]
        above = np.triu_indices(k, 1)
        spread = pair_spreads(self.second_order.among_few, indices)[above]
        root = np.linalg.cholesky(spread + 1e-15 * np.eye(2))
        d = (theta[above[0]] - theta[above[1]])[:, None] + root[:, 0, :1] * NODES
        ties = (self.tie_parameter or 1.0) * np.exp(root[:, 1, :1] * NODES)[:, :, None] * np.exp(root[:, 1, 1:] * NODES)[:, None, :]
        matrix = np.full((k, k), np.nan)
        with np.errstate(over="ignore"):
            for sign, place in ((-1.0, above), (1.0, above[::-1])):
                others = (1.0 + np.exp(sign * d))[:, :, None] + np.exp(0.5 * sign * d)[:, :, None] * ties
                matrix[place] = (1.0 / others) @ NODE_WEIGHTS @ NODE_WEIGHTS
        return matrix

    def _spread(self, i: int, j: int, side: float) -> Floats:
        """The covariance of (difference, ln ν), or the variance of the difference alone."""
        n, few = len(self.theta), self.second_order.among_few
        indices, weights = [i, j], [[1.0, 0.0], [-1.0, 0.0]]
        if side:
            indices, weights = [*indices, n], [*weights, [side, 0.0]]
        if not self._has_ties:
            return few.contrasts(indices, np.array(weights)[:, :1])
        return few.contrasts([*indices, few.width - 1], np.array([*weights, [0.0, 1.0]]))

    def _with_draws(self, difference: float, spread: Floats) -> tuple[float, float, float, float, float]:
        """Davidson's three probabilities over the joint uncertainty of difference and ln ν; the interval is formed on the log-odds of `first`."""
        log_tie = math.log(self.tie_parameter or 1.0)
        root = np.linalg.cholesky(spread + 1e-15 * np.eye(2))
        d = difference + root[0, 0] * NODES[:, None] + 0.0 * NODES[None, :]
        ties = log_tie + root[1, 0] * NODES[:, None] + root[1, 1] * NODES[None, :]
        weights = NODE_WEIGHTS[:, None] * NODE_WEIGHTS[None, :]
        logits = np.stack([0.5 * d, ties, -0.5 * d])
        odds = np.exp(logits - logits.max(axis=0))
        first, draw, second = ((weights * part).sum() for part in odds / odds.sum(axis=0))
        share = expit(log_tie + 0.5 * difference)
        slope = np.array([0.5 + 0.5 * (1.0 - share), -share])
        error = NORMAL_95 * math.sqrt(float(slope @ spread @ slope))
        centre = 0.5 * difference - float(np.logaddexp(log_tie, -0.5 * difference))
        return float(first), float(draw), float(second), float(expit(centre - error)), float(expit(centre + error))


@dataclass(frozen=True, eq=False)
class Certificate:
    """How the computation ended, in figures that a stranger can check.

    `gradient_norm` = ‖∇F‖∞ / Σca. In games, over competitors alone, for a covariate has other units: `score_residual` = max_j |∇F_j| and
    `shrinkage` = max_j |actual − expected score|, what the prior holds back.
    """

    status: str
    iterations: int
    gradient_norm: float
    score_residual: float
    shrinkage: float
    log_likelihood: float
    pairs: int
    components: int
    classes: int
    trace: tuple[Iteration, ...]
    second_order: SecondOrder

    @cached_property
    def condition(self) -> float:
        """λmax / λmin⁺ of the Hessian of the largest component, strengths summing to zero; estimated above 300 competitors."""
        uncertainty = self.second_order.uncertainty
        largest = np.flatnonzero(uncertainty.components == 0)
        return condition_number(uncertainty.part(largest).hessian, len(largest))


@dataclass(frozen=True, eq=False)
class Fit(Strengths):
    """A fitted Bradley–Terry system of n competitors.

    Parameters
    ----------
    covariance : str
        Which covariance the standard errors are from.
    prior_sd : float, array (n,) or None
        The prior of each strength, natural units; None for the pure maximum likelihood.
    certificate : Certificate
        How the computation ended.
    anchor : int or None
        Whose rating was given.
    """

    second_order: FitOrder
    covariance: CovarianceUsed
    prior_sd: ArrayLike | None
    certificate: Certificate
    anchor: int | None = None

    @cached_property
    def rating(self) -> Floats:
        """1500 + s·θ in points, shape (n,)."""
        return to_points(self.theta)

    @property
    def components(self) -> Integers:
        """The component of each competitor, numbered from the largest."""
        return self.structure.components

    @property
    def classes(self) -> Integers:
        """The strong class of each competitor, numbered from the largest."""
        return self.structure.classes

    @property
    def approximate(self) -> bool:
        """Whether standard errors are estimates (above 3,000 coefficients); `standard_error_accuracy` says how good."""
        return self.uncertainty.approximate

    @property
    def standard_error_accuracy(self) -> float:
        """The largest relative error seen among competitors that were solved for exactly; 0 where all are exact."""
        return self.uncertainty.marginal.relative_error

    @cached_property
    def standard_error(self) -> Floats:
        """Of θ relative to the mean of its component, or to the anchor in it, shape (n,), natural units; NaN for a competitor alone."""
        if self.anchor is None:
            return self.centred_error
        error = np.sqrt(self.uncertainty.variances_relative_to(self.anchor))
        return np.where(self.components == self.components[self.anchor], error, self.centred_error)

    @cached_property
    def centred_error(self) -> Floats:
        """Of θ relative to the mean of its component, whatever the anchor; shape (n,), natural units."""
        n = len(self.theta)
        alone = self.structure.component_sizes[self.components] == 1
        return np.where(alone, np.nan, np.sqrt(np.maximum(self.uncertainty.marginal.variance[:n], 0.0)))

    def rating_interval(self, i: int) -> RatingInterval:
        """Of one rating in points; NaN for a competitor alone in its component. A ValueError where i is nobody."""
        self._require_competitors(i)
        anchored = self.anchor is not None and self.components[i] == self.components[self.anchor]
        lower, upper = _interval(float(self.theta[i]), float(self.standard_error[i]))
        return RatingInterval(to_points(lower), to_points(upper), "the anchor" if anchored else "the mean of its component")

    @property
    def side_advantage_standard_error(self) -> float:
        """Natural units; NaN where no side was given, 0 where its advantage was."""
        if self.side_advantage is None:
            return math.nan
        return self._coefficient_errors[0] if self.side_is_estimated else 0.0

    @property
    def coefficient_standard_errors(self) -> Floats:
        """Shape (q,)."""
        start = int(self.side_is_estimated)
        return np.array(self._coefficient_errors[start : start + len(self.coefficients)])

    @property
    def log_tie_parameter_standard_error(self) -> float:
        """Of ln ν; NaN where it was not estimated."""
        return self._coefficient_errors[-1] if self._has_ties else math.nan

    @property
    def side_advantage_interval(self) -> tuple[float, float]:
        """95 %, natural units; NaN where no side was given."""
        return _interval(math.nan if self.side_advantage is None else self.side_advantage, self.side_advantage_standard_error)

    @property
    def coefficient_intervals(self) -> Floats:
        """95 %, shape (q, 2)."""
        margin = NORMAL_95 * self.coefficient_standard_errors
        return np.column_stack([self.coefficients - margin, self.coefficients + margin])

    @property
    def tie_parameter_interval(self) -> tuple[float, float]:
        """95 % for ν, formed on ln ν, where the likelihood is nearer to a normal one; NaN where it was not estimated."""
        if not self._has_ties:
            return math.nan, math.nan
        lower, upper = _interval(math.log(self.tie_parameter or 1.0), self.log_tie_parameter_standard_error)
        return math.exp(lower), math.exp(upper)

    def profile_interval(self, column: str) -> tuple[float, float]:
        """95 % by the profile of the likelihood, in place of a normal curve: of "side", "covariates[:, 0]" or "tie_parameter" (ν).

        A ValueError for a column that was not fitted, and where the covariance is not model-based.
        """
        lower, upper = self.second_order.profile_interval(column)
        return (math.exp(lower), math.exp(upper)) if column == "tie_parameter" else (lower, upper)

    @cached_property
    def _coefficient_errors(self) -> list[float]:
        n = len(self.theta)
        every = list(range(n, len(self.uncertainty.precision)))
        return [float(error) for error in np.sqrt(np.diag(self.uncertainty.joint(every)))] if every else []


def _interval(estimate: float, error: float) -> tuple[float, float]:
    return estimate - NORMAL_95 * error, estimate + NORMAL_95 * error

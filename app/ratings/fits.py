"""Batch fits of Bradley–Terry and Davidson: from columns to a fit, and which covariance goes with it.

The fit itself is a logistic (or, with Davidson's ties, a three-class softmax) regression whose design is e_first − e_second, on comparisons that
are collapsed first (`declarations`). When it is refused is decided in `existence`, minimising is the business of `core.solvers`; what the numbers
mean is in STATISTICS §4, 5 and 8.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.core.grams import Gram, PairGram
from app.core.identifiability import centre
from app.core.inference import Meat, Uncertainty
from app.core.objective import Objective, Point
from app.core.profiles import profile_interval
from app.core.scores import ScoreGram
from app.core.solvers import Solution, newton
from app.ratings.buckets import outcomes
from app.ratings.clusters import cluster_scores, effective_clusters
from app.ratings.comparisons import Comparisons, Floats, Integers, check_comparisons
from app.ratings.declarations import Model, direction_of, model_of, model_of_buckets, objective_of, require_choice
from app.ratings.existence import MaximumLikelihoodDoesNotExist, require_maximum
from app.ratings.fitted import NORMAL_95, Certificate, CovarianceUsed, Difference, Draws, Fit, WinProbability
from app.ratings.scale import to_natural_units
from app.ratings.totals import PairTotals

__all__ = ["Certificate", "Difference", "Fit", "MaximumLikelihoodDoesNotExist", "WinProbability", "bradley_terry"]

FEW_GAMES = 20.0

Covariance = Literal["auto", "model", "robust"]
Solver = Literal["auto", "cholesky", "krylov"]


def bradley_terry(  # noqa: PLR0913, PLR0917 - the columns of a table and a choice each, all but three with a default
    first: ArrayLike,
    second: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    n_competitors: int | None = None,
    draws: Draws = "half",
    prior_sd: ArrayLike | None = 2.0,
    side: ArrayLike | None = None,
    covariates: ArrayLike | None = None,
    covariance: Covariance = "auto",
    solver: Solver = "auto",
    *,
    importance: ArrayLike | None = None,
    coefficient_prior_sd: float | None = None,
    prior_mean: ArrayLike | None = None,
    anchor: tuple[int, float] | None = None,
    age: ArrayLike | None = None,
    half_life: float | None = None,
    cluster: ArrayLike | None = None,
    side_advantage: float | None = None,
) -> Fit:
    """Strengths from paired comparisons: P(first beats second) = σ(θ_first − θ_second + h·side + β·x).

    Parameters
    ----------
    first, second : array of int, shape (n,)
        The numbers of the competitors.
    score : array of float, shape (n,)
        What the first side scored: 1 win, ½ draw, 0 loss, or between.
    weight : array of float, shape (n,), optional
        Frequencies: c equal observations.
    n_competitors : int, optional
        How many there are; by default as many as the largest number tells.
    draws : {"half", "davidson"}
        A draw as half a win, or Davidson's model P(first) : P(draw) : P(second) = e^(d/2) : ν : e^(−d/2).
    prior_sd : float, array of float of shape (n_competitors,), or None
        The prior standard deviation of each strength in natural units. None asks for the pure maximum likelihood, which may not exist.
    side : array of float, shape (n,), optional
        +1 where the first side has the advantage, −1 where the second has it, 0 for neither.
    covariates : array of float, shape (n, q), optional
        First minus second.
    covariance : {"auto", "model", "robust"}
        "auto" is model-based where that is right, that is with unit importance and without half-win draws or clusters; else robust, never below
        the model-based figure for a competitor with fewer than 20 effective games, or clusters where they are given.
    solver : {"auto", "cholesky", "krylov"}
        "auto" is Cholesky up to 300 competitors, and conjugate gradients above.
    importance : array of float, shape (n,), optional
        Scales one observation (balance of pairs, a trust in its source).
    coefficient_prior_sd : float or None
        The prior of side advantage, ln ν and coefficients; none by default.
    prior_mean : array of float, shape (n_competitors,), optional
        Where the prior pulls each strength, natural units; 0 by default. Needs `prior_sd`. Strengths are reported centred all the same.
    anchor : (int, float), optional
        A competitor and its rating in points. Its component is shifted after the fit, so that `fit.rating` says so, and its errors are those of
        the difference to the anchor, whose own is 0. Nothing else depends on it.
    age, half_life : array of float of shape (n,), and float
        In days: multiplies the importance by 2^(−age / half_life).
    cluster : array of int, shape (n,), optional
        Who voted, or what else makes comparisons depend on each other (`ratings.clusters`). For the robust covariance; a weight of c is c rows of
        one cluster.
    side_advantage : float, optional
        What the side is known to be worth, natural units: then it is not estimated. Needs `side`.

    Returns
    -------
    Fit
        Standard errors are computed when they are asked for.

    Raises
    ------
    MaximumLikelihoodDoesNotExist
        Naming the reason, and the column where it is one.
    ValueError
        Naming the argument at fault.

    Notes
    -----
    O(n) to collapse, then O(pairs) per step of conjugate gradients. Bradley and Terry (1952); Davidson (1970); Ford (1957) on existence.
    """
    require_choice("covariance", covariance, ("auto", "model", "robust"))
    require_choice("solver", solver, ("auto", "cholesky", "krylov"))
    columns = {"weight": weight, "side": side, "importance": importance, "covariates": covariates, "age": age, "cluster": cluster}
    games = check_comparisons(first, second, score, n_competitors, **columns, half_life=half_life)
    model = model_of(games, draws, prior_sd, coefficient_prior_sd, prior_mean, side_advantage)
    require_maximum(model)
    _check_anchor(anchor, games.n_competitors)
    clustered = None if games.cluster is None else games
    return _fit(model, clustered, _covariance_used(covariance, games, draws), solver, prior_sd, anchor, side_advantage)


def bradley_terry_of_totals(
    totals: PairTotals,
    draws: Draws = "half",
    prior_sd: float | None = 2.0,
    *,
    coefficient_prior_sd: float | None = None,
    side_advantage: float | None = None,
) -> Fit:
    """The fit of matches by their totals: the same, bit for bit, as `bradley_terry` of the matches. A side that is told is fitted unless it is known.

    Raises MaximumLikelihoodDoesNotExist, and ValueError naming the argument at fault.
    """
    buckets = totals.buckets
    require_choice("draws", draws, ("half", "davidson"))
    model = model_of_buckets(buckets, ["side"] * buckets.columns.shape[1], draws, prior_sd, coefficient_prior_sd, None, side_advantage)
    require_maximum(model)
    decisive = np.array_equal(buckets.moments[1], buckets.moments[2])
    return _fit(model, None, _used_where(draws, decisive=decisive, alike=True), "auto", prior_sd, None, side_advantage)


def _check_anchor(anchor: tuple[int, float] | None, n_competitors: int) -> None:
    if anchor is not None and not (0 <= anchor[0] < n_competitors and np.isfinite(anchor[1])):
        raise ValueError(f"anchor must be one of {n_competitors} competitors and a finite rating, not {anchor}")


def _covariance_used(asked: Covariance, games: Comparisons, draws: Draws) -> CovarianceUsed:
    if asked != "auto":
        return asked
    decisive = bool(np.isin(games.score, (0.0, 1.0)).all())
    alike = games.cluster is None and (games.importance is None or bool(np.all(games.importance == 1.0)))
    return _used_where(draws, decisive=decisive, alike=alike)


def _used_where(draws: Draws, *, decisive: bool, alike: bool) -> CovarianceUsed:
    return "model" if alike and (decisive or draws == "davidson") else "robust with the model-based floor for few games"


def _fit(
    model: Model,
    clustered: Comparisons | None,
    used: CovarianceUsed,
    solver: Solver,
    prior_sd: ArrayLike | None,
    anchor: tuple[int, float] | None,
    known_side: float | None,
) -> Fit:
    structure, objective = model.structure, objective_of(model)
    width, n = objective.design.width, model.buckets.n_competitors
    solution = newton(objective, np.zeros(width), direction_of(solver, width))
    coefficients = solution.theta[n:]
    second_order = _SecondOrder(model, objective, solution.point, used, solver, clustered)
    start = 1 if model.columns[:1] == ("side",) else 0
    ties = float(np.exp(coefficients[-1])) if model.ties else 0.0
    return Fit(
        theta=_gauged(solution.theta[:n], structure.components, anchor),
        structure=structure,
        draws=model.draws,
        covariance=used,
        prior_sd=prior_sd,
        side_advantage=float(coefficients[0]) if start else known_side,
        side_is_known=known_side is not None,
        tie_parameter=ties if model.draws == "davidson" else None,
        coefficients=coefficients[start : len(coefficients) - int(model.ties)].copy(),
        certificate=_certificate(second_order, solution),
        second_order=second_order,
        anchor=None if anchor is None else anchor[0],
    )


def _gauged(theta: Floats, components: Integers, anchor: tuple[int, float] | None) -> Floats:
    """Centred within each component, and that of the anchor shifted to it."""
    centred = centre(theta, components)
    if anchor is not None:
        centred += np.where(components == components[anchor[0]], to_natural_units(float(anchor[1])) - centred[anchor[0]], 0.0)
    return centred


@dataclass(frozen=True, eq=False)
class _SecondOrder:
    """The point of the minimum, and the uncertainty there."""

    model: Model
    objective: Objective
    point: Point
    used: CovarianceUsed
    solver: Solver
    clustered: Comparisons | None

    @cached_property
    def uncertainty(self) -> Uncertainty:
        kind: Literal["model", "robust"] = "model" if self.used == "model" else "robust"
        information = _paired(self.objective.fisher(self.point))
        return Uncertainty(information, self._meat(), self.objective.precision, self.model.structure.components, self._few(), kind)

    @property
    def among_few(self) -> Uncertainty:
        """Exact, and solved for anew each time."""
        return self.uncertainty

    def profile_interval(self, column: str) -> tuple[float, float]:
        """95 %, of a column by its name."""
        if column not in self.model.columns:
            raise ValueError(f"column must be one of {', '.join(self.model.columns) or 'none, for none was fitted'}, not {column!r}")
        if self.used != "model":
            raise ValueError(f"column {column!r} has no profile interval: a likelihood tells nothing where the covariance is {self.used}")
        index = self.model.buckets.n_competitors + self.model.columns.index(column)
        error, direction = float(np.sqrt(self.uncertainty.joint([index])[0, 0])), direction_of(self.solver, len(self.point.theta))
        return profile_interval(self.objective, self.point, index, error, lambda shifted, start: newton(shifted, start, direction), NORMAL_95)

    def _few(self) -> NDArray[np.bool_]:
        buckets = self.model.buckets
        if self.used in {"model", "robust"}:
            return np.zeros(buckets.n_competitors, dtype=np.bool_)
        effective = buckets.effective_games() if self.clustered is None else effective_clusters(self.clustered)
        return np.asarray(effective < FEW_GAMES)

    def _meat(self) -> Meat:
        if self.clustered is None:
            return _paired(self.objective.design.gram(self._squared_residuals()))
        return ScoreGram(cluster_scores(self.clustered, self.point.theta, ties=self.model.ties), np.zeros(len(self.point.theta)))

    def _squared_residuals(self) -> Floats:
        mean = self.objective.family.mean(self.point.eta)
        if not self.model.ties:
            return self.model.buckets.squared_residuals(mean)
        counts = outcomes(self.model.buckets.squared)
        residuals = mean[:, None, :] - np.eye(3)[None, :, :]
        return np.asarray(np.einsum("mo,moi,moj->mij", counts, residuals, residuals))


def _paired(gram: Gram) -> PairGram:
    if not isinstance(gram, PairGram):
        raise TypeError("a paired design has a paired gram")
    return gram


def _certificate(second_order: _SecondOrder, solution: Solution) -> Certificate:
    objective, point, structure = second_order.objective, second_order.point, second_order.model.structure
    buckets = second_order.model.buckets
    pull_of_prior = objective.precision * (point.theta - objective.centre)
    gradient = objective.gradient(point)
    games = float(buckets.games.sum())
    return Certificate(
        status=str(solution.status),
        iterations=solution.iterations,
        gradient_norm=float(np.abs(gradient).max(initial=0.0)) / games if games else 0.0,
        score_residual=float(np.abs(gradient[: buckets.n_competitors]).max(initial=0.0)),
        shrinkage=float(np.abs(gradient - pull_of_prior)[: buckets.n_competitors].max(initial=0.0)),
        log_likelihood=objective.log_likelihood(point),
        pairs=buckets.n_pairs,
        components=structure.n_components,
        classes=structure.n_classes,
        trace=solution.trace,
        second_order=second_order,
    )

"""Batch fits of Bradley–Terry and Davidson: which design, which prior, which covariance, and when a fit is refused.

The fit itself is a logistic (or, with Davidson's ties, a three-class softmax) regression whose design is e_first − e_second, on comparisons that
are collapsed first. Minimising is the business of `core.solvers`; what the numbers mean is in STATISTICS §4, 5 and 8.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from app.core.designs import PairDesign, TiedDesign
from app.core.families import Logistic, Softmax
from app.core.grams import PairGram, Sparse
from app.core.identifiability import Identifiability, centre, gauge_directions, identify, undetermined_column
from app.core.inference import Uncertainty
from app.core.objective import Objective, Point
from app.core.solvers import Direction, Solution, cholesky_direction, krylov_direction, newton
from app.ratings.buckets import Buckets, collapse, outcomes
from app.ratings.comparisons import Comparisons, Floats, check_comparisons
from app.ratings.fitted import Certificate, CovarianceUsed, Difference, Draws, Fit, WinProbability

__all__ = ["Certificate", "Difference", "Fit", "MaximumLikelihoodDoesNotExist", "WinProbability", "bradley_terry"]

FEW_GAMES = 20.0
CHOLESKY_LIMIT = 300

Covariance = Literal["auto", "model", "robust"]
Solver = Literal["auto", "cholesky", "krylov"]


class MaximumLikelihoodDoesNotExist(ValueError):
    """The likelihood grows for ever in some direction; a prior, or other data, would end it."""

    def __init__(self, detail: str, structure: Identifiability, column: str | None = None) -> None:
        super().__init__(detail)
        self.components = structure.components
        self.classes = structure.classes
        self.column = column


@dataclass(frozen=True, slots=True)
class Model:
    """What is fitted: the collapsed data and their structure, the shape of draws, and the priors as precisions."""

    buckets: Buckets
    structure: Identifiability
    draws: Draws
    precision: float
    coefficient_precision: float
    columns: tuple[str, ...]
    ties: bool


def bradley_terry(  # noqa: PLR0913, PLR0917 - the columns of a table and a choice each, all but three with a default
    first: ArrayLike,
    second: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    n_competitors: int | None = None,
    draws: Draws = "half",
    prior_sd: float | None = 2.0,
    side: ArrayLike | None = None,
    covariates: ArrayLike | None = None,
    covariance: Covariance = "auto",
    solver: Solver = "auto",
    *,
    importance: ArrayLike | None = None,
    coefficient_prior_sd: float | None = None,
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
    prior_sd : float or None
        The prior standard deviation of each strength in natural units. None asks for the pure maximum likelihood, which may not exist.
    side : array of float, shape (n,), optional
        +1 where the first side has the advantage, −1 where the second has it, 0 for neither.
    covariates : array of float, shape (n, q), optional
        First minus second.
    covariance : {"auto", "model", "robust"}
        "auto" is model-based where that is right, that is with unit importance and without half-win draws; else robust, never below the
        model-based figure for a competitor with fewer than 20 effective games.
    solver : {"auto", "cholesky", "krylov"}
        "auto" is Cholesky up to 300 competitors, and conjugate gradients above.
    importance : array of float, shape (n,), optional
        Scales one observation (time decay, balance of pairs).
    coefficient_prior_sd : float or None
        The prior of side advantage, ln ν and coefficients; none by default.

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
    _require_choice("covariance", covariance, ("auto", "model", "robust"))
    _require_choice("solver", solver, ("auto", "cholesky", "krylov"))
    games = check_comparisons(first, second, score, n_competitors, weight=weight, side=side, importance=importance, covariates=covariates)
    model = model_of(games, draws, prior_sd, coefficient_prior_sd)
    return _fit(model, _covariance_used(covariance, games, draws), solver, prior_sd)


def model_of(games: Comparisons, draws: Draws, prior_sd: float | None, coefficient_prior_sd: float | None) -> Model:
    """What would be fitted; refuses what has no maximum."""
    _require_choice("draws", draws, ("half", "davidson"))
    precision, coefficient_precision = _precision("prior_sd", prior_sd), _precision("coefficient_prior_sd", coefficient_prior_sd)
    buckets = collapse(games)
    structure = identify(buckets.first, buckets.second, buckets.first_took, buckets.second_took, games.n_competitors)
    columns = _column_names(games, draws, buckets)
    model = Model(buckets, structure, draws, precision, coefficient_precision, columns, "tie_parameter" in columns)
    _require_maximum(model, structure)
    return model


def _require_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def _precision(name: str, prior_sd: float | None) -> float:
    if prior_sd is None:
        return 0.0
    if not 0.0 < prior_sd < float("inf"):
        raise ValueError(f"{name} must be a positive number or None, not {prior_sd}")
    return 1.0 / prior_sd**2


def _column_names(games: Comparisons, draws: Draws, buckets: Buckets) -> tuple[str, ...]:
    names = [] if games.side is None else ["side"]
    if games.covariates is not None:
        names += [f"covariates[:, {index}]" for index in range(games.covariates.shape[1])]
    if draws == "davidson":
        if not np.isin(games.score, (0.0, 0.5, 1.0)).all():
            raise ValueError("score must be 0, ½ or 1 where draws = 'davidson'")
        names += ["tie_parameter"] if outcomes(buckets.moments)[:, 1].any() else []
    return tuple(names)


def _covariance_used(asked: Covariance, games: Comparisons, draws: Draws) -> CovarianceUsed:
    if asked != "auto":
        return asked
    decisive = bool(np.isin(games.score, (0.0, 1.0)).all())
    unit = games.importance is None or bool(np.all(games.importance == 1.0))
    return "model" if unit and (decisive or draws == "davidson") else "robust with the model-based floor for few games"


def _fit(model: Model, used: CovarianceUsed, solver: Solver, prior_sd: float | None) -> Fit:
    structure, objective = model.structure, objective_of(model)
    width = objective.design.width
    solution = newton(objective, np.zeros(width), direction_of(solver, width))
    n = model.buckets.n_competitors
    coefficients = solution.theta[n:]
    second_order = _SecondOrder(model, objective, solution.point, structure, used)
    start = 1 if model.columns[:1] == ("side",) else 0
    ties = float(np.exp(coefficients[-1])) if model.ties else 0.0
    return Fit(
        theta=centre(solution.theta[:n], structure.components),
        structure=structure,
        draws=model.draws,
        covariance=used,
        prior_sd=prior_sd,
        side_advantage=float(coefficients[0]) if start else None,
        tie_parameter=ties if model.draws == "davidson" else None,
        coefficients=coefficients[start : len(coefficients) - int(model.ties)].copy(),
        certificate=_certificate(second_order, solution),
        second_order=second_order,
    )


def direction_of(solver: Solver, width: int) -> Direction:
    """How the Newton equations of so many coefficients are solved."""
    if solver == "auto":
        return cholesky_direction if width <= CHOLESKY_LIMIT else krylov_direction
    return cholesky_direction if solver == "cholesky" else krylov_direction


def objective_of(model: Model) -> Objective:
    """The objective of the collapsed data: one row per bucket, whose outcome is the mean score, or the shares of wins, draws and losses."""
    buckets = model.buckets
    n = buckets.n_competitors
    pairs = PairDesign(buckets.first, buckets.second, n, buckets.columns)
    width = n + len(model.columns)
    precision = np.full(width, model.precision)
    precision[n:] = model.coefficient_precision
    flat = None if model.precision > 0.0 else gauge_directions(model.structure.components, width - n)
    centre_of_prior = np.zeros(width)
    if model.ties:
        shares = outcomes(buckets.moments) / buckets.games[:, None]
        return Objective(TiedDesign(pairs), Softmax(), shares, buckets.games, precision, centre_of_prior, flat)
    return Objective(pairs, Logistic(), buckets.score, buckets.games, precision, centre_of_prior, flat)


@dataclass(frozen=True, eq=False)
class _SecondOrder:
    """The point of the minimum, and the uncertainty there."""

    model: Model
    objective: Objective
    point: Point
    structure: Identifiability
    used: CovarianceUsed

    @cached_property
    def uncertainty(self) -> Uncertainty:
        buckets = self.model.buckets
        floored = self.used not in {"model", "robust"}
        few = buckets.effective_games() < FEW_GAMES if floored else np.zeros(buckets.n_competitors, dtype=np.bool_)
        information = self.objective.fisher(self.point)
        meat = self.objective.design.gram(self._squared_residuals())
        if not isinstance(information, PairGram) or not isinstance(meat, PairGram):
            raise TypeError("a paired design has a paired gram")
        kind: Literal["model", "robust"] = "model" if self.used == "model" else "robust"
        return Uncertainty(information, meat, self.objective.precision, self.structure.components, few, kind)

    def _squared_residuals(self) -> Floats:
        mean = self.objective.family.mean(self.point.eta)
        if not self.model.ties:
            return self.model.buckets.squared_residuals(mean)
        counts = outcomes(self.model.buckets.squared)
        residuals = mean[:, None, :] - np.eye(3)[None, :, :]
        return np.asarray(np.einsum("mo,moi,moj->mij", counts, residuals, residuals))


def _certificate(second_order: _SecondOrder, solution: Solution) -> Certificate:
    objective, point, structure = second_order.objective, second_order.point, second_order.structure
    buckets = second_order.model.buckets
    pull_of_prior = objective.precision * (point.theta - objective.centre)
    gradient = objective.gradient(point)
    residual = float(np.abs(gradient).max(initial=0.0))
    games = float(buckets.games.sum())
    return Certificate(
        status=str(solution.status),
        iterations=solution.iterations,
        gradient_norm=residual / games if games else 0.0,
        score_residual=residual,
        shrinkage=float(np.abs(gradient - pull_of_prior)[: buckets.n_competitors].max(initial=0.0)),
        log_likelihood=objective.log_likelihood(point),
        pairs=buckets.n_pairs,
        components=structure.n_components,
        classes=structure.n_classes,
        trace=solution.trace,
        second_order=second_order,
    )


def _require_maximum(model: Model, structure: Identifiability) -> None:
    """Refuse what has no finite maximum: by the graph for the strengths, by linear programmes for coefficients without a prior."""
    if model.precision == 0.0 and not structure.likelihood_has_maximum:
        raise MaximumLikelihoodDoesNotExist(
            f"The maximum likelihood estimate does not exist: the {structure.n_components} group(s) of competitors joined by matches fall into "
            f"{structure.n_classes} classes, and between two classes of a group all points went one way. Give prior_sd, or leave classes out.",
            structure,
        )
    if not model.columns or model.coefficient_precision > 0.0 or _ties_are_plain(model):
        return
    n = model.buckets.n_competitors
    directions = _never_worse(model)
    strengths = 0 if model.precision > 0.0 else n
    examined = directions[:, n:] if not strengths else directions
    column = undetermined_column(sparse.csr_array(examined), range(strengths, strengths + len(model.columns)))
    if column is not None:
        name = model.columns[column - strengths]
        raise MaximumLikelihoodDoesNotExist(
            f"The maximum likelihood estimate does not exist: these matches do not determine {name}; it could grow for ever, or strengths could "
            "take its part. Give coefficient_prior_sd, or leave it out.",
            structure,
            name,
        )


def _ties_are_plain(model: Model) -> bool:
    """Whether ν is the only coefficient, and two who beat each other bound it from above as a draw does from below: no programme is needed."""
    won, _, lost = outcomes(model.buckets.moments).T
    return model.columns == ("tie_parameter",) and bool(np.any((won > 0.0) & (lost > 0.0)))


def _never_worse(model: Model) -> Sparse:
    """Rows a with a·δ ≥ 0 for exactly the directions along which no match becomes less likely."""
    buckets = model.buckets
    m, n = len(buckets.first), buckets.n_competitors
    rows = np.tile(np.arange(m), 2)
    ends = np.concatenate([buckets.first, buckets.second])
    graph = sparse.csr_array((np.repeat([1.0, -1.0], m), (rows, ends)), shape=(m, n))
    difference = sparse.csr_array(sparse.hstack([graph, sparse.csr_array(buckets.columns)]))
    if not model.ties:
        return Sparse(sparse.vstack([difference[buckets.first_took], -difference[buckets.second_took]]))
    won, drawn, lost = (outcomes(buckets.moments) > 0.0).T
    half = 0.5 * difference
    ties = sparse.csr_array(np.ones((m, 1)))
    blocks = [(won, difference, 0.0), (won, half, -1.0), (drawn, half, 1.0), (drawn, -half, 1.0), (lost, -difference, 0.0), (lost, -half, -1.0)]
    return Sparse(sparse.vstack([sparse.hstack([part.tocsr()[rows], sign * ties[rows]]) for rows, part, sign in blocks]))

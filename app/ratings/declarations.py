"""What a batch fit is of: collapsed comparisons and their structure, priors as precisions, and the objective that follows.

Whether that objective has a minimum is the business of `existence`, finding it that of `core.solvers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from app.core.designs import PairDesign, TiedDesign
from app.core.families import Logistic, Softmax
from app.core.identifiability import Identifiability, gauge_directions, identify
from app.core.objective import Objective
from app.core.solvers import Direction, cholesky_direction, krylov_direction
from app.ratings.buckets import Buckets, collapse, outcomes
from app.ratings.comparisons import Comparisons, Floats
from app.ratings.fitted import Draws

CHOLESKY_LIMIT = 300


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What is fitted: the collapsed data and their structure, the shape of draws, and the priors.

    `precision` and `centre` are λ and m of competitors first and `columns` after them; competitors have all a prior or none has.
    """

    buckets: Buckets
    structure: Identifiability
    draws: Draws
    precision: Floats
    centre: Floats
    columns: tuple[str, ...]
    lead: Floats | None = None
    """What the first of every bucket is known to be ahead by; None where nothing is."""

    @property
    def ties(self) -> bool:
        """Whether Davidson's ν is among the columns."""
        return "tie_parameter" in self.columns

    @property
    def strengths_have_prior(self) -> bool:
        return bool(np.all(self.precision[: self.buckets.n_competitors] > 0.0))

    @property
    def columns_have_prior(self) -> bool:
        return bool(np.all(self.precision[self.buckets.n_competitors :] > 0.0))

    @property
    def design(self) -> PairDesign:
        """The difference of every bucket."""
        return PairDesign(self.buckets.first, self.buckets.second, self.buckets.n_competitors, self.buckets.columns)


def model_of(
    games: Comparisons,
    draws: Draws,
    prior_sd: ArrayLike | None,
    coefficient_prior_sd: float | None,
    prior_mean: ArrayLike | None = None,
    side_advantage: float | None = None,
) -> Model:
    """What would be fitted, whether or not it has a maximum. A side advantage that is given is known, and none of the columns."""
    require_choice("draws", draws, ("half", "davidson"))
    if side_advantage is not None and games.cluster is not None:
        raise ValueError("side_advantage cannot be given with cluster")
    if draws == "davidson" and not np.isin(games.score, (0.0, 0.5, 1.0)).all():
        raise ValueError("score must be 0, ½ or 1 where draws = 'davidson'")
    named = [] if games.side is None else ["side"]
    if games.covariates is not None:
        named += [f"covariates[:, {index}]" for index in range(games.covariates.shape[1])]
    return model_of_buckets(collapse(games), named, draws, prior_sd, coefficient_prior_sd, prior_mean, side_advantage)


def model_of_buckets(
    buckets: Buckets,
    named: Sequence[str],
    draws: Draws,
    prior_sd: ArrayLike | None,
    coefficient_prior_sd: float | None,
    prior_mean: ArrayLike | None = None,
    side_advantage: float | None = None,
) -> Model:
    """The same of what is collapsed already, whose columns have these names; `side` comes first. With Davidson's draws scores are 0, ½ and 1."""
    n, lead = buckets.n_competitors, None
    if side_advantage is not None:
        _require_known(named, side_advantage)
        buckets, lead = replace(buckets, columns=buckets.columns[:, 1:]), side_advantage * buckets.columns[:, 0]
    structure = identify(buckets.first, buckets.second, buckets.first_took, buckets.second_took, n)
    ties = draws == "davidson" and bool(outcomes(buckets.moments)[:, 1].any())
    columns = (*named[0 if lead is None else 1 :], *(["tie_parameter"] if ties else []))
    precision = np.concatenate([_precision("prior_sd", prior_sd, n), _precision("coefficient_prior_sd", coefficient_prior_sd, len(columns))])
    centre = np.append(_centre(prior_mean, prior_sd, n), np.zeros(len(columns)))
    return Model(buckets, structure, draws, precision, centre, columns, lead)


def _require_known(named: Sequence[str], side_advantage: float) -> None:
    if named[:1] != ["side"]:
        raise ValueError("side_advantage needs side: nobody is said to have it")
    if not np.isfinite(side_advantage):
        raise ValueError(f"side_advantage must be a finite number or None, not {side_advantage}")


def require_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse what is not among the allowed."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def _precision(name: str, prior_sd: ArrayLike | None, size: int) -> Floats:
    if prior_sd is None:
        return np.zeros(size)
    deviation = np.asarray(prior_sd, dtype=np.float64)
    if deviation.shape not in {(), (size,)}:
        raise ValueError(f"{name} must be one number or have shape ({size},), not {deviation.shape}")
    with np.errstate(divide="ignore", over="ignore"):
        precision = np.full(size, deviation**-2.0)
    if not np.all((deviation > 0.0) & np.isfinite(deviation)) or not np.isfinite(precision).all():
        raise ValueError(f"{name} must be a positive number or None, not {prior_sd}")
    return precision


def _centre(prior_mean: ArrayLike | None, prior_sd: ArrayLike | None, n: int) -> Floats:
    if prior_mean is None:
        return np.zeros(n)
    if prior_sd is None:
        raise ValueError("prior_mean needs prior_sd: without a prior there is nothing that pulls to it")
    mean = np.array(prior_mean, dtype=np.float64)
    if mean.shape != (n,) or not np.isfinite(mean).all():
        raise ValueError(f"prior_mean must be finite and have shape ({n},), one for each competitor, not {mean.shape}")
    return mean


def objective_of(model: Model) -> Objective:
    """The objective of the collapsed data: one row per bucket, whose outcome is the mean score, or the shares of wins, draws and losses."""
    buckets = model.buckets
    flat = None if model.strengths_have_prior else gauge_directions(model.structure.components, len(model.columns))
    if model.ties:
        shares = outcomes(buckets.moments) / buckets.games[:, None]
        offset = None if model.lead is None else np.outer(model.lead, (0.5, 0.0, -0.5))
        return Objective(TiedDesign(model.design), Softmax(), shares, buckets.games, model.precision, model.centre, flat, offset)
    return Objective(model.design, Logistic(), buckets.score, buckets.games, model.precision, model.centre, flat, model.lead)


def direction_of(solver: str, width: int) -> Direction:
    """How the Newton equations of so many coefficients are solved; "auto" is Cholesky up to 300."""
    if solver == "auto":
        return cholesky_direction if width <= CHOLESKY_LIMIT else krylov_direction
    return cholesky_direction if solver == "cholesky" else krylov_direction

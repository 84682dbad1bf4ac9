"""The bootstrap of a fit: the same matches drawn again and again, and how far the strengths move.

A replicate draws as many observations as there are, with replacement, from the cells of equal observations: multinomial by frequency, so that a
weight of c is c rows. With a prior every replicate counts. Without one a replicate may have no maximum likelihood estimate; those are left out,
and above 5 % of them there is no interval, because what is left is no sample any more. Intervals are percentiles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from app.core.grams import Sparse
from app.core.identifiability import centre
from app.core.objective import Objective
from app.core.replicates import are_joined, minimise_all
from app.core.solvers import newton
from app.ratings.buckets import orient, outcomes
from app.ratings.comparisons import Comparisons, Floats, Integers, check_comparisons
from app.ratings.declarations import Model, direction_of, model_of, objective_of
from app.ratings.existence import require_maximum
from app.ratings.fitted import Draws

MOST_MISSING = 0.05
"""The share of replicates without an estimate above which there is no interval."""
CHUNK = 4_000_000
"""Counts that are held at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Strengths by replicate.

    Parameters
    ----------
    theta : array, shape (B, n)
        Natural units, centred within each component; NaN in the rows of replicates without an estimate.
    coefficients : array, shape (B, q)
        Side advantage, covariates and ln ν, in this order, as far as they were fitted.
    components : array of int, shape (n,)
        The component of each competitor.
    reason : str or None
        Why there are no intervals; None where there are.
    """

    theta: Floats
    coefficients: Floats
    components: Integers
    reason: str | None

    @property
    def standard_error(self) -> Floats:
        """The standard deviation over the replicates, shape (n,); NaN for a competitor alone in its component, and where there is a reason."""
        n = len(self.components)
        alone = np.bincount(self.components)[self.components] == 1 if n else np.zeros(0, dtype=np.bool_)
        return np.full(n, np.nan) if self.reason else np.where(alone, np.nan, self._estimated().std(axis=0, ddof=1))

    def interval(self, i: int, level: float = 0.95) -> tuple[float, float]:
        """Of θ_i relative to the mean of its component; NaN where it is alone in it."""
        return self._percentiles(self.theta[:, i], level, known=int((self.components == self.components[i]).sum()) > 1)

    def difference_interval(self, i: int, j: int, level: float = 0.95) -> tuple[float, float]:
        """Of θ_i − θ_j; NaN across components."""
        return self._percentiles(self.theta[:, i] - self.theta[:, j], level, known=bool(self.components[i] == self.components[j]))

    def _estimated(self) -> Floats:
        return self.theta[np.isfinite(self.theta).all(axis=1)]

    def _percentiles(self, values: Floats, level: float, *, known: bool) -> tuple[float, float]:
        if self.reason or not known:
            return float("nan"), float("nan")
        lower, upper = np.nanquantile(values, [0.5 - 0.5 * level, 0.5 + 0.5 * level])
        return float(lower), float(upper)


def bootstrap(  # noqa: PLR0913 - the arguments of `bradley_terry`
    first: ArrayLike,
    second: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    n_competitors: int | None = None,
    draws: Draws = "half",
    prior_sd: ArrayLike | None = 2.0,
    side: ArrayLike | None = None,
    covariates: ArrayLike | None = None,
    *,
    importance: ArrayLike | None = None,
    coefficient_prior_sd: float | None = None,
    prior_mean: ArrayLike | None = None,
    age: ArrayLike | None = None,
    half_life: float | None = None,
    replicates: int = 500,
    seed: int = 0,
) -> Bootstrap:
    """The bootstrap of `bradley_terry` with the same arguments, but for anchors and clusters: it draws matches, and not raters.

    Parameters
    ----------
    replicates : int
        How many.
    seed : int
        The same seed gives the same replicates.

    Returns
    -------
    Bootstrap
        The memory is bounded, but for the strengths themselves.

    Raises
    ------
    MaximumLikelihoodDoesNotExist, ValueError
        As `bradley_terry`.

    Notes
    -----
    Efron (1979).
    """
    if replicates < 2:
        raise ValueError(f"replicates must be at least 2, not {replicates}")
    columns = {"weight": weight, "side": side, "importance": importance, "covariates": covariates, "age": age}
    games = check_comparisons(first, second, score, n_competitors, **columns, half_life=half_life)
    model = model_of(games, draws, prior_sd, coefficient_prior_sd, prior_mean)
    require_maximum(model)
    objective = objective_of(model)
    cells = _cells(games)
    fitted = newton(objective, np.zeros(objective.design.width), direction_of("auto", objective.design.width))
    generator, size = np.random.default_rng(seed), max(CHUNK // max(len(cells.bucket), 1), 1)
    chunks = (min(size, replicates - begin) for begin in range(0, replicates, size))
    theta = np.concatenate([_replicates(model, objective, cells.moments(cells.draw(generator, chunk)), fitted.theta) for chunk in chunks])
    n, components = games.n_competitors, model.structure.components
    return Bootstrap(centre(theta[:, :n].T, components).T, theta[:, n:], components, _reason(theta))


def _replicates(model: Model, objective: Objective, moments: Floats, start: Floats) -> Floats:
    theta = minimise_all(objective, _outcomes(objective, moments), moments[0], start)
    if not model.strengths_have_prior:
        theta[~_have_maximum(model, moments)] = np.nan
    return theta


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Equal observations: the same bucket, score and importance. Sorted, so that the order of the matches is of no account."""

    bucket: Integers
    score: Floats
    importance: Floats
    frequency: Floats

    def draw(self, generator: np.random.Generator, replicates: int) -> Floats:
        """How often each cell is drawn, shape (replicates, cells)."""
        total = float(self.frequency.sum())
        if not total:
            return np.zeros((replicates, len(self.frequency)))
        return generator.multinomial(round(total), self.frequency / total, replicates).astype(np.float64)

    def moments(self, counts: Floats) -> Floats:
        """Σca, Σcay and Σcay² by replicate and bucket, shape (3, B, m), from how often each cell was drawn, (B, cells)."""
        size = len(self.bucket)
        ones = np.ones(size)
        into: Sparse = Sparse((ones, (self.bucket, np.arange(size))), shape=(int(self.bucket.max(initial=-1)) + 1, size))
        drawn = counts * self.importance
        return np.array([np.asarray(into @ (drawn * self.score**power).T).T for power in range(3)])


def _cells(games: Comparisons) -> _Cells:
    rows = orient(games)
    kept = np.flatnonzero(rows.frequency * rows.importance > 0.0)
    key, score, importance, frequency = rows.key[kept], rows.score[kept], rows.importance[kept], rows.frequency[kept]
    order = np.lexsort((frequency, importance, score, key))
    key, score, importance, frequency = key[order], score[order], importance[order], frequency[order]
    new = np.ones(len(key), dtype=np.bool_)
    new[1:] = (np.diff(key) != 0) | (np.diff(score) != 0.0) | (np.diff(importance) != 0.0)
    starts = np.flatnonzero(new)
    bucket = np.cumsum(np.diff(key[starts], prepend=-1) != 0) - 1
    return _Cells(bucket, score[starts], importance[starts], np.add.reduceat(frequency, starts) if len(starts) else frequency)


def _outcomes(objective: Objective, moments: Floats) -> Floats:
    """The mean outcome per replicate and bucket; a bucket that was not drawn has no weight, whatever its outcome."""
    games = np.where(moments[0] > 0.0, moments[0], 1.0)
    if objective.y.ndim == 1:
        return np.asarray(moments[1] / games)
    shares: Floats = outcomes(moments.reshape(3, -1)).reshape(*games.shape, 3) / games[..., None]
    return shares


def _have_maximum(model: Model, moments: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the competitors of each component are one class in the replicate as well."""
    buckets, (games, points) = model.buckets, (moments[0], moments[1])
    return are_joined(buckets.first, buckets.second, points > 0.0, points < games, model.structure.components)


def _reason(theta: Floats) -> str | None:
    missing = int(np.isnan(theta).any(axis=1).sum())
    if missing <= MOST_MISSING * len(theta):
        return None
    return f"{missing} of {len(theta)} replicates have no maximum likelihood estimate, so that the others say nothing of the whole; give prior_sd."

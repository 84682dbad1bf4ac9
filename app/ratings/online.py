"""Elo: one update function for the single match, the batch, the import and the replay.

    p = σ((first − second + h·side) / s)        step = K·w·(y − p)        first + step, second − step

It is one step of stochastic gradient descent on the logistic loss, with the rate ρ = K / s in natural units. The order of operations is fixed
and the exponential is ours (`core.kernels`), so that a replay on any machine gives the same bits. A weight w multiplies the step of one match.
Which matches count, and in which order, is decided by the ledger.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.core.kernels import logistic
from app.ratings.comparisons import check_comparisons
from app.ratings.folds import as_list, run
from app.ratings.scale import DEFAULT_SCALE, natural_unit

ALGORITHM = "elo-1"
"""Names the arithmetic below; it changes whenever one bit of one result could."""


@dataclass(frozen=True, slots=True)
class EloRules:
    """The constants of an Elo system, in points."""

    k: float = 32.0
    initial: float = 1500.0
    scale: float = DEFAULT_SCALE
    side_advantage: float = 0.0


def rate(rules: EloRules, first: float, second: float, score: float, weight: float, side: float) -> tuple[float, float, float]:
    """The expected score of the first side, and both ratings after the match.

    Parameters
    ----------
    rules : EloRules
        The constants.
    first, second : float
        The ratings before, in points.
    score : float
        What the first side scored: 1 win, ½ draw, 0 loss.
    weight : float
        Multiplies the step.
    side : float
        Who has the advantage of the side: +1 first, −1 second, 0 neither.

    Returns
    -------
    expected, first_after, second_after : float
        The expected score in [0, 1], and the ratings in points.
    """
    expected = logistic((first - second + rules.side_advantage * side) / natural_unit(rules.scale))
    step = rules.k * weight * (score - expected)
    return expected, first + step, second - step


class Replay(NamedTuple):
    """What every match of a replay saw and did: a list per value, in the order of the matches."""

    expected: list[float]
    first_before: list[float]
    first_after: list[float]
    second_before: list[float]
    second_after: list[float]


def replay(
    rules: EloRules,
    first: Sequence[int],
    second: Sequence[int],
    score: Sequence[float],
    weight: Sequence[float],
    side: Sequence[float],
    ratings: list[float],
) -> Replay:
    """Rate many matches in their order. Equal in every bit to calling `rate` for one after the other.

    Parameters
    ----------
    rules : EloRules
        The constants.
    first, second : sequence of int, shape (n,)
        The competitors' indices into `ratings`.
    score, weight, side : sequence of float, shape (n,)
        As in `rate`.
    ratings : list of float
        The ratings in points by competitor; changed in place.

    Returns
    -------
    Replay
        Five lists of shape (n,).

    Notes
    -----
    O(n). Long histories run as machine code where numba is installed (`ratings.folds`): the same bits.
    """
    after, log = run((first, second, score, weight, side), ratings, rules.k, rules.side_advantage, natural_unit(rules.scale))
    ratings[:] = as_list(after)
    return Replay(*map(as_list, log))


@dataclass(frozen=True, slots=True, eq=False)
class OnlineRatings:
    """Ratings after the last match, and what every match saw and did."""

    rating: NDArray[np.float64]
    """Shape (n_competitors,), points."""
    probability: NDArray[np.float64]
    """Shape (n,): the expected score of the first side before each match."""
    delta: NDArray[np.float64]
    """Shape (n,), points: what the first side gained and the second lost."""


def elo(
    first: ArrayLike,
    second: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    k: float = 32.0,
    initial: float = 1500.0,
    n_competitors: int | None = None,
    side: ArrayLike | None = None,
    side_advantage: float = 0.0,
) -> OnlineRatings:
    """Elo ratings from a sequence of matches: R_first += K·w·(y − p), R_second −= K·w·(y − p).

    Parameters
    ----------
    first, second : array of int, shape (n,)
        The numbers of the competitors, in the order of play.
    score : array of float, shape (n,)
        What the first side scored, in [0, 1].
    weight : array of float, shape (n,), optional
        Multiplies the step of a match; 1 by default.
    k : float
        The largest gain of one match, in points.
    initial : float
        The rating of a competitor before its first match, in points.
    n_competitors : int, optional
        How many there are; by default as many as the largest number tells.
    side : array of float, shape (n,), optional
        +1 where the first side has the advantage, −1 where the second has it, 0 for neither (the default).
    side_advantage : float
        In points.

    Returns
    -------
    OnlineRatings
        `rating` (n_competitors,), `probability` (n,) and `delta` (n,).

    Raises
    ------
    ValueError
        Naming the argument at fault.

    Notes
    -----
    O(n), below a microsecond a match; long histories run as machine code where numba is installed. A. E. Elo, *The Rating of Chessplayers* (1978), with the logistic curve.
    """
    rules = EloRules(_finite("k", k), _finite("initial", initial), side_advantage=_finite("side_advantage", side_advantage))
    games = check_comparisons(first, second, score, n_competitors, weight=weight, side=side)
    weights = np.ones(len(games)) if games.weight is None else games.weight
    sides = np.zeros(len(games)) if games.side is None else games.side
    columns = (games.first, games.second, games.score, weights, sides)
    rating, log = run(columns, np.full(games.n_competitors, rules.initial), rules.k, rules.side_advantage, natural_unit(rules.scale))
    expected = np.asarray(log[0])
    return OnlineRatings(np.asarray(rating), expected, rules.k * weights * (games.score - expected))


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, not {value}")
    return float(value)

"""Elo: one update function for the single match, the batch, the import and the replay.

    p = σ((first − second + h·side) / s)        first + K_first·w·(y − p)        second − K_second·w·(y − p)

It is one step of stochastic gradient descent on the logistic loss, with the rate ρ = K / s in natural units. The order of operations is fixed
and the exponential is ours (`core.kernels`), so that a replay on any machine gives the same bits. A weight w multiplies the step of one match.
K is one number, or each side's own by the games that it has played; then what one side gains is not what the other loses.
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
from app.ratings.folds import Indices, Values, as_list, run
from app.ratings.scale import DEFAULT_SCALE, natural_unit

Sent = tuple[Indices, Indices, Values, Values, Values]
"""First, second, score, weight and side of some matches."""

ALGORITHM = "elo-1"
"""Names the arithmetic below; it changes whenever one bit of one result could."""
EXTENDED_ALGORITHM = "elo-2"
"""The same with what `elo-1` does not know: a side advantage that is not 0, and K by games played."""


@dataclass(frozen=True, slots=True)
class KByGames:
    """K is `newcomer` in the first `matches` matches that count of a competitor, and `then` in all later ones."""

    newcomer: float
    matches: int
    then: float

    def after(self, games: int) -> float:
        """K of the match that follows so many."""
        return self.newcomer if games < self.matches else self.then


@dataclass(frozen=True, slots=True)
class EloRules:
    """The constants of an Elo system, in points."""

    k: float | KByGames = 32.0
    initial: float = 1500.0
    scale: float = DEFAULT_SCALE
    side_advantage: float = 0.0

    @property
    def counts_games(self) -> bool:
        """Whether K depends on how many matches somebody has played."""
        return isinstance(self.k, KByGames)

    @property
    def algorithm(self) -> str:
        """The name of the arithmetic that these rules need."""
        return EXTENDED_ALGORITHM if self.side_advantage or self.counts_games else ALGORITHM

    def k_after(self, games: int) -> float:
        """K of a competitor who has played so many matches."""
        return self.k.after(games) if isinstance(self.k, KByGames) else self.k


def rate(
    rules: EloRules, first: float, second: float, score: float, weight: float, side: float, games: tuple[int, int] = (0, 0)
) -> tuple[float, float, float]:
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
    games : (int, int)
        How many matches of the first and of the second counted before; only K by games asks for them.

    Returns
    -------
    expected, first_after, second_after : float
        The expected score in [0, 1], and the ratings in points.
    """
    expected = logistic((first - second + rules.side_advantage * side) / natural_unit(rules.scale))
    surprise = score - expected
    first_k, second_k = map(rules.k_after, games)
    return expected, first + first_k * weight * surprise, second - second_k * weight * surprise


class Replay(NamedTuple):
    """What every match of a replay saw and did: a list per value, in the order of the matches."""

    expected: list[float]
    first_before: list[float]
    first_after: list[float]
    second_before: list[float]
    second_after: list[float]
    first_k: list[float]
    second_k: list[float]


def replay(
    rules: EloRules,
    first: Sequence[int],
    second: Sequence[int],
    score: Sequence[float],
    weight: Sequence[float],
    side: Sequence[float],
    ratings: list[float],
    games: list[int] | None = None,
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
    games : list of int, optional
        How many matches of each competitor counted before, none by default. Only K by games asks for them, and then they are changed in place.

    Returns
    -------
    Replay
        Seven lists of shape (n,).

    Notes
    -----
    O(n). Long histories run as machine code where numba is installed (`ratings.folds`): the same bits.
    """
    after, log = replay_columns(rules, (first, second, score, weight, side), ratings, [0] * len(ratings) if games is None else games)
    ratings[:] = as_list(after)
    return Replay(*map(as_list, log))


def replay_columns(rules: EloRules, sent: Sent, ratings: Values, games: list[int]) -> tuple[Values, tuple[Values, ...]]:
    """As `replay`, of columns as they are, and with columns in the order of `Replay` for an answer. Only `games` is changed, if K asks for them."""
    first, second, score, weight, side = sent
    ks = _ks(rules, first, second, games)
    first_gain, second_gain = (k * np.asarray(weight, dtype=np.float64) for k in ks)
    lead = rules.side_advantage * np.asarray(side, dtype=np.float64)
    after, log = run((first, second, score, lead, first_gain, second_gain), ratings, natural_unit(rules.scale))
    return after, (*log, *ks)


def _ks(rules: EloRules, first: Indices, second: Indices, games: list[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """K of either side in every match; whoever plays is counted in `games`, if K asks."""
    if not isinstance(rules.k, KByGames):
        return np.full(len(first), rules.k), np.full(len(second), rules.k)
    ks: tuple[list[float], list[float]] = ([], [])
    for pair in zip(as_list(first), as_list(second), strict=True):
        for competitor, own in zip(pair, ks, strict=True):
            own.append(rules.k.after(games[competitor]))
            games[competitor] += 1
    return np.array(ks[0]), np.array(ks[1])


@dataclass(frozen=True, slots=True, eq=False)
class OnlineRatings:
    """Ratings after the last match, and what every match saw and did."""

    rating: NDArray[np.float64]
    """Shape (n_competitors,), points."""
    probability: NDArray[np.float64]
    """Shape (n,): the expected score of the first side before each match."""
    delta: NDArray[np.float64]
    """Shape (n,), points: what the first side gained and the second lost, K being the same for both."""


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
    step, rules = _finite("k", k), EloRules(initial=_finite("initial", initial), side_advantage=_finite("side_advantage", side_advantage))
    games = check_comparisons(first, second, score, n_competitors, weight=weight, side=side)
    weights = np.ones(len(games)) if games.weight is None else games.weight
    sides = np.zeros(len(games)) if games.side is None else games.side
    gain = step * weights
    columns = (games.first, games.second, games.score, rules.side_advantage * sides, gain, gain)
    rating, log = run(columns, np.full(games.n_competitors, rules.initial), natural_unit(rules.scale))
    expected = np.asarray(log[0])
    return OnlineRatings(np.asarray(rating), expected, gain * (games.score - expected))


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, not {value}")
    return float(value)

"""Comparisons collapsed to one row per pair, side and covariates: all that a fit needs, however many matches there were.

Value and gradient of the likelihood are linear in the score, and the robust meat is quadratic in it, so three moments of the score per bucket
say everything. Buckets are sorted, and sums do not depend on the order of the matches: they are exact where weights and scores are multiples of
¼ (counts, wins, draws), and taken over sorted rows elsewhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.ratings.comparisons import Comparisons, Floats, Integers
from app.ratings.tallies import tally

DENSE_KEYS = 4_000_000
LARGEST_KEY = 2**62
EXACT_SUM = 2.0**50


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Shape (m,) per field; the competitor with the smaller number is first.

    `columns` (m, q) hold the side, where there is one, and the covariates, both seen from the first competitor.
    `moments` (3, m) are Σca, Σcay, Σcay² with the frequency c, the importance a and the score y; `squared` the same with a² for a.
    """

    first: Integers
    second: Integers
    columns: Floats
    moments: Floats
    squared: Floats
    n_competitors: int

    @property
    def n_pairs(self) -> int:
        """How many pairs have met."""
        another = self.first[1:] != self.first[:-1]
        another |= self.second[1:] != self.second[:-1]
        return min(len(self.first), 1) + int(np.count_nonzero(another))

    @property
    def games(self) -> Floats:
        """Σca."""
        return np.asarray(self.moments[0])

    @property
    def score(self) -> Floats:
        """The mean score of the first competitor."""
        return np.asarray(self.moments[1] / self.moments[0])

    @property
    def first_took(self) -> NDArray[np.bool_]:
        """Whether the first took any points."""
        return np.asarray(self.moments[1] > 0.0)

    @property
    def second_took(self) -> NDArray[np.bool_]:
        return np.asarray(self.moments[1] < self.moments[0])

    def squared_residuals(self, mean: Floats) -> Floats:
        """Σca²(μ − y)²: the spread within the bucket and the distance of its mean, so that nothing cancels where μ is near 0 or 1."""
        count, total, squares = self.squared
        within = np.maximum(squares - total * total / count, 0.0)
        return np.asarray(count * (mean - total / count) ** 2 + within)

    def effective_games(self) -> Floats:
        """(Σca)² / Σca² per competitor, shape (n_competitors,)."""
        n = self.n_competitors
        total = np.bincount(self.first, self.moments[0], n) + np.bincount(self.second, self.moments[0], n)
        squares = np.bincount(self.first, self.squared[0], n) + np.bincount(self.second, self.squared[0], n)
        return np.asarray(np.divide(total * total, squares, out=np.zeros(n), where=squares > 0.0))


def outcomes(moments: Floats) -> Floats:
    """Wins, draws and losses of the first side, shape (m, 3), from moments whose scores are all 0, ½ or 1."""
    count, total, squares = moments
    draws = 4.0 * (total - squares)
    wins = total - 0.5 * draws
    return np.column_stack([wins, draws, count - wins - draws])


@dataclass(frozen=True, slots=True, eq=False)
class Oriented:
    """Matches seen from the competitor with the smaller number, shape (n,) per field, and a key that numbers what is one bucket."""

    first: Integers
    second: Integers
    score: Floats
    columns: Floats
    key: Integers
    frequency: Floats
    importance: Floats


def orient(games: Comparisons) -> Oriented:
    """The smaller number first. Keys order pairs first and distinct columns within them."""
    low, high = np.minimum(games.first, games.second), np.maximum(games.first, games.second)
    swapped = games.first > games.second
    score = np.where(swapped, 1.0 - games.score, games.score)
    columns = np.where(swapped[:, None], -_columns(games), _columns(games)) + 0.0
    key = _keys(low * games.n_competitors + high, games.n_competitors**2, columns)
    frequency = np.ones(len(score)) if games.weight is None else games.weight
    importance = np.ones(len(score)) if games.importance is None else games.importance
    return Oriented(low, high, score, columns, key, frequency, importance)


def collapse(games: Comparisons) -> Buckets:
    """One bucket per (pair, side, covariates). O(n) for few competitors, else one sort."""
    plain = tally(games)
    if plain is not None:
        return Buckets(plain.first, plain.second, np.zeros((len(plain.first), 0)), plain.moments, plain.moments, games.n_competitors)
    rows = orient(games)
    frequency, importance = rows.frequency, rows.importance
    kept = _kept(rows.key, rows.score, frequency, importance)
    counted = (rows.key[kept], rows.score[kept], (frequency * importance)[kept], (frequency * importance * importance)[kept])
    member, moments, squared = _sums(*counted, unit_importance=games.importance is None)
    member = kept[member] if isinstance(kept, np.ndarray) else member
    return Buckets(rows.first[member], rows.second[member], rows.columns[member], moments, squared, games.n_competitors)


def _columns(games: Comparisons) -> Floats:
    parts = [] if games.side is None else [games.side[:, None]]
    parts += [] if games.covariates is None else [games.covariates]
    return np.hstack(parts) if parts else np.zeros((len(games), 0))


def _keys(pair: Integers, space: int, columns: Floats) -> Integers:
    """Numbers that order pairs first and distinct columns within them."""
    if not columns.shape[1]:
        return pair
    if columns.shape[1] == 1 and np.isin(columns, (-1.0, 0.0, 1.0)).all():
        kinds, code = 3, columns[:, 0].astype(np.int64) + 1
    else:
        distinct, code = np.unique(columns, axis=0, return_inverse=True)
        kinds = max(len(distinct), 1)
    if space * kinds >= LARGEST_KEY:
        pair = np.unique(pair, return_inverse=True)[1].astype(np.int64)
    return np.asarray(pair * kinds + code.ravel(), dtype=np.int64)


def _kept(key: Integers, score: Floats, frequency: Floats, importance: Floats) -> Integers | slice:
    """Rows that count; in an order of their own where sums of floating-point numbers would otherwise depend on the order given."""
    counts = frequency * importance > 0.0
    if _is_exact(frequency * importance * importance) and _is_exact(frequency * importance) and _is_exact(2.0 * score) and score.size < EXACT_SUM:
        return slice(None) if counts.all() else np.flatnonzero(counts)
    order = np.lexsort((importance, frequency, score, key))
    return np.asarray(order[counts[order]])


def _is_exact(values: Floats) -> bool:
    return bool(np.all(values == np.rint(values))) and float(values.sum()) < EXACT_SUM


def _sums(key: Integers, score: Floats, weight: Floats, weight_squared: Floats, *, unit_importance: bool) -> tuple[Integers, Floats, Floats]:
    """A row of each bucket, and both sets of moments, in the order of the keys."""
    terms = _terms(weight, score)
    squares = terms if unit_importance else _terms(weight_squared, score)
    space = int(key.max(initial=-1)) + 1
    if space <= DENSE_KEYS:
        counts = np.bincount(key, weight, space)
        present = np.flatnonzero(counts)
        member = np.empty(space, dtype=np.int64)
        member[key] = np.arange(len(key))
        member = member[present]
        moments = np.array([counts[present], *(np.bincount(key, term, space)[present] for term in terms[1:])])
        squared = moments if unit_importance else np.array([np.bincount(key, term, space)[present] for term in squares])
        return member, _with_squares(moments, terms), _with_squares(squared, squares)
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    moments = np.array([np.add.reduceat(term[order], starts) for term in terms])
    squared = moments if unit_importance else np.array([np.add.reduceat(term[order], starts) for term in squares])
    return order[starts], _with_squares(moments, terms), _with_squares(squared, squares)


def _terms(weight: Floats, score: Floats) -> list[Floats]:
    """Σca, Σcay and Σcay² of single rows; without draws the last equals the one before, and is left out."""
    points = weight * score
    squares = points * score
    return [weight, points] if np.array_equal(points, squares) else [weight, points, squares]


def _with_squares(moments: Floats, terms: list[Floats]) -> Floats:
    return moments if len(terms) == 3 else moments[[0, 1, 1]]

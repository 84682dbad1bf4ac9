"""Wins, draws and losses per pair, for the plain case: nothing but competitors and whole scores.

Sums of whole numbers do not depend on their order, so rows may be counted in a table, or sorted with nothing attached to them: the fastest sort
that there is. What else a row can carry is the business of `buckets`, which finds the same moments.
"""

from typing import NamedTuple

import numpy as np

from app.ratings.comparisons import Comparisons, Floats, Integers

OUTCOMES = 4
"""Keys per pair: loss, draw, win, and one that stays empty so that they can be shifted apart."""
LARGEST_KEY = 2**62
LARGEST_SHORT_KEY = 2**31


class Tally(NamedTuple):
    """Pairs in order, the smaller number first, and Σ1, Σy and Σy² of its score y, shape (3, pairs)."""

    first: Integers
    second: Integers
    moments: Floats


def tally(games: Comparisons) -> Tally | None:
    """One row per pair; None where rows carry more than a win, a draw or a loss. O(n) for few competitors, else one sort."""
    if any(column is not None for column in (games.weight, games.side, games.importance, games.covariates)):
        return None
    draws = int(np.count_nonzero(games.score == 0.5))
    decided = np.count_nonzero(games.score == 1.0) + np.count_nonzero(games.score == 0.0)
    if not len(games) or decided + draws < len(games) or OUTCOMES * games.n_competitors**2 >= LARGEST_KEY:
        return None
    return _count(games, draws) if games.n_competitors**2 <= len(games) else _sort(games, draws)


def _count(games: Comparisons, draws: int) -> Tally:
    """A cell for each first and second, whose table is then folded along its diagonal."""
    n = games.n_competitors
    key = games.first * n
    key += games.second
    count = np.bincount(key, minlength=n * n).astype(np.float64).reshape(n, n)
    points = np.bincount(key, games.score, n * n).reshape(n, n)
    squares = np.bincount(key, games.score * games.score, n * n).reshape(n, n) if draws else points
    moments = np.array([count + count.T, points + (count - points).T, squares + (count - 2.0 * points + squares).T])
    first, second = np.nonzero(np.triu(moments[0], 1))
    # In rows, as `_sort` has them: sums over strided columns may round otherwise.
    return Tally(first, second, np.ascontiguousarray(moments[:, first, second]))


def _sort(games: Comparisons, draws: int) -> Tally:
    """Equal keys are equal matches: pair by pair, and within a pair by what its first competitor scored."""
    key = _keys(games)
    key.sort()
    rows = _starts(key)
    kinds = key[rows]
    pair = kinds // OUTCOMES  # a power of two, so a shift
    cells = _starts(pair)
    first, second = np.divmod(pair[cells].astype(np.int64), games.n_competitors)
    count = np.diff(rows, append=len(key)).astype(np.float64)
    score = 0.5 * (kinds & OUTCOMES - 1)
    sums = [np.add.reduceat(term, cells) for term in ([count, count * score, count * score * score] if draws else [count, count * score])]
    return Tally(first, second, np.array([sums[0], sums[1], sums[-1]]))


def _keys(games: Comparisons) -> Integers:
    n = games.n_competitors
    short = OUTCOMES * n * n < LARGEST_SHORT_KEY  # half the bytes to sort
    key: Integers = np.minimum(games.first, games.second).astype(np.int32 if short else np.int64)
    key *= OUTCOMES * n
    key += OUTCOMES * np.maximum(games.first, games.second).astype(key.dtype)
    # One byte per row, and no branch: half of them would be guessed wrong.
    halves, swapped = (2.0 * games.score).astype(np.int8), (games.first > games.second).view(np.int8)
    key += halves + swapped * (2 - 2 * halves)
    return key


def _starts(ordered: Integers) -> Integers:
    new = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return np.flatnonzero(new)

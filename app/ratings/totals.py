"""Totals: the buckets of very many matches, moved on by a few more instead of being counted anew.

Where scores are wins, draws and losses and weights multiples of 2⁻¹⁰, every moment is a sum of quarters of these. Below 2⁴⁰ such sums are exact in
floating point, so that totals that were added to, taken from and relabelled are those of the matches in any order, bit for bit. Other weights, time
decay and covariates have no totals.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.ratings.buckets import LARGEST_KEY, Buckets, collapse
from app.ratings.comparisons import Comparisons, Floats, Integers

UNIT = 2.0**-10
LARGEST_SUM = 2.0**40
FEW_PLACES = 10_000
KINDS = 3
"""The side may be with the second, with neither, or with the first."""


@dataclass(frozen=True, slots=True, eq=False)
class PairTotals:
    """Buckets per pair, and per side where that is told, and of how many matches they are."""

    buckets: Buckets
    matches: int

    @classmethod
    def of(cls, games: Comparisons) -> Self | None:
        """Of some matches; None where their sums would round, or depend on more than the pair and the side."""
        return cls(collapse(games), len(games)) if _is_exact(games) else None

    def among(self, n_competitors: int) -> Self:
        """The same, where more competitors have come."""
        return replace(self, buckets=replace(self.buckets, n_competitors=n_competitors))

    def plus(self, more: Self) -> Self | None:
        """With these matches too; None where the sum would be too large to be exact."""
        if self.buckets.games.sum() + more.buckets.games.sum() >= LARGEST_SUM:
            return None
        if not len(self.buckets.first):
            return more
        return replace(self, buckets=_added(self.buckets, more.buckets, 1.0), matches=self.matches + more.matches)

    def minus(self, some: Self) -> Self:
        """Without these matches. Raises ValueError where they are not all among them."""
        return replace(self, buckets=_added(self.buckets, some.buckets, -1.0), matches=self.matches - some.matches)

    def relabelled(self, numbers: Integers) -> Self:
        """As if competitor i had been `numbers[i]`, shape (n_competitors,). Raises ValueError where somebody would have met themselves."""
        buckets = self.buckets
        touched = np.flatnonzero((numbers[buckets.first] != buckets.first) | (numbers[buckets.second] != buckets.second))
        moved = _turned(_rows(buckets, touched), numbers)
        return replace(self, buckets=_added(_without(buckets, touched), moved, 1.0))


def _is_exact(games: Comparisons) -> bool:
    if games.importance is not None or games.covariates is not None or games.cluster is not None:
        return False
    if not len(games) or KINDS * games.n_competitors**2 >= LARGEST_KEY or not _is_whole(2.0 * games.score):
        return False
    return games.weight is None or (_is_whole(games.weight / UNIT) and float(games.weight.sum()) < LARGEST_SUM)


def _is_whole(values: Floats) -> bool:
    return bool(np.all(values == np.rint(values)))


def _keys(buckets: Buckets) -> Integers:
    """What orders buckets: the pair, then the side."""
    key: Integers = buckets.first * buckets.n_competitors
    key += buckets.second
    if buckets.columns.shape[1]:
        key *= KINDS
        key += buckets.columns[:, 0].astype(np.int64) + 1
    return key


def _added(known: Buckets, more: Buckets, sign: float) -> Buckets:
    """A sorted merge: of the many only those are touched whom the few meet."""
    key, others = _keys(known), _keys(more)
    place = np.searchsorted(key, others)
    met = np.zeros(len(others), dtype=np.bool_)
    inside = place < len(key)
    met[inside] = key[place[inside]] == others[inside]
    if sign < 0.0 and not met.all():
        raise ValueError("matches were to be taken away that are not among the totals")
    moments = known.moments.copy()
    moments[:, place[met]] += sign * more.moments[:, met]
    emptied = place[met][moments[0, place[met]] == 0.0]
    summed = replace(known, moments=moments, squared=moments)
    if len(emptied):
        return _without(summed, emptied)
    return summed if met.all() else _inserted(summed, place[~met], _rows(more, np.flatnonzero(~met)))


def _columns_of(buckets: Buckets) -> Iterator[NDArray[Any]]:
    yield from (buckets.first, buckets.second, buckets.columns.T, buckets.moments)


def _made(columns: Iterator[NDArray[Any]], n_competitors: int) -> Buckets:
    # Sums over strided columns may round otherwise.
    first, second, sides, moments = map(np.ascontiguousarray, columns)
    return Buckets(first, second, np.ascontiguousarray(sides.T), moments, moments, n_competitors)


def _rows(buckets: Buckets, places: Integers) -> Buckets:
    return _made((column.take(places, axis=-1) for column in _columns_of(buckets)), buckets.n_competitors)


def _without(buckets: Buckets, places: Integers) -> Buckets:
    return _made((np.delete(column, places, axis=-1) for column in _columns_of(buckets)), buckets.n_competitors)


def _inserted(buckets: Buckets, places: Integers, rows: Buckets) -> Buckets:
    both = zip(_columns_of(buckets), _columns_of(rows), strict=True)
    return _made((_inserted_column(column, places, more) for column, more in both), buckets.n_competitors)


def _inserted_column(column: NDArray[Any], places: Integers, more: NDArray[Any]) -> NDArray[Any]:
    """As `numpy.insert`; of a few places the pieces between them are copied whole, which takes a fifth of the time."""
    if len(places) > FEW_PLACES:
        return np.insert(column, places, more, axis=-1)
    cuts = [0, *places.tolist(), column.shape[-1]]
    pieces = [column[..., begin:end] for begin, end in pairwise(cuts)]
    between = [more[..., place : place + 1] for place in range(len(places))]
    return np.concatenate([*(piece for pair in zip(pieces, between, strict=False) for piece in pair), pieces[-1]], axis=-1)


def _turned(rows: Buckets, numbers: Integers) -> Buckets:
    """Under other numbers, seen from the smaller one again, in order, one row per bucket."""
    one, other = numbers[rows.first], numbers[rows.second]
    if (one == other).any():
        raise ValueError("somebody would have played against themselves")
    count, points, squares = rows.moments
    turned = one > other
    moments = np.array([count, np.where(turned, count - points, points), np.where(turned, count - 2.0 * points + squares, squares)])
    columns = np.where(turned[:, None], -rows.columns, rows.columns) + 0.0
    loose = Buckets(np.minimum(one, other), np.maximum(one, other), columns, moments, moments, rows.n_competitors)
    key = _keys(loose)
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    ordered = _rows(loose, order)
    summed = np.add.reduceat(ordered.moments, starts, axis=1) if len(starts) else ordered.moments
    return replace(_rows(ordered, starts), moments=summed, squared=summed)

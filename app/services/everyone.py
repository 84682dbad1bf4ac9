"""Every competitor of a league at a position, as rows and as columns, kept in this process and moved on with the log.

At the head they are read once; afterwards only who took part in what was recorded since is read again. What may change others as well (an amendment,
a rename) is answered by reading everyone anew.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from app.services.segments import amendments_at
from app.storage.tables import Kind, Stored
from app.storage.unit_of_work import Database, ReadUnit

MAX_LEAGUES: Final = 16
MAX_ENTRIES: Final = 5_000
"""Recorded since, up to which looking at them is quicker than reading everyone."""
NEVER: Final = int(np.iinfo(np.int64).min)
Integers = NDArray[np.int64]
_COUNTS: Final = ("matches", "wins", "draws", "losses")
_COLUMNS: Final = ("rating", *_COUNTS, "last_played_at", "retired")


class Keys:
    """The keys of some competitors: who has one, and in which order they stand."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._keys: list[str] = [row.key for row in rows]

    def __getitem__(self, number: int) -> str:
        return self._keys[number]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each key's competitor."""
        return {key: number for number, key in enumerate(self._keys)}

    @cached_property
    def order(self) -> Integers:
        """By number: the place of the key among all, by code point."""
        places = np.empty(len(self._keys), dtype=np.int64)
        places[sorted(range(len(self._keys)), key=self._keys.__getitem__)] = np.arange(len(self._keys))
        return places


@dataclass(frozen=True, eq=False)
class Everyone:
    """All competitors, those without a counted match too; every sequence is by their number."""

    rows: list[Any]
    keys: Keys
    names: list[str]
    """As they are shown: the key of who has no other name."""
    rating: NDArray[np.float64]
    matches: Integers
    wins: Integers
    draws: Integers
    losses: Integers
    last_played_at: Integers
    """NEVER where that is not known."""
    retired: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: Sequence[Any]) -> "Everyone":
        """From their rows in order of number."""
        return cls(list(rows), Keys(rows), [row.name or row.key for row in rows], **_columns(rows))

    def with_rows(self, rows: Sequence[Any]) -> "Everyone":
        """The same but for these rows, in order of number; who is new has the numbers that follow."""
        known = len(self.rows)
        some = [row for row in rows if row.number < known]
        changed, at = Everyone.of(some), [row.number for row in some]
        everyone, names = list(self.rows), list(self.names)
        for row, name in zip(some, changed.names, strict=True):
            everyone[row.number], names[row.number] = row, name
        columns = {name: _replaced(getattr(self, name), at, getattr(changed, name)) for name in _COLUMNS}
        if len(some) == len(rows):
            return Everyone(everyone, self.keys, names, **columns)
        added = Everyone.of(rows[len(some) :])
        everyone += added.rows
        longer = {name: np.concatenate([column, getattr(added, name)]) for name, column in columns.items()}
        return Everyone(everyone, Keys(everyone), names + added.names, **longer)

    def changed_since(self, before: "Everyone") -> Integers:
        """Whose rating or number of matches is another, of the same competitors."""
        return np.flatnonzero((self.rating != before.rating) | (self.matches != before.matches))


def _columns(rows: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """What `_COLUMNS` names, by the order of the rows."""
    return {
        "rating": np.array([row.rating for row in rows], dtype=np.float64),
        **{name: np.array([getattr(row, name) for row in rows], dtype=np.int64) for name in _COUNTS},
        "last_played_at": np.array([_played(row) for row in rows], dtype=np.int64),
        "retired": np.array([row.retired for row in rows], dtype=np.bool_),
    }


def _played(row: Any) -> int:  # noqa: ANN401  a row of the database, or what stands for one
    return NEVER if row.last_played_at is None else int(row.last_played_at)


def _replaced(column: NDArray[Any], at: list[int], values: NDArray[Any]) -> NDArray[Any]:
    column = column.copy()
    column[at] = values
    return column


@dataclass(frozen=True, slots=True)
class _Kept:
    position: int
    amended_position: int
    named_position: int
    everyone: Everyone


_kept: WeakKeyDictionary[Database, OrderedDict[int, _Kept]] = WeakKeyDictionary()
_lock = Lock()


def everyone_at_head(database: Database, unit: ReadUnit, league: Stored) -> Everyone:
    """Everyone at the position of this snapshot."""
    with _lock:
        leagues = _kept.setdefault(database, OrderedDict())
        known = leagues.get(league.id)
    if known is not None and known.position == league.position:
        return known.everyone
    found = None if known is None else _moved(unit, league, known)
    everyone = found or Everyone.of(unit.competitors.all(league.id))
    with _lock:
        newer = leagues.get(league.id)
        if newer is None or newer.position <= league.position:
            leagues[league.id] = _Kept(league.position, league.amended_position, league.named_position, everyone)
        leagues.move_to_end(league.id)
        while len(leagues) > MAX_LEAGUES:
            leagues.popitem(last=False)
    return everyone


def _moved(unit: ReadUnit, league: Stored, known: _Kept) -> Everyone | None:
    """Everyone as they are now; None where more may have changed than who took part since."""
    before = known.everyone
    same = known.amended_position == league.amended_position and known.named_position == league.named_position
    if not same or not 0 <= league.position - known.position <= MAX_ENTRIES or (before.rows[-1:] and before.rows[-1].number != len(before.rows) - 1):
        return None
    numbers = _took_part(unit, league, known.position)
    if numbers is None:
        return None
    numbers.update(range(len(before.rows), league.competitors))
    rows = [row for _, row in sorted(unit.competitors.by_numbers(league.id, numbers).items())]
    return before.with_rows(rows) if len(before.rows) + sum(row.number >= len(before.rows) for row in rows) == league.competitors else None


def _took_part(unit: ReadUnit, league: Stored, after: int) -> set[int] | None:
    """The numbers of who was in a match after a position; None where something else than matches and fits was recorded."""
    numbers = set[int]()
    for rows in unit.entries.stream(league.id, league.position, ("kind", "first", "second"), after=after):
        if any(row.kind not in {Kind.MATCH, Kind.FIT} for row in rows):
            return None
        numbers.update(number for row in rows if row.kind == Kind.MATCH for number in (row.first, row.second))
    merges = amendments_at(unit, league, league.position).merges
    return numbers | {merges[number] for number in numbers if number in merges}

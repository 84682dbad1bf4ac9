"""The leaderboard of a league as a whole: who stands where, built once per position and fit, and kept in this process.

A table at the head follows from the one before by putting those who moved in their new places. Where the islands, or who takes part, are others,
everyone is put in order anew; that is always right, and the two agree.
"""

from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from app.core.identifiability import Identifiability
from app.errors import FitNotPublished
from app.ratings.ranking import RESOLUTION
from app.services.as_of import LeagueAt
from app.services.conditions import WHOLE, Conditions
from app.services.drifts import drifts_of
from app.services.everyone import Everyone, Integers
from app.services.league_settings import LeagueSettings, read_settings
from app.services.shapes import By, ComponentShape
from app.services.snapshots import standings_of
from app.services.statuses import are_gone, are_inactive
from app.services.stored_fits import FitTable, published_number, stored_fit
from app.services.structures import Structure
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit

MAX_KEPT: Final = 16
MAX_MOVED: Final = 500
"""Who moved, of one table to the next, up to which each is put in place."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Order:
    """Everyone with a counted match, in the order of the leaderboard: by island, rank and key."""

    numbers: Integers
    islands: Integers
    """Of each, numbered from the largest: ranks are within it."""
    values: Floats
    """What they are ranked by: equal ones share a rank."""
    ranks: Integers
    components: list[ComponentShape]


@dataclass(frozen=True, eq=False)
class Table:
    """Everyone with a counted match, in the order of the leaderboard."""

    league: Any
    """Its row, or what stands for that at an earlier position."""
    settings: LeagueSettings
    by: By
    fit: FitTable | None
    structure: Structure
    everyone: Everyone
    ordering: Order
    where: Conditions = WHOLE
    """The segment of the league that it is of."""

    def __len__(self) -> int:
        return len(self.ordering.numbers)

    @property
    def components(self) -> list[ComponentShape]:
        """The islands, from the largest."""
        return self.ordering.components

    @property
    def shown_fit(self) -> FitTable | None:
        """The fit, where the table is by it."""
        return self.fit if self.by == "fit" else None

    @cached_property
    def rows(self) -> list[Any]:
        """In the order of the leaderboard."""
        rows = self.everyone.rows
        return [rows[number] for number in self.ordering.numbers.tolist()]

    @cached_property
    def islands(self) -> list[int]:
        """Of each row."""
        islands: list[int] = self.ordering.islands.tolist()
        return islands

    def order(self, place: int) -> tuple[int, int, str]:
        """What the rows are sorted by."""
        return int(self.ordering.islands[place]), int(self.ordering.ranks[place]), self.everyone.keys[self.ordering.numbers[place]]

    def at(self, place: int) -> Any:  # noqa: ANN401  a row of the database, or what stands for one
        return self.everyone.rows[self.ordering.numbers[place]]

    def first(self, count: int) -> list[Any]:
        """The rows of those who lead."""
        return [self.everyone.rows[number] for number in self.ordering.numbers[:count].tolist()]

    def leaders(self, count: int) -> list[Any]:
        """The rows of those who lead the largest island."""
        return self.first(min(count, int(np.searchsorted(self.ordering.islands, 1))))

    def __contains__(self, key: str) -> bool:
        number = self.everyone.keys.numbers.get(key)
        return number is not None and bool(self.everyone.matches[number] > 0)

    def row(self, key: str) -> Any:  # noqa: ANN401  as above
        return self.everyone.rows[self.everyone.keys.numbers[key]]

    def place(self, key: str) -> int:
        """Where somebody stands."""
        return int(self.places[self.everyone.keys.numbers[key]])

    def island(self, number: int) -> int:
        """That of somebody in the table."""
        return int(self.ordering.islands[self.places[number]])

    @cached_property
    def places(self) -> Integers:
        """By number; −1 for who has no counted match."""
        places = np.full(len(self.everyone.rows), -1, dtype=np.int64)
        places[self.ordering.numbers] = np.arange(len(self))
        return places

    @cached_property
    def drifts(self) -> Floats:
        """Of each row: how far the live rating is from the fit, in standard errors; NaN where that is not known."""
        return drifts_of(self.ordering.numbers, self.everyone.rating[self.ordering.numbers], self.fit)

    @cached_property
    def matches(self) -> Integers:
        """Of each row."""
        return self.everyone.matches[self.ordering.numbers]

    @cached_property
    def played(self) -> int:
        """How many matches they played among them: every match has two sides."""
        return int(self.matches.sum()) // 2

    @cached_property
    def last_played_at(self) -> Integers:
        """Of each row; NEVER where that is not known."""
        return self.everyone.last_played_at[self.ordering.numbers]

    def inactive(self, moment: int) -> NDArray[np.bool_]:
        """Whose status is “inactive”."""
        return are_inactive(self.everyone, self.ordering.numbers, self.settings, moment)

    def gone(self, moment: int) -> NDArray[np.bool_]:
        """Who is retired or inactive."""
        return are_gone(self.everyone, self.ordering.numbers, self.settings, moment)


_Key = tuple[int, int, int | None, By, int, Conditions]


class _Kept:
    def __init__(self) -> None:
        self.lock = Lock()
        self.tables: OrderedDict[_Key, Table] = OrderedDict()
        self.building: defaultdict[int, Lock] = defaultdict(Lock)
        """By league: a table of the head is made by one thread, for which the others wait."""

    def get(self, key: _Key) -> Table | None:
        with self.lock:
            if key not in self.tables:
                return None
            self.tables.move_to_end(key)
            return self.tables[key]

    def put(self, key: _Key, table: Table) -> None:
        with self.lock:
            self.tables[key] = table
            while len(self.tables) > MAX_KEPT:
                self.tables.popitem(last=False)

    def last(self, league_id: int, fit: int | None, by: By) -> Table | None:
        """The table of the whole league at the latest position of the head, among those that differ in their position alone."""
        with self.lock:
            alike = [
                table
                for (league, _, published, basis, _, where), table in self.tables.items()
                if (league, published, basis) == (league_id, fit, by) and not where and not isinstance(table.league, LeagueAt)
            ]
            return max(alike, key=lambda table: int(table.league.position), default=None)


_kept: WeakKeyDictionary[Database, _Kept] = WeakKeyDictionary()


def ordered_table(
    database: Database,
    unit: ReadUnit,
    league: Any,  # noqa: ANN401  a row or LeagueAt
    by: By | None,
    where: Conditions = WHOLE,
) -> Table:
    """The table of a league or a segment at its head, or as it was (`as_of`). Raises FitNotPublished where the fit is asked for and there is none."""
    published = published_number(unit, league, where)
    chosen: By = by or read_settings(league.settings).primary
    if by is None and published is None:
        chosen = "live"
    if chosen == "fit" and published is None:
        raise FitNotPublished(_why_unpublished(unit, league, where))
    kept = _kept.setdefault(database, _Kept())
    key = (league.id, league.position, published, chosen, league.named_position, where)
    table = kept.get(key)
    if table is not None:
        return table
    fit = None if published is None else stored_fit(database, unit, league, published)
    if where or isinstance(league, LeagueAt):
        table = _built(database, unit, league, chosen, fit, where)
        kept.put(key, table)
        return table
    with kept.building[league.id]:
        table = kept.get(key)
        if table is None:
            table = _built(database, unit, league, chosen, fit, where, kept.last(league.id, published, chosen))
            kept.put(key, table)
        return table


def _why_unpublished(unit: ReadUnit, league: Stored, where: Conditions) -> str:
    last = next(iter(unit.refits.page(league.id, league.fits + 1, 1, where.text)), None)
    if last is not None and last.reason is not None:
        return f"No fit is published: fit {last.number} was {last.status}. {last.reason}"
    if where:
        return f"No fit of {where} is published. Request one (POST …/fits with “where”, or `arpad refit --where`); live ratings (by=live) need none."
    return "Nothing has been fitted yet. Request a fit (POST …/fits, or `arpad refit`); live ratings (by=live) need none."


def _built(
    database: Database,
    unit: ReadUnit,
    league: Any,  # noqa: ANN401  a row or LeagueAt
    by: By,
    fit: FitTable | None,
    where: Conditions,
    before: Table | None = None,
) -> Table:
    settings = read_settings(league.settings)
    everyone, structure = standings_of(database, unit, league, where)
    shown = fit if by == "fit" else None
    ordering = None if before is None else _moved(before, everyone, structure, shown)
    ordering = ordering or order_of(everyone, structure.identifiability, shown)
    return Table(league, settings, by, fit, structure, everyone, ordering, where)


def order_of(everyone: Everyone, known: Identifiability, fit: FitTable | None) -> Order:
    """Everyone with a counted match in order, by the live rating unless there is a fit."""
    numbers = np.flatnonzero(everyone.matches > 0)
    islands, classes = _islands(known.components[numbers], numbers, fit), known.classes[numbers]
    values = _values(everyone, numbers, fit)
    order = np.lexsort((everyone.keys.order[numbers], -values, islands))
    return _order(numbers[order], islands[order], values[order], _component_shapes(islands, classes))


def _order(numbers: Integers, islands: Integers, values: Floats, components: list[ComponentShape]) -> Order:
    """With their ranks: equal values of an island share one."""
    places = np.arange(len(numbers))
    opens = np.diff(islands, prepend=-1) != 0
    differs = opens.copy()
    differs[1:] |= values[1:] != values[:-1]
    ranks = 1 + np.maximum.accumulate(np.where(differs, places, 0)) - np.maximum.accumulate(np.where(opens, places, 0))
    return Order(numbers, islands, values, ranks, components)


def _component_shapes(islands: Integers, classes: Integers) -> list[ComponentShape]:
    sizes = np.bincount(islands)
    distinct = np.unique(np.stack([islands, classes]), axis=1)[0] if len(islands) else islands
    counts = np.bincount(distinct, minlength=len(sizes))
    return [
        {"component": index + 1, "competitors": size, "classes": count}
        for index, (size, count) in enumerate(zip(sizes.tolist(), counts.tolist(), strict=True))
        if size
    ]


def _islands(components: Integers, numbers: Integers, fit: FitTable | None) -> Integers:
    """The island of each: of the graph, and for a fit also of what the fit saw, because each of its islands has a zero of its own.

    Who is new to the fit stands with the largest of its islands that they are joined to.
    """
    if fit is None:
        return components
    unknown = np.iinfo(np.int64).max
    seen, known = np.full(len(numbers), unknown), fit.knows(numbers)
    seen[known] = fit.arrays["components"][numbers[known]]
    for island in np.unique(components[seen == unknown]):
        members = components == island
        seen[members & (seen == unknown)] = seen[members].min()
    _, first, own, sizes = np.unique(np.stack([components, seen]), axis=1, return_index=True, return_inverse=True, return_counts=True)
    numbered = np.empty(len(sizes), dtype=np.int64)
    numbered[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return np.asarray(numbered[own.ravel()])


def _values(everyone: Everyone, numbers: Integers, fit: FitTable | None) -> Floats:
    if fit is None:
        return everyone.rating[numbers]
    values, known = np.full(len(numbers), -np.inf), fit.knows(numbers)
    values[known] = fit.rating[numbers[known]]
    return np.rint(values / (RESOLUTION * fit.settings.scale))


def _moved(before: Table, everyone: Everyone, structure: Structure, fit: FitTable | None) -> Order | None:
    """The order that follows from an earlier one, where the islands are the same, and so is who takes part."""
    if before.structure.identifiability is not structure.identifiability or before.everyone.keys is not everyone.keys:
        return None
    if not np.array_equal(before.everyone.matches > 0, everyone.matches > 0):
        return None
    changed = everyone.changed_since(before.everyone)
    if fit is not None or not len(changed):
        return before.ordering
    return None if len(changed) > MAX_MOVED else _replaced(before, everyone, changed)


def _replaced(before: Table, everyone: Everyone, changed: Integers) -> Order:
    """Those who changed are taken out, and put where they belong now."""
    ordering, known = before.ordering, before.structure.identifiability
    stays = np.ones(len(ordering.numbers), dtype=np.bool_)
    changed = changed[everyone.matches[changed] > 0]
    stays[before.places[changed]] = False
    kept = Order(ordering.numbers[stays], ordering.islands[stays], ordering.values[stays], ordering.ranks, ordering.components)
    order = np.lexsort((everyone.keys.order[changed], -everyone.rating[changed], known.components[changed]))
    changed = changed[order]
    islands, values, falling = known.components[changed], everyone.rating[changed], -kept.values
    places = [_place_of(kept, falling, everyone, *each) for each in zip(changed.tolist(), islands.tolist(), values.tolist(), strict=True)]
    numbers: Integers = np.insert(kept.numbers, places, changed)
    among: Integers = np.insert(kept.islands, places, islands)
    ranked: Floats = np.insert(kept.values, places, values)
    return _order(numbers, among, ranked, ordering.components)


def _place_of(kept: Order, falling: Floats, everyone: Everyone, number: int, island: int, value: float) -> int:
    """Where somebody belongs among those who stay: by island, by value, among equals by key."""
    begin, end = np.searchsorted(kept.islands, island, "left"), np.searchsorted(kept.islands, island, "right")
    first, last = (begin + np.searchsorted(falling[begin:end], -value, side) for side in ("left", "right"))
    keys = everyone.keys.order
    return int(first + np.searchsorted(keys[kept.numbers[first:last]], keys[number]))

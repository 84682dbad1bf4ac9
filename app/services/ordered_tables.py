"""The leaderboard as an ordered table: everyone with a counted match, of a whole league or of a segment of it, by live rating or by fit.

It is built once per position, fit and segment, and kept in this process. Which page of it is shown is decided in `standings`.
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

from app.errors import FitNotPublished
from app.ratings.ranking import RESOLUTION, ranks
from app.services.conditions import WHOLE, Conditions
from app.services.drifts import drifts_of
from app.services.league_settings import LeagueSettings, read_settings
from app.services.shapes import By, ComponentShape
from app.services.snapshots import standings_of
from app.services.statuses import DAY
from app.services.stored_fits import FitTable, published_number, stored_fit
from app.services.structures import Structure
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit

MAX_KEPT: Final = 16
NEVER: Final = int(np.iinfo(np.int64).min)
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """Everyone with a counted match, in the order of the leaderboard."""

    league: Any
    """Its row, or what stands for that at an earlier position."""
    settings: LeagueSettings
    by: By
    fit: FitTable | None
    structure: Structure
    rows: list[Any]
    ranks: list[int]
    islands: list[int]
    """Of each row, numbered from the largest: ranks are within it."""
    components: list[ComponentShape]
    where: Conditions = WHOLE
    """The segment of the league that it is of."""

    def order(self, place: int) -> tuple[int, int, str]:
        """What the rows are sorted by."""
        return self.islands[place], self.ranks[place], self.rows[place].key

    def row(self, key: str) -> Any:  # noqa: ANN401  a row of the database, or what stands for one
        return self.rows[self.places[key]]

    @property
    def shown_fit(self) -> FitTable | None:
        """The fit, where the table is by it."""
        return self.fit if self.by == "fit" else None

    @cached_property
    def drifts(self) -> NDArray[np.float64]:
        """Of each row: how far the live rating is from the fit, in standard errors; NaN where that is not known."""
        return drifts_of(self.rows, self.fit)

    @cached_property
    def matches(self) -> Integers:
        """Of each row."""
        return np.array([row.matches for row in self.rows], dtype=np.int64)

    @cached_property
    def last_played_at(self) -> Integers:
        """Of each row; NEVER where that is not known."""
        return np.array([NEVER if row.last_played_at is None else row.last_played_at for row in self.rows], dtype=np.int64)

    @cached_property
    def retired(self) -> NDArray[np.bool_]:
        """Of each row."""
        return np.array([row.retired for row in self.rows], dtype=np.bool_)

    def inactive(self, moment: int) -> NDArray[np.bool_]:
        """Whose status is “inactive”, as `status_of` tells of one."""
        if self.settings.inactive_days is None:
            return np.zeros(len(self.rows), dtype=np.bool_)
        since = moment - self.settings.inactive_days * DAY
        return np.asarray(~self.retired & (self.last_played_at != NEVER) & (self.last_played_at < since))

    @cached_property
    def places(self) -> dict[str, int]:
        return {row.key: place for place, row in enumerate(self.rows)}


_kept: WeakKeyDictionary[Database, OrderedDict[tuple[int, int, int | None, By, int, Conditions], Table]] = WeakKeyDictionary()
_lock = Lock()


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
    key = (league.id, league.position, published, chosen, league.named_position, where)
    with _lock:
        kept = _kept.setdefault(database, OrderedDict())
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    fit = None if published is None else stored_fit(database, unit, league, published)
    table = _built(database, unit, league, chosen, fit, where)
    with _lock:
        kept[key] = table
        while len(kept) > MAX_KEPT:
            kept.popitem(last=False)
    return table


def _why_unpublished(unit: ReadUnit, league: Stored, where: Conditions) -> str:
    last = next(iter(unit.refits.page(league.id, league.fits + 1, 1, where.text)), None)
    if last is not None and last.reason is not None:
        return f"No fit is published: fit {last.number} was {last.status}. {last.reason}"
    if where:
        return f"No fit of {where} is published. Request one (POST …/fits with “where”, or `arpad refit --where`), or ask for by=live."
    return "Nothing has been fitted yet. Request a fit (POST …/fits, or `arpad refit`), or ask for by=live."


def _built(
    database: Database,
    unit: ReadUnit,
    league: Any,  # noqa: ANN401  a row or LeagueAt
    by: By,
    fit: FitTable | None,
    where: Conditions,
) -> Table:
    settings = read_settings(league.settings)
    everyone, structure = standings_of(database, unit, league, where)
    rows = [row for row in everyone if row.matches > 0]
    numbers = np.array([row.number for row in rows], dtype=np.int64)
    known = structure.identifiability
    shown = fit if by == "fit" else None
    components, classes = _islands(known.components[numbers], numbers, shown), known.classes[numbers]
    values = _values(rows, numbers, shown)
    found = ranks(values, components, 0.0 if by == "live" else RESOLUTION * settings.scale)
    order = sorted(range(len(rows)), key=lambda place: (components[place], found[place], rows[place].key))
    shapes: list[ComponentShape] = [
        {"component": int(index) + 1, "competitors": int(size), "classes": len(np.unique(classes[components == index]))}
        for index, size in zip(*np.unique(components, return_counts=True), strict=True)
    ]
    ordered, islands = [rows[place] for place in order], [int(components[place]) for place in order]
    return Table(league, settings, by, fit, structure, ordered, [int(found[place]) for place in order], islands, shapes, where)


def _islands(components: Integers, numbers: Integers, fit: FitTable | None) -> Integers:
    """The island of each: of the graph, and for a fit also of what the fit saw, because each of its islands has a zero of its own.

    Who is new to the fit stands with the largest of its islands that they are joined to.
    """
    if fit is None:
        return components
    unknown = np.iinfo(np.int64).max
    seen = np.array([fit.arrays["components"][number] if number in fit else unknown for number in numbers], dtype=np.int64)
    for island in np.unique(components[seen == unknown]):
        members = components == island
        seen[members & (seen == unknown)] = seen[members].min()
    _, first, own, sizes = np.unique(np.stack([components, seen]), axis=1, return_index=True, return_inverse=True, return_counts=True)
    numbered = np.empty(len(sizes), dtype=np.int64)
    numbered[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return np.asarray(numbered[own])


def _values(rows: Sequence[Any], numbers: Integers, fit: FitTable | None) -> NDArray[np.float64]:
    if fit is None:
        return np.array([row.rating for row in rows], dtype=np.float64)
    return np.array([fit.rating[number] if number in fit else -np.inf for number in numbers], dtype=np.float64)

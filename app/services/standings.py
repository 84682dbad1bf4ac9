"""Who leads, how sure that is, and what is known of one competitor.

Ranks are within islands (components of the comparison graph), never across them. What depends on the time of day is reckoned at 00:00 UTC today.
A page of the leaderboard comes from an ordered table that is built once per position and fit, and kept in this process.
"""

import difflib
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput, CompetitorNotFound, Fault, FitNotPublished
from app.ratings.ranking import RESOLUTION, ranks
from app.services.as_of import AsOf, LeagueAt, league_at
from app.services.drifts import drifts_of, shown
from app.services.keys import Caller, require_league
from app.services.league_settings import LeagueSettings, read_settings
from app.services.ledger import time_text
from app.services.segments import amendments_at
from app.services.shapes import (
    By,
    CompetitorListShape,
    CompetitorShape,
    CompetitorStatus,
    ComponentShape,
    LeaderboardRow,
    LeaderboardShape,
)
from app.services.snapshots import standings_of
from app.services.statuses import DAY, remarks_of, status_of
from app.services.stored_fits import FitTable, published_fit
from app.services.structures import Structure
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit

MAX_KEPT: Final = 16
NEVER: Final = int(np.iinfo(np.int64).min)
Integers = NDArray[np.int64]


def today() -> int:
    """00:00 UTC today, in microseconds since the epoch."""
    return time.time_ns() // 1000 // DAY * DAY


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


_kept: WeakKeyDictionary[Database, OrderedDict[tuple[int, int, int | None, By, int], Table]] = WeakKeyDictionary()
_lock = Lock()


def ordered_table(database: Database, unit: ReadUnit, league: Any, by: By | None) -> Table:  # noqa: ANN401  a row or LeagueAt
    """The table of a league at its head, or as it was (`as_of`). Raises FitNotPublished where the fit is asked for and there is none."""
    chosen: By = by or read_settings(league.settings).primary
    if by is None and league.published_fit is None:
        chosen = "live"
    if chosen == "fit" and league.published_fit is None:
        raise FitNotPublished(_why_unpublished(unit, league))
    key = (league.id, league.position, league.published_fit, chosen, league.named_position)
    with _lock:
        kept = _kept.setdefault(database, OrderedDict())
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    table = _built(database, unit, league, chosen)
    with _lock:
        kept[key] = table
        while len(kept) > MAX_KEPT:
            kept.popitem(last=False)
    return table


def _why_unpublished(unit: ReadUnit, league: Stored) -> str:
    last = next(iter(unit.refits.page(league.id, league.fits + 1, 1)), None)
    if last is None or last.reason is None:
        return "Nothing has been fitted yet. Request a fit (POST …/fits, or `arpad refit`), or ask for by=live."
    return f"No fit is published: fit {last.number} was {last.status}. {last.reason}"


def _built(database: Database, unit: ReadUnit, league: Any, by: By) -> Table:  # noqa: ANN401  a row or LeagueAt
    settings = read_settings(league.settings)
    everyone, structure = standings_of(database, unit, league)
    fit = published_fit(database, unit, league)
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
    islands = [int(components[place]) for place in order]
    return Table(league, settings, by, fit, structure, [rows[place] for place in order], [int(found[place]) for place in order], islands, shapes)


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


def leaderboard(  # noqa: PLR0913  each a choice of its own with a default
    database: Database,
    caller: Caller,
    league: str,
    *,
    by: By | None = None,
    min_matches: int = 0,
    active_since: int | None = None,
    around: str | None = None,
    inactive: bool = True,
    cursor: str | None = None,
    limit: int = 100,
    as_of: AsOf = None,
) -> LeaderboardShape:
    """A page of the leaderboard. Raises LeagueNotFound, FitNotPublished, CompetitorNotFound (for `around`), BadInput."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league)
        then = league_at(unit, row, as_of)
        table = ordered_table(database, unit, then, by)
        around = None if around is None else alias(unit, table, around)
    moment = moment_of(then)
    gone = table.inactive(moment)
    wanted = (table.matches >= min_matches) & (table.last_played_at >= (NEVER if active_since is None else active_since))
    chosen = np.flatnonzero(wanted if inactive else wanted & ~gone)
    start = _around(table, chosen, around, limit) if around is not None else _after(table, chosen, cursor)
    page: list[int] = chosen[start : start + limit].tolist()
    return {
        "league": table.league.key,
        "name": table.league.name,
        "position": table.league.position,
        "as_of": time_text(moment),
        "fit": None if table.fit is None else table.fit.number,
        "by": table.by,
        "relative_to": relative_to(table),
        "total": len(chosen),
        "hidden_inactive": 0 if inactive else int(gone.sum()),
        "components": table.components,
        "rows": [leaderboard_row(table, place, status_of(table.rows[place], table.settings, moment, table.shown_fit)) for place in page],
        "next": _cursor(*table.order(page[-1])) if start + limit < len(chosen) else None,
    }


def _cursor(island: int, rank: int, key: str) -> str:
    return f"{island}.{rank}.{key}"


def _after(table: Table, shown: Integers, cursor: str | None) -> int:
    """Where the page begins that follows a cursor: behind that place in the order, whoever has moved meanwhile."""
    if cursor is None:
        return 0
    island, _, rest = cursor.partition(".")
    rank, _, key = rest.partition(".")
    return bisect_right(shown.tolist(), (read_offset(island), read_offset(rank), key), key=table.order)


def relative_to(table: Table) -> str:
    """What the intervals of the fitted ratings are relative to."""
    anchor = table.fit.settings.anchor if table.fit is not None else None
    return "the mean of each island" if anchor is None else f"“{anchor.competitor}” on its island, the mean of each other island"


def read_offset(cursor: str | None) -> int:
    """The place in a cursor. Raises BadInput."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 9):
        raise BadInput("The cursor is not one of ours.", [Fault("cursor", "Use the “next” of the page before, or leave it out.")])
    return int(cursor)


def _around(table: Table, shown: Integers, competitor: str, limit: int) -> int:
    place = table.places.get(competitor)
    if place is None:
        raise CompetitorNotFound(competitor, similar_keys([row.key for row in table.rows], competitor))
    return max(0, int(np.searchsorted(shown, place)) - limit // 2)


def leaderboard_row(table: Table, place: int, status: CompetitorStatus) -> LeaderboardRow:
    row = table.rows[place]
    known, fit = table.structure.identifiability, table.fit
    return {
        "rank": table.ranks[place],
        "rank_low": fit.rank_bound("rank_low", row.number) if fit else None,
        "rank_high": fit.rank_bound("rank_high", row.number) if fit else None,
        "rank_ub": fit.rank_bound("rank_ub", row.number) if fit else None,
        "p_top": fit.top_probability(row.number) if fit else None,
        "tier": fit.tier(row.number) if fit else None,
        "competitor": row.key,
        "name": row.name or row.key,
        "live": {"rating": row.rating, "standard_error": None},
        "fit": fit.shape(row.number) if fit else None,
        "drift": shown(table.drifts[place]),
        "component": table.islands[place] + 1,
        "class": int(known.classes[row.number]) + 1,
        "matches": row.matches,
        "wins": row.wins,
        "draws": row.draws,
        "losses": row.losses,
        "last_played_at": None if row.last_played_at is None else time_text(row.last_played_at),
        "status": status,
        "remarks": remarks_of(row),
    }


def moment_of(league: Any) -> int:  # noqa: ANN401  a league's row, or what stands for one
    """When what depends on the time of day is reckoned: at an earlier position the time of that, else 00:00 UTC today."""
    return league.time if isinstance(league, LeagueAt) else today()


def competitors(
    database: Database, caller: Caller, league: str, *, key: str | None = None, cursor: str | None = None, limit: int = 100, as_of: AsOf = None
) -> CompetitorListShape:
    """The competitors by key, or the one with this key. Raises LeagueNotFound."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league)
        then = league_at(unit, row, as_of)
        rows: Sequence[Any]
        if isinstance(then, LeagueAt):
            table = ordered_table(database, unit, then, "live")
            rows = sorted((one for one in table.rows if key in {None, one.key} and one.key > (cursor or "")), key=lambda one: one.key)[: limit + 1]
        elif key is not None:
            found = unit.competitors.by_key(row.id, key)
            rows = [] if found is None or not found.matches else [found]
        else:
            rows = unit.competitors.page(row.id, cursor or "", limit + 1)
    shown = rows[:limit]
    return {
        "rows": [
            {
                "competitor": one.key,
                "name": one.name or one.key,
                "rating": one.rating,
                "matches": one.matches,
                "wins": one.wins,
                "draws": one.draws,
                "losses": one.losses,
                "last_played_at": None if one.last_played_at is None else time_text(one.last_played_at),
                "retired": one.retired,
            }
            for one in shown
        ],
        "next": shown[-1].key if len(rows) > limit else None,
    }


def alias(unit: ReadUnit, table: Table, key: str) -> str:
    """The key under which somebody stands in the table: their own, or that of whom they were merged into.

    Raises CompetitorNotFound, with names that are near, for who has no counted match.
    """
    if key in table.places:
        return key
    row = unit.competitors.by_key(table.league.id, key)
    if row is not None:
        number = amendments_at(unit, table.league, table.league.position).merges.get(row.number, row.number)
        found = unit.competitors.by_numbers(table.league.id, [number])[number].key
        if found in table.places:
            return str(found)
    raise CompetitorNotFound(key, similar_keys(list(table.places), key))


def require_known(unit: ReadUnit, league_id: int, key: str) -> Stored:
    """The row of a competitor who was ever recorded. Raises CompetitorNotFound, with names that are near."""
    row = unit.competitors.by_key(league_id, key)
    if row is None:
        raise CompetitorNotFound(key, similar_keys(unit.competitors.keys(league_id), key))
    return row


def similar_keys(keys: Sequence[str], wanted: str) -> list[str]:
    """Up to three keys that look like this one, whatever their case."""
    folded = {key.casefold(): key for key in keys[:50_000] if key != wanted}
    return [folded[near] for near in difflib.get_close_matches(wanted.casefold(), folded, n=3, cutoff=0.75)]


def competitor(database: Database, caller: Caller, league: str, key: str, *, as_of: AsOf = None) -> CompetitorShape:
    """One competitor with ratings, rank and record. Raises LeagueNotFound, CompetitorNotFound."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league)
        then = league_at(unit, row, as_of)
        table = ordered_table(database, unit, then, None)
        found = alias(unit, table, key)
    place = table.places[found]
    shape = leaderboard_row(table, place, status_of(table.rows[place], table.settings, moment_of(then), table.shown_fit))
    return {
        "league": then.key,
        "position": then.position,
        "relative_to": table.fit.relative_to(table.rows[place].number) if table.fit else None,
        **{name: value for name, value in shape.items() if name not in {"rank_low", "rank_high", "rank_ub"}},  # type: ignore[typeddict-item]  # the rest is the same
    }

"""Who leads, how sure that is, and what is known of one competitor.

Ranks are within islands (components of the comparison graph), never across them. What depends on the time of day is reckoned at 00:00 UTC today.
A page of the leaderboard is cut from an ordered table (`ordered_tables`), column by column.
"""

import difflib
import time
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput, CompetitorNotFound, Fault
from app.services.as_of import AsOf, LeagueAt, league_at
from app.services.conditions import WHOLE, Conditions
from app.services.drifts import shown
from app.services.everyone import NEVER, Integers
from app.services.fitted_rows import UNFITTED, fitted_rows
from app.services.keys import Caller, require_league
from app.services.ledger import time_text
from app.services.ordered_tables import Table, ordered_table
from app.services.permalinks import readable_at
from app.services.segments import amendments_at
from app.services.shapes import (
    By,
    CompetitorListShape,
    CompetitorShape,
    LeaderboardRow,
    LeaderboardShape,
    SegmentBoard,
    SegmentOf,
)
from app.services.statuses import DAY, remarks_of, statuses_of
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit


def today() -> int:
    """00:00 UTC today, in microseconds since the epoch."""
    return time.time_ns() // 1000 // DAY * DAY


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
    where: Conditions = WHOLE,
    as_of: AsOf = None,
) -> LeaderboardShape:
    """A page of the leaderboard, of a segment as if nothing else had been played.

    Raises LeagueNotFound, FitNotPublished, CompetitorNotFound (for `around`), BadInput; for a segment KeyRequired, ScopeMissing.
    """
    with database.read() as unit:
        then = readable_at(unit, caller, league, where, as_of)
        table = ordered_table(database, unit, then, by, where)
        around = None if around is None else alias(unit, table, around)
    moment = moment_of(then)
    gone = None if inactive else table.inactive(moment)
    chosen = _chosen(table, min_matches, active_since, gone)
    start = _around(table, chosen, around, limit) if around is not None else _after(table, chosen, cursor)
    page = chosen[start : start + limit]
    return {
        "league": table.league.key,
        "name": table.league.name,
        "position": table.league.position,
        "as_of": time_text(moment),
        "fit": None if table.fit is None else table.fit.number,
        "by": table.by,
        "relative_to": relative_to(table),
        **segment_of(table),
        "total": len(chosen),
        "hidden_inactive": 0 if gone is None else int(gone.sum()),
        "components": table.components,
        "rows": leaderboard_rows(table, page, moment),
        "next": _cursor(*table.order(int(page[-1]))) if start + limit < len(chosen) else None,
    }


def segment_of(table: Table) -> SegmentBoard:
    """What an answer says of its segment; nothing of a whole league."""
    return {**conditions_of(table), "matches": table.played} if table.where else {}


def conditions_of(table: Table) -> SegmentOf:
    """As `segment_of`, where the number of matches is somebody's own."""
    return {"where": table.where.shape} if table.where else {}


def _chosen(table: Table, min_matches: int, active_since: int | None, gone: NDArray[np.bool_] | None) -> Integers:
    """The places that are shown."""
    if min_matches <= 1 and active_since is None and gone is None:
        return np.arange(len(table))
    wanted = (table.matches >= min_matches) & (table.last_played_at >= (NEVER if active_since is None else active_since))
    return np.flatnonzero(wanted if gone is None else wanted & ~gone)


def _cursor(island: int, rank: int, key: str) -> str:
    return f"{island}.{rank}.{key}"


def _after(table: Table, shown: Integers, cursor: str | None) -> int:
    """Where the page begins that follows a cursor: behind that place in the order, whoever has moved meanwhile."""
    if cursor is None:
        return 0
    island, _, rest = cursor.partition(".")
    rank, _, key = rest.partition(".")
    wanted = read_offset(island), read_offset(rank), key
    return bisect_right(range(len(shown)), wanted, key=lambda index: table.order(int(shown[index])))


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
    return max(0, int(np.searchsorted(shown, table.place(competitor))) - limit // 2)


def leaderboard_rows(table: Table, places: Integers, moment: int) -> list[LeaderboardRow]:
    """The rows at some places, with the status that each has at a moment."""
    everyone, numbers, fit = table.everyone, table.ordering.numbers[places], table.fit
    columns = (
        table.ordering.ranks[places].tolist(),
        [everyone.keys[number] for number in numbers.tolist()],
        [everyone.names[number] for number in numbers.tolist()],
        everyone.rating[numbers].tolist(),
        [UNFITTED] * len(places) if fit is None else fitted_rows(fit, numbers),
        table.drifts[places].tolist(),
        table.ordering.islands[places].tolist(),
        table.structure.identifiability.classes[numbers].tolist(),
        *(getattr(everyone, name)[numbers].tolist() for name in ("matches", "wins", "draws", "losses", "last_played_at")),
        statuses_of(everyone, numbers, table.settings, moment, table.shown_fit),
        remarks_of(everyone, numbers),
    )
    return [
        {
            "rank": rank,
            "rank_low": fitted.rank_low,
            "rank_high": fitted.rank_high,
            "rank_ub": fitted.rank_ub,
            "p_top": fitted.p_top,
            "tier": fitted.tier,
            "competitor": key,
            "name": name,
            "live": {"rating": rating, "standard_error": None},
            "fit": fitted.shape,
            "drift": shown(drift),
            "component": island + 1,
            "class": among + 1,
            "matches": matches,
            "wins": wins,
            "draws": draws,
            "losses": losses,
            "last_played_at": None if played == NEVER else time_text(played),
            "status": status,
            "remarks": remarks,
        }
        for rank, key, name, rating, fitted, drift, island, among, matches, wins, draws, losses, played, status, remarks in zip(*columns, strict=True)
    ]


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
    if key in table:
        return key
    row = unit.competitors.by_key(table.league.id, key)
    if row is not None:
        number = amendments_at(unit, table.league, table.league.position).merges.get(row.number, row.number)
        found = unit.competitors.by_numbers(table.league.id, [number])[number].key
        if found in table:
            return str(found)
    is_known = row is not None and row.created_position <= table.league.position
    near = [] if is_known else similar_keys([row.key for row in table.rows], key)
    raise CompetitorNotFound(key, near, str(table.where) if is_known else "", is_known=is_known)


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


def competitor(database: Database, caller: Caller, league: str, key: str, *, where: Conditions = WHOLE, as_of: AsOf = None) -> CompetitorShape:
    """One competitor with ratings, rank and record, of a segment as if nothing else had been played.

    Raises LeagueNotFound, CompetitorNotFound, BadInput; for a segment KeyRequired, ScopeMissing.
    """
    with database.read() as unit:
        then = readable_at(unit, caller, league, where, as_of)
        table = ordered_table(database, unit, then, None, where)
        found = alias(unit, table, key)
    [shape] = leaderboard_rows(table, np.array([table.place(found)]), moment_of(then))
    return {
        **conditions_of(table),
        "league": then.key,
        "position": then.position,
        "relative_to": table.fit.relative_to(table.row(found).number) if table.fit else None,
        **{name: value for name, value in shape.items() if name not in {"rank_low", "rank_high", "rank_ub"}},  # type: ignore[typeddict-item]  # the rest is the same
    }

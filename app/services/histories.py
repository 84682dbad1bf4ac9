"""One competitor over time and against whom.

Where nothing was ever amended, what the entries recorded is what counts, and one index look-up answers. Else the ratings of later matches are
those of the course as it is now; the recorded ones stay on the receipts.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

import numpy as np

from app.services.as_of import AsOf, league_at
from app.services.courses import Rated, rate, rate_again
from app.services.keys import Caller, require_league
from app.services.league_settings import read_settings
from app.services.ledger import time_text
from app.services.match_log import UNKNOWN_TIME
from app.services.matches import read_position
from app.services.ordered_tables import Table, ordered_table
from app.services.segments import read_course
from app.services.shapes import HistoryRow, HistoryShape, OpponentRow, OpponentsShape
from app.services.standings import alias, read_offset
from app.storage.unit_of_work import Database, ReadUnit

MAX_KEPT: Final = 2


@dataclass(frozen=True, slots=True)
class OwnMatch:
    """A counted match from one competitor's side, as it is reckoned at a position."""

    position: int
    match_id: str
    played_at: int | None
    recorded_at: int
    opponent: int
    is_first: bool
    score: float
    weight: float
    before: float
    expected: float
    k: float
    after: float


def own_matches(database: Database, unit: ReadUnit, league: Any, number: int) -> list[OwnMatch]:  # noqa: ANN401  a row or LeagueAt
    """The counted matches of a competitor in the order in which they are rated."""
    if not league.amended_position and read_settings(league.settings).order == "log":
        return [_as_recorded(row, number) for row in unit.entries.of_competitors(league.id, [number], league.position)]
    rated = _rated(database, unit, league)
    log = rated.course.log
    return [_as_reckoned(rated, place, number) for place in np.flatnonzero((log.first == number) | (log.second == number)).tolist()]


def _as_recorded(row: Any, number: int) -> OwnMatch:  # noqa: ANN401  a row
    seen = (row.expected, row.first_before, row.first_after, row.second_before, row.second_after, row.first_k)
    sent = (row.position, row.match_id, row.played_at, row.recorded_at)
    return _own(sent, (row.first, row.second), row.score, row.weight, seen, number)


def _as_reckoned(rated: Rated, place: int, number: int) -> OwnMatch:
    log = rated.course.log
    position, played_at, seen = int(log.position[place]), int(log.played_at[place]), rated.of(place)
    sent = (position, str(log.match_id[place]), None if played_at == UNKNOWN_TIME else played_at, int(log.recorded_at[place]))
    sides = int(log.first[place]), int(log.second[place])
    return _own(sent, sides, float(log.score[place]), float(log.weight[place]), seen, number)


def _own(sent: tuple[int, str, int | None, int], sides: tuple[int, int], score: float, weight: float, seen: Sequence[float], number: int) -> OwnMatch:
    expected, first_before, first_after, second_before, second_after, k = seen
    if sides[0] == number:
        return OwnMatch(*sent, sides[1], True, score, weight, first_before, expected, k, first_after)
    return OwnMatch(*sent, sides[0], False, 1.0 - score, weight, second_before, 1.0 - expected, k, second_after)


_kept: WeakKeyDictionary[Database, OrderedDict[tuple[int, int], Rated]] = WeakKeyDictionary()
_lock = Lock()


def _rated(database: Database, unit: ReadUnit, league: Any) -> Rated:  # noqa: ANN401  a row or LeagueAt
    """The course at the league's position, rated from where it parts from the one that was asked for before; kept for the next page."""
    key = (league.id, league.position)
    with _lock:
        kept = _kept.setdefault(database, OrderedDict())
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
        known = next((rated for (league_id, _), rated in reversed(kept.items()) if league_id == league.id), None)
    course = read_course(database, unit, league, league.position)
    rated = rate(course) if known is None else rate_again(course, known)
    with _lock:
        kept[key] = rated
        while len(kept) > MAX_KEPT:
            kept.popitem(last=False)
    return rated


def history(
    database: Database, caller: Caller, league: str, key: str, *, cursor: str | None = None, limit: int = 100, as_of: AsOf = None
) -> HistoryShape:
    """A competitor's counted matches, the last rated first, with the rating before and after. Raises LeagueNotFound, CompetitorNotFound, BadInput."""
    with database.read() as unit:
        table, found = find(database, unit, caller, league, key, as_of)
        matches = own_matches(database, unit, table.league, found.number)
        end = min(read_position(cursor, len(matches)), len(matches))
        page = matches[max(0, end - limit) : end][::-1]
        names = unit.competitors.by_numbers(found_league(table), {match.opponent for match in page})
    return {
        "league": table.league.key,
        "competitor": found.key,
        "position": table.league.position,
        "rows": [_history_row(match, names) for match in page],
        "next": str(end - limit) if end > limit else None,
    }


def find(database: Database, unit: ReadUnit, caller: Caller, league: str, key: str, as_of: AsOf) -> tuple[Table, Any]:
    """The live table of a league at a position, and a competitor's row in it. Raises LeagueNotFound, CompetitorNotFound."""
    row, _ = require_league(unit, caller, league)
    table = ordered_table(database, unit, league_at(unit, row, as_of), "live")
    return table, table.row(alias(unit, table, key))


def found_league(table: Table) -> int:
    return int(table.league.id)


def _history_row(match: OwnMatch, names: dict[int, Any]) -> HistoryRow:
    return {
        "position": match.position,
        "match_id": match.match_id,
        "played_at": None if match.played_at is None else time_text(match.played_at),
        "recorded_at": time_text(match.recorded_at),
        "opponent": names[match.opponent].key,
        "side": "first" if match.is_first else "second",
        "outcome": _own_outcome(match.score),
        "before": match.before,
        "expected": match.expected,
        "k": match.k,
        "after": match.after,
    }


def _own_outcome(score: float) -> Literal["won", "drew", "lost"]:
    return "won" if score == 1.0 else "lost" if score == 0.0 else "drew"


def opponents(
    database: Database, caller: Caller, league: str, key: str, *, cursor: str | None = None, limit: int = 100, as_of: AsOf = None
) -> OpponentsShape:
    """Head to head with everyone met, most met first: points scored and points that the ratings of the day expected."""
    with database.read() as unit:
        table, found = find(database, unit, caller, league, key, as_of)
        matches = own_matches(database, unit, table.league, found.number)
        names = unit.competitors.by_numbers(found_league(table), {match.opponent for match in matches})
    against: dict[str, OpponentRow] = {}
    for match in matches:
        _add(against, _history_row(match, names), names[match.opponent])
    ordered = sorted(against.values(), key=lambda one: (-one["matches"], one["competitor"]))
    start = read_offset(cursor)
    return {
        "league": table.league.key,
        "competitor": found.key,
        "position": table.league.position,
        "rows": ordered[start : start + limit],
        "next": str(start + limit) if start + limit < len(ordered) else None,
    }


def _add(against: dict[str, OpponentRow], match: HistoryRow, opponent: Any) -> None:  # noqa: ANN401  a row
    empty: OpponentRow = {
        "competitor": opponent.key,
        "name": opponent.name or opponent.key,
        "matches": 0,
        "wins": 0,
        "draws": 0,
        "losses": 0,
        "score": 0.0,
        "expected": 0.0,
        "last_played_at": None,
    }
    row = against.setdefault(opponent.key, empty)
    row["matches"] += 1
    row["wins"] += match["outcome"] == "won"
    row["draws"] += match["outcome"] == "drew"
    row["losses"] += match["outcome"] == "lost"
    row["score"] += {"won": 1.0, "drew": 0.5, "lost": 0.0}[match["outcome"]]
    row["expected"] += match["expected"]
    when = match["played_at"] or match["recorded_at"]
    row["last_played_at"] = when if row["last_played_at"] is None else max(row["last_played_at"], when, key=datetime.fromisoformat)

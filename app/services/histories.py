"""One competitor over time and against whom.

Where nothing was ever voided, what the entries recorded is what counts, and one index look-up answers. After a void the ratings of later matches
are derived by a replay of the log without it; the recorded ones stay on the receipts.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

from app.services.keys import Caller, require_league
from app.services.ledger import time_text
from app.services.matches import read_position
from app.services.replays import MatchLog, Reckoning, read_matches, reckon
from app.services.shapes import HistoryRow, HistoryShape, OpponentRow, OpponentsShape
from app.services.standings import read_offset, require_competitor
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit

MAX_KEPT: Final = 2
_Seen = tuple[float, float, float, float, float]


def history(database: Database, caller: Caller, league: str, key: str, *, cursor: str | None = None, limit: int = 100) -> HistoryShape:
    """A competitor's counted matches, newest first, with the rating before and after. Raises LeagueNotFound, CompetitorNotFound, BadInput."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league)
        found = require_competitor(unit, row.id, key)
        before = read_position(cursor, row.position + 1)
        matches, derived = _counted(database, unit, row, found.number)
        page = [match for match in reversed(matches) if match.position < before][: limit + 1]
        names = _names(unit, row.id, page[:limit])
    shown = [_history_row(match, found.number, names, derived) for match in page[:limit]]
    return {
        "league": row.key,
        "competitor": found.key,
        "position": row.position,
        "rows": shown,
        "next": str(shown[-1]["position"]) if len(page) > limit else None,
    }


def _counted(database: Database, unit: ReadUnit, league: Stored, number: int) -> tuple[list[Any], dict[int, _Seen]]:
    """The counted matches of one competitor, and where there are voids what a replay says of them."""
    matches = unit.entries.of_competitor(league.id, number, league.position)
    voids = {target for _, target in unit.entries.voids(league.id, league.position)}
    if not voids:
        return list(matches), {}
    log, seen = _replayed(database, unit, league, voids)
    columns = (seen.expected, seen.first_before, seen.first_after, seen.second_before, seen.second_after)
    own = [place for place, sides in enumerate(zip(log.first.tolist(), log.second.tolist(), strict=True)) if number in sides]
    derived: dict[int, _Seen] = {int(log.position[place]): tuple(column[place] for column in columns) for place in own}  # type: ignore[misc]  # five columns
    return [match for match in matches if match.position not in voids], derived


_kept: WeakKeyDictionary[Database, OrderedDict[tuple[int, int], tuple[MatchLog, Reckoning]]] = WeakKeyDictionary()
_lock = Lock()


def _replayed(database: Database, unit: ReadUnit, league: Stored, voids: set[int]) -> tuple[MatchLog, Reckoning]:
    """The log without its voids, and its replay; kept for the next page."""
    key = (league.id, league.position)
    with _lock:
        kept = _kept.setdefault(database, OrderedDict())
        if key in kept:
            return kept[key]
    log = read_matches(unit, league.id, league.position).without(voids)
    replayed = log, reckon(log, unit.entries.settings_changes(league.id, league.position), league.competitors)
    with _lock:
        kept[key] = replayed
        while len(kept) > MAX_KEPT:
            kept.popitem(last=False)
    return replayed


def _names(unit: ReadUnit, league_id: int, matches: Sequence[Any]) -> dict[int, Any]:
    return unit.competitors.by_numbers(league_id, {number for match in matches for number in (match.first, match.second)})


def _history_row(match: Stored, number: int, names: dict[int, Any], derived: dict[int, _Seen]) -> HistoryRow:
    recorded = (match.expected, match.first_before, match.first_after, match.second_before, match.second_after)
    expected, first_before, first_after, second_before, second_after = derived.get(match.position, recorded)
    is_first = match.first == number
    return {
        "position": match.position,
        "match_id": match.match_id,
        "played_at": None if match.played_at is None else time_text(match.played_at),
        "recorded_at": time_text(match.recorded_at),
        "opponent": names[match.second if is_first else match.first].key,
        "side": "first" if is_first else "second",
        "outcome": _own_outcome(match.score if is_first else 1.0 - match.score),
        "before": first_before if is_first else second_before,
        "expected": expected if is_first else 1.0 - expected,
        "k": match.first_k if is_first else match.second_k,
        "after": first_after if is_first else second_after,
    }


def _own_outcome(score: float) -> Literal["won", "drew", "lost"]:
    return "won" if score == 1.0 else "lost" if score == 0.0 else "drew"


def opponents(database: Database, caller: Caller, league: str, key: str, *, cursor: str | None = None, limit: int = 100) -> OpponentsShape:
    """Head to head with everyone met, most met first: points scored and points that the ratings of the day expected."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league)
        found = require_competitor(unit, row.id, key)
        matches, derived = _counted(database, unit, row, found.number)
        names = _names(unit, row.id, matches)
    against: dict[str, OpponentRow] = {}
    for match in matches:
        _add(against, _history_row(match, found.number, names, derived), names[match.second if match.first == found.number else match.first])
    ordered = sorted(against.values(), key=lambda one: (-one["matches"], one["competitor"]))
    start = read_offset(cursor)
    return {
        "league": row.key,
        "competitor": found.key,
        "position": row.position,
        "rows": ordered[start : start + limit],
        "next": str(start + limit) if start + limit < len(ordered) else None,
    }


def _add(against: dict[str, OpponentRow], match: HistoryRow, opponent: Stored) -> None:
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

"""Taking a match back. A void is an entry like any other; the ratings afterwards equal a replay of the log without that match, bit for bit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput, Fault, MatchAlreadyVoided, MatchNotFound, PositionMoved
from app.ratings.ranking import ranks
from app.services import ledger
from app.services.keys import Caller, lock_league, require_league
from app.services.leagues import append_entry
from app.services.replays import Reckoning, read_matches, reckon
from app.services.shapes import Movement, VoidShape
from app.services.structures import structure_of
from app.services.writing import Standing, standing_columns
from app.storage.bulk import update_rows
from app.storage.tables import Kind, Stored, competitor
from app.storage.unit_of_work import Database, ReadUnit, WriteUnit

MAX_REASON: Final = 500
MAX_MOVED: Final = 1_000


def void_match(
    database: Database, caller: Caller, league: str, match_id: str, *, reason: str, dry_run: bool = False, expected_position: int | None = None
) -> VoidShape:
    """Void a match, or tell what that would do. Raises MatchNotFound, MatchAlreadyVoided, PositionMoved, BadInput."""
    clean_reason = _clean_reason(reason)
    if dry_run:
        # A preview only reads: posts to the league go on meanwhile.
        with database.read() as reading:
            row, author = require_league(reading, caller, league, "manage")
            outcome = _without_match(reading, row, match_id, expected_position)
        return _shape(row, outcome, match_id, clean_reason, author, None, None)
    with database.write() as unit:
        row, author = lock_league(unit, caller, league, "manage")
        outcome = _without_match(unit, row, match_id, expected_position)
        _store(unit, row, outcome.changed)
        details = ledger.canonical({"match_id": match_id, "reason": clean_reason})
        counters = {"matches": row.matches - 1, "results": row.results + 1}
        position, recorded_at = append_entry(unit, row, Kind.VOID, author, details, outcome.target, **counters)
        unit.commit()
    return _shape(row, outcome, match_id, clean_reason, author, position, recorded_at)


def _clean_reason(reason: str) -> str:
    cleaned = reason.strip()
    if not 1 <= len(cleaned) <= MAX_REASON or not cleaned.isprintable():
        raise BadInput("A void needs a reason.", [Fault("/reason", f"Say in 1 to {MAX_REASON} printable characters why the match is taken back.")])
    return cleaned


def _target(unit: ReadUnit, row: Stored, match_id: str) -> int:
    found = unit.entries.matches_by_id(row.id, [match_id]).get(match_id)
    if found is None:
        raise MatchNotFound(match_id)
    if unit.entries.voids_of(row.id, [found.position]):
        raise MatchAlreadyVoided(match_id)
    return int(found.position)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What taking a match back leads to: the standings that change, and how everyone moves by it."""

    target: int
    changed: list[Standing]
    moved: list[Movement]


def _without_match(unit: ReadUnit, row: Stored, match_id: str, expected_position: int | None) -> _Outcome:
    target = _target(unit, row, match_id)
    if expected_position is not None and expected_position != row.position:
        raise PositionMoved(expected_position, row.position)
    competitors = unit.competitors.all(row.id)
    voids = {position for _, position in unit.entries.voids(row.id, row.position)}
    log = read_matches(unit, row.id, row.position)
    before, after = log.without(voids), log.without(voids | {target})
    reckoned = reckon(after, unit.entries.settings_changes(row.id, row.position), row.competitors)
    ranks_before = _ranks([old.rating for old in competitors], [old.matches for old in competitors], structure_of(before, row.competitors).components)
    ranks_after = _ranks(reckoned.rating, reckoned.matches, structure_of(after, row.competitors).components)
    moved = [_movement(old, reckoned, number, ranks_before, ranks_after) for number, old in enumerate(competitors)]
    return _Outcome(
        target,
        [reckoned.standing(number, old.key) for number, old in enumerate(competitors) if _differs(old, reckoned, number)],
        sorted((movement for movement in moved if movement is not None), key=_size),
    )


def _shape(
    row: Stored, outcome: _Outcome, match_id: str, reason: str, author: str | None, position: int | None, recorded_at: int | None
) -> VoidShape:
    return {
        "match_id": match_id,
        "dry_run": position is None,
        "expected_position": row.position,
        "position": position,
        "recorded_at": None if recorded_at is None else ledger.time_text(recorded_at),
        "reason": reason,
        "author": author,
        "moved": outcome.moved[:MAX_MOVED],
        "moved_count": len(outcome.moved),
    }


_STANDING = ("rating", "matches", "wins", "draws", "losses", "last_played_at")


def _differs(old: Stored, reckoned: Reckoning, number: int) -> bool:
    return any(getattr(old, name) != getattr(reckoned, name)[number] for name in _STANDING)


def _store(unit: WriteUnit, row: Stored, standings: Sequence[Standing]) -> None:
    key = {"league_id": [row.id] * len(standings), "number": [standing.number for standing in standings]}
    update_rows(unit.connection, competitor, key, standing_columns(standings))


def _ranks(ratings: Sequence[float], matches: Sequence[int], components: NDArray[np.int64]) -> list[int | None]:
    """The rank of everyone within their island; None for who has no match."""
    playing = np.asarray(matches) > 0
    found = np.zeros(len(playing), dtype=np.int64)
    found[playing] = ranks(np.asarray(ratings, dtype=np.float64)[playing], np.asarray(components)[playing])
    return [rank or None for rank in found.tolist()]


def _movement(
    old: Stored, reckoned: Reckoning, number: int, ranks_before: Sequence[int | None], ranks_after: Sequence[int | None]
) -> Movement | None:
    after = reckoned.rating[number] if reckoned.matches[number] else None
    before = old.rating if old.matches else None
    if after == before and ranks_before[number] == ranks_after[number]:
        return None
    return {"competitor": old.key, "before": old.rating, "after": after, "rank_before": ranks_before[number], "rank_after": ranks_after[number]}


def _size(movement: Movement) -> tuple[float, str]:
    change = float("inf") if movement["after"] is None else abs(movement["after"] - movement["before"])
    return (-change, movement["competitor"])

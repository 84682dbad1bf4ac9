"""What an amendment does: who moves, by how much, which ranks flip; and writing it, as one entry and the competitors that move.

The preview and the real run are one computation. The ratings come from the course as it would be, rated from the last checkpoint before the
first match that differs.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput, Conflict, Fault, PositionMoved
from app.ratings.matches import has_control_characters
from app.ratings.ranking import ranks
from app.services import ledger
from app.services.amendment_shapes import AmendmentKind, AmendmentShape, Movement
from app.services.amendments import Amendment
from app.services.courses import Course, Reckoning, reckoned
from app.services.keys import Caller, lock_league, require_league
from app.services.leagues import advance, next_entry
from app.services.segments import amendments_at, rated_from, read_log
from app.services.structures import structure_at_head, structure_of
from app.services.writing import Standing, new_competitors, store_standings
from app.storage.bulk import append_rows
from app.storage.tables import Kind, Stored, competitor
from app.storage.unit_of_work import Database, ReadUnit, WriteUnit

MAX_REASON: Final = 500
MAX_MOVED: Final = 1_000
STANDING: Final = ("rating", "matches", "wins", "draws", "losses", "last_played_at")


@dataclass(frozen=True, slots=True)
class Change:
    """An amendment as asked for: what it is about, in what words it is logged, and the competitors that it brings into being, by number."""

    amendment: Amendment
    details: Mapping[str, Any]
    match_id: str | None = None
    newcomers: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The standings that change, who moves and how, and the course that leads there."""

    changed: list[Standing]
    moved: list[Movement]
    course: Course
    merged: Mapping[int, int | None] = field(default_factory=dict)
    """Number → into whom they are merged from now on, of those for whom that changes."""


def clean_reason(reason: str) -> str:
    """The reason as it is logged. Raises BadInput."""
    cleaned = reason.strip()
    if not 1 <= len(cleaned) <= MAX_REASON or has_control_characters(cleaned):
        raise BadInput("This needs a reason.", [Fault("/reason", f"Say in 1 to {MAX_REASON} characters, on one line, why.")])
    return cleaned


@dataclass(frozen=True, slots=True)
class Asked:
    """How an amendment is asked for, whatever it is."""

    caller: Caller
    league: str
    reason: str
    dry_run: bool = False
    expected_position: int | None = None


class Proposal:
    """Of one kind of amendment: what it would be in a league as it stands."""

    def change(self, unit: ReadUnit, row: Stored, reason: str) -> Change:
        """Raises whatever speaks against it."""
        raise NotImplementedError


def amend(database: Database, asked: Asked, proposal: Proposal) -> AmendmentShape:
    """Amend a league in a transaction of its own, or tell what that would do. Raises LeagueNotFound, PositionMoved, BadInput and the proposal's own."""
    reason = clean_reason(asked.reason)
    if asked.dry_run:
        # A preview only reads: posts to the league go on meanwhile.
        with database.read() as reading:
            row, author = require_league(reading, asked.caller, asked.league, "manage")
            change = _expected(reading, row, asked, proposal, reason)
            outcome = outcome_of(database, reading, row, change)
        return _shape(row, change, outcome, reason, author, None, None)
    with database.write() as unit:
        row, author = lock_league(unit, asked.caller, asked.league, "manage")
        change = _expected(unit, row, asked, proposal, reason)
        outcome = outcome_of(database, unit, row, change)
        position, recorded_at = _write(unit, row, change, outcome, author)
        unit.commit()
    return _shape(row, change, outcome, reason, author, position, recorded_at)


def _expected(unit: ReadUnit, row: Stored, asked: Asked, proposal: Proposal, reason: str) -> Change:
    if asked.expected_position is not None:
        require_position(unit, row, asked.expected_position)
    return proposal.change(unit, row, reason)


def require_position(unit: ReadUnit, row: Stored, expected: int) -> None:
    """Raise PositionMoved unless a preview made at the expected position still tells what would happen: all that may have followed is fits."""
    fits = sum(entry.position > expected for entry in unit.entries.of_kind(row.id, Kind.FIT, row.position))
    if expected + fits != row.position:
        raise PositionMoved(expected, row.position)


def outcome_of(database: Database, unit: ReadUnit, row: Stored, change: Change) -> Outcome:
    """What the change would do to a league as it stands. Raises Conflict where somebody would have played against themselves."""
    amendments = amendments_at(unit, row, row.position)
    log = read_log(database, unit, row, row.position)
    amended = amendments.and_then(change.amendment)
    if (contradiction := amended.contradiction()) is not None:
        raise Conflict(f"{contradiction} Take back the entries that stand in the way first.")
    settings = unit.entries.settings_changes(row.id, row.position)
    n = row.competitors + len(change.newcomers)
    before = Course.of(amendments.applied(log), settings, n)
    after = Course.of(amended.applied(log), settings, n)
    _refuse_self_matches(after, change.amendment.kind)
    rated = rated_from(unit, row.id, after, after.parting(before))
    old = _old_rows(unit, row, change)
    components = _grown(structure_at_head(database, unit, row).identifiability.components, n), structure_of(after.log, n).components
    merged = {number: amended.merged.get(number) for number in {*amendments.merged, *amended.merged}}
    merged = {number: into for number, into in merged.items() if into != amendments.merged.get(number)}
    return replace(movements(old, reckoned(after, rated.ratings()), components, after), merged=merged)


def movements(
    old: Sequence[Any], new: Reckoning, components: tuple[NDArray[np.int64], NDArray[np.int64]], course: Course, keep: frozenset[int] = frozenset()
) -> Outcome:
    """From the standings as they are, by number, to those that they would become."""
    before = _ranks([one.rating for one in old], [one.matches for one in old], components[0])
    after = _ranks(new.rating, new.matches, components[1])
    moved = [_movement(one, new, number, before[number], after[number]) for number, one in enumerate(old)]
    changed = [new.standing(number, one.key) for number, one in enumerate(old) if number in keep or _differs(one, new, number)]
    return Outcome(changed, sorted((movement for movement in moved if movement is not None), key=_size), course)


def _refuse_self_matches(course: Course, kind: Kind) -> None:
    itself = np.flatnonzero(course.log.first == course.log.second)
    if len(itself):
        remedy = "Void or correct that match first." if kind == Kind.MERGE else "If the two were merged, take that merge back first."
        match_id = str(course.log.match_id[itself[0]])
        raise Conflict(f"Match “{match_id}” would then be one of a competitor against themselves. {remedy}", match_id=match_id)


def _old_rows(unit: ReadUnit, row: Stored, change: Change) -> list[Any]:
    return [*unit.competitors.all(row.id), *(Standing(number, key, 0.0) for number, key in sorted(change.newcomers.items()))]


def _grown(components: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Components with those of competitors who have none yet; without a match they get no rank."""
    return np.concatenate([components, np.full(max(0, n - len(components)), -1)])


def _write(unit: WriteUnit, row: Stored, change: Change, outcome: Outcome, author: str | None) -> tuple[int, int]:
    position, recorded_at = next_entry(row)
    newcomers = _newcomers(change, outcome, position)
    store_standings(unit, row.id, [one for one in outcome.changed if one.number not in change.newcomers])
    append_rows(unit.connection, competitor, new_competitors(row.id, newcomers))
    for number, into in outcome.merged.items():
        unit.competitors.change(row.id, number, {"merged_into": into})
    details, match = ledger.canonical(change.details), dict(change.amendment.match or {})
    kind, target = change.amendment.kind, change.amendment.target
    if kind == Kind.CORRECT and target is not None:
        commitments = {one.number: ledger.commitment(one.salt or b"", one.key) for one in newcomers}
        body = ledger.correct_body(position, recorded_at, author, target, **match, commitments=commitments, details=details)
    else:
        body = ledger.other_body(position, kind, recorded_at, author, target, details)
    unit.entries.add(row.id, position, kind, recorded_at, author, details, target=target, **match)
    counters = {"matches": len(outcome.course), "results": row.results + 1, "competitors": row.competitors + len(newcomers)}
    advance(unit, row, position, recorded_at, body, amended_position=position, **counters, **latest(outcome.course))
    return position, recorded_at


def latest(course: Course) -> dict[str, Any]:
    """What the league's row tells of the last match in the order of play; nothing in the order of the log."""
    if course.changes[0][1].get("order") != "played_at":
        return {}
    if not len(course):
        return {"latest_played_at": None, "latest_match_id": None}
    return {"latest_played_at": int(course.log.played_at[-1]), "latest_match_id": str(course.log.match_id[-1])}


def _newcomers(change: Change, outcome: Outcome, position: int) -> list[Standing]:
    standings = [one for one in outcome.changed if one.number in change.newcomers]
    for standing in standings:
        standing.salt, standing.created_position = os.urandom(16), position
    return standings


def _shape(
    row: Stored, change: Change, outcome: Outcome, reason: str, author: str | None, position: int | None, recorded_at: int | None
) -> AmendmentShape:
    return {
        "kind": _KINDS[change.amendment.kind],
        "target": change.amendment.target,
        "match_id": change.match_id,
        "dry_run": position is None,
        "expected_position": row.position,
        "position": position,
        "recorded_at": None if recorded_at is None else ledger.time_text(recorded_at),
        "reason": reason,
        "author": author,
        "moved": outcome.moved[:MAX_MOVED],
        "moved_count": len(outcome.moved),
    }


_KINDS: Final[Mapping[int, AmendmentKind]] = {Kind.VOID: "void", Kind.CORRECT: "correct", Kind.MERGE: "merge"}


def _differs(old: Any, new: Reckoning, number: int) -> bool:  # noqa: ANN401  a row, or one that is to be
    return any(getattr(old, name) != getattr(new, name)[number] for name in STANDING)


def _ranks(ratings: Sequence[float], matches: Sequence[int], components: NDArray[np.int64]) -> list[int | None]:
    """The rank of everyone within their island; None for who has no match."""
    playing = np.asarray(matches) > 0
    found = np.zeros(len(playing), dtype=np.int64)
    found[playing] = ranks(np.asarray(ratings, dtype=np.float64)[playing], np.asarray(components)[playing])
    return [rank or None for rank in found.tolist()]


def _movement(old: Any, new: Reckoning, number: int, rank_before: int | None, rank_after: int | None) -> Movement | None:  # noqa: ANN401  as above
    after = new.rating[number] if new.matches[number] else None
    before = old.rating if old.matches else None
    if after == before and rank_before == rank_after:
        return None
    return {"competitor": old.key, "before": before, "after": after, "rank_before": rank_before, "rank_after": rank_after}


def _size(movement: Movement) -> tuple[float, str]:
    before, after = movement["before"], movement["after"]
    change = float("inf") if after is None or before is None else abs(after - before)
    return (-change, movement["competitor"])

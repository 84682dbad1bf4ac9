"""Taking a match back, restoring it, correcting it. Each is an entry with a reason and an author; the ratings afterwards equal a replay of what then counts, bit for bit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import BadInput, Conflict, EntryNotFound, Fault, MatchAlreadyVoided, MatchNotFound
from app.services.amending import Asked, Change, Proposal, amend
from app.services.amendment_shapes import AmendmentShape
from app.services.amendments import CORRECTED, Amendment
from app.services.keys import Caller
from app.services.league_settings import read_settings
from app.services.repetitions import unregistered
from app.services.segments import amendments_at
from app.storage.tables import AMENDING, Kind, Stored
from app.storage.unit_of_work import Database, ReadUnit

FIELDS = (*CORRECTED, "first_score", "second_score", "context")


def void_match(
    database: Database, caller: Caller, league: str, match_id: str, *, reason: str, dry_run: bool = False, expected_position: int | None = None
) -> AmendmentShape:
    """Void a match, or tell what that would do. Raises MatchNotFound, MatchAlreadyVoided, PositionMoved, BadInput."""
    return amend(database, Asked(caller, league, reason, dry_run, expected_position), _VoidMatch(match_id))


def restore_match(
    database: Database, caller: Caller, league: str, match_id: str, *, reason: str, dry_run: bool = False, expected_position: int | None = None
) -> AmendmentShape:
    """Void the void of a match, which restores it. Raises MatchNotFound, Conflict where it is not void, PositionMoved, BadInput."""
    return amend(database, Asked(caller, league, reason, dry_run, expected_position), _RestoreMatch(match_id))


def correct_match(
    database: Database,
    caller: Caller,
    league: str,
    match_id: str,
    changes: Mapping[str, Any],
    *,
    reason: str,
    dry_run: bool = False,
    expected_position: int | None = None,
) -> AmendmentShape:
    """Correct a match, at its place in the log. `changes` has what is different, of first, second (keys), score, played_at, weight, neutral, scores, context.

    A competitor who is not known yet is created. Raises MatchNotFound, Conflict (void, or nothing would change), PositionMoved, BadInput.
    """
    return amend(database, Asked(caller, league, reason, dry_run, expected_position), _Correct(match_id, changes))


def void_entry(
    database: Database, caller: Caller, league: str, position: int, *, reason: str, dry_run: bool = False, expected_position: int | None = None
) -> AmendmentShape:
    """Take back the entry at a position: a match, a void (which restores), a correction or a merge. Raises EntryNotFound, Conflict, PositionMoved."""
    return amend(database, Asked(caller, league, reason, dry_run, expected_position), _VoidEntry(position))


def stored_match(unit: ReadUnit, row: Stored, match_id: str) -> Stored:
    """The entry of a match. Raises MatchNotFound."""
    found = unit.entries.matches_by_id(row.id, [match_id]).get(match_id)
    if found is None:
        raise MatchNotFound(match_id)
    return found


def _void(target: int, position: int, reason: str, match_id: str | None) -> Change:
    details = {"reason": reason} if match_id is None else {"match_id": match_id, "reason": reason}
    return Change(Amendment(position, Kind.VOID, target), details, match_id)


@dataclass(frozen=True, slots=True)
class _VoidMatch(Proposal):
    match_id: str

    def change(self, unit: ReadUnit, row: Stored, reason: str) -> Change:
        found = stored_match(unit, row, self.match_id)
        if found.position in amendments_at(unit, row, row.position).voided:
            raise MatchAlreadyVoided(self.match_id)
        return _void(found.position, row.position + 1, reason, self.match_id)


@dataclass(frozen=True, slots=True)
class _RestoreMatch(Proposal):
    match_id: str

    def change(self, unit: ReadUnit, row: Stored, reason: str) -> Change:
        found = stored_match(unit, row, self.match_id)
        void = amendments_at(unit, row, row.position).voided.get(found.position)
        if void is None:
            raise Conflict(f"Match “{self.match_id}” is not void; there is nothing to restore.")
        return _void(void, row.position + 1, reason, self.match_id)


@dataclass(frozen=True, slots=True)
class _VoidEntry(Proposal):
    position: int

    def change(self, unit: ReadUnit, row: Stored, reason: str) -> Change:
        found = unit.entries.at(row.id, self.position) if 0 <= self.position <= row.position else None
        if found is None:
            raise EntryNotFound(self.position)
        if found.kind not in {Kind.MATCH, *AMENDING}:
            raise Conflict("Only matches, voids, corrections and merges can be taken back; this entry is none of them.")
        amendments = amendments_at(unit, row, row.position)
        if self.position in amendments.voided:
            raise Conflict(f"The entry at position {self.position} was taken back already, at position {amendments.voided[self.position]}.")
        return _void(self.position, row.position + 1, reason, found.match_id)


@dataclass(frozen=True, slots=True)
class _Correct(Proposal):
    match_id: str
    changes: Mapping[str, Any]

    def change(self, unit: ReadUnit, row: Stored, reason: str) -> Change:
        found = stored_match(unit, row, self.match_id)
        amendments = amendments_at(unit, row, row.position)
        if found.position in amendments.voided:
            raise Conflict(f"Match “{self.match_id}” is void. Restore it before you correct it.")
        held = amendments.corrections.get(found.position)
        before = dict(held.match) if held is not None and held.match is not None else {name: getattr(found, name) for name in FIELDS}
        sides, newcomers = _numbers(unit, row, {side: self.changes[side] for side in ("first", "second") if side in self.changes})
        if newcomers and read_settings(row.settings).competitors == "registered":
            raise unregistered({f"/{side}": self.changes[side] for side, number in sides.items() if number in newcomers})
        after = {**before, **{name: value for name, value in self.changes.items() if name in FIELDS}, **sides}
        _refuse_unusable(unit, row, before, after)
        after = {
            name: value + 0.0 if name in {"weight", "first_score", "second_score"} and value is not None else value for name, value in after.items()
        }
        amendment = Amendment(row.position + 1, Kind.CORRECT, found.position, after)
        return Change(amendment, {"reason": reason}, self.match_id, newcomers)


def _numbers(unit: ReadUnit, row: Stored, sides: Mapping[str, str]) -> tuple[dict[str, int], dict[int, str]]:
    """The numbers of the corrected sides; who is not known yet gets the next."""
    known = unit.competitors.by_keys(row.id, list(sides.values())) if sides else {}
    numbers, newcomers = dict[str, int](), dict[int, str]()
    for side, key in sides.items():
        if key in known:
            numbers[side] = known[key].number
        elif key in newcomers.values():
            numbers[side] = next(number for number, other in newcomers.items() if other == key)
        else:
            numbers[side] = row.competitors + len(newcomers)
            newcomers[numbers[side]] = key
    return numbers, newcomers


def _refuse_unusable(unit: ReadUnit, row: Stored, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    if after == before:
        raise Conflict("The match says this already; the correction would change nothing.")
    if after["first"] == after["second"]:
        raise BadInput("A match needs two different competitors.", [Fault("/second", "must be another competitor than first")])
    order = unit.entries.settings_changes(row.id, 0)[0][1].get("order")
    if order == "played_at" and after["played_at"] is None:
        raise BadInput("In this league matches are rated in the order of play.", [Fault("/played_at", "must be told in this league")])

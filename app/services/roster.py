"""Entries about competitors: merging two (which voiding takes back), renaming, retiring, forgetting."""

import json
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from app.errors import BadInput, Conflict, Fault
from app.ratings.matches import clean_key
from app.services import ledger
from app.services.amending import Asked, Change, Proposal, amend
from app.services.amendment_shapes import AmendmentShape, RosterShape
from app.services.amendments import Amendment
from app.services.keys import Caller, lock_league, require_league
from app.services.league_settings import read_settings
from app.services.leagues import append_entry
from app.services.standings import require_known
from app.storage.tables import Kind, Stored
from app.storage.unit_of_work import Database, ReadUnit, WriteUnit

FORGOTTEN: Final = "forgotten"


def merge_competitors(
    database: Database,
    caller: Caller,
    league: str,
    competitor: str,
    into: str,
    *,
    reason: str,
    dry_run: bool = False,
    expected_position: int | None = None,
) -> AmendmentShape:
    """Count every match of one competitor, before and after, as another's; the key goes on to be understood as theirs.

    Raises CompetitorNotFound, Conflict (merged already, or they played each other), PositionMoved, BadInput.
    """
    return amend(database, Asked(caller, league, reason, dry_run, expected_position), _Merge(competitor, into))


@dataclass(frozen=True, slots=True)
class _Merge(Proposal):
    competitor: str
    into: str

    def change(self, unit: ReadUnit, row: Stored, reason: str) -> Change:
        one, other = require_known(unit, row.id, self.competitor), require_known(unit, row.id, self.into)
        if one.number == other.number:
            raise BadInput("A merge needs two different competitors.", [Fault("/into", "must be another competitor")])
        if one.merged_into is not None:
            raise Conflict(f"“{self.competitor}” is merged already. Take that merge back first.")
        merged = (int(one.number), int(other.number))
        details = {"from": merged[0], "into": merged[1], "reason": reason}
        return Change(Amendment(row.position + 1, Kind.MERGE, merged=merged), details)


class RosterChange(TypedDict, total=False):
    """What is to change about a competitor; what is left out stays. A name of None: none but the key."""

    name: str | None
    retired: bool


def change_competitor(database: Database, caller: Caller, league: str, competitor: str, change: RosterChange) -> RosterShape:
    """Change the name that a competitor is shown by, retire them or have them back: an entry for each that differs, all or none of them.

    The key stays, and so do ratings. The position is that of the last entry written. Raises CompetitorNotFound, BadInput.
    """
    name = _shown(change.get("name"))
    with database.write() as unit:
        row, author = lock_league(unit, caller, league, "manage")
        found = require_known(unit, row.id, competitor)
        position = None
        if "name" in change and name != found.name:
            # The name itself stands beside the log, so that a person can be forgotten.
            position = _append(unit, row, Kind.RENAME, author, {"competitor": found.number})
            unit.competitors.change(row.id, found.number, {"name": name})
            row, _ = lock_league(unit, caller, league, "manage")
        if "retired" in change and change["retired"] != found.retired:
            position = _append(unit, row, Kind.RETIRE, author, {"competitor": found.number, "retired": change["retired"]})
            unit.competitors.change(row.id, found.number, {"retired": change["retired"]})
        shape = _shape(unit, row.id, found.number, position)
        unit.commit()
    return shape


def _shown(name: str | None) -> str | None:
    try:
        return None if name is None else clean_key(name)
    except ValueError as error:
        raise BadInput("The name cannot be accepted.", [Fault("/name", f"name {error}")]) from None


def forget_competitor(database: Database, caller: Caller, league: str, competitor: str) -> RosterShape:
    """Delete a competitor's key, name and salt for good. The matches stay, under a pseudonym; what the log committed to can be told by nobody.

    Who is forgotten already stays so. What callers wrote into match ids, contexts and earlier settings stays as it is. Raises CompetitorNotFound,
    and Conflict for the anchor of the league, whose key stands in its settings.
    """
    with database.write() as unit:
        row, author = lock_league(unit, caller, league, "admin")
        found = require_known(unit, row.id, competitor)
        if found.commitment is not None:
            return _shape(unit, row.id, found.number, None)
        _refuse_anchor(row, found.key)
        unit.erase_what_is_deleted()
        pseudonym = _free_pseudonym(unit, row.id, found.number)
        erased = {"key": pseudonym, "name": None, "salt": b"", "commitment": ledger.commitment_of(found)}
        unit.competitors.change(row.id, found.number, erased)
        unit.refits.rename_in_reasons(row.id, f"“{found.key}”", f"“{pseudonym}”")
        for known in unit.imports.all(row.id):
            unit.imports.change(row.id, known.import_id, json.dumps(_without(json.loads(known.report), found.key, pseudonym)))
        position = _append(unit, row, Kind.FORGET, author, {"competitor": found.number})
        shape = _shape(unit, row.id, found.number, position)
        unit.commit()
    return shape


def is_known(database: Database, caller: Caller, league: str, competitor: str) -> bool:
    """Whether a match that names this competitor would bring nobody into being; one who was merged is known. Raises LeagueNotFound."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league)
        return unit.competitors.by_key(row.id, competitor) is not None


def _append(unit: WriteUnit, row: Stored, kind: Kind, author: str | None, details: dict[str, object]) -> int:
    named = {} if kind == Kind.RETIRE else {"named_position": row.position + 1}
    return append_entry(unit, row, kind, author, ledger.canonical(details), **named)[0]


def _refuse_anchor(row: Stored, key: str) -> None:
    anchor = read_settings(row.settings).anchor
    if anchor is not None and anchor.competitor == key:
        raise Conflict(f"“{key}” is the anchor of the league's fits. Change the setting anchor first: null, or somebody else.")


def _free_pseudonym(unit: ReadUnit, league_id: int, number: int) -> str:
    candidates = [f"{FORGOTTEN}-{number}", *(f"{FORGOTTEN}-{number}-{count}" for count in range(2, 100))]
    taken = unit.competitors.by_keys(league_id, candidates)
    return next(candidate for candidate in candidates if candidate not in taken)


def _without(report: Any, key: str, pseudonym: str) -> Any:  # noqa: ANN401  JSON
    """A report in which nothing says the key any more: neither who was new, nor what was wrong."""
    new = [pseudonym if other == key else other for other in report["new_competitors"]]
    errors = [{**error, "detail": error["detail"].replace(f"“{key}”", f"“{pseudonym}”")} for error in report["errors"]]
    return {**report, "new_competitors": new, "errors": errors}


def _shape(unit: ReadUnit, league_id: int, number: int, position: int | None) -> RosterShape:
    row = unit.competitors.by_numbers(league_id, [number])[number]
    return {"competitor": row.key, "name": row.name or row.key, "retired": row.retired, "position": position}

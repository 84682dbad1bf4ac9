"""Leagues: creating, listing, changing settings. Every change of an answer is an entry of the league's log."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.errors import BadInput, Fault, LeagueExists
from app.ratings.matches import clean_key, format_time
from app.ratings.online import ALGORITHM
from app.services import ledger
from app.services.as_of import AsOf, LeagueAt, league_at
from app.services.conditions import WHOLE, Conditions
from app.services.keys import Caller, known_keys, lock_league, permit_globally, require_league, require_segment, require_valid
from app.services.league_settings import FIXED_AT_CREATION, LeagueSettings, read_settings, resolve_settings
from app.services.segments import counted_matches
from app.services.shapes import LeagueListShape, LeagueShape
from app.storage.tables import Kind, Stored
from app.storage.unit_of_work import Database, ReadUnit, WriteUnit

LEAGUE_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Head:
    """What decides whether an answer about a league is still fresh."""

    position: int
    published_fit: int | None
    public: bool
    name: str
    last_fit: tuple[int, str] | None = None
    """Its number and what became of it, where that was asked for."""


def create_league(
    database: Database, caller: Caller, league: str, *, name: str | None = None, settings: Mapping[str, Any] | None = None, public: bool = False
) -> LeagueShape:
    """Create a league; its first entry, at position 0, holds all settings as resolved. Raises LeagueExists, BadInput."""
    check_league_id(league)
    shown = league if name is None else _clean_name(name)
    resolved = resolve_settings(settings or {})
    with database.write() as unit:
        author = permit_globally(unit, caller, "manage")
        if unit.leagues.by_key(league) is not None:
            raise LeagueExists(league)
        _write_creation(unit, league, shown, resolved, public, author)
        shape = league_shape(unit, unit.leagues.existing(league))
        unit.commit()
        return shape


def check_league_id(league: str) -> None:
    """Raises BadInput for what cannot be the id of a league."""
    if not LEAGUE_ID.fullmatch(league):
        fault = Fault("/league", "Use 1 to 63 lower-case letters a–z, digits and hyphens, not beginning with a hyphen.")
        raise BadInput("The league's id cannot be accepted.", [fault])


def _clean_name(name: str) -> str:
    try:
        return clean_key(name)
    except ValueError as error:
        raise BadInput("The league's name cannot be accepted.", [Fault("/name", f"name {error}")]) from None


def _write_creation(unit: WriteUnit, league: str, name: str, settings: LeagueSettings, public: bool, author: str | None) -> None:
    now = unit.now()
    details = ledger.canonical(
        {
            "league": league,
            "name": name,
            "public": public,
            "settings": settings.model_dump(),
            "format": ledger.FORMAT,
            "algorithm": settings.rules().algorithm,
        }
    )
    insert_league(unit, league, name, public, now, author, details)


def insert_league(unit: WriteUnit, league: str, name: str, public: bool, recorded_at: int, author: str | None, details: str) -> None:
    """Write a league's row and its entry at position 0, whose fields are `details`. Raises LeagueExists."""
    settings = json.loads(details)["settings"]
    head = ledger.chain(ledger.NO_HEAD, ledger.other_body(0, Kind.CREATE, recorded_at, author, None, details))
    league_id = unit.leagues.add(
        {
            "key": league,
            "name": name,
            "public": public,
            "created_at": recorded_at,
            "settings": ledger.canonical(settings),
            "position": 0,
            "recorded_at": recorded_at,
            "log_head": head,
            "competitors": 0,
            "matches": 0,
            "results": 0,
            "fits": 0,
            "fitted_results": 0,
            "fit_requested_at": recorded_at,
        }
    )
    if league_id is None:
        raise LeagueExists(league)
    unit.entries.add(league_id, 0, Kind.CREATE, recorded_at, author, details)


def append_entry(
    unit: WriteUnit, row: Stored, kind: Kind, author: str | None, details: str, target: int | None = None, **changes: object
) -> tuple[int, int]:
    """Append an entry that holds no match to a locked league, with `changes` to the league's row. Returns its position and time."""
    position, recorded_at = next_entry(row)
    body = ledger.other_body(position, kind, recorded_at, author, target, details)
    unit.entries.add(row.id, position, kind, recorded_at, author, details, target=target)
    advance(unit, row, position, recorded_at, body, **changes)
    return position, recorded_at


def next_entry(row: Stored) -> tuple[int, int]:
    """Position and time of the entry that would follow in a locked league."""
    return row.position + 1, max(row.now, row.recorded_at)


def advance(unit: WriteUnit, row: Stored, position: int, recorded_at: int, body: str, **changes: object) -> None:
    """Make an entry the last of its league."""
    head = ledger.chain(row.log_head, body)
    unit.leagues.change(row.id, {"position": position, "recorded_at": recorded_at, "log_head": head, **changes})


def get_league(database: Database, caller: Caller, league: str, *, as_of: AsOf = None) -> LeagueShape:
    """One league, now or as it was at a position or time. Raises LeagueNotFound, BadInput."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league)
        then = league_at(unit, row, as_of)
        if not isinstance(then, LeagueAt):
            return league_shape(unit, row)
        counted = counted_matches(database, unit, then, then.position)
        return _shape(unit, then, len(counted), counted.playing)


def head(database: Database, caller: Caller, league: str, where: Conditions = WHOLE, *, with_last_fit: bool = False) -> Head:
    """The league's position and published fit: one look-up by key, and one more for the last fit. Raises LeagueNotFound; for a segment KeyRequired, ScopeMissing."""
    with database.read() as unit:
        row, _ = require_segment(unit, caller, league, where)
        last = next(iter(unit.refits.page(row.id, row.fits + 1, 1, where.text)), None) if with_last_fit and row.fits else None
        return Head(row.position, row.published_fit, row.public, row.name, None if last is None else (last.number, last.status))


def list_leagues(database: Database, caller: Caller, *, cursor: str | None = None, limit: int = 100) -> LeagueListShape:
    """The leagues that the caller may read, by id."""
    with database.read() as unit:
        keys = known_keys(unit, [caller], unit.now())
        require_valid(caller, keys)
        key = keys.get(caller.digest or b"")
        everything = caller.kind == "operator" or (key is not None and key.league_id is None)
        rows = unit.leagues.page(cursor or "", limit + 1, only_public=not everything, only_id=None if key is None else key.league_id)
        shown = [league_shape(unit, row) for row in rows[:limit]]
    return {"rows": shown, "next": shown[-1]["league"] if len(rows) > limit else None}


def change_league(
    database: Database,
    caller: Caller,
    league: str,
    *,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    public: bool | None = None,
) -> LeagueShape:
    """Change a league from here on, as one entry; what would change nothing writes nothing. Raises LeagueNotFound, BadInput."""
    with database.write() as unit:
        row, author = lock_league(unit, caller, league, "manage")
        changes = _changes(row, name, settings, public)
        if changes:
            stored = {**changes, "settings": ledger.canonical(changes["settings"])} if "settings" in changes else changes
            append_entry(unit, row, Kind.SETTINGS, author, ledger.canonical({**changes, **_algorithm_of(changes)}), **stored)
        shape = league_shape(unit, unit.leagues.existing(league))
        unit.commit()
        return shape


def _algorithm_of(changes: Mapping[str, Any]) -> dict[str, str]:
    """What the entry says of the arithmetic that follows it: nothing where every reader of a log knows it."""
    if "settings" not in changes:
        return {}
    algorithm = LeagueSettings.model_validate(changes["settings"]).rules().algorithm
    return {} if algorithm == ALGORITHM else {"algorithm": algorithm}


def _changes(row: Stored, name: str | None, settings: Mapping[str, Any] | None, public: bool | None) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if name is not None and _clean_name(name) != row.name:
        changes["name"] = _clean_name(name)
    if public is not None and public != row.public:
        changes["public"] = public
    before = read_settings(row.settings).model_dump()  # with the defaults of settings that were unknown when it was written
    after = resolve_settings(settings or {}, before).model_dump()
    fixed = [setting for setting in FIXED_AT_CREATION if after[setting] != before[setting]]
    if fixed:
        faults = [Fault(f"/settings/{setting}", "Fixed when the league is created; make a new league for another value.") for setting in fixed]
        raise BadInput("Some settings cannot be changed any more.", faults)
    if after != before:
        changes["settings"] = after
    return changes


def league_shape(unit: ReadUnit, row: Stored) -> LeagueShape:
    """A league's row as it is answered; who lost their only match to a void is no competitor any more."""
    # Who is registered has an entry that names them, and may not have played yet.
    playing = unit.competitors.playing(row.id) if row.amended_position or row.named_position else row.competitors
    return _shape(unit, row, row.matches, playing)


def _shape(unit: ReadUnit, row: Any, matches: int, competitors: int) -> LeagueShape:  # noqa: ANN401  a row or LeagueAt
    return {
        "league": row.key,
        "name": row.name,
        "public": row.public,
        "position": row.position,
        "published_fit": row.published_fit,
        "matches": matches,
        "competitors": competitors,
        "created_at": format_time(row.created_at),
        "settings": json.loads(ledger.canonical(read_settings(row.settings).model_dump())),
        "settings_position": unit.entries.settings_changes(row.id, row.position)[-1][0],
    }

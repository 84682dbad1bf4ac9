"""A league as it was at an earlier position of its log: what Arpad showed then.

Every answer follows from the log up to that position. Numbers and keys never change; names are current. Who may read it is decided by what is public now.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.errors import BadInput, Fault
from app.services.conditions import WHOLE, Conditions, of_details
from app.services.ledger import time_text
from app.storage.tables import Kind, Stored
from app.storage.unit_of_work import ReadUnit


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in microseconds since the epoch: what stood at the last entry at or before it."""

    microseconds: int


FITS_AT_ONCE: Final = 32
AsOf = int | Moment | None
"""A position, a time, or the present."""


@dataclass(frozen=True, slots=True)
class LeagueAt:
    """A league's row as it was at a position; named like the columns that reads use."""

    id: int
    key: str
    name: str
    public: bool
    position: int
    time: int
    """What depends on the time of day is reckoned at this."""
    created_at: int
    settings: str
    competitors: int
    fits: int
    published_fit: int | None
    amended_position: int
    named_position: int


def league_at(unit: ReadUnit, row: Stored, as_of: AsOf) -> Any:  # noqa: ANN401  a row or what stands for one
    """The league at a position or time; the row itself for the present. Raises BadInput for what lies ahead, or before the league."""
    if as_of is None:
        return row
    position = position_at(unit, row, as_of)
    settings, name, public = json.loads(row.settings), row.name, row.public
    for kind in (Kind.CREATE, Kind.SETTINGS):
        for entry in unit.entries.of_kind(row.id, kind, position):
            details = json.loads(entry.details)
            settings, name, public = details.get("settings", settings), details.get("name", name), details.get("public", public)
    return LeagueAt(
        id=row.id,
        key=row.key,
        name=name,
        public=public,
        position=position,
        time=as_of.microseconds if isinstance(as_of, Moment) else unit.entries.time_of(row.id, position) or row.created_at,
        created_at=row.created_at,
        settings=json.dumps(settings),
        competitors=unit.competitors.created_by(row.id, position),
        fits=row.fits,
        published_fit=last_published(unit, row.id, position),
        amended_position=unit.entries.last_amended(row.id, position) if row.amended_position else 0,
        named_position=row.named_position,
    )


def position_at(unit: ReadUnit, row: Stored, as_of: int | Moment, name: str = "as_of") -> int:
    """The position that is meant. Raises BadInput, which names the argument, for what lies ahead, or before the league."""
    if isinstance(as_of, Moment):
        return _last_before(unit, row, as_of.microseconds, name)
    if not 0 <= as_of <= row.position:
        fault = Fault(name, f"Use a position from 0 to {row.position}, or a time such as 2026-11-20T18:00:00Z.")
        raise BadInput(f"The log has no position {as_of} yet.", [fault])
    return as_of


def _last_before(unit: ReadUnit, row: Stored, moment: int, name: str) -> int:
    """Times never fall along the log, so that bisection finds the last entry at or before one."""
    if moment > unit.now():
        raise BadInput("That time lies ahead.", [Fault(name, "Use a time that has passed, or a position.")])
    if moment < row.created_at:
        raise BadInput("The league did not exist then.", [Fault(name, f"It was created at {time_text(row.created_at)}.")])
    low, high = 0, int(row.position)
    while low < high:
        middle = (low + high + 1) // 2
        recorded_at = unit.entries.time_of(row.id, middle)
        low, high = (middle, high) if recorded_at is not None and recorded_at <= moment else (low, middle - 1)
    return low


def published_by(unit: ReadUnit, league: Any, where: Conditions | None = WHOLE) -> list[int]:  # noqa: ANN401  as above
    """The numbers of the fits that were published by the league's position, oldest first."""
    return published_numbers(unit, league.id, league.position, where)


def published_numbers(unit: ReadUnit, league_id: int, position: int, where: Conditions | None = WHOLE) -> list[int]:
    """As the log tells, of the whole league, of a segment, or (None) of both; of those that this database holds: a restored log has none."""
    told = [json.loads(entry.details) for entry in unit.entries.of_kind(league_id, Kind.FIT, position)]
    numbers = [details["fit"] for details in told if where is None or of_details(details) == where]
    held = unit.fits.held(league_id)
    return [number for number in numbers if number in held]


def last_published(unit: ReadUnit, league_id: int, position: int, where: Conditions = WHOLE) -> int | None:
    """The number of the last such fit, found from the end of the log; None if this database holds none."""
    while entries := unit.entries.last_of_kind(league_id, Kind.FIT, position, FITS_AT_ONCE):
        told = [json.loads(entry.details) for entry in entries]
        numbers = [details["fit"] for details in told if of_details(details) == where]
        held = unit.fits.held(league_id, numbers)
        if found := next((number for number in numbers if number in held), None):
            return int(found)
        position = entries[-1].position - 1
    return None


def retired_at(unit: ReadUnit, league_id: int, position: int) -> dict[int, bool]:
    """Who was retired, or had returned, by a position."""
    details: Sequence[dict[str, Any]] = [json.loads(entry.details) for entry in unit.entries.of_kind(league_id, Kind.RETIRE, position)]
    return {one["competitor"]: one["retired"] for one in details}

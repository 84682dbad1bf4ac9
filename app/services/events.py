"""The log as it grows: its lines after any place, each as it is exported, and none before its entry is committed.

A place is a `Mark`: the position, the head of the chain there and how many competitors had a number, which is all that it takes to write the
lines that follow without reading those before. Nothing beyond a league's committed head is ever read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.services import ledger
from app.services.exports import Line, lines_of
from app.services.keys import Caller, require_league
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit

PART_ENTRIES: Final = 500
"""At most so many lines are read at once: a slow reader of many holds no connection, and not many."""
STRIDE: Final = 20_000


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a league's log, after the entry at `position`."""

    position: int
    head: bytes
    competitors: int


BEGINNING: Final = Mark(-1, ledger.NO_HEAD, 0)


@dataclass(frozen=True, slots=True)
class Part:
    """The lines from one mark to the next."""

    lines: list[Line]
    end: Mark


def latest(database: Database, caller: Caller, league: str) -> tuple[int, Mark]:
    """The league's number and the end of its log. Raises what an export raises: LeagueNotFound, KeyRequired, ScopeMissing."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league, even_if_public=True)
        return row.id, _end(row)


def _end(row: Stored) -> Mark:
    return Mark(row.position, row.log_head, row.competitors)


def advance(database: Database, league_id: int, mark: Mark, position: int) -> Mark:
    """The mark some thousand entries on, or at `position` where that is nearer. It must not lie beyond the head. O(entries between)."""
    with database.read() as unit:
        columns, newcomers = _read(unit, league_id, mark, min(position, mark.position + STRIDE))
    head = mark.head
    for body in ledger.bodies(columns, ledger.created_at_position(newcomers)):
        head = ledger.chain(head, body)
    return Mark(columns["position"][-1], head, mark.competitors + len(newcomers))


def next_part(database: Database, league_id: int, mark: Mark) -> Part | None:
    """The lines that follow a mark, up to `PART_ENTRIES` of entries; None at the end of the log."""
    with database.read() as unit:
        end = unit.leagues.by_id(league_id).position
        if end <= mark.position:
            return None
        columns, newcomers = _read(unit, league_id, mark, min(end, mark.position + PART_ENTRIES))
    lines = list(lines_of(columns, ledger.created_at_position(newcomers), mark.head))
    return Part(lines, Mark(columns["position"][-1], lines[-1].head, mark.competitors + len(newcomers)))


def _read(unit: ReadUnit, league_id: int, mark: Mark, up_to: int) -> tuple[dict[str, Sequence[Any]], list[Any]]:
    """The entries after a mark, and the competitors that they brought into being: two each at most, numbered in the order of the log."""
    columns = unit.entries.part(league_id, mark.position, up_to)
    last = columns["position"][-1]
    numbers = range(mark.competitors, mark.competitors + 2 * len(columns["position"]))
    known = unit.competitors.by_numbers(league_id, numbers)
    return columns, [known[number] for number in numbers if number in known and known[number].created_position <= last]

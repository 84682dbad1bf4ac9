"""The log as a file that proves itself: NDJSON with unchained lines that tell who a number is, the chained entries, and a last line with count and head."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.services import ledger
from app.services.keys import Caller, require_league
from app.storage.unit_of_work import Database

COMPETITOR: Final = "competitor"


@dataclass(frozen=True, slots=True)
class Line:
    """An exported line, and the head of the chain after it.

    That of a competitor, which is no entry, has no position and comes before the entry that brought it into being.
    """

    kind: str
    position: int | None
    text: bytes
    head: bytes


def lines_of(columns: Mapping[str, Sequence[Any]], created: Mapping[int, Sequence[Any]], head: bytes) -> Iterator[Line]:
    """The lines of successive entries, given the head of the chain before them and the competitors whom each brought into being."""
    for position, kind, body in zip(columns["position"], columns["kind"], ledger.bodies(columns, created), strict=True):
        for who in created.get(position, ()):
            yield Line(COMPETITOR, None, ledger.competitor_line(who.number, who.key, who.name, who.salt, who.commitment), head)
        head = ledger.chain(head, body)
        yield Line(ledger.KIND_NAMES[kind], position, ledger.exported(body, head), head)


def export_league(database: Database, caller: Caller, league: str) -> Iterator[bytes]:
    """The lines of the export, each with its line feed, of one snapshot. Raises LeagueNotFound, KeyRequired before the first line."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league, even_if_public=True)
        created = ledger.created_at_position(unit.competitors.all(row.id))
    head, position = ledger.NO_HEAD, -1
    while position < row.position:
        # A part at a time, so that a slow reader of the export holds neither a connection nor a snapshot. The log only grows.
        with database.read() as unit:
            columns = unit.entries.part(row.id, position, row.position)
        for line in lines_of(columns, created, head):
            head = line.head
            yield line.text
        position = columns["position"][-1]
    yield ledger.last_line(row.position + 1, head)

"""The log as a file that proves itself: NDJSON with unchained lines that tell who a number is, the chained entries, and a last line with count and head."""

from collections.abc import Iterator

from app.services import ledger
from app.services.keys import Caller, require_league
from app.storage.unit_of_work import Database


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
        for position, body in zip(columns["position"], ledger.bodies(columns, created), strict=True):
            for who in created.get(position, ()):
                yield ledger.competitor_line(who.number, who.key, who.name, who.salt, who.commitment)
            head = ledger.chain(head, body)
            yield ledger.exported(body, head)
    yield ledger.last_line(row.position + 1, head)

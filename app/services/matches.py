"""Reading recorded matches: one, or a page of them."""

from collections.abc import Sequence
from typing import Any

from app.errors import BadInput, Fault, MatchNotFound
from app.services.keys import Caller, require_league
from app.services.receipts import receipt_of
from app.services.shapes import MatchListShape, ReceiptShape
from app.storage.unit_of_work import Database, ReadUnit


def receipts_of(unit: ReadUnit, league_id: int, rows: Sequence[Any]) -> list[ReceiptShape]:
    """The receipts of stored matches."""
    if not rows:
        return []
    competitors = unit.competitors.by_numbers(league_id, {number for row in rows for number in (row.first, row.second)})
    voided = unit.entries.voids_of(league_id, [row.position for row in rows])
    return [receipt_of(row, competitors, voided=row.position in voided) for row in rows]


def get_match(database: Database, caller: Caller, league: str, match_id: str) -> ReceiptShape:
    """One match with its receipt. Raises LeagueNotFound, MatchNotFound."""
    with database.read() as unit:
        row, author = require_league(unit, caller, league)
        stored = unit.entries.matches_by_id(row.id, [match_id]).get(match_id)
        if stored is None:
            raise MatchNotFound(match_id)
        return _for_reader(receipts_of(unit, row.id, [stored])[0], author)


def list_matches(
    database: Database,
    caller: Caller,
    league: str,
    *,
    competitor: str | None = None,
    key: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> MatchListShape:
    """Matches, newest first; of one competitor, or the one with this id. Raises LeagueNotFound, BadInput for a cursor that is not ours."""
    with database.read() as unit:
        row, author = require_league(unit, caller, league)
        if key is not None:
            stored = unit.entries.matches_by_id(row.id, [key])
            return {"rows": [_for_reader(receipt, author) for receipt in receipts_of(unit, row.id, list(stored.values()))], "next": None}
        number = _number_of(unit, row.id, competitor) if competitor is not None else None
        before = read_position(cursor, row.position + 1)
        found = unit.entries.matches_page(row.id, before, row.position, limit + 1, number) if number != -1 else []
        shown = [_for_reader(receipt, author) for receipt in receipts_of(unit, row.id, found[:limit])]
    return {"rows": shown, "next": str(shown[-1]["position"]) if len(found) > limit else None}


def _number_of(unit: ReadUnit, league_id: int, key: str) -> int:
    found = unit.competitors.by_key(league_id, key)
    return -1 if found is None else int(found.number)


def read_position(cursor: str | None, default: int) -> int:
    """The position in a cursor. Raises BadInput."""
    if cursor is None:
        return default
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 15):
        raise BadInput("The cursor is not one of ours.", [Fault("cursor", "Use the “next” of the page before, or leave it out.")])
    return int(cursor)


def _for_reader(receipt: ReceiptShape, author: str | None) -> ReceiptShape:
    """Context and author are not for the public."""
    if author is None:
        receipt.pop("context", None)
        receipt.pop("author", None)
    return receipt

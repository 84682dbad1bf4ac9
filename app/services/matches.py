"""Reading recorded matches: one, or a page of them."""

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from app.errors import BadInput, Fault, MatchNotFound
from app.services.amendment_shapes import AmendedShape, MatchDetailShape, Undone
from app.services.amendments import matches_of
from app.services.as_of import AsOf, league_at
from app.services.keys import Caller, require_league
from app.services.ledger import time_text
from app.services.receipts import receipt_of, stored_fields
from app.services.segments import amendments_at
from app.services.shapes import ListedMatchShape, MatchListShape, ReceiptShape
from app.storage.tables import Kind
from app.storage.unit_of_work import Database, ReadUnit


def receipts_of(unit: ReadUnit, league: Any, rows: Sequence[Any]) -> list[ReceiptShape]:  # noqa: ANN401  a row or LeagueAt
    """The receipts of stored matches."""
    if not rows:
        return []
    competitors = unit.competitors.by_numbers(league.id, {number for row in rows for number in (row.first, row.second)})
    voided = amendments_at(unit, league, league.position).voided
    return [receipt_of(row, competitors, voided=row.position in voided) for row in rows]


def _shown(unit: ReadUnit, league: Any, rows: Sequence[Any], author: str | None) -> list[ListedMatchShape]:  # noqa: ANN401  a row or LeagueAt
    """The receipts of stored matches as a reader may see them, each with what it was corrected to."""
    shown = [cast("ListedMatchShape", receipt) for receipt in receipts_of(unit, league, rows)]
    holding = amendments_at(unit, league, league.position).corrections if rows else {}
    corrections: dict[str, Any] = {row.match_id: SimpleNamespace(**(holding[row.position].match or {})) for row in rows if row.position in holding}
    numbers = {number for one in corrections.values() for number in (one.first, one.second)}
    competitors = unit.competitors.by_numbers(league.id, numbers) if numbers else {}
    for listed in shown:
        if (match_id := listed["match_id"]) in corrections:
            listed["corrected"] = stored_fields(corrections[match_id], match_id, competitors)
    return [_for_reader(listed, author) for listed in shown]


def get_match(database: Database, caller: Caller, league: str, match_id: str, *, as_of: AsOf = None) -> MatchDetailShape:
    """One match with its receipt and every amendment of it. Raises LeagueNotFound, MatchNotFound."""
    with database.read() as unit:
        row, author = require_league(unit, caller, league)
        then = league_at(unit, row, as_of)
        stored = unit.entries.matches_by_id(row.id, [match_id]).get(match_id)
        if stored is None or stored.position > then.position:
            raise MatchNotFound(match_id)
        [receipt], amended = _shown(unit, then, [stored], author), _amended(unit, then, stored)
    for one in amended if author is None else ():
        one.pop("author", None)
        if one["match"] is not None:
            one["match"].pop("context", None)
    shown = cast("MatchDetailShape", receipt)
    if amended:
        shown["amendments"] = amended
    return shown


def _amended(unit: ReadUnit, league: Any, stored: Any) -> list[AmendedShape]:  # noqa: ANN401  rows
    """The entries about a match, and about those, in order."""
    about, shown = {stored.position}, list[Any]()
    for entry in unit.entries.amendments(league.id, league.position) if league.amended_position else ():
        if entry.target in about:
            about.add(entry.position)
            shown.append(entry)
    voided = amendments_at(unit, league, league.position).voided if shown else {}
    kinds: dict[int, Undone] = {stored.position: "match", **{entry.position: "correct" if entry.kind == Kind.CORRECT else "void" for entry in shown}}
    numbers = {number for entry in shown if entry.kind == Kind.CORRECT for number in (entry.first, entry.second)}
    competitors = unit.competitors.by_numbers(league.id, numbers) if numbers else {}
    return [
        {
            "position": entry.position,
            "kind": "correct" if entry.kind == Kind.CORRECT else "void",
            "undoes": None if entry.kind == Kind.CORRECT else kinds[entry.target],
            "counts": entry.position not in voided,
            "reason": json.loads(entry.details)["reason"],
            "recorded_at": time_text(entry.recorded_at),
            "author": entry.author,
            "match": stored_fields(entry, stored.match_id, competitors) if entry.kind == Kind.CORRECT else None,
        }
        for entry in shown
    ]


def list_matches(
    database: Database,
    caller: Caller,
    league: str,
    *,
    competitor: str | None = None,
    key: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
    as_of: AsOf = None,
) -> MatchListShape:
    """Matches, newest first; of one competitor, or the one with this id. Raises LeagueNotFound, BadInput for a cursor that is not ours."""
    with database.read() as unit:
        row, author = require_league(unit, caller, league)
        then = league_at(unit, row, as_of)
        if key is not None:
            stored = [one for one in unit.entries.matches_by_id(row.id, [key]).values() if one.position <= then.position]
            return {"rows": _shown(unit, then, stored, author), "next": None}
        before = min(read_position(cursor, then.position + 1), then.position + 1)
        found = _page(unit, then, before, limit + 1, competitor)
        shown = _shown(unit, then, found[:limit], author)
    return {"rows": shown, "next": str(shown[-1]["position"]) if len(found) > limit else None}


def _page(unit: ReadUnit, league: Any, before: int, limit: int, competitor: str | None) -> Sequence[Any]:  # noqa: ANN401  a row or LeagueAt
    """Of a competitor: what was recorded under their number, under that of who was merged into them, and what was corrected to be theirs."""
    if competitor is None:
        return unit.entries.matches_page(league.id, before, limit)
    found = unit.competitors.by_key(league.id, competitor)
    if found is None:
        return []
    numbers, positions = matches_of(amendments_at(unit, league, league.position), [found.number])
    return unit.entries.matches_page(league.id, before, limit, numbers, positions)


def read_position(cursor: str | None, default: int) -> int:
    """The position in a cursor. Raises BadInput."""
    if cursor is None:
        return default
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 15):
        raise BadInput("The cursor is not one of ours.", [Fault("cursor", "Use the “next” of the page before, or leave it out.")])
    return int(cursor)


def _for_reader(receipt: ListedMatchShape, author: str | None) -> ListedMatchShape:
    """Context and author are not for the public."""
    if author is None:
        receipt.pop("context", None)
        receipt.pop("author", None)
        if "corrected" in receipt:
            receipt["corrected"].pop("context", None)
    return receipt

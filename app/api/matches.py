"""Matches: recorded one by one or in batches, listed, shown. What takes them back or corrects them is in `amendments`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response

from app.api import amendment_examples, examples
from app.api.answers import Manner, answer, created, location, not_stored, replayed
from app.api.bodies import LARGE_BODY, SMALL_BODY, Body
from app.api.dependencies import caller_of, require_reporter, run, runtime_of
from app.api.documentation import READ_PROBLEMS, WRITE_PROBLEMS, creations, documented, json_answer, json_body
from app.api.incoming import columns_of, match_of
from app.api.operations import (
    Cursor,
    DryRun,
    ExpectedPosition,
    League,
    Limit,
    MatchPath,
    QueryAsOf,
    QueryKey,
    offer_collection,
    resource_router,
)
from app.api.schemas import NewBatch, NewMatch
from app.errors import BadInput, Fault, MatchIdTaken, MatchNotFound, PositionMoved, RecorderFull, RecorderStopped
from app.ratings.matches import MatchColumns
from app.services import matches as recorded
from app.services import placing, recording
from app.services.amendment_shapes import MatchDetailShape, PreviewShape
from app.services.recording import as_columns, new_match_id
from app.services.shapes import BatchShape, MatchListShape, ReceiptShape

router = resource_router("matches")

_MATCH = Body(NewMatch, SMALL_BODY)
_BATCH = Body(NewBatch, LARGE_BODY)
_ROW_POINTER = re.compile(r"/matches/(\d+)/(\w+)")


@router.post(
    "/v1/leagues/{league:league}/matches",
    **documented(
        creations(ReceiptShape, examples.RECEIPT, preview=(PreviewShape, amendment_examples.PREVIEW)),
        body=json_body(_MATCH, smallest=examples.SMALLEST_MATCH, with_everything=examples.NEW_MATCH),
        problems=[*WRITE_PROBLEMS, MatchIdTaken, PositionMoved, RecorderFull, RecorderStopped],
    ),
)
async def record_match(request: Request, league: League, dry_run: DryRun = False, expected_position: ExpectedPosition = None) -> Response:
    """Record one match and answer once it is safely stored; with a match_id it counts once, however often it is sent. With dry_run, who would move. Needs the scope report."""
    caller = caller_of(request)
    match = match_of(_MATCH.parse(await _MATCH.read(request)))
    if caller.kind == "anonymous":
        # Never queued: a flood of these must not fill the recorder. Keys are checked by the recorder itself.
        await require_reporter(request, league)
    if dry_run:
        return await _preview(request, league, as_columns([match]), given=[match.match_id is not None], place=r"/\2", expected=expected_position)
    if expected_position is None:
        recorded = await runtime_of(request).recorder.record(league, caller, match)
    else:
        recorded = await run(request, partial(recording.record_match, league=league, match=match, expected_position=expected_position))
    reply = replayed if recorded.replayed else created
    return reply(recorded.receipt, location("leagues", league, "matches", recorded.receipt["match_id"]))


@router.post(
    "/v1/leagues/{league:league}/matches/batch",
    **documented(
        creations(BatchShape, examples.BATCH, preview=(PreviewShape, amendment_examples.PREVIEW)),
        body=json_body(_BATCH, rows=examples.BATCH_OF_ROWS, columns=examples.BATCH_OF_COLUMNS),
        problems=[*WRITE_PROBLEMS, MatchIdTaken, PositionMoved],
    ),
)
async def record_batch(request: Request, league: League, dry_run: DryRun = False, expected_position: ExpectedPosition = None) -> Response:
    """Record up to 100,000 matches, all or nothing, as rows or (faster) as columns. The receipts of the first 1,000 are answered."""
    await require_reporter(request, league)
    body = await _BATCH.read(request)
    columns, by_column = await runtime_of(request).pools.work(partial(_columns, body))
    place = r"/columns/\2/\1" if by_column else r"/matches/\1/\2"
    if dry_run:
        return await _preview(
            request, league, columns, given=[match_id is not None for match_id in columns.match_id], place=place, expected=expected_position
        )
    with _pointing(place):
        shape = await run(request, partial(recording.record_batch, league=league, matches=columns, expected_position=expected_position))
    reply = created if shape["recorded"] else replayed
    return reply(shape, location("leagues", league, "matches"))


async def _preview(request: Request, league: str, matches: MatchColumns, *, given: list[bool], place: str, expected: int | None) -> Response:
    matches.match_id = [match_id or new_match_id() for match_id in matches.match_id]
    with _pointing(place):
        preview = partial(placing.preview_matches, league=league, matches=matches, given=given, expected_position=expected)
        return not_stored(await run(request, preview))


@contextmanager
def _pointing(place: str) -> Iterator[None]:
    """Name the places of faults as they were sent. Services speak of rows: /matches/<row>/<field>."""
    try:
        yield
    except (BadInput, MatchIdTaken) as error:
        error.faults = tuple(Fault(_ROW_POINTER.sub(place, fault.pointer), fault.detail) for fault in error.faults)
        raise


def _columns(body: bytes) -> tuple[MatchColumns, bool]:
    sent = _BATCH.parse(body)
    return columns_of(sent), "columns" in sent


async def list_matches(
    request: Request,
    league: League,
    competitor: Annotated[QueryKey | None, Query(description="Only matches of this competitor.", examples=["Alice"])] = None,
    key: Annotated[QueryKey | None, Query(description="Only the match with this id.", examples=["2026-11-20-17"])] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    as_of: QueryAsOf = None,
) -> Response:
    """Matches with their receipts, newest first, voided ones too; also as .csv and .ndjson."""
    service = partial(recorded.list_matches, league=league, competitor=competitor, key=key, cursor=cursor, limit=limit)
    return await answer(request, league, service, Manner(row_type=ReceiptShape), as_of)


offer_collection(
    router,
    "/v1/leagues/{league:league}/matches",
    list_matches,
    **documented(json_answer(200, MatchListShape, examples.MATCHES, pages=True, files=True, dated=True), problems=READ_PROBLEMS),
)


@router.get(
    "/v1/leagues/{league:league}/matches/{match_id:key}",
    **documented(json_answer(200, MatchDetailShape, amendment_examples.AMENDED_MATCH, dated=True), problems=[*READ_PROBLEMS, MatchNotFound]),
)
async def get_match(request: Request, league: League, match_id: MatchPath, as_of: QueryAsOf = None) -> Response:
    """One match with its receipt, which is what it did to both ratings when it was recorded, and with every amendment of it."""
    return await answer(request, league, partial(recorded.get_match, league=league, match_id=match_id), Manner(), as_of)

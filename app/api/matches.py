"""Matches: recorded one by one or in batches, listed, shown, voided."""

import re
from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response

from app.api import examples
from app.api.answers import Manner, answer, created, location, not_stored, replayed
from app.api.bodies import LARGE_BODY, SMALL_BODY, Body
from app.api.dependencies import caller_of, require_reporter, run, runtime_of
from app.api.documentation import READ_PROBLEMS, WRITE_PROBLEMS, creations, documented, json_answer, json_body
from app.api.incoming import columns_of, match_of
from app.api.operations import BareRoute, Cursor, League, Limit, MatchPath, QueryKey, offer_collection, resource_router
from app.api.schemas import NewBatch, NewMatch, VoidRequest
from app.errors import Fault, MatchAlreadyVoided, MatchIdTaken, MatchNotFound, PositionMoved, RecorderFull, RecorderStopped
from app.ratings.matches import MatchColumns
from app.services import corrections, recording
from app.services import matches as recorded
from app.services.amendment_shapes import AmendmentShape
from app.services.shapes import BatchShape, MatchListShape, ReceiptShape

hot_router = resource_router("matches", BareRoute)
router = resource_router("matches")

_MATCH = Body(NewMatch, SMALL_BODY)
_BATCH = Body(NewBatch, LARGE_BODY)
_VOID = Body(VoidRequest)
_ROW_POINTER = re.compile(r"/matches/(\d+)/(\w+)")
_LEAGUE_PARAMETER = {
    "name": "league",
    "in": "path",
    "required": True,
    "description": "The id of the league.",
    "schema": {"type": "string"},
    "example": "tennis",
}

DryRun = Annotated[bool, Query(description="Only say what would happen; nothing is recorded.", examples=[True])]


@hot_router.post(
    "/v1/leagues/{league:league}/matches",
    **documented(
        creations(ReceiptShape, examples.RECEIPT),
        body=json_body(_MATCH, smallest=examples.SMALLEST_MATCH, with_everything=examples.NEW_MATCH),
        problems=[*WRITE_PROBLEMS, MatchIdTaken, RecorderFull, RecorderStopped],
        parameters=[_LEAGUE_PARAMETER],
    ),
)
async def record_match(request: Request) -> Response:
    """Record one match and answer once it is safely stored; with a match_id it counts once, however often it is sent. Needs the scope report."""
    league: str = request.path_params["league"]
    caller = caller_of(request)
    match = match_of(_MATCH.parse(await _MATCH.read(request)))
    if caller.kind == "anonymous":
        # Never queued: a flood of these must not fill the recorder. Keys are checked by the recorder itself.
        await require_reporter(request, league)
    recorded = await runtime_of(request).recorder.record(league, caller, match)
    reply = replayed if recorded.replayed else created
    return reply(recorded.receipt, location("leagues", league, "matches", recorded.receipt["match_id"]))


@router.post(
    "/v1/leagues/{league:league}/matches/batch",
    **documented(
        creations(BatchShape, examples.BATCH),
        body=json_body(_BATCH, rows=examples.BATCH_OF_ROWS, columns=examples.BATCH_OF_COLUMNS),
        problems=[*WRITE_PROBLEMS, MatchIdTaken],
    ),
)
async def record_batch(request: Request, league: League) -> Response:
    """Record up to 100,000 matches, all or nothing, as rows or (faster) as columns. The receipts of the first 1,000 are answered."""
    await require_reporter(request, league)
    body = await _BATCH.read(request)
    columns, by_column = await runtime_of(request).pools.work(partial(_columns, body))
    try:
        shape = await run(request, partial(recording.record_batch, league=league, matches=columns))
    except MatchIdTaken as error:
        if by_column:
            error.faults = tuple(Fault(_ROW_POINTER.sub(r"/columns/\2/\1", fault.pointer), fault.detail) for fault in error.faults)
        raise
    reply = created if shape["recorded"] else replayed
    return reply(shape, location("leagues", league, "matches"))


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
) -> Response:
    """Matches with their receipts, newest first, voided ones too; also as .csv and .ndjson."""
    service = partial(recorded.list_matches, league=league, competitor=competitor, key=key, cursor=cursor, limit=limit)
    return await answer(request, league, service, Manner(row_type=ReceiptShape))


offer_collection(
    router,
    "/v1/leagues/{league:league}/matches",
    list_matches,
    **documented(json_answer(200, MatchListShape, examples.MATCHES, pages=True, files=True), problems=READ_PROBLEMS),
)


@router.get(
    "/v1/leagues/{league:league}/matches/{match_id:key}",
    **documented(json_answer(200, ReceiptShape, examples.RECEIPT), problems=[*READ_PROBLEMS, MatchNotFound]),
)
async def get_match(request: Request, league: League, match_id: MatchPath) -> Response:
    """One match with its receipt: what it did to both ratings when it was recorded."""
    return await answer(request, league, partial(recorded.get_match, league=league, match_id=match_id), Manner())


@router.post(
    "/v1/leagues/{league:league}/matches/{match_id:key}/void",
    **documented(
        json_answer(200, AmendmentShape, examples.VOID),
        body=json_body(_VOID, void=examples.VOID_REQUEST),
        problems=[*WRITE_PROBLEMS, MatchNotFound, MatchAlreadyVoided, PositionMoved],
    ),
)
async def void_match(request: Request, league: League, match_id: MatchPath, dry_run: DryRun = False) -> Response:
    """Take a match back: the ratings become what they would be without it. With dry_run, who would move; needs the scope manage."""
    sent = await _VOID.content(request)
    void = partial(corrections.void_match, league=league, match_id=match_id, dry_run=dry_run, **sent)
    return not_stored(await run(request, void))

"""Who leads, who takes part, how each of them got there, and why."""

from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response

from app.api import amendment_examples, examples
from app.api.answers import Manner, answer
from app.api.documentation import READ_PROBLEMS, documented, json_answer
from app.api.operations import (
    AsOfText,
    CompetitorPath,
    Cursor,
    League,
    Limit,
    QueryAsOf,
    QueryBy,
    QueryKey,
    QueryMoment,
    QueryWhere,
    conditions,
    offer_collection,
    resource_router,
)
from app.errors import CompetitorNotFound, FitNotPublished, ScopeMissing
from app.services import explanations, histories, standings
from app.services.amendment_shapes import ExplainedShape
from app.services.moments import parse_as_of, parse_moment
from app.services.shapes import (
    CompetitorListRow,
    CompetitorListShape,
    CompetitorShape,
    HistoryRow,
    HistoryShape,
    LeaderboardRow,
    LeaderboardShape,
    OpponentRow,
    OpponentsShape,
)

router = resource_router("standings")

_PROBLEMS = (*READ_PROBLEMS, CompetitorNotFound)
_COMPETITOR = "/v1/leagues/{league:league}/competitors/{competitor:key}"


async def leaderboard(  # noqa: PLR0913, PLR0917  each a parameter of the address
    request: Request,
    league: League,
    by: QueryBy = None,
    min_matches: Annotated[int, Query(description="Only competitors with at least so many matches.", ge=0, le=2**31 - 1, examples=[10])] = 0,
    active_since: Annotated[QueryMoment | None, Query(description="Only competitors with a match since.", examples=["2026-01-01T00:00:00Z"])] = None,
    around: Annotated[QueryKey | None, Query(description="The page on which this competitor stands.", examples=["Alice"])] = None,
    inactive: Annotated[bool, Query(description="Whether inactive competitors are shown.", examples=[True])] = True,
    where: QueryWhere = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    as_of: QueryAsOf = None,
) -> Response:
    """Who leads: ranks with their uncertainty, per island of competitors that matches connect; also as .csv and .ndjson.

    With `where` of a segment: rated as if nothing else had been played, or by the fit that was published of it.
    """
    service = partial(
        standings.leaderboard,
        league=league,
        by=by,
        min_matches=min_matches,
        active_since=None if active_since is None else parse_moment(active_since),
        around=around,
        inactive=inactive,
        cursor=cursor,
        limit=limit,
    )
    return await answer(request, league, service, Manner("head", kept=True, row_type=LeaderboardRow, where=conditions(where)), as_of)


offer_collection(
    router,
    "/v1/leagues/{league:league}/leaderboard",
    leaderboard,
    **documented(
        json_answer(200, LeaderboardShape, examples.LEADERBOARD, tagged=True, pages=True, files=True, dated=True),
        problems=[*_PROBLEMS, FitNotPublished, ScopeMissing],
    ),
)


async def list_competitors(
    request: Request,
    league: League,
    key: Annotated[QueryKey | None, Query(description="Only the competitor with this key.", examples=["Alice"])] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    as_of: QueryAsOf = None,
) -> Response:
    """The competitors of a league in the order of their keys; also as .csv and .ndjson."""
    service = partial(standings.competitors, league=league, key=key, cursor=cursor, limit=limit)
    return await answer(request, league, service, Manner("head", row_type=CompetitorListRow), as_of)


offer_collection(
    router,
    "/v1/leagues/{league:league}/competitors",
    list_competitors,
    **documented(
        json_answer(200, CompetitorListShape, examples.COMPETITORS, tagged=True, pages=True, files=True, dated=True), problems=READ_PROBLEMS
    ),
)


@router.get(
    _COMPETITOR,
    **documented(json_answer(200, CompetitorShape, examples.COMPETITOR, tagged=True, dated=True), problems=[*_PROBLEMS, ScopeMissing]),
)
async def get_competitor(request: Request, league: League, competitor: CompetitorPath, where: QueryWhere = None, as_of: QueryAsOf = None) -> Response:
    """One competitor: live rating, fitted rating, rank and record; with `where` those of a segment."""
    service = partial(standings.competitor, league=league, key=competitor)
    return await answer(request, league, service, Manner("head", where=conditions(where)), as_of)


async def get_history(
    request: Request, league: League, competitor: CompetitorPath, cursor: Cursor = None, limit: Limit = 100, as_of: QueryAsOf = None
) -> Response:
    """A competitor's counted matches, newest first, each with the rating before and after; also as .csv and .ndjson."""
    service = partial(histories.history, league=league, key=competitor, cursor=cursor, limit=limit)
    return await answer(request, league, service, Manner("head", row_type=HistoryRow), as_of)


offer_collection(
    router,
    _COMPETITOR + "/history",
    get_history,
    **documented(json_answer(200, HistoryShape, examples.HISTORY, tagged=True, pages=True, files=True, dated=True), problems=_PROBLEMS),
)


async def get_opponents(
    request: Request, league: League, competitor: CompetitorPath, cursor: Cursor = None, limit: Limit = 100, as_of: QueryAsOf = None
) -> Response:
    """The record of a competitor against each opponent, beside what was expected; also as .csv and .ndjson."""
    service = partial(histories.opponents, league=league, key=competitor, cursor=cursor, limit=limit)
    return await answer(request, league, service, Manner("head", row_type=OpponentRow), as_of)


offer_collection(
    router,
    _COMPETITOR + "/opponents",
    get_opponents,
    **documented(json_answer(200, OpponentsShape, examples.OPPONENTS, tagged=True, pages=True, files=True, dated=True), problems=_PROBLEMS),
)


@router.get(
    _COMPETITOR + "/explain",
    **documented(json_answer(200, ExplainedShape, amendment_examples.EXPLAINED, tagged=True, dated=True), problems=_PROBLEMS),
)
async def explain_rating(
    request: Request,
    league: League,
    competitor: CompetitorPath,
    since: Annotated[AsOfText, Query(description="From where on: a position of the log, or a time.", examples=["0"])] = "0",
    as_of: QueryAsOf = None,
) -> Response:
    """Why a competitor's rating moved: every change since a position or time, each line following on from the one before; up to 1,000 lines."""
    service = partial(explanations.explain, league=league, key=competitor, since=parse_as_of(since))
    return await answer(request, league, service, Manner("head"), as_of)

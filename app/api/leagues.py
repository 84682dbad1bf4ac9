"""Leagues: made, listed, shown, changed."""

from functools import partial

from fastapi import Request, Response

from app.api import examples
from app.api.answers import Manner, answer, created, location, not_stored, page
from app.api.bodies import Body
from app.api.dependencies import look_up, run, runtime_of
from app.api.documentation import READ_PROBLEMS, WRITE_PROBLEMS, documented, json_answer, json_body
from app.api.operations import Cursor, League, Limit, QueryAsOf, resource_router
from app.api.schemas import LeagueChange, NewLeague
from app.errors import DatabaseLocked, KeyRequired, LeagueExists
from app.services import leagues
from app.services.shapes import LeagueListShape, LeagueShape

router = resource_router("leagues")

_NEW = Body(NewLeague)
_CHANGE = Body(LeagueChange)


@router.get("/v1/leagues", **documented(json_answer(200, LeagueListShape, examples.LEAGUES, pages=True), problems=[KeyRequired, DatabaseLocked]))
async def list_leagues(request: Request, cursor: Cursor = None, limit: Limit = 100) -> Response:
    """The leagues that the caller may read: the public ones, and those that the key opens."""
    return page(request, await look_up(request, partial(leagues.list_leagues, cursor=cursor, limit=limit)))


@router.post(
    "/v1/leagues",
    **documented(
        json_answer(201, LeagueShape, examples.LEAGUE), body=json_body(_NEW, league=examples.NEW_LEAGUE), problems=[LeagueExists, *WRITE_PROBLEMS]
    ),
)
async def create_league(request: Request) -> Response:
    """Make a league. Its settings are resolved now and recorded as the first entry of its log; needs a key with the scope manage."""
    sent = await _NEW.content(request)
    public = sent.get("public", runtime_of(request).public_default)
    make = partial(leagues.create_league, league=sent["league"], name=sent.get("name"), settings=sent.get("settings"), public=public)
    return created(await run(request, make), location("leagues", sent["league"]))


@router.get(
    "/v1/leagues/{league:league}", **documented(json_answer(200, LeagueShape, examples.LEAGUE, tagged=True, dated=True), problems=READ_PROBLEMS)
)
async def get_league(request: Request, league: League, as_of: QueryAsOf = None) -> Response:
    """One league: its name, position, published fit and settings, and the position since which these hold."""
    return await answer(request, league, partial(leagues.get_league, league=league), Manner("head"), as_of)


@router.patch(
    "/v1/leagues/{league:league}",
    **documented(json_answer(200, LeagueShape, examples.LEAGUE), body=json_body(_CHANGE, change=examples.LEAGUE_CHANGE), problems=WRITE_PROBLEMS),
)
async def change_league(request: Request, league: League) -> Response:
    """Change a league's name, visibility or settings from here on, as one entry of its log; needs the scope manage."""
    sent = await _CHANGE.content(request)
    return not_stored(await run(request, partial(leagues.change_league, league=league, **sent)))

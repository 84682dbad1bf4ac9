"""The pages: the leagues, and a league's leaderboard as HTML, JSON and CSV of one and the same list.

Thin routes over the services. How errors become answers is decided in `app.main`, which hands `rendering.render_problem` to its handlers.
A leaderboard is fixed by its league's position, so that a browser which has it already is answered by one look-up. As of an earlier position it
stays as it is but for the names.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Protocol, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

from app.errors import FitNotPublished, LeagueNotFound
from app.services import differences, leagues, permalinks, predictions, refits, standings
from app.services.answer_shapes import BridgesShape, DriftShape, ForecastShape
from app.services.as_of import AsOf
from app.services.bridges import bridges
from app.services.conditions import Conditions
from app.services.drift_alarms import league_drift
from app.services.keys import Caller
from app.services.moments import parse_as_of
from app.services.shapes import By, FitShape, LeaderboardShape, LeagueShape
from app.services.suggestions import forecast
from app.storage.unit_of_work import Database
from app.web.comparing import compare_page
from app.web.rendering import ASSETS, REPRESENTATION, SAFETY_HEADERS, render, render_problem
from app.web.spreadsheets import leaderboard_csv
from app.web.views import DEFAULT_LIMIT, Asked, leaderboard_page, league_url, leagues_page, next_url, permalink

PERMANENT = "public, max-age=86400"
LONG_AGO = "public, max-age=31536000, immutable"
HTML = "text/html; charset=utf-8"
SMALL = 500
"""Competitors up to which a page reckons what is missing, and how many more matches would tell."""
Answer = TypeVar("Answer")
Key = Annotated[str, Field(min_length=1, max_length=200)]


class InThread(Protocol):
    """Runs blocking work on a reader thread."""

    def __call__(self, work: Callable[[], Answer], /) -> Awaitable[Answer]: ...


class LeaguesQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, Field(max_length=1000)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = DEFAULT_LIMIT


def _zero_if_empty(value: object) -> object:
    # What a browser sends for a field that was cleared.
    return 0 if value == "" else value


def _checked_as_of(text: str) -> str:
    parse_as_of(text)
    return text


def _segment(where: Sequence[str]) -> Conditions:
    """A browser also sends the fields that were left empty."""
    return Conditions.of_texts(filter(None, where))


class LeaderboardQuery(LeaguesQuery):
    by: By | None = None
    min_matches: Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(_zero_if_empty)] = 0
    inactive: bool = True
    where: list[str] = []
    as_of: Annotated[str, AfterValidator(_checked_as_of)] | None = None

    def asked(self) -> Asked:
        return Asked(self.by, self.min_matches, self.inactive, self.cursor, self.limit, self.as_of, _segment(self.where))


class CompareQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    first: Key
    second: Key
    by: By | None = None
    where: list[str] = []
    as_of: Annotated[str, AfterValidator(_checked_as_of)] | None = None

    def asked(self) -> Asked:
        return Asked(by=self.by, as_of=self.as_of, where=_segment(self.where))


class Of(TypedDict):
    """Of what services are asked: the whole league or a segment, now or then."""

    where: Conditions
    as_of: AsOf


class Around(TypedDict):
    """What a leaderboard's page tells beside its rows."""

    fit: FitShape | None
    last: FitShape | None
    drift: DriftShape | None
    bridges: BridgesShape | None
    forecast: ForecastShape | None


class Pages:
    """The handlers, with what they are given."""

    def __init__(self, database: Database, in_thread: InThread, caller_of: Callable[[Request], Caller]) -> None:
        self._database = database
        self._in_thread = in_thread
        self._caller_of = caller_of

    async def list_leagues(self, request: Request, query: Annotated[LeaguesQuery, Query()]) -> Response:
        caller = self._caller_of(request)
        listed = await self._in_thread(lambda: leagues.list_leagues(self._database, caller, cursor=query.cursor, limit=query.limit))
        page = leagues_page(listed["rows"], listed["next"], str(request.base_url))
        return Response(render(page), media_type=HTML, headers={**SAFETY_HEADERS, "Cache-Control": "no-cache"})

    async def show_leaderboard(self, request: Request, league: str, query: Annotated[LeaderboardQuery, Query()]) -> Response:
        def answer(caller: Caller, headers: Mapping[str, str]) -> Response:
            asked = query.asked()
            try:
                shown, board = self._read_all(caller, league, asked)
            except FitNotPublished:
                asked = replace(asked, by=None, cursor=None)
                shown, board = self._read_all(caller, league, asked)
            beside, may_choose = self._around(caller, shown, board, asked), caller.kind != "anonymous"
            page = leaderboard_page(shown, board, asked=asked, base_url=str(request.base_url), may_choose=may_choose, **beside)
            links = _link(league_url(league), board, asked)
            return Response(render(page), media_type=HTML, headers={**headers, **links})

        return await self._unless_known(request, league, query.asked(), answer)

    async def show_leaderboard_json(self, request: Request, league: str, query: Annotated[LeaderboardQuery, Query()]) -> Response:
        def answer(caller: Caller, headers: Mapping[str, str]) -> Response:
            board = self._read(caller, league, query.asked())
            return JSONResponse(board, headers={**headers, **_link(f"{league_url(league)}.json", board, query.asked())})

        return await self._unless_known(request, league, query.asked(), answer)

    async def show_leaderboard_csv(self, request: Request, league: str, query: Annotated[LeaderboardQuery, Query()]) -> Response:
        def answer(caller: Caller, headers: Mapping[str, str]) -> Response:
            board = self._read(caller, league, query.asked())
            then = "" if query.as_of is None else f"-at-{board['position']}"
            name = {"Content-Disposition": f'attachment; filename="{board["league"]}-leaderboard{then}.csv"'}
            links = _link(f"{league_url(league)}.csv", board, query.asked())
            return Response(leaderboard_csv(board), media_type="text/csv; charset=utf-8; header=present", headers={**headers, **name, **links})

        return await self._unless_known(request, league, query.asked(), answer)

    async def compare(self, request: Request, league: str, query: Annotated[CompareQuery, Query()]) -> Response:
        def answer(caller: Caller, headers: Mapping[str, str]) -> Response:
            asked, pair = query.asked(), (query.first, query.second)
            board, of = self._read(caller, league, replace(asked, by=None, limit=1)), _of(asked)
            prediction = predictions.predict(self._database, caller, league, *pair, by=query.by, **of)
            apart = differences.difference(self._database, caller, league, *pair, by=prediction["by"], **of)
            return Response(render(compare_page(board, prediction, apart, asked)), media_type=HTML, headers=headers)

        return await self._unless_known(request, league, query.asked(), answer)

    async def _unless_known(self, request: Request, league: str, asked: Asked, answer: Callable[[Caller, Mapping[str, str]], Response]) -> Response:
        """The answer, or 304 where the browser has shown that it knows it. Raises LeagueNotFound and what `answer` raises."""
        if not leagues.LEAGUE_ID.fullmatch(league):
            raise LeagueNotFound(league)
        caller = self._caller_of(request)

        def work() -> Response:
            headers = self._headers(request, caller, league, asked)
            if headers["ETag"] in request.headers.get("If-None-Match", ""):
                return Response(status_code=304, headers=headers)
            try:
                return answer(caller, headers)
            except FitNotPublished as error:
                if "text/html" not in request.headers.get("Accept", ""):
                    raise
                page = render_problem(HTTPStatus.CONFLICT, error.title, error.detail, back_text="To the league", back_url=league_url(league))
                return Response(page, HTTPStatus.CONFLICT, {**SAFETY_HEADERS, "Cache-Control": "no-store"}, media_type=HTML)

        return await self._in_thread(work)

    def _headers(self, request: Request, caller: Caller, league: str, asked: Asked) -> dict[str, str]:
        """What an answer carries: its tag, and whether it may be kept. Whoever sends a key is offered more than the public."""
        if asked.as_of is not None:
            then = permalinks.head_at(self._database, caller, league, parse_as_of(asked.as_of), asked.where)
            decisive: tuple[object, ...] = (then.position, then.named_position)
            kept, public = PERMANENT if then.is_settled else "no-cache", then.public
        else:
            # What became of the last fit is told on the page; and the day decides who is inactive.
            head = leagues.head(self._database, caller, league, asked.where, with_last_fit=True)
            decisive = (head.position, head.published_fit, head.last_fit, datetime.now(UTC).date().isoformat())
            kept, public = "no-cache", head.public
        tag, is_shared = _entity_tag(request, caller.kind, *decisive), public and caller.kind == "anonymous"
        return {**SAFETY_HEADERS, "ETag": tag, "Cache-Control": kept if is_shared else "private, no-store", "Vary": "Accept, Authorization"}

    def _read(self, caller: Caller, league: str, asked: Asked) -> LeaderboardShape:
        return standings.leaderboard(
            self._database,
            caller,
            league,
            by=asked.by,
            min_matches=asked.min_matches,
            inactive=asked.inactive,
            cursor=asked.cursor,
            limit=asked.limit,
            **_of(asked),
        )

    def _read_all(self, caller: Caller, league: str, asked: Asked) -> tuple[LeagueShape, LeaderboardShape]:
        board, shown = self._read(caller, league, asked), leagues.get_league(self._database, caller, league)
        if asked.as_of is not None:
            shown["settings"] = permalinks.settings_at(self._database, caller, league, board["position"])
        return shown, board

    def _around(self, caller: Caller, league: LeagueShape, board: LeaderboardShape, asked: Asked) -> Around:
        """What is told beside the rows: the fit, what became of the last one, drift, and what is missing."""
        key, of = league["league"], _of(asked)
        last = self._last_fit(caller, key, asked.where) if asked.as_of is None else None
        has_fit, is_small = board["fit"] is not None, sum(island["competitors"] for island in board["components"]) <= SMALL
        fit = refits.get_fit(self._database, caller, key, board["fit"]) if board["fit"] is not None else last
        return {
            "fit": fit,
            "last": last if has_fit else None,
            "drift": league_drift(self._database, caller, key, limit=1, **of) if has_fit else None,
            "bridges": bridges(self._database, caller, key, limit=3, **of) if is_small and _lacks_something(league, board, last) else None,
            "forecast": forecast(self._database, caller, key, **of) if is_small and has_fit and asked.cursor is None else None,
        }

    def _last_fit(self, caller: Caller, league: str, where: Conditions) -> FitShape | None:
        """The last fit of the whole league, or of the segment, that was asked for, whatever became of it."""
        return next(iter(refits.list_fits(self._database, caller, league, where=where, limit=1)["rows"]), None)


async def show_asset(name: str) -> Response:
    """A static file under the name that carries its digest."""
    asset = ASSETS.get(name)
    if asset is None:
        return Response(status_code=404, headers=SAFETY_HEADERS)
    return Response(asset.content, media_type=asset.media_type, headers={**SAFETY_HEADERS, "Cache-Control": LONG_AGO})


def pages(database: Database, in_thread: InThread, caller_of: Callable[[Request], Caller]) -> APIRouter:
    """The routes of the pages.

    `in_thread` awaits blocking work on a reader thread, `caller_of` reads the caller from a request's headers.
    """
    handlers = Pages(database, in_thread, caller_of)
    router = APIRouter(include_in_schema=False, default_response_class=Response)
    for path, handler in (
        ("/", handlers.list_leagues),
        ("/leagues", handlers.list_leagues),
        ("/leagues/", handlers.list_leagues),
        ("/leagues/{league}.json", handlers.show_leaderboard_json),
        ("/leagues/{league}.csv", handlers.show_leaderboard_csv),
        ("/leagues/{league}/compare", handlers.compare),
        ("/leagues/{league}", handlers.show_leaderboard),
        ("/static/{name}", show_asset),
    ):
        router.add_api_route(path, handler, methods=["GET"], response_model=None)
    return router


def _entity_tag(request: Request, *decisive: object) -> str:
    """Of how pages look, the address, and what else decides the bytes."""
    parts = (REPRESENTATION, str(request.url), *map(str, decisive))
    return f'"{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:20]}"'


def _lacks_something(league: LeagueShape, board: LeaderboardShape, last: FitShape | None) -> bool:
    """Whether somebody has to hear what is missing: on islands, and after a pure maximum likelihood fit was refused."""
    refused = last is not None and last["status"] == "refused" and league["settings"].get("prior_sd") is None
    return bool(board["rows"]) and (refused or len(board["components"]) > 1)


def _of(asked: Asked) -> Of:
    return {"where": asked.where, "as_of": None if asked.as_of is None else parse_as_of(asked.as_of)}


def _link(path: str, board: LeaderboardShape, asked: Asked) -> dict[str, str]:
    following = next_url(path, board, asked)
    links = [f'<{permalink(path, board, asked)}>; rel="bookmark"']
    return {"Link": ", ".join(links if following is None else [f'<{following}>; rel="next"', *links])}

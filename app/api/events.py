"""The log as a stream of server-sent events: every entry one event, its id the position, so that whoever comes back goes on where they were.

One task per league and process looks for news and shares them; a listener behind them reads on by itself. What a listener has not taken yet is
one part of the log at most, and no connection to the database is held for it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Final

import structlog
from fastapi import FastAPI, Header, Query, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.api.dependencies import Runtime, caller_of, look_up, runtime_of
from app.api.documentation import READ_PROBLEMS, documented, streamed
from app.api.operations import League, resource_router
from app.errors import ArpadError, BadInput, Fault, ScopeMissing, Unavailable
from app.services import events
from app.services.events import BEGINNING, STRIDE, Mark, Part

router = resource_router("log")
log = structlog.get_logger()

MAX_LISTENERS: Final = 256
LOOK_SECONDS: Final = 0.25
KEEP_ALIVE_SECONDS: Final = 15.0
CHECK_SECONDS: Final = 60.0
KEPT_PARTS: Final = 16
MEDIA_TYPE: Final = "text/event-stream"

_EVENT = 'id: 1\nevent: match\ndata: {"position":1,"kind":"match","match_id":"2026-11-20-17","first":0,"second":1,"outcome":"first","hash":"5d…"}\n\n'
_LAST = 2**63 - 1

Rendered = tuple[bytes, Mark]


@router.get(
    "/v1/leagues/{league:league}/events",
    response_class=StreamingResponse,
    **documented(streamed(MEDIA_TYPE, _EVENT), problems=[*READ_PROBLEMS, ScopeMissing, Unavailable]),
)
async def get_events(
    request: Request,
    league: League,
    after: Annotated[int | None, Query(description="Begin after this position, −1 for the whole log; else with what comes.", ge=-1, le=_LAST)] = None,
    last_event_id: Annotated[
        int | None, Header(alias="Last-Event-ID", description="The last position seen; goes before `after`.", ge=-1, le=_LAST)
    ] = None,
) -> Response:
    """The log as it grows: an event per entry, whose id is the position, whose type is the kind, and whose data is the line of the export.

    An event `competitor`, without an id, tells before an entry who a number in it is. Needs a key, scope read.
    """
    streams, caller = _streams_of(request.app, runtime_of(request)), caller_of(request)
    league_id, end = await look_up(request, partial(events.latest, league=league))
    asked = after if last_event_id is None else last_event_id
    if asked is not None and asked > end.position:
        where = "after" if last_event_id is None else "Last-Event-ID"
        raise BadInput("There is no such position yet.", [Fault(where, f"must be at most {end.position}, the position of the league")])
    if request.scope.get("arpad.is_head"):
        return Response(headers=_HEADERS, media_type=MEDIA_TYPE)
    mark = end if asked is None else await streams.find_mark(league_id, end, asked)

    async def check_key() -> None:
        await streams.runtime.pools.read(partial(events.latest, streams.runtime.database, caller, league))

    return streams.listen(league_id, mark, check_key)


_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def end_streams(app: FastAPI) -> None:
    """End every stream of an application, for good. To be called in its loop, by whoever stops the server."""
    streams: Streams | None = getattr(app.state, "streams", None)
    if streams is not None:
        streams.end()


def _streams_of(app: Any, runtime: Runtime) -> "Streams":  # noqa: ANN401  (what Starlette says of an application)
    if not hasattr(app.state, "streams"):
        app.state.streams = Streams(runtime)
    streams: Streams = app.state.streams
    return streams


class Streams:
    """All listeners of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._feeds: dict[int, _Feed] = {}
        self._marks: dict[int, list[Mark]] = {}
        self._listeners = 0
        self._is_over = False

    async def find_mark(self, league_id: int, end: Mark, position: int) -> Mark:
        """The mark at a position. The way there is long once; after that it begins at the nearest mark passed before."""
        if position == end.position:
            return end
        marks = self._marks.setdefault(league_id, [BEGINNING])
        mark = max((mark for mark in marks if mark.position <= position), key=lambda mark: mark.position)
        while mark.position < position:
            mark = await self.runtime.pools.work(partial(events.advance, self.runtime.database, league_id, mark, position))
            if mark.position >= marks[-1].position + STRIDE:
                marks.append(mark)
        return mark

    def listen(self, league_id: int, mark: Mark, check_key: Callable[[], Awaitable[None]]) -> Response:
        """The answer to one more listener. Raises Unavailable for one too many."""
        if self._is_over or self._listeners >= MAX_LISTENERS:
            raise Unavailable(f"{MAX_LISTENERS} listeners are served already, or the server is stopping.", retry_after_seconds=30)
        self._listeners += 1
        if league_id not in self._feeds:
            self._feeds[league_id] = _Feed(self.runtime, league_id, mark)
        feed = self._feeds[league_id]
        feed.listeners += 1
        return _EventStream(feed.listen(mark, check_key), partial(self._leave, feed))

    def _leave(self, feed: "_Feed") -> None:
        self._listeners -= 1
        feed.listeners -= 1
        if not feed.listeners:
            feed.end()
            if self._feeds.get(feed.league_id) is feed:
                del self._feeds[feed.league_id]

    def end(self) -> None:
        self._is_over = True
        for feed in self._feeds.values():
            feed.end()


class _EventStream(StreamingResponse):
    """A stream that says when it is over, however it ended."""

    def __init__(self, parts: AsyncIterator[bytes], leave: Callable[[], None]) -> None:
        super().__init__(parts, headers=_HEADERS, media_type=MEDIA_TYPE)
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


class _Feed:
    """One league's news, looked for by one task for all its listeners. `mark`: up to where they have been read."""

    def __init__(self, runtime: Runtime, league_id: int, mark: Mark) -> None:
        self.league_id = league_id
        self.listeners = 0
        self._runtime = runtime
        self._mark = mark
        self._recent: deque[tuple[int, Rendered]] = deque(maxlen=KEPT_PARTS)
        self._moved = asyncio.Event()
        self._is_over = False
        self._task = asyncio.create_task(self._look())

    def end(self) -> None:
        self._is_over = True
        self._task.cancel()
        self._moved.set()

    async def _look(self) -> None:
        try:
            while True:
                found = await self._following(self._mark)
                if found is None:
                    await asyncio.sleep(LOOK_SECONDS)
                    continue
                self._recent.append((self._mark.position, found))
                self._mark = found[1]
                self._moved.set()
                self._moved = asyncio.Event()
        except Exception:
            log.exception("events_ended", league=self.league_id)
            self._is_over = True
            self._moved.set()

    async def _following(self, mark: Mark) -> Rendered | None:
        """What follows a mark in the database; nothing while that does not answer."""
        try:
            return await self._runtime.pools.read(partial(_rendered, self._runtime.database, self.league_id, mark))
        except Unavailable:
            return None

    async def listen(self, mark: Mark, check_key: Callable[[], Awaitable[None]]) -> AsyncIterator[bytes]:
        """Everything after a mark, as it comes, until the key is no good any more or the server stops."""
        # An id without data: who is cut off before the first event comes back with it.
        yield b"retry: 1000\nid: %d\n\n" % mark.position
        clock = asyncio.get_running_loop().time
        checked_at = clock()
        while not self._is_over:
            if clock() - checked_at >= CHECK_SECONDS:
                if not await _is_allowed(check_key):
                    return
                checked_at = clock()
            found = await self._after(mark)
            if found is not None:
                text, mark = found
                yield text
            elif not await _within(KEEP_ALIVE_SECONDS, self._moved):
                yield b": nothing new\n\n"

    async def _after(self, mark: Mark) -> Rendered | None:
        """The part after a mark: one that others have too, or one of its own for who is behind. None means that there is news to wait for."""
        shared = next((found for position, found in self._recent if position == mark.position), None)
        if shared is not None or mark.position >= self._mark.position:
            return shared
        found = await self._following(mark)
        if found is None:
            await asyncio.sleep(LOOK_SECONDS)
            return b"", mark
        return found


def _rendered(database: Any, league_id: int, mark: Mark) -> Rendered | None:  # noqa: ANN401  (a database)
    part = events.next_part(database, league_id, mark)
    return None if part is None else (render(part), part.end)


def render(part: Part) -> bytes:
    """The lines as server-sent events."""
    return b"".join(
        b"%sevent: %s\ndata: %s\n" % (b"" if line.position is None else b"id: %d\n" % line.position, line.kind.encode(), line.text)
        for line in part.lines
    )


async def _within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def _is_allowed(check_key: Callable[[], Awaitable[None]]) -> bool:
    try:
        await check_key()
    except Unavailable:
        return True
    except ArpadError:
        return False
    return True

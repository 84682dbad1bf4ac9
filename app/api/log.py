"""The log of a league as it is exported: NDJSON lines whose last one proves that nothing is missing."""

from collections.abc import AsyncIterator, Generator, Iterator
from functools import partial
from threading import Lock

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from app.api.dependencies import run, runtime_of
from app.api.documentation import READ_PROBLEMS, documented, streamed
from app.api.formats import NDJSON
from app.api.operations import League, resource_router
from app.api.pools import Pools
from app.errors import ScopeMissing
from app.services import exports
from app.services.keys import Caller
from app.storage.unit_of_work import Database

router = resource_router("log")

_PART_BYTES = 2**18
_LINE = '{"position":1,"kind":"match","recorded_at":"2026-11-20T18:31:07.25Z","match_id":"2026-11-20-17","first":0,"second":1,"outcome":"first","hash":"5d…"}\n'


@router.get(
    "/v1/leagues/{league:league}/log",
    response_class=StreamingResponse,
    **documented(streamed(NDJSON, _LINE), problems=[*READ_PROBLEMS, ScopeMissing]),
)
async def get_log(request: Request, league: League) -> Response:
    """The whole log, one entry a line in order, then who the numbers are, then the count and the head of the chain. Needs a key, scope read."""
    pools = runtime_of(request).pools
    # The first part is made before the status is sent, so that whatever forbids the export is still a problem document.
    parts = await run(request, partial(_begun, league=league))
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{league}.ndjson"'}
    return StreamingResponse(_sent(pools, parts), headers=headers, media_type=NDJSON)


def _begun(database: Database, caller: Caller, league: str) -> "_Parts":
    return _Parts(iter(exports.export_league(database, caller, league)))


class _Parts:
    """The lines in parts of moderate size, the first of them made already. One thread at a time: a client may go away while a part is made."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._lock = Lock()
        self._first: bytes | None = self._gathered()

    def following(self) -> bytes:
        """The next part, empty at the end."""
        with self._lock:
            part, self._first = self._first, None
            return self._gathered() if part is None else part

    def _gathered(self) -> bytes:
        gathered, size = [], 0
        for line in self._lines:
            gathered.append(line)
            size += len(line)
            if size >= _PART_BYTES:
                break
        return b"".join(gathered)

    def close(self) -> None:
        with self._lock:
            if isinstance(self._lines, Generator):
                self._lines.close()


async def _sent(pools: Pools, parts: _Parts) -> AsyncIterator[bytes]:
    try:
        while part := await pools.work(parts.following):
            yield part
    finally:
        await pools.work(parts.close)

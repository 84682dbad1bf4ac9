"""What every route needs of its application and of its request: the database, the recorder, the threads, and who is calling."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar, cast

from starlette.requests import Request

from app.api.caching import ByteCache
from app.api.pools import Pools
from app.errors import KeyRequired
from app.services.keys import Caller, check_permission
from app.services.recording import MatchIn, Recorded
from app.storage.unit_of_work import Database

T = TypeVar("T")

_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/-]{1,200}=*)")


class Records(Protocol):
    """What the routes ask of the recorder."""

    @property
    def alive(self) -> bool: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def record(self, league: str, caller: Caller, match: MatchIn) -> Recorded: ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one application works with; kept in `app.state.runtime`."""

    database: Database
    recorder: Records
    pools: Pools
    cache: ByteCache
    spool: Path | None
    max_import_bytes: int
    max_import_matches: int
    public_default: bool


def runtime_of(request: Request) -> Runtime:
    """The application's surroundings."""
    return cast("Runtime", request.app.state.runtime)


def caller_of(request: Request) -> Caller:
    """Who is calling, as far as the header says; whether the key is any good is checked by each service."""
    headers = request.headers.getlist("authorization")
    if not headers:
        return Caller.anonymous()
    if len(headers) > 1 or not (bearer := _BEARER.fullmatch(headers[0].strip())):
        raise KeyRequired("The Authorization header must read: Bearer <key>.")
    return Caller.with_key(bearer.group(1))


async def run(request: Request, service: Callable[[Database, Caller], T]) -> T:
    """Run a service that writes, or takes its time, in the pool of workers."""
    runtime, caller = runtime_of(request), caller_of(request)
    return await runtime.pools.work(lambda: service(runtime.database, caller))


async def look_up(request: Request, service: Callable[[Database, Caller], T]) -> T:
    """Run a short read in the pool of readers."""
    runtime, caller = runtime_of(request), caller_of(request)
    return await runtime.pools.read(lambda: service(runtime.database, caller))


async def require_reporter(request: Request, league: str) -> None:
    """Raise what recording would raise, before a large body is read."""
    await look_up(request, partial(check_permission, league=league, scope="report"))

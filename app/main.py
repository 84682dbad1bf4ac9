"""The HTTP application, put together: the database, the recorder, the threads, the routes, the layers around them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response

from app import __version__
from app.api import (
    amendments,
    certainty,
    docs,
    events,
    fits,
    imports,
    leagues,
    log,
    matches,
    predictions,
    roster,
    service,
    simulations,
    standings,
)
from app.api.border import Border
from app.api.caching import ByteCache
from app.api.dependencies import Records, Runtime, caller_of
from app.api.paths import RawPaths
from app.api.pools import EMBEDDED_READERS, SERVER_READERS, Pools
from app.api.problems import add_problem_handlers
from app.errors import Fault
from app.recorder import Recorder
from app.storage.unit_of_work import Database
from app.web.pages import pages
from app.web.rendering import SAFETY_HEADERS, render_problem

MAX_IMPORT_BYTES = 2**30
MAX_IMPORT_MATCHES = 2_000_000

_RESOURCES = (matches, amendments, standings, certainty, roster, simulations, predictions, fits, imports, log, events, leagues, service)


def create_app(
    database: Database,
    *,
    recorder: Records | None = None,
    reader_threads: int | None = None,
    spool: Path | None = None,
    max_import_bytes: int = MAX_IMPORT_BYTES,
    max_import_matches: int = MAX_IMPORT_MATCHES,
    public_default: bool = False,
) -> FastAPI:
    """The application over an open and migrated database, which stays the caller's to close.

    `spool`: where imports wait while they are read (the system's temporary folder unless given). `public_default`: whether a new league is
    public unless its maker says.
    """
    readers = reader_threads or (EMBEDDED_READERS if database.is_embedded else SERVER_READERS)
    runtime = Runtime(
        database=database,
        recorder=recorder or Recorder(database),
        pools=Pools(readers),
        cache=ByteCache(),
        spool=spool,
        max_import_bytes=max_import_bytes,
        max_import_matches=max_import_matches,
        public_default=public_default,
    )
    app = FastAPI(title="Arpad", version=__version__, lifespan=_lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.runtime = runtime
    _add_routes(app, runtime)
    add_problem_handlers(app, _problem_page)
    app.add_middleware(RawPaths)
    app.add_middleware(Border)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    runtime: Runtime = app.state.runtime
    await runtime.recorder.start()
    try:
        yield
    finally:
        await runtime.recorder.stop()
        runtime.pools.close()


def _add_routes(app: FastAPI, runtime: Runtime) -> None:
    shown = pages(runtime.database, runtime.pools.read, caller_of).routes
    # Appended rather than included: FastAPI resolves an included router anew for every request.
    for routes in (amendments.log_router.routes, *(resource.router.routes for resource in _RESOURCES), docs.routes, shown):
        app.router.routes.extend(routes)


def _problem_page(status: int, title: str, detail: str, faults: Sequence[Fault]) -> Response:
    """An error for people who look at pages."""
    return Response(render_problem(status, title, detail, faults=faults), status, SAFETY_HEADERS, media_type="text/html")

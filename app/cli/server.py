"""One server process: its socket, its hold on the data folder, its database, its worker, and an orderly end.

What it answers is decided in `app.main`.
"""

import errno
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, NoReturn

import uvicorn
from fastapi import FastAPI

from app.api.events import end_streams
from app.cli.child import worker_beside
from app.cli.preparation import hold_folder, lock_file, prepare
from app.errors import BadInput, Fault, NotAllowed, PortInUse
from app.logs import configure_logs
from app.main import create_app
from app.services.keys import ensure_admin_key
from app.settings import Settings
from app.storage import migrations
from app.storage.unit_of_work import Database

BACKLOG: Final = 2048
STOP_SECONDS: Final = 5


@dataclass(frozen=True)
class Place:
    """Where a server stands before it answers: everything that can fail has not."""

    settings: Settings
    url: str
    database: Database
    listener: socket.socket
    new_admin_key: str | None


@contextmanager
def prepared_place(settings: Settings) -> Iterator[Place]:
    """Bind, hold the folder, prepare the database. Raises PortInUse, DatabaseLocked, SchemaUnknown, BadInput."""
    configure_logs(settings.log_format)
    signal.signal(signal.SIGTERM, _leave)
    # A shell that starts a server in the background lets it ignore SIGINT, until uvicorn listens to it: the same from the first moment on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        listener = stack.enter_context(_listener(settings))
        url = _url(settings, listener)
        database = Database.open(settings.url)
        stack.callback(database.close)
        if (file := settings.database_file) is not None:
            stack.enter_context(hold_folder(lock_file(file), url))
            migrations.migrate(database)
        else:
            prepare(database, None)
        yield Place(settings, url, database, listener, ensure_admin_key(database, settings.admin_key_file))


def answer_requests(place: Place, *, with_worker: bool) -> None:
    """Serve until SIGTERM or Ctrl-C; what was accepted by then is finished."""
    with ExitStack() as stack:
        if with_worker:
            stack.enter_context(worker_beside(place.settings))
        application = create_app(
            place.database,
            public_default=place.settings.is_local,
            spool=place.settings.data,
            max_import_matches=place.settings.max_import_matches,
        )
        config = uvicorn.Config(
            application,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        _Server(config, application).run(sockets=[place.listener])


class _Server(uvicorn.Server):
    """Ends the streams before it waits for its connections: a stream has no end of its own."""

    def __init__(self, config: uvicorn.Config, application: FastAPI) -> None:
        super().__init__(config)
        self._application = application

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        end_streams(self._application)
        await super().shutdown(sockets)


def _leave(_number: int, _frame: object) -> NoReturn:
    """SIGTERM is a wish, and following it a success; uvicorn raises the signal again once it has stopped."""
    raise SystemExit(0)


def _listener(settings: Settings) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        raise BadInput(f"There is no address “{settings.host}”.", [Fault("--host", error.strerror or str(error))]) from error
    except PermissionError as error:
        raise NotAllowed(f"This account may not listen on port {settings.port}. Choose one above 1023 with --port.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(f"Port {settings.port} of {settings.host} is in use. Choose another with --port, or stop what listens there.") from error
        raise BadInput(f"Cannot listen on {settings.host}.", [Fault("--host", error.strerror or str(error))]) from error


def _url(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"

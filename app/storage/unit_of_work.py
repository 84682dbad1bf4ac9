"""The database handle and the transaction as a context manager.

Leaving a `write()` without `commit()` rolls back; a `read()` sees one snapshot and has nothing to commit. Errors of the driver that mean
"try again" leave this module as `Unavailable`. What is read and written is decided in `repositories` and `bulk`.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from app.errors import BadInput, DatabaseLocked, LeagueBusy, Unavailable
from app.storage.entries import Entries
from app.storage.leases import Leases
from app.storage.refits import Fits, Refits
from app.storage.repositories import Competitors, Imports, Keys, Leagues
from app.storage.segments import Checkpoints, Segments, Totals

LOCK_TIMEOUT_SECONDS: Final = 10
_SQLITE_PRAGMAS = (
    f"PRAGMA busy_timeout={LOCK_TIMEOUT_SECONDS * 1000}",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA journal_size_limit=67108864",
)


class ReadUnit:
    """The repositories within one snapshot of the database."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.leagues = Leagues(connection)
        self.entries = Entries(connection)
        self.segments = Segments(connection)
        self.totals = Totals(connection)
        self.checkpoints = Checkpoints(connection)
        self.competitors = Competitors(connection)
        self.imports = Imports(connection)
        self.leases = Leases(connection)
        self.refits = Refits(connection)
        self.fits = Fits(connection)
        self.keys = Keys(connection)

    def now(self) -> int:
        """The database's clock in microseconds since the epoch."""
        if self.connection.dialect.name == "sqlite":
            return time.time_ns() // 1000
        return int(self.connection.scalar(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")) or 0)


class WriteUnit(ReadUnit):
    """As ReadUnit, and what was done lasts if `commit` is called as the last act."""

    _erases = False

    def erase_what_is_deleted(self) -> None:
        """SQLite would leave what is overwritten in the file's free space; PostgreSQL does until its next vacuum."""
        if self.connection.dialect.name == "sqlite":
            self.connection.exec_driver_sql("PRAGMA secure_delete=ON")
            self._erases = True

    def commit(self) -> None:
        try:
            self.connection.commit()
        except BaseException:
            # SQLAlchemy would take the transaction for ended, and hand its open remains to whoever comes next.
            self.connection.invalidate()
            raise
        if self._erases:
            # Not in a transaction of ours: the write-ahead log still holds what was overwritten. Where a reader is in the way, the next one empties it.
            with suppress(sqlite3.Error):
                driver: Any = self.connection.connection.driver_connection
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class Database:
    """One database and its pool of connections. Safe to share between threads, not between processes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str, *, pool_size: int = 12) -> "Database":
        """Open `sqlite:///path` or `postgresql://…`. Nothing is connected before the first use, and no table is made."""
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if parsed.database:
                _make_private(Path(parsed.database))
            return cls(_sqlite_engine(url, pool_size))
        options = f"-c lock_timeout={LOCK_TIMEOUT_SECONDS}s -c timezone=UTC -c application_name=arpad"
        return cls(
            create_engine(url, pool_size=pool_size, pool_timeout=LOCK_TIMEOUT_SECONDS, connect_args={"options": options, "connect_timeout": 10})
        )

    @property
    def is_embedded(self) -> bool:
        """Whether this is SQLite: one writer at a time, and a file of ours."""
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[ReadUnit]:
        """One consistent snapshot, read-only."""
        with translated_errors(), self.engine.connect() as connection:
            if not self.is_embedded:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield ReadUnit(connection)

    @contextmanager
    def write(self) -> Iterator[WriteUnit]:
        """A transaction that may write; rolled back unless `commit` is called. On SQLite its first statement takes the write lock."""
        with translated_errors(), self.engine.connect() as connection:
            connection.execution_options(arpad_begin="IMMEDIATE")
            yield WriteUnit(connection)


def _make_private(file: Path) -> None:
    """A new data folder and a new database are for their owner alone: they hold private leagues and the hashes of keys."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(OSError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _sqlite_engine(url: str, pool_size: int) -> Engine:
    engine = create_engine(
        url, poolclass=QueuePool, pool_size=pool_size, pool_timeout=LOCK_TIMEOUT_SECONDS, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction control would begin late and deferred; BEGIN is ours alone.
        connection.isolation_level = None
        _use_write_ahead_log(connection)
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('arpad_begin', 'DEFERRED')}")

    return engine


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Once for a new file. SQLite does not wait its turn for this one change: of two that open a new file at once, one is told that it is locked."""
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the driver's transient errors into `Unavailable`, and text that no database takes into `BadInput`; let all others pass."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise BadInput("A text holds a lone surrogate, which stands for no character.") from error
    except PoolTimeout as error:
        raise Unavailable("Every connection to the database is in use. Send the request again.", retry_after_seconds=2) from error
    except (OperationalError, InterfaceError) as error:
        raise _unavailable(error) from error
    except DBAPIError as error:
        if "NUL (0x00)" in str(error.orig):
            raise BadInput("A text holds a NUL character, which cannot be stored.") from error
        if error.connection_invalidated:
            raise Unavailable("The database closed the connection. Send the request again.") from error
        raise


def _unavailable(error: DBAPIError) -> Unavailable:
    cause: Any = error.orig
    if any(words in str(cause) for words in ("readonly database", "unable to open database")):
        return Unavailable(
            "The file of the database cannot be written. Give whoever runs Arpad the right to write its data folder.", retry_after_seconds=30
        )
    if "database is locked" in str(cause):
        return DatabaseLocked("Another writer, perhaps an import, holds the database. Send the request again.", retry_after_seconds=2)
    if getattr(cause, "sqlstate", None) == "55P03":
        return LeagueBusy("Another writer, perhaps an import, holds the league. Send the request again.", retry_after_seconds=2)
    if "disk is full" in str(cause) or getattr(cause, "sqlstate", None) == "53100":
        return Unavailable("The disk of the database is full. Make room, then send the request again.", retry_after_seconds=30)
    return Unavailable("The database does not answer. Send the request again.", retry_after_seconds=2)

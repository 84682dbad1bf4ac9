"""Whether a command may use the database as it finds it: who holds the data folder, and which schema is there.

An embedded database is created and migrated by whoever comes first, unless a server holds the folder. On PostgreSQL an empty database is
filled by any command; migrating an old one is a decision (`arpad migrate`), because other processes may be at work on it.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from app.errors import DatabaseLocked, SchemaUnknown
from app.storage import migrations
from app.storage.unit_of_work import Database

MIGRATION_WAIT_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.05


def prepare(database: Database, file: Path | None) -> None:
    """Bring the database to the schema of this version where a command may do that. Raises SchemaUnknown, DatabaseLocked."""
    if migrations.is_current(database):
        return
    if file is not None:
        _migrate_embedded(database, lock_file(file))
    elif migrations.is_empty(database):
        migrations.migrate(database)
    else:
        raise SchemaUnknown("The database has the schema of another version of Arpad. `arpad migrate` brings it to this one.")


def migrate_now(database: Database, file: Path | None) -> None:
    """As `prepare`, but an old PostgreSQL database is migrated too: somebody decided it."""
    if file is not None:
        prepare(database, file)
    else:
        migrations.migrate(database)


def lock_file(database_file: Path) -> Path:
    """The file that a server locks: beside its database."""
    return database_file.with_name("server.lock")


@contextmanager
def hold_folder(path: Path, address: str) -> Iterator[None]:
    """Hold a data folder as its one server. Raises DatabaseLocked that names the other one."""
    lock = _open(path)
    try:
        _lock_or_wait_for_migration(lock)
        _write_holder(lock, address)
        try:
            yield
        finally:
            _write_holder(lock, None)
    finally:
        lock.close()


def _lock_or_wait_for_migration(lock: IO[str]) -> None:
    until = time.monotonic() + MIGRATION_WAIT_SECONDS
    while not _try_lock(lock):
        if (holder := _holder(lock)) is not None or time.monotonic() > until:
            raise DatabaseLocked(f"{holder or 'Another command'} holds this data folder. Stop it first, or choose another folder with --data.")
        time.sleep(_LOOK_SECONDS)


def _migrate_embedded(database: Database, path: Path) -> None:
    """Migrate under the folder's lock; if another command is at it, wait until it is done."""
    with _open(path) as lock:
        until = time.monotonic() + MIGRATION_WAIT_SECONDS
        while not migrations.is_current(database):
            if _try_lock(lock):
                _write_holder(lock, None)  # what a server that was killed left behind
                migrations.migrate(database)
            elif (holder := _holder(lock)) is not None or time.monotonic() > until:
                raise DatabaseLocked(f"The database needs a migration, but {holder or 'another command'} holds the data folder. Stop it first.")
            else:
                time.sleep(_LOOK_SECONDS)


def _open(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a+", encoding="utf-8")


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_holder(lock: IO[str], address: str | None) -> None:
    lock.truncate(0)
    if address is not None:
        lock.write(json.dumps({"pid": os.getpid(), "address": address}))
    lock.flush()


def _holder(lock: IO[str]) -> str | None:
    """The server that wrote its name into the file, None while it is a passing command."""
    lock.seek(0)
    try:
        holder = json.loads(lock.read())
        return f"the server at {holder['address']} (process {holder['pid']})"
    except (ValueError, TypeError, KeyError):
        return None

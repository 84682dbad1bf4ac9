"""`python -m tests.faults.failing serve …`: Arpad as it is, except that one statement or commit can be told to fail.

Counted are the statements that SQLAlchemy hands to the driver and the commits, from the moment of arming on. The one with the number that was armed
fails as a database does: refused before it was done, or done and its answer lost together with the connection. Armed over a socket in the
data folder, whose other end is `Failures`.
"""

import socket
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

SOCKET = "failures.socket"
WAYS = ("refused", "lost")


class Countdown:
    """What fails, and what was counted since it was armed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._way = "refused"
        self._counted = 0

    def arm(self, number: int, way: str) -> int:
        """Let the event with this number fail, 0 for none; how many events were counted since it was armed last."""
        with self._lock:
            counted, self._counted = self._counted, 0
            self._number, self._way = number, way
        return counted

    def perform(self, connection: Any, act: Callable[[], None]) -> None:
        """Do what the database is asked to do, unless its turn to fail has come."""
        with self._lock:
            self._counted += 1
            way = self._way if self._counted == self._number else None
        if way != "refused":
            act()
        if way is not None:
            _fail(connection, way)


def _fail(connection: Any, way: str) -> None:
    """The driver's own error; on a server a lost answer takes the connection with it."""
    if isinstance(connection, psycopg.Connection):
        if way == "lost":
            connection.close()
        raise psycopg.OperationalError("planted failure")
    # SQLite loses no connection: the act is done, and what is told of it is wrong.
    raise sqlite3.OperationalError("disk I/O error (planted)")


def install(countdown: Countdown) -> None:
    """Let every engine of this process ask the countdown first."""

    @event.listens_for(Engine, "do_execute")
    def _execute(cursor: Any, statement: str, parameters: Any, _context: object) -> bool:
        countdown.perform(cursor.connection, lambda: cursor.execute(statement, parameters))
        return True

    @event.listens_for(Engine, "do_executemany")
    def _executemany(cursor: Any, statement: str, parameters: Any, _context: object) -> bool:
        countdown.perform(cursor.connection, lambda: cursor.executemany(statement, parameters))
        return True

    @event.listens_for(Engine, "do_execute_no_params")
    def _execute_plain(cursor: Any, statement: str, _context: object) -> bool:
        countdown.perform(cursor.connection, lambda: cursor.execute(statement))
        return True

    commit = DefaultDialect.do_commit

    def do_commit(dialect: DefaultDialect, connection: Any) -> None:
        countdown.perform(getattr(connection, "driver_connection", connection), lambda: commit(dialect, connection))

    DefaultDialect.do_commit = do_commit


def listen(path: Path, countdown: Countdown) -> None:
    """Take orders, one line each, for as long as the process lives."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    while True:
        caller, _ = listener.accept()
        with caller, caller.makefile("rw") as lines:
            number, way = lines.readline().split()
            lines.write(f"{countdown.arm(int(number), way)}\n")


def order(folder: Path, number: int, way: str = "refused") -> int:
    """Arm the server that has this data folder; how many events it counted since the order before."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(folder / SOCKET))
        with caller.makefile("rw") as lines:
            lines.write(f"{number} {way}\n")
            lines.flush()
            return int(lines.readline())


def main() -> None:
    from app.cli import main as arpad

    countdown = Countdown()
    install(countdown)
    folder = Path(sys.argv[sys.argv.index("--data") + 1])
    threading.Thread(target=listen, args=(folder / SOCKET, countdown), daemon=True).start()
    sys.argv[0] = "arpad"
    arpad()


if __name__ == "__main__":
    main()

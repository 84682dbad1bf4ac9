"""Writing a large import in many short transactions, seen by nobody before the last one.

SQLite has one writer for all leagues: an import in one transaction would make every other league wait for it. So the entries go beyond the league's
head, where no reader looks, a part at a time, and the last transaction moves the head. A lease keeps other writers out of the league meanwhile; it is
renewed while the importing process lives, and what is beyond the head when it runs out is removed by the next writer (`locking`).
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from app.errors import LeagueBusy, Unavailable
from app.services.locking import hold_league
from app.services.writing import Prepared, append_matches
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, WriteUnit

LEASE_SECONDS: Final = 20.0
HEARTBEAT_SECONDS: Final = 4.0
ROWS_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write beyond the head of one league, as long as nobody has taken it away."""

    league_id: int
    league: str
    token: str

    def renew(self, unit: WriteUnit) -> None:
        """Extend the lease, with the league locked until the end of the transaction. Raises LeagueBusy where it is lost."""
        if not unit.leases.renew(self.league_id, self.token, _end_of_lease(unit.now())):
            raise self._lost()

    def end(self, unit: WriteUnit) -> None:
        """Give the league back as the head is moved. Raises LeagueBusy where the lease is lost."""
        if not unit.leases.end(self.league_id, self.token):
            raise self._lost()

    def _lost(self) -> LeagueBusy:
        return LeagueBusy("The import stood still for so long that others went on without it; nothing was imported. Send it again.", 2)


def take_lease(unit: WriteUnit, row: Stored) -> Lease:
    """A lease on a league that is held by `lock_league`. The caller commits."""
    lease = Lease(row.id, row.key, secrets.token_hex(8))
    unit.leases.take(row.id, lease.token, _end_of_lease(row.now))
    return lease


def _end_of_lease(now: int) -> int:
    return now + round(LEASE_SECONDS * 1_000_000)


@contextmanager
def kept(database: Database, lease: Lease) -> Iterator[None]:
    """Renew the lease while the block runs; if it fails, remove what it wrote beyond the head."""
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(HEARTBEAT_SECONDS):
            # A database that is busy or away must not end the heartbeat: the lease lasts for several beats, and whether it is lost the writer sees.
            with suppress(Unavailable), database.write() as unit:
                lease.renew(unit)
                unit.commit()

    thread = threading.Thread(target=beat, name="import-lease", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        _give_up(database, lease)
        raise
    finally:
        is_over.set()
        thread.join()


def _give_up(database: Database, lease: Lease) -> None:
    """Let the others go on. Where even that fails, the lease runs out."""
    with suppress(Unavailable), database.write() as unit:
        if unit.leases.give_up(lease.league_id, lease.token):
            unit.commit()
            hold_league(unit, lease.league)


def write_beyond_head(database: Database, lease: Lease, prepared: Prepared, rows_at_once: int, on_progress: Callable[[int, int], None]) -> None:
    """Write the entries of prepared matches, so many in a transaction. Raises LeagueBusy where the lease is lost."""
    count = len(prepared.written.matches)
    for start in range(0, count, rows_at_once):
        on_progress(start, count)
        began = time.monotonic()
        with database.write() as unit:
            lease.renew(unit)
            append_matches(unit, prepared, slice(start, start + rows_at_once))
            unit.commit()
        if database.is_embedded:
            time.sleep(_pause_after(time.monotonic() - began))


def _pause_after(seconds: float) -> float:
    """How long the others need to notice that SQLite is free. It keeps no queue: who waits looks again every 50 ms at most, after 228 ms every 100."""
    return 0.055 if seconds < 0.2 else 0.11

"""Locking a league: the first act of everything that writes entries.

A large import writes its entries beyond the league's head, where no reader looks, in many short transactions (`import_writing`), and holds a lease on the
league meanwhile. Whoever else wants to write waits for it, holding no lock. What an import that died has left there is removed by the next writer.
"""

import time
from typing import Final

from app.errors import LeagueBusy
from app.storage.tables import Stored
from app.storage.unit_of_work import LOCK_TIMEOUT_SECONDS, WriteUnit

LOOK_SECONDS: Final = 0.05
SWEPT_AT_ONCE: Final = 5_000


def hold_league(unit: WriteUnit, league: str, *, patience_seconds: float = LOCK_TIMEOUT_SECONDS) -> Stored | None:
    """The league's row and the clock as `now`, locked until the end of the transaction; None if there is no such league.

    It has to be the first act of its transaction, which is ended and begun anew while an import holds the league. Raises LeagueBusy if that takes
    longer than `patience_seconds`; without patience, nothing is waited for, and a part of what a dead import left is removed at a time.
    """
    waited = 0.0
    while (row := unit.leagues.lock(league)) is not None and row.import_until is not None:
        is_over = row.import_until <= row.now
        if is_over and unit.leases.sweep(row.id, row.position, SWEPT_AT_ONCE):
            unit.commit()
            continue
        unit.commit()
        if waited >= patience_seconds:
            raise LeagueBusy("An import is writing to the league. Send the request again.", retry_after_seconds=2)
        time.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
    return row

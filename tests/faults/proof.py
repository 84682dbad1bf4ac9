"""What must be true after any disturbance: every acknowledged match is recorded exactly once, no position is missing, the replay agrees."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from app.services.keys import Caller
from app.services.matches import list_matches
from app.services.verification import verify_league
from app.storage.unit_of_work import Database
from tests.faults.load import Journal

PAGE = 1_000


@dataclass(frozen=True)
class Proof:
    """The clients' journal beside the league as it is stored."""

    acknowledged: int
    recorded: int
    lost: int
    doubled: int
    unacknowledged: int
    """Recorded, but never acknowledged although their sender asked until it was."""
    receipts_changed: int
    positions_gap_free: bool
    verify_equal: bool
    differences: list[str]

    @property
    def holds(self) -> bool:
        faults = (self.lost, self.doubled, self.unacknowledged, self.receipts_changed)
        return not any(faults) and self.positions_gap_free and self.verify_equal


def prove(database_url: str, journal: Journal) -> Proof:
    """Read the whole league back and compare."""
    database = Database.open(database_url)
    try:
        stored = _all_matches(database, journal.league)
        verified = verify_league(database, Caller.operator(), journal.league)
    finally:
        database.close()
    times = Counter(match["match_id"] for match in stored)
    by_id = {match["match_id"]: match for match in stored}
    return Proof(
        acknowledged=journal.acknowledged,
        recorded=len(stored),
        lost=len(journal.receipts.keys() - times.keys()),
        doubled=sum(count - 1 for count in times.values()),
        unacknowledged=len(times.keys() - journal.receipts.keys()),
        receipts_changed=sum(by_id.get(match_id, receipt) != receipt for match_id, receipt in journal.receipts.items()),
        positions_gap_free=sorted(match["position"] for match in stored) == list(range(1, len(stored) + 1)),
        verify_equal=verified["equal"],
        differences=verified["differences"],
    )


def _all_matches(database: Database, league: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = list_matches(database, Caller.operator(), league, cursor=cursor, limit=PAGE)
        found += page["rows"]
        cursor = page["next"]
        if cursor is None:
            return found

"""Proof: replaying a league's log and comparing everything that is stored with what it leads to.

Checked are the gap-free positions, the chain of hashes up to the league's head, every receipt as it was when it was recorded, every competitor's
rating and record, the league's counters, and that name, settings and published fit are those of the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.services import ledger
from app.services.inspections import league_differences, unreadable_entries
from app.services.keys import Caller, require_league
from app.services.replays import MatchLog, Receipts, Reckoning, receipts_when_recorded, reckon
from app.services.shapes import VerifyShape
from app.storage.tables import Kind, Stored
from app.storage.unit_of_work import Database, ReadUnit

MAX_DIFFERENCES: Final = 20
_RECEIPT: Final = ("expected", "first_before", "first_after", "second_before", "second_after", "first_k", "second_k")
_STANDING: Final = ("rating", "matches", "wins", "draws", "losses", "last_played_at")


def verify_league(database: Database, caller: Caller, league: str) -> VerifyShape:
    """Replay the log and compare. A difference is an answer, not an error. Raises LeagueNotFound, KeyRequired."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league, even_if_public=True)
        competitors = unit.competitors.all(row.id)
        numbers = max([row.competitors, *(one.number + 1 for one in competitors)])
        try:
            return _proof(unit, row, competitors, numbers)
        except (LookupError, TypeError, ValueError) as error:
            differences = unreadable_entries(unit, row, numbers) or [f"The log cannot be replayed: {type(error).__name__}: {error}"]
    return _verdict(row, differences)


def _proof(unit: ReadUnit, row: Stored, competitors: Sequence[Any], numbers: int) -> VerifyShape:
    read = _read(unit, row, competitors)
    voids = unit.entries.voids(row.id, row.position)
    changes = unit.entries.settings_changes(row.id, row.position)
    receipts = receipts_when_recorded(read.log, voids, changes, numbers)
    counted = read.log.without({target for _, target in voids})
    reckoned = reckon(counted, changes, numbers)
    differences = [
        *read.differences,
        *(_differs("The league", *told, by="the log") for told in league_differences(unit, row)),
        *_check_receipts(read, receipts),
        *_check_standings(competitors, reckoned),
        *_check_counters(row, len(counted), len(voids), len(read.log), len(competitors)),
    ]
    playing = sum(matches > 0 for matches in reckoned.matches)
    return _verdict(row, differences, len(counted), playing, hash_of(competitors, reckoned), read.head.hex())


def _verdict(
    row: Stored, differences: Sequence[str], matches: int = 0, competitors: int = 0, state_hash: str = "", log_head: str = ""
) -> VerifyShape:
    """Counts and hashes are those of the replay; a log that cannot be replayed has none."""
    return {
        "league": row.key,
        "position": row.position,
        "matches": matches,
        "competitors": competitors,
        "equal": not differences,
        "state_hash": state_hash,
        "log_head": log_head,
        "differences": list(differences[:MAX_DIFFERENCES]),
    }


def hash_of(competitors: Sequence[Any], reckoned: Reckoning) -> str:
    """The state hash of replayed standings."""
    rating, matches, wins, draws, losses = reckoned.rating, reckoned.matches, reckoned.wins, reckoned.draws, reckoned.losses
    return ledger.state_hash((row.key, rating[n], matches[n], wins[n], draws[n], losses[n]) for row in competitors for n in (row.number,))


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """The stored log: its matches, what their receipts say (a row per value), the head that it leads to, and what is wrong with the chain."""

    log: MatchLog
    recorded: NDArray[np.float64]
    head: bytes
    differences: list[str]


def _read(unit: ReadUnit, league: Stored, competitors: Sequence[Any]) -> _Read:
    created = ledger.created_at_position(competitors)
    head, expected, differences = ledger.NO_HEAD, 0, list[str]()
    logs, recorded = [MatchLog.empty()], [np.empty((len(_RECEIPT), 0))]
    for columns in unit.entries.stream_columns(league.id, league.position):
        for body in ledger.bodies(columns, created):
            head = ledger.chain(head, body)
        for position in columns["position"]:
            if position != expected:
                differences.append(f"Position {expected} is missing from the log; {position} follows.")
            expected = position + 1
        is_match = np.array(columns["kind"]) == Kind.MATCH
        matches = {name: list(compress(values, is_match)) for name, values in columns.items()}
        logs.append(MatchLog.of_columns(matches))
        recorded.append(np.array([matches[name] for name in _RECEIPT], dtype=np.float64))
    if expected != league.position + 1:
        differences.append(f"The log ends at position {expected - 1}, the league says {league.position}.")
    if head != league.log_head:
        differences.append(f"The log's head is {head.hex()}, the league says {league.log_head.hex()}: an entry was changed.")
    return _Read(MatchLog.joined(logs), np.concatenate(recorded, axis=1), head, differences)


def _check_receipts(read: _Read, receipts: Receipts) -> list[str]:
    columns = (receipts.expected, receipts.first_before, receipts.first_after, receipts.second_before, receipts.second_after, receipts.k, receipts.k)
    differences: list[str] = []
    for name, replayed, stored in zip(_RECEIPT, columns, read.recorded, strict=True):
        wrong = np.flatnonzero(stored != np.array(replayed))[:MAX_DIFFERENCES]
        differences += [_differs(f"Match at position {read.log.position[index]}", name, float(stored[index]), replayed[index]) for index in wrong]
    return differences


def _check_standings(competitors: Sequence[Any], reckoned: Reckoning) -> list[str]:
    return [
        _differs(f"Competitor “{row.key}”", name, getattr(row, name), getattr(reckoned, name)[row.number])
        for row in competitors
        for name in _STANDING
        if getattr(row, name) != getattr(reckoned, name)[row.number]
    ]


def _check_counters(league: Stored, counted: int, voids: int, matches: int, competitors: int) -> list[str]:
    expected = {"matches": counted, "results": matches + voids, "competitors": competitors}
    return [_differs("The league", name, getattr(league, name), value) for name, value in expected.items() if getattr(league, name) != value]


def _differs(what: str, name: str, stored: object, replayed: object, *, by: str = "the replay") -> str:
    return f"{what}: {name} is stored as {stored!r}, {by} gives {replayed!r}."

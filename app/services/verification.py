"""Proof: replaying a league's log and comparing everything that is stored with what it leads to.

Checked are the gap-free positions, the chain of hashes up to the league's head, every receipt as it was when it was recorded, every competitor's
rating and record, the league's counters, that name, settings and published fit are those of the log, and whatever is kept to save reading it:
segments, totals, checkpoints.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.services import ledger
from app.services.amending import latest
from app.services.amendments import Amendments
from app.services.courses import SEEN, Reckoning, reckoned
from app.services.inspections import Told, league_differences, told_by, unreadable_entries
from app.services.keys import Caller, require_league
from app.services.league_totals import totals_differences
from app.services.match_log import MatchLog
from app.services.replays import Replayed, replay_as_recorded
from app.services.segments import segment_differences
from app.services.shapes import VerifyShape
from app.storage.tables import Kind, Stored
from app.storage.unit_of_work import Database, ReadUnit

MAX_DIFFERENCES: Final = 20
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
    amendments = Amendments.read(unit, row.id, row.position)
    changes = unit.entries.settings_changes(row.id, row.position)
    replayed = replay_as_recorded(read.log, amendments, changes, numbers)
    standings = reckoned(replayed.last.course, replayed.last.ratings())
    counted = len(replayed.last.course)
    told = told_by(unit, row)
    differences = [
        *read.differences,
        *(_differs("The league", *each, by="the log") for each in league_differences(unit, row, told)),
        *_check_receipts(read, replayed),
        *_check_standings(competitors, standings, amendments, told),
        *_check_counters(row, counted, len(amendments.entries), len(read.log), len(competitors)),
        *_check_marks(row, read, replayed),
        *segment_differences(unit, row, read.log, replayed.last),
        *totals_differences(unit, row, read.log),
    ]
    playing = sum(matches > 0 for matches in standings.matches)
    return _verdict(row, differences, counted, playing, hash_of(competitors, standings), read.head.hex())


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


def hash_of(competitors: Sequence[Any], standings: Reckoning) -> str:
    """The state hash of replayed standings."""
    rating, matches, wins, draws, losses = standings.rating, standings.matches, standings.wins, standings.draws, standings.losses
    return ledger.state_hash((row.key, rating[n], matches[n], wins[n], draws[n], losses[n]) for row in competitors for n in (row.number,))


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """The stored log: its matches, what their receipts say (a row per value), the head that it leads to, and what is wrong with the chain."""

    log: MatchLog
    recorded: NDArray[np.float64]
    head: bytes
    times: tuple[int, int]
    """When the first and the last entry were recorded."""
    differences: list[str]


def _read(unit: ReadUnit, league: Stored, competitors: Sequence[Any]) -> _Read:
    created = ledger.created_at_position(competitors)
    head, expected, differences, times = ledger.NO_HEAD, 0, list[str](), list[int]()
    logs, recorded = [MatchLog.empty()], [np.empty((len(SEEN), 0))]
    for columns in unit.entries.stream_columns(league.id, league.position):
        for body in ledger.bodies(columns, created):
            head = ledger.chain(head, body)
        for position in columns["position"]:
            if position != expected:
                differences.append(f"Position {expected} is missing from the log; {position} follows.")
            expected = position + 1
        times = [*times[:1], columns["recorded_at"][0], columns["recorded_at"][-1]]
        is_match = np.array(columns["kind"]) == Kind.MATCH
        matches = {name: list(compress(values, is_match)) for name, values in columns.items()}
        logs.append(MatchLog.of_columns(matches))
        recorded.append(np.array([matches[name] for name in SEEN], dtype=np.float64))
    if expected != league.position + 1:
        differences.append(f"The log ends at position {expected - 1}, the league says {league.position}.")
    if head != league.log_head:
        differences.append(f"The log's head is {head.hex()}, the league says {league.log_head.hex()}: an entry was changed.")
    return _Read(MatchLog.joined(logs), np.concatenate(recorded, axis=1), head, (times[0], times[-1]), differences)


def _check_receipts(read: _Read, replayed: Replayed) -> list[str]:
    differences: list[str] = []
    for name, stored in zip(SEEN, read.recorded, strict=True):
        told = replayed.receipts[name]
        wrong = np.flatnonzero(stored != told)[:MAX_DIFFERENCES]
        differences += [_differs(f"Match at position {read.log.position[index]}", name, float(stored[index]), float(told[index])) for index in wrong]
    return differences


def _check_standings(competitors: Sequence[Any], standings: Reckoning, amendments: Amendments, told: Told) -> list[str]:
    differences = [
        _differs(f"Competitor “{row.key}”", name, getattr(row, name), getattr(standings, name)[row.number])
        for row in competitors
        for name in _STANDING
        if getattr(row, name) != getattr(standings, name)[row.number]
    ]
    logged = [(row, "merged_into", amendments.merged.get(row.number)) for row in competitors]
    logged += [(row, "retired", told.retired.get(row.number, False)) for row in competitors]
    return differences + [
        _differs(f"Competitor “{row.key}”", name, getattr(row, name), value, by="the log")
        for row, name, value in logged
        if getattr(row, name) != value
    ]


def _check_marks(league: Stored, read: _Read, replayed: Replayed) -> list[str]:
    """What the league's row says of its log, so that nobody has to read it."""
    expected = {"created_at": read.times[0], "recorded_at": read.times[1], "amended_position": replayed.amended_position}
    expected |= latest(replayed.last.course)
    return [_differs("The league", name, getattr(league, name), value) for name, value in expected.items() if getattr(league, name) != value]


def _check_counters(league: Stored, counted: int, amendments: int, matches: int, competitors: int) -> list[str]:
    expected = {"matches": counted, "results": matches + amendments, "competitors": competitors}
    return [_differs("The league", name, getattr(league, name), value) for name, value in expected.items() if getattr(league, name) != value]


def _differs(what: str, name: str, stored: object, replayed: object, *, by: str = "the replay") -> str:
    return f"{what}: {name} is stored as {stored!r}, {by} gives {replayed!r}."

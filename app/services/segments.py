"""The log in packed segments and the ratings at checkpoints: both derived, both kept so that nothing need be read or replayed from the beginning.

A segment is some thousand matches as columns; it never changes, because the log does not. A checkpoint is found by the digest of the matches that
it is a checkpoint of (`courses`), so that one which no longer fits is never found. What a process has read of a league it keeps.
"""

from collections import OrderedDict
from collections.abc import Callable
from itertools import takewhile
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from app.services.amendments import Amendments
from app.services.conditions import WHOLE, Conditions
from app.services.courses import BLOCK, Course, Floats, Rated, rate
from app.services.match_contexts import MatchContexts, of_segment, read_contexts
from app.services.match_log import MatchLog, read_rows
from app.services.packing import UNREADABLE, Arrays, packed, unpacked
from app.services.shapes import ReadShape
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit, WriteUnit

MAX_MATCHES_KEPT: Final = 3_000_000
"""In this process, of all leagues together; a larger league is kept alone."""


Recorded = tuple[MatchLog, ReadShape]
"""Matches, and where they were read."""


class _Kept:
    def __init__(self) -> None:
        self.lock = Lock()
        self.logs: OrderedDict[int, tuple[int, MatchLog]] = OrderedDict()


_kept: WeakKeyDictionary[Database, _Kept] = WeakKeyDictionary()


def read_log(database: Database, unit: ReadUnit, league: Any, up_to: int) -> MatchLog:  # noqa: ANN401  a row or LeagueAt
    """Every match of a league up to a position, void ones too, in the order of the log."""
    kept = _kept.setdefault(database, _Kept())
    with kept.lock:
        known_to, log = kept.logs.get(league.id, (-1, MatchLog.empty()))
    if known_to < up_to:
        log = MatchLog.joined([log, _read(unit, league.id, known_to, up_to)])
        _keep(kept, league.id, up_to, log)
    return log.up_to(up_to)


def _keep(kept: _Kept, league_id: int, up_to: int, log: MatchLog) -> None:
    with kept.lock:
        if kept.logs.get(league_id, (-1, log))[0] < up_to:
            kept.logs[league_id] = (up_to, log)
        kept.logs.move_to_end(league_id)
        while len(kept.logs) > 1 and sum(len(log) for _, log in kept.logs.values()) > MAX_MATCHES_KEPT:
            kept.logs.popitem(last=False)


def _read(unit: ReadUnit, league_id: int, after: int, up_to: int) -> MatchLog:
    parts = [_unpacked(row.matches) for row in unit.segments.after(league_id, after) if row.last_position <= up_to]
    covered = max([after, *(int(part.position[-1]) for part in parts)])
    return MatchLog.joined([*parts, read_rows(unit, league_id, covered, up_to)]).after(after)


def segment_course(database: Database, unit: ReadUnit, league: Any, where: Conditions) -> Course:  # noqa: ANN401  a row or LeagueAt
    """The course of the matches of a segment alone, at the league's position."""
    log = counted_matches(database, unit, league, league.position, where)
    return Course.of(log, unit.entries.settings_changes(league.id, league.position), league.competitors)


def read_course(database: Database, unit: ReadUnit, league: Any, position: int) -> Course:  # noqa: ANN401  a row or LeagueAt
    """The course of a league at a position."""
    amendments = amendments_at(unit, league, position)
    log = read_log(database, unit, league, position)
    return Course.of(amendments.applied(log), unit.entries.settings_changes(league.id, position), league.competitors)


def amendments_at(unit: ReadUnit, league: Any, position: int) -> Amendments:  # noqa: ANN401  a row or LeagueAt
    """The amendments up to a position; a league without any is not asked."""
    return Amendments.read(unit, league.id, position) if league.amended_position else Amendments()


def counted_matches(
    database: Database,
    unit: ReadUnit,
    league: Any,  # noqa: ANN401  a row or LeagueAt
    position: int,
    where: Conditions = WHOLE,
) -> MatchLog:
    """The matches that count at a position, of the whole league or of a segment, as they count, in the order of the log."""
    amendments = amendments_at(unit, league, position)
    return of_segment(database, unit, league.id, position, amendments.applied(read_log(database, unit, league, position)), amendments, where)


def counted_for_fit(
    unit: ReadUnit,
    league: Any,  # noqa: ANN401  a row or LeagueAt
    position: int,
    where: Conditions = WHOLE,
    known: Recorded | None = None,
) -> Recorded:
    """As `counted_matches`, but without the ids of the matches, and nothing is kept: a fit needs neither, and ten million of them are a gigabyte.

    `known`: all that was recorded, where that has been read already.
    """
    recorded, read = known or read_for_fit(unit, league.id, -1, position)
    amendments = amendments_at(unit, league, position)
    log = amendments.applied(recorded)
    return log.take(read_contexts(unit, league.id, log, amendments).mask(where)) if where else log, read


def read_for_fit(unit: ReadUnit, league_id: int, after: int, up_to: int) -> Recorded:
    """Every match after one position and up to another, void ones too, without their ids, and where they were read."""
    parts = [_unpacked(row.matches, with_ids=False).after(after) for row in unit.segments.after(league_id, after) if row.last_position <= up_to]
    covered = max([after, *(int(part.position[-1]) for part in parts)])
    rest = read_rows(unit, league_id, covered, up_to, with_ids=False)
    return MatchLog.joined([*parts, rest]), {"totals": 0, "segments": sum(map(len, parts)), "rows": len(rest)}


def contexts_of(unit: ReadUnit, league: Any, position: int, log: MatchLog) -> MatchContexts:  # noqa: ANN401  a row or LeagueAt
    """The contexts of matches that count at a position, as they count; nothing is kept."""
    return read_contexts(unit, league.id, log, amendments_at(unit, league, position))


def nearest_checkpoint(unit: ReadUnit, league_id: int, course: Course, count: int) -> tuple[int, Floats | None]:
    """The last checkpoint of a course at or below `count` matches: how many matches, and the ratings after them (None at the beginning)."""
    known = unit.checkpoints.digests(league_id)
    usable = list(takewhile(known.__contains__, course.digests[: count // BLOCK]))
    if not usable:
        return 0, None
    ratings, stored = np.full(course.n_competitors, course.initial), unit.checkpoints.ratings(league_id, usable)
    for digest in usable:
        changed = unpacked(stored[digest])
        ratings[changed["number"]] = changed["rating"]
    return len(usable) * BLOCK, ratings


def rated_from(unit: ReadUnit, league_id: int, course: Course, place: int) -> Rated:
    """A course rated from the last checkpoint at or below one of its matches."""
    return rate(course, *nearest_checkpoint(unit, league_id, course, place))


def keep_due_segments(database: Database) -> int:
    """Keep the segments of every league that has outgrown its own. Returns how many had."""
    with database.read() as unit:
        due = unit.segments.outgrown(BLOCK)
    return sum(keep_segments(database, league) for league in due)


def keep_segments(database: Database, league: str) -> bool:
    """Pack what has grown since, and keep checkpoints of the course as it is now; True if anything was written. In a transaction of its own."""
    with database.read() as unit:
        row = unit.leagues.by_key(league)
        if row is None or row.matches < BLOCK:
            return False
        packs = _missing_segments(unit, row)
        course = read_course(database, unit, row, row.position)
        points = _missing_checkpoints(unit, row.id, course)
    if not packs and not points:
        return False
    with database.write() as writing:
        _write(writing, row.id, packs, points, course)
        writing.commit()
    return True


def _missing_segments(unit: ReadUnit, league: Stored) -> list[dict[str, object]]:
    number, covered = unit.segments.end(league.id)
    log = read_rows(unit, league.id, covered, league.position)
    parts = [log.take(slice(begin, begin + BLOCK)) for begin in range(0, len(log) - BLOCK + 1, BLOCK)]
    return [
        {"league_id": league.id, "number": number + index, "last_position": int(part.position[-1]), "matches": _packed(part)}
        for index, part in enumerate(parts)
    ]


def _missing_checkpoints(unit: ReadUnit, league_id: int, course: Course) -> list[dict[str, object]]:
    start, before = nearest_checkpoint(unit, league_id, course, len(course))
    if start // BLOCK == len(course.digests):
        return []
    whole = len(course.digests) * BLOCK
    rated = rate(Course(course.log.take(slice(whole)), course.changes, course.n_competitors), start, before)
    return [
        {
            "league_id": league_id,
            "digest": course.digests[count // BLOCK - 1],
            "count": count,
            "ratings": packed(_changed(rated, count - BLOCK, count)),
        }
        for count in range(start + BLOCK, whole + 1, BLOCK)
    ]


def _changed(rated: Rated, begin: int, end: int) -> Arrays:
    log = rated.course.log
    numbers = np.unique(np.concatenate([log.first[begin:end], log.second[begin:end]]))
    return {"number": numbers.astype(np.int32), "rating": rated.ratings(end)[numbers]}


def _write(unit: WriteUnit, league_id: int, packs: list[dict[str, object]], points: list[dict[str, object]], course: Course) -> None:
    """Whatever another process has written meanwhile is the same, and stays."""
    unit.leagues.hold(league_id)
    number, _ = unit.segments.end(league_id)
    for pack in packs:
        if int(str(pack["number"])) >= number:
            unit.segments.add(pack)
    known = unit.checkpoints.digests(league_id)
    fresh = [point for point in points if point["digest"] not in known]
    if fresh:
        unit.checkpoints.add(fresh)
    if len(known) + len(fresh) > 2 * len(course.digests):
        unit.checkpoints.keep_only(league_id, course.digests)


def segment_differences(unit: ReadUnit, league: Stored, log: MatchLog, rated: Rated) -> list[str]:
    """Where the packed segments and the checkpoints that may be used say otherwise than the log and its replay."""
    differences, after = list[str](), -1
    for row in unit.segments.after(league.id, -1):
        if not _holds(row.matches, vars(log.after(after).up_to(row.last_position)), lambda stored: vars(_unpacked(stored))):
            differences.append(f"Segment {row.number} of the log is not what the log says.")
        after = row.last_position
    kept = unit.checkpoints.ratings(league.id, rated.course.digests)
    for count, digest in enumerate(rated.course.digests, start=1):
        if digest in kept and not _holds(kept[digest], _changed(rated, (count - 1) * BLOCK, count * BLOCK), unpacked):
            differences.append(f"The checkpoint of the first {count * BLOCK} matches is not what the replay gives.")
    return differences


def _holds(stored: bytes, told: Arrays, read: Callable[[bytes], Arrays]) -> bool:
    """Whether packed columns can be read, and are what they should be."""
    try:
        kept = read(stored)
    except UNREADABLE:
        return False
    return kept.keys() == told.keys() and all(np.array_equal(kept[name], told[name]) for name in told)


def _packed(log: MatchLog) -> bytes:
    columns = {name: getattr(log, name) for name in MatchLog.__dataclass_fields__ if name != "match_id"}
    ids = "\n".join(log.match_id.tolist()).encode()
    return packed({**columns, "match_id": np.frombuffer(ids, np.uint8)})


def _unpacked(stored: bytes, *, with_ids: bool = True) -> MatchLog:
    columns = unpacked(stored, except_for=() if with_ids else ("match_id",))
    ids = np.empty(len(columns["position"]), np.object_)
    if with_ids:
        ids[:] = columns.pop("match_id").tobytes().decode().split("\n")
    return MatchLog(**columns, match_id=ids)

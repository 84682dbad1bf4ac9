"""What every entry saw and did when it was recorded, by replaying a log with its amendments as they came."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.services.amendments import Amendments
from app.services.courses import SEEN, Changes, Course, Floats, Rated, rate, rate_again
from app.services.match_log import MatchLog


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """The course that a log leads to, rated, and the receipts of its matches, void ones too: a column of shape (n,) per value of `SEEN`."""

    last: Rated
    receipts: Mapping[str, Floats]
    amended_position: int
    """The last entry by which earlier matches were rated again: an amendment, or in the order of play a late match; 0 for none."""


def replay_as_recorded(log: MatchLog, amendments: Amendments, changes: Changes, n_competitors: int) -> Replayed:
    """Replay a log stretch by stretch: up to each amendment with what counted then, and what the amendment changed again.

    O(matches) per amendment that concerns early matches; in the order of play also per late arrival.
    """
    receipts = {name: np.full(len(log), np.nan) for name in SEEN}
    known, done, amended = rate(Course.of(MatchLog.empty(), changes, n_competitors)), -1, 0
    amending = {one.position for one in amendments.entries}
    for stop in _stops(log, amendments, changes[0][1]):
        course = Course.of(amendments.up_to(stop).applied(log.up_to(stop)), changes, n_competitors)
        known = rate_again(course, known)
        fresh = np.flatnonzero(course.log.position > done)
        places = np.searchsorted(log.position, course.log.position[fresh])
        for name in SEEN:
            receipts[name][places] = known.seen[name][fresh]
        amended = stop if stop in amending else max(amended, _last_late(course, done))
        done = stop
    return Replayed(known, receipts, amended)


def _last_late(course: Course, done: int) -> int:
    """The position of the last match after `done` that was put before an older one, 0 for none."""
    fresh = course.log.position > done
    if fresh.all():
        return 0
    before_an_older = slice(int(np.flatnonzero(~fresh)[-1]))
    return int(course.log.position[before_an_older][fresh[before_an_older]].max(initial=0))


def _stops(log: MatchLog, amendments: Amendments, settings: Mapping[str, Any]) -> list[int]:
    """The positions up to which matches were recorded one after the other, none of them amended and none late."""
    stops = {position for one in amendments.entries for position in (one.position - 1, one.position)}
    if settings.get("order") == "played_at":
        stops.update(_ends_of_runs(log).tolist())
    return sorted({*stops, int(log.position[-1]) if len(log) else 0})


def _ends_of_runs(log: MatchLog) -> NDArray[np.int64]:
    """The positions of matches after which one was recorded that was played earlier."""
    time, later = log.played_at[:-1], log.played_at[1:]
    ids = np.array([a > b for a, b in zip(log.match_id[:-1], log.match_id[1:], strict=True)], dtype=np.bool_)
    return np.asarray(log.position[:-1][(later < time) | ((later == time) & ids)])

"""Workers killed in the middle of a refit, their fits killed, their leases lost, among several leagues and workers.

Every job comes to its end, no league ever has two at once, and what stands published is of the newest position that was fitted.
"""

import json
import multiprocessing
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from app.services.conditions import WHOLE, Conditions
from app.services.fit_work import FitHere, Tell, Work
from app.services.refits import request_refit, run_next_refit
from app.storage.tables import Kind
from app.storage.unit_of_work import Database
from tests.faults.refits import ENDED, OPERATOR, WORKERS, Races, at_once, expire, new_league, position_of, record, verify
from tests.faults.stalling import MOMENTS, Moment, run_up_to

LEAGUES = 3
SEGMENT = Conditions.of_texts(["surface=Clay"])
PATIENCE_SECONDS = 60.0
MAX_NUMBER = 2**31 - 1

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.faults.stalling"])


@dataclass
class Kills(Races):
    """What became of the jobs, and how often what happened to whom."""

    moments: Counter[str] = field(default_factory=Counter)
    begun_again: int = 0
    doubles: int = 0

    def __str__(self) -> str:
        told = [
            f"{sum(self.ends.values()):,} jobs {dict(self.ends)}, {self.begun_again:,} of them begun by another after the first, {self.doubles} at once"
        ]
        return "; ".join([*told, *(f"{moment}: {count}" for moment, count in self.moments.items())])


@dataclass
class Noting(FitHere):
    """Fits here, and notes when it fitted which league."""

    spans: list[tuple[int, float, float]] = field(default_factory=list)

    def compute(self, database: Database, league_id: int, tell: Tell, where: Conditions = WHOLE) -> Work:
        began = time.monotonic()
        work = super().compute(database, league_id, tell, where)
        self.spans.append((league_id, began, time.monotonic()))
        return work

    def overlapping(self) -> int:
        """How many fits of a league began before another of the same league was done."""
        spans = sorted(self.spans)
        return sum(one[0] == next_one[0] and next_one[1] < one[2] for one, next_one in pairwise(spans))


def kill_workers(database: Database, url: str, number: int, seed: int) -> Kills:
    """Each moment in turn comes over the worker of one of several leagues; others do what is left, the abandoned job once its lease has ended."""
    kills, fitter = Kills(), Noting()
    leagues = [new_league(database, f"kills-{seed}-{number}") for number in range(LEAGUES)]
    for race in range(number):
        _race(database, url, leagues, MOMENTS[race % len(MOMENTS)], random.Random(f"{seed} {race}"), fitter, kills)
    kills.doubles += fitter.overlapping()
    for league in leagues:
        _judge_all(database, league, kills)
        verify(database, league, kills)
    return kills


def _race(database: Database, url: str, leagues: Sequence[str], moment: Moment, chance: random.Random, fitter: Noting, kills: Kills) -> None:
    for league in leagues:
        record(database, league, chance)
        request_refit(database, OPERATOR, league)
    request_refit(database, OPERATOR, chance.choice(leagues), where=SEGMENT)
    league = leagues[kills.done % len(leagues)]
    with _stricken(url, league, moment, kills):
        meanwhile = _work_off(database, fitter)
        if moment.is_claimed and not moment.is_published and moment.what != "fit killed" and league in meanwhile:
            kills.doubles += 1
            kills.faults.append(f"{moment}: a job of the league was run while its lease held")
        record(database, league, chance)
        expected = position_of(database, league)
        request_refit(database, OPERATOR, league)
        expire(database)
        _work_off(database, fitter)
    kills.done += 1
    kills.moments[str(moment)] += 1
    _judge(database, leagues, {league: expected}, str(moment), kills)


@contextmanager
def _stricken(url: str, league: str, moment: Moment, kills: Kills) -> Iterator[None]:
    """A worker to which this happens; the others work within. One that stood still then goes on, and must publish nothing."""
    ours, theirs = _processes.Pipe()
    victim = _processes.Process(target=run_up_to, args=(url, league, moment, theirs))
    victim.start()
    theirs.close()
    pid = _told(ours)
    if moment.what == "worker killed":
        victim.kill()
        _await_the_end_of(pid, moment, kills)
    yield
    if moment.what == "lease lost":
        ours.send("go on")
        _told(ours)
    _end(victim)


def _told(pipe: Connection) -> int:
    if not pipe.poll(PATIENCE_SECONDS):
        raise TimeoutError("the victim did not come to its moment")
    return int(pipe.recv() or 0)


def _end(victim: BaseProcess) -> None:
    victim.join(PATIENCE_SECONDS)
    if victim.exitcode is None:
        raise TimeoutError("the victim did not end")


def _await_the_end_of(child: int, moment: Moment, kills: Kills) -> None:
    if child and not any(_is_dead(child) or threading.Event().wait(0.01) for _ in range(3_000)):
        kills.faults.append(f"{moment}: the worker left its fit's process {child} behind")


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] in "ZX"
    except FileNotFoundError:
        return True


def _work_off(database: Database, fitter: Noting) -> set[str]:
    """Several workers run whatever may be run; the leagues of which something was."""
    return {league for each in at_once(*[lambda: _run_all(database, fitter)] * WORKERS) for league in each}


def _run_all(database: Database, fitter: Noting) -> list[str]:
    done = []
    while (fit := run_next_refit(database, "survivor", fitter=fitter)) is not None:
        done.append(fit["league"])
    return done


def _jobs(database: Database, league: str, limit: int) -> tuple[Any, Sequence[Any], Sequence[Any]]:
    """A league's row, its jobs, and which fit each of its entries published."""
    with database.read() as unit:
        row = unit.leagues.existing(league)
        jobs = unit.refits.page(row.id, MAX_NUMBER, limit)
        entries = unit.entries.of_kind(row.id, Kind.FIT, row.position)
    return row, jobs, entries


def _judge(database: Database, leagues: Sequence[str], expected: dict[str, int], moment: str, kills: Kills) -> None:
    """Every job has ended, and what is published is of the newer position."""
    for league in leagues:
        row, jobs, _ = _jobs(database, league, 8)
        if unfinished := [job.number for job in jobs if job.status not in ENDED]:
            kills.faults.append(f"{moment}: fits {unfinished} of {league} did not come to an end")
        if row.published_position is None or row.published_position < expected.get(league, 0):
            kills.faults.append(f"{moment}: {league} has position {row.published_position} published, and not {expected[league]}")
        newest = max(job.number for job in jobs if job.status == "published" and not job.conditions)
        if row.published_fit != newest:
            kills.faults.append(f"{moment}: {league} has fit {row.published_fit} published, and not {newest}")


def _judge_all(database: Database, league: str, kills: Kills) -> None:
    """Each published fit has one entry, later ones of a segment are of later positions. A fencing number above 1 tells of a second begin."""
    _, jobs, entries = _jobs(database, league, MAX_NUMBER)
    kills.ends.update(job.status for job in jobs)
    kills.begun_again += sum(job.fence > 1 for job in jobs)
    told = [json.loads(entry.details) for entry in entries]
    if Counter(one["fit"] for one in told) != Counter(job.number for job in jobs if job.status == "published"):
        kills.faults.append(f"{league}: a fit was published more than once, or without an entry")
    for conditions in {str(one.get("where")) for one in told}:
        positions = [one["fitted_position"] for one in told if str(one.get("where")) == conditions]
        if any(later <= earlier for earlier, later in pairwise(positions)):
            kills.faults.append(f"{league}: an older fit was published over a newer one")

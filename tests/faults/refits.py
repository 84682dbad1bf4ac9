"""Refits that overtake one another, and workers killed in the middle of one: the newer fit stands, every job ends, a league never has two at once."""

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.services import refit_runs
from app.services.fit_work import FitHere, Work, compute_fit
from app.services.keys import Caller
from app.services.leagues import create_league
from app.services.recording import MatchIn, as_columns, record_batch
from app.services.refits import list_fits, request_refit, run_next_refit
from app.services.verification import verify_league
from app.storage.unit_of_work import Database
from tests.faults.stalling import MOMENTS

OPERATOR = Caller.operator()
WORKERS = 3
ENDED = {"published", "kept"}
NO_POLICY = {"refit": {"after_entries": None, "after_seconds": None}}


@dataclass
class Races:
    """What became of the races, and what must not have happened."""

    done: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def race_fits(database: Database, number: int, seed: int) -> Races:
    """A stale fit and a newer one are published at the same moment, whoever comes first; before, several workers reach for each job at once."""
    races, league = Races(), _new_league(database, f"races-{seed}")
    for race in range(number):
        _record(database, league, random.Random(f"{seed} {race}"))
        request_refit(database, OPERATOR, league)
        stale = _claimed_once(database, league, races)
        old = compute_fit(database, stale.league_id, lambda _: None)
        _record(database, league, random.Random(f"{seed} {race} newer"))
        _expire(database)
        newer = _claimed_once(database, league, races)
        new = compute_fit(database, newer.league_id, lambda _: None)
        _at_once(_publisher(database, stale, old), _publisher(database, newer, new))
        _judge(database, league, race, new.position, races)
    _verify(database, league, races)
    return races


def kill_workers(database: Database, url: str, number: int, seed: int) -> Races:
    """A worker is killed at each moment of a refit in turn; another takes its job over and finishes it with what is known by then."""
    races, league = Races(), _new_league(database, f"kills-{seed}")
    for race in range(number):
        _record(database, league, random.Random(f"{seed} {race}"))
        request_refit(database, OPERATOR, league)
        moment = MOMENTS[race % len(MOMENTS)]
        _kill_at(url, moment, races)
        _record(database, league, random.Random(f"{seed} {race} newer"))
        expected = _position(database, league)
        if run_next_refit(database, "early", league=league) is not None:
            races.faults.append(f"race {race}: a job was taken over while its lease held")
        _expire(database)
        survivors = _at_once(*[lambda: run_next_refit(database, "survivor", league=league, fitter=FitHere())] * WORKERS)
        ran = sum(fit is not None for fit in survivors)
        if ran != (moment != "published"):
            races.faults.append(f"race {race}: killed at {moment}, then run by {ran} workers")
        _judge(database, league, race, None if moment == "published" else expected, races)
    _verify(database, league, races)
    return races


def _new_league(database: Database, league: str) -> str:
    create_league(database, OPERATOR, league, settings=NO_POLICY)
    return league


def _record(database: Database, league: str, chance: random.Random) -> None:
    pairs = [chance.sample("ABCDEFGH", 2) for _ in range(5)]
    record_batch(database, OPERATOR, league, as_columns([MatchIn(first, second, chance.choice((0.0, 0.5, 1.0))) for first, second in pairs]))


def _claimed_once(database: Database, league: str, races: Races) -> refit_runs.Claim:
    found = _at_once(*[lambda: refit_runs.claim_next(database, "racer", league)] * WORKERS)
    claims = [claim for claim in found if claim is not None]
    if len(claims) != 1:
        races.faults.append(f"{len(claims)} workers claimed one job")
    return claims[0]


def _publisher(database: Database, claim: refit_runs.Claim, work: Work) -> Callable[[], None]:
    return lambda: refit_runs.publish(database, claim, work)


def _at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each act returned, all begun at the same moment."""
    gate, found = threading.Barrier(len(acts)), list[Any]()

    def run(act: Callable[[], Any]) -> None:
        gate.wait()
        found.append(act())

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) != len(acts):
        raise RuntimeError("one of the racers failed")
    return found


def _kill_at(url: str, moment: str, races: Races) -> None:
    command = [sys.executable, "-P", "-m", "tests.faults.stalling", url, moment]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as victim:
        child = int(victim.stdout.readline())
        victim.kill()
    if child and not any(_is_dead(child) or threading.Event().wait(0.01) for _ in range(3_000)):
        races.faults.append(f"killed at {moment}, the worker left its fit's process {child} behind")


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] in "ZX"
    except FileNotFoundError:
        return True


def _expire(database: Database) -> None:
    """Let every lease end, as a minute would."""
    with database.write() as unit:
        unit.connection.execute(text("UPDATE refit SET lease_until = 0 WHERE status = 'running'"))
        unit.commit()


def _position(database: Database, league: str) -> int:
    with database.read() as unit:
        return int(unit.leagues.existing(league).position)


def _judge(database: Database, league: str, race: int, position: int | None, races: Races) -> None:
    """Every job has ended, and what is published is of the newer position."""
    jobs = list_fits(database, OPERATOR, league, limit=3)["rows"]
    races.done += 1
    races.ends[jobs[0]["status"]] += 1
    if unfinished := [job["fit"] for job in jobs if job["status"] not in ENDED]:
        races.faults.append(f"race {race}: fits {unfinished} did not come to an end")
    with database.read() as unit:
        row = unit.leagues.existing(league)
    if position is not None and row.published_position != position:
        races.faults.append(f"race {race}: published is position {row.published_position}, and not {position}")
    if row.published_fit != jobs[0]["fit"]:
        races.faults.append(f"race {race}: published is fit {row.published_fit}, and not {jobs[0]['fit']}")


def _verify(database: Database, league: str, races: Races) -> None:
    verdict = verify_league(database, OPERATOR, league)
    races.faults += verdict["differences"]

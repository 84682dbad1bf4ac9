"""Refits that overtake one another: the newer fit stands, every job ends, a league never has two at once. Killed workers are in `refit_kills`."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from app.ratings.matches import canonical_context
from app.services import refit_runs
from app.services.fit_work import Work, compute_fit
from app.services.keys import Caller
from app.services.leagues import create_league
from app.services.recording import MatchIn, as_columns, record_batch
from app.services.refits import list_fits, request_refit
from app.services.verification import verify_league
from app.storage.unit_of_work import Database

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
    races, league = Races(), new_league(database, f"races-{seed}")
    for race in range(number):
        record(database, league, random.Random(f"{seed} {race}"))
        request_refit(database, OPERATOR, league)
        stale = _claimed_once(database, league, races)
        old = compute_fit(database, stale.league_id, lambda _: None)
        record(database, league, random.Random(f"{seed} {race} newer"))
        expire(database)
        newer = _claimed_once(database, league, races)
        new = compute_fit(database, newer.league_id, lambda _: None)
        at_once(_publisher(database, stale, old), _publisher(database, newer, new))
        _judge(database, league, race, new.position, races)
    verify(database, league, races)
    return races


def new_league(database: Database, league: str) -> str:
    create_league(database, OPERATOR, league, settings=NO_POLICY)
    return league


def record(database: Database, league: str, chance: random.Random) -> None:
    """Five matches, the first of them on clay."""
    pairs = [chance.sample("ABCDEFGH", 2) for _ in range(5)]
    contexts = [canonical_context({"surface": surface}) for surface in ("Clay", *("Hard",) * 4)]
    games = [MatchIn(*pair, chance.choice((0.0, 0.5, 1.0)), context=context) for pair, context in zip(pairs, contexts, strict=True)]
    record_batch(database, OPERATOR, league, as_columns(games))


def _claimed_once(database: Database, league: str, races: Races) -> refit_runs.Claim:
    found = at_once(*[lambda: refit_runs.claim_next(database, "racer", league)] * WORKERS)
    claims = [claim for claim in found if claim is not None]
    if len(claims) != 1:
        races.faults.append(f"{len(claims)} workers claimed one job")
    return claims[0]


def _publisher(database: Database, claim: refit_runs.Claim, work: Work) -> Callable[[], None]:
    return lambda: refit_runs.publish(database, claim, work)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
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


def expire(database: Database) -> None:
    """Let every lease end, and every wait after a failure, as a minute would."""
    with database.write() as unit:
        unit.connection.execute(text("UPDATE refit SET not_before = 0 WHERE status = 'waiting'"))
        unit.connection.execute(text("UPDATE refit SET lease_until = 0 WHERE status = 'running'"))
        unit.commit()


def position_of(database: Database, league: str) -> int:
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


def verify(database: Database, league: str, races: Races) -> None:
    verdict = verify_league(database, OPERATOR, league)
    races.faults += verdict["differences"]

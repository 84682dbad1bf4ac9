"""The same matches along different ways: delivered badly, or through one, two and four servers. What must come out the same, does it?"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from app.services.exports import export_league
from app.services.keys import Caller
from app.services.restores import restore_league
from app.services.verification import verify_league
from app.storage.migrations import migrate
from app.storage.unit_of_work import Database
from tests.faults.databases import Databases
from tests.faults.proof import prove
from tests.faults.races import Delivery, dated_feed, deliver, disturbed
from tests.faults.server import running_server

OPERATOR = Caller.operator()
ORDERS = ("log", "played_at")
PROCESSES = {"sqlite": (1,), "postgresql": (1, 2, 4)}
"""SQLite: the data folder is one server's, a second one is refused."""


@dataclass(frozen=True)
class Run:
    """One delivery and the state it led to."""

    name: str
    delivery: Delivery
    state_hash: str
    faults: list[str]


def deliver_badly(databases: Databases, kind: str, count: int, seed: int, order: str) -> tuple[list[Run], list[str]]:
    """A clean feed and a disturbed one, on the same server. In the order of play both lead to one state; by the log, to the same matches."""
    feed = dated_feed(f"delivery-{seed}", count)
    with running_server(databases.folder / f"delivery-{kind}", databases.new(kind)) as server:
        runs = [
            _run("clean", server.database_url, asyncio.run(deliver([server], feed, order)), count),
            _run("disturbed", server.database_url, asyncio.run(deliver([server], disturbed(feed, seed), order)), count),
        ]
    return runs, _disagreements(runs, order)


def _run(name: str, url: str, delivery: Delivery, count: int) -> Run:
    proof = prove(url, delivery.journal)
    faults = [] if proof.holds else [f"{name}: {proof}"]
    if proof.recorded != count:
        faults.append(f"{name}: {proof.recorded} of {count} matches were recorded")
    with_database = Database.open(url)
    try:
        return Run(name, delivery, verify_league(with_database, OPERATOR, delivery.league)["state_hash"], faults)
    finally:
        with_database.close()


def _disagreements(runs: Sequence[Run], order: str) -> list[str]:
    faults = [fault for run in runs for fault in run.faults]
    if len({frozenset(run.delivery.journal.receipts) for run in runs}) != 1:
        faults.append("the runs recorded different matches")
    if order == "played_at" and len({run.state_hash for run in runs}) != 1:
        faults.append(f"the state hashes differ: {[(run.name, run.state_hash[:12]) for run in runs]}")
    return faults


def go_many_ways(databases: Databases, kinds: Sequence[str], count: int, seed: int, order: str) -> tuple[list[Run], list[str]]:
    """The same shuffled feed through one, two and four servers on either database; and what each run's log rebuilds to on the other database."""
    feed = dated_feed(f"processes-{seed}", count)
    random.Random(seed).shuffle(feed)
    runs: list[Run] = []
    faults: list[str] = []
    for kind in kinds:
        for processes in PROCESSES[kind]:
            url = databases.new(kind)
            with ExitStack() as stack:
                folder = databases.folder / f"{kind}-{processes}"
                servers = [stack.enter_context(running_server(folder, url)) for _ in range(processes)]
                run = _run(f"{kind} × {processes}", url, asyncio.run(deliver(servers, feed, order)), count)
            runs.append(run)
            other = databases.new("postgresql" if kind == "sqlite" else "sqlite")
            if (rebuilt := _rebuilt(url, run.delivery.league, other)) != run.state_hash:
                faults.append(f"{run.name}: its log rebuilds to {rebuilt[:12]}, it is {run.state_hash[:12]}")
    return runs, faults + _disagreements(runs, order)


def _rebuilt(url: str, league: str, other: str) -> str:
    """The state hash of the league as its export restores it on another database."""
    source, target = Database.open(url), Database.open(other)
    try:
        migrate(target)
        restored = restore_league(target, OPERATOR, export_league(source, OPERATOR, league))
        verified = verify_league(target, OPERATOR, league)
        return restored["state_hash"] if verified["equal"] else f"what does not verify: {verified['differences']}"
    finally:
        source.close()
        target.close()


def refuses_a_second_server(folder: Path, url: str) -> bool:
    """Whether the data folder of an embedded database is one server's."""
    with running_server(folder, url):
        try:
            with running_server(folder, url):
                return False
        except RuntimeError:
            return True

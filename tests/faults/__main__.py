"""The long fault runs: `python -m tests.faults [part …]`, all parts unless some are named.

Every run prints its seed, and a table of what was done and what came of it. It leaves with 1 if anything was lost, doubled or answered untruly.
The planted defects have a runner of their own: `python -m tests.faults.defects`.
"""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product

from app.storage.migrations import migrate
from app.storage.unit_of_work import Database
from tests.benchmarks.tables import Table
from tests.faults.agreement import ORDERS, deliver_badly, go_many_ways
from tests.faults.databases import GIVEN_SERVER, KINDS, Databases, prove_ours, temporary_databases
from tests.faults.failures import fail_each
from tests.faults.load import Journal
from tests.faults.outages import NoSmallDisk, Outage, cut_at_commits, fill_disk_under_load, restart_under_load, small_disk
from tests.faults.proof import prove
from tests.faults.proxy import running_proxy
from tests.faults.races import CLIENTS, listen_while_writing, meet_newcomers, read_while_writing, repeat_one_id
from tests.faults.refit_kills import kill_workers
from tests.faults.refits import race_fits
from tests.faults.scenarios import cut_under_load, kill_database_under_load, kill_under_load, report_for
from tests.faults.server import Server, running_server


@dataclass(frozen=True)
class Outcome:
    """One line of the table."""

    database: str
    done: str
    seen: str
    faults: list[str]


@dataclass(frozen=True)
class Context:
    """What every part is given."""

    databases: Databases
    kinds: list[str]
    seed: int
    scale: float

    def times(self, number: int) -> int:
        return max(1, round(number * self.scale))

    def server(self, kind: str, part: str):
        url = self.databases.new(kind)
        return running_server(self.databases.folder / f"{part}-{kind}", url)


def kills(context: Context) -> Iterator[Outcome]:
    """SIGKILL of the server in the middle of writing"""
    number = context.times(300)
    for kind in context.kinds:
        with context.server(kind, "kills") as server:
            journal = asyncio.run(kill_under_load(server, number, context.seed))
        yield _of_journal(kind, f"{number} kills", server, journal)


def database_kills(context: Context) -> Iterator[Outcome]:
    """SIGKILL of PostgreSQL, the postmaster and its children"""
    number = context.times(100)
    with context.server("postgresql", "database-kills") as server:
        journal = asyncio.run(kill_database_under_load(server, context.databases.cluster, number, context.seed))
    yield _of_journal("postgresql", f"{number} kills", server, journal)


def cuts(context: Context) -> Iterator[Outcome]:
    """PostgreSQL ends every connection of the server"""
    number = context.times(100)
    with context.server("postgresql", "cuts") as server:
        journal = asyncio.run(cut_under_load(server, number, context.seed))
    yield _of_journal("postgresql", f"{number} cuts", server, journal)


def steady(context: Context) -> Iterator[Outcome]:
    """32 clients with matches of their own"""
    seconds = context.times(20)
    for kind in context.kinds:
        with context.server(kind, "steady") as server:
            journal = asyncio.run(report_for(server, seconds, clients=CLIENTS))
        yield _of_journal(kind, f"{seconds} s", server, journal)


def same_id(context: Context) -> Iterator[Outcome]:
    """One match_id from 32 clients at once"""
    number = context.times(5_000)
    for kind in context.kinds:
        with context.server(kind, "same-id") as server:
            journal, faults = asyncio.run(repeat_one_id(server, number, f"same-{context.seed}"))
        yield _of_journal(kind, f"{number:,} ids × {CLIENTS}", server, journal, faults)


def newcomers(context: Context) -> Iterator[Outcome]:
    """32 different first matches of two new competitors at once"""
    number = context.times(500)
    for kind in context.kinds:
        with context.server(kind, "newcomers") as server:
            journal, faults = asyncio.run(meet_newcomers(server, number, f"new-{context.seed}"))
        yield _of_journal(kind, f"{number:,} pairs × {CLIENTS}", server, journal, faults)


def readers(context: Context) -> Iterator[Outcome]:
    """Exports of the log under 8 writers"""
    number = context.times(1_000_000)
    for kind in context.kinds:
        with context.server(kind, "readers") as server:
            journal, reading = asyncio.run(read_while_writing(server, number, f"read-{context.seed}"))
        seen = f"{reading.positions:,} positions in {reading.exports:,} exports, the longest {reading.longest:,}; {len(reading.faults)} skipped or changed"
        yield _of_journal(kind, f"{number:,} positions", server, journal, reading.faults, seen)


def listeners(context: Context) -> Iterator[Outcome]:
    """Events under 8 writers, with listeners that go and come back"""
    number = context.times(1_000_000)
    for kind in context.kinds:
        with context.server(kind, "listeners") as server:
            journal, reading = asyncio.run(listen_while_writing(server, number, context.seed))
        seen = f"{reading.positions:,} positions on {reading.exports:,} connections; {len(reading.faults)} skipped or repeated"
        yield _of_journal(kind, f"{number:,} positions", server, journal, reading.faults, seen)


def failures(context: Context) -> Iterator[Outcome]:
    """The n-th statement or commit fails, refused or its answer lost, in a script of 30 requests"""
    every = max(1, round(1 / context.scale))
    for kind in context.kinds:
        url = context.databases.new(kind)
        with running_server(context.databases.folder / f"failures-{kind}", url, program="tests.faults.failing") as server:
            tally = asyncio.run(fail_each(server, every=every, first=1 + context.seed % every))
        done = f"{tally.runs:,} runs, {tally.statements} statements and commits"
        yield Outcome(kind, done, f"{tally.refused:,} answers asked to come again", tally.faults or [])


def disk(context: Context) -> Iterator[Outcome]:
    """The disk is full, then has room again"""
    number = context.times(20)
    try:
        with small_disk(context.databases.folder / "disk", 16) as folder:
            url = context.databases.new_file(folder / "arpad.db")
            with running_server(context.databases.folder / "disk-data", url) as server:
                outage = asyncio.run(fill_disk_under_load(server, folder, number, context.seed))
            yield _of_outage("sqlite", f"{number} times", server, outage)
    except NoSmallDisk as error:
        yield Outcome("sqlite", "nothing", f"skipped: {error}", [])


def restarts(context: Context) -> Iterator[Outcome]:
    """PostgreSQL is stopped and started"""
    number = context.times(20)
    with context.server("postgresql", "restarts") as server:
        outage = asyncio.run(restart_under_load(server, context.databases.cluster, number, context.seed))
    yield _of_outage("postgresql", f"{number} restarts", server, outage)


def commits(context: Context) -> Iterator[Outcome]:
    """A proxy cuts all connections before or after a commit"""
    number = context.times(200)
    url = context.databases.new("postgresql")
    with running_proxy(url) as proxy, running_server(context.databases.folder / "commits", url, reached_at=proxy.url) as server:
        outage = asyncio.run(cut_at_commits(server, proxy, number, context.seed))
    yield _of_outage("postgresql", f"{number} cuts", server, outage)


def delivery(context: Context) -> Iterator[Outcome]:
    """Matches delivered twice, late and shuffled, against the clean feed"""
    number = context.times(10_000)
    for kind, order in product(context.kinds, ORDERS):
        runs, faults = deliver_badly(context.databases, kind, number, context.seed, order)
        known, states = f"{runs[1].delivery.journal.replays:,} known", " ".join(run.state_hash[:8] for run in runs)
        yield Outcome(kind, f"{number:,} matches, order {order}", f"{runs[1].delivery.sent:,} sent, {known}, states {states}", faults)


def processes(context: Context) -> Iterator[Outcome]:
    """The same feed through 1, 2 and 4 servers; each log rebuilt on the other database"""
    number = context.times(5_000)
    for order in ORDERS:
        runs, faults = go_many_ways(context.databases, context.kinds, number, context.seed, order)
        yield Outcome("both", f"{number:,} matches, order {order}", ", ".join(f"{run.name} {run.state_hash[:8]}" for run in runs), faults)


def refit_races(context: Context) -> Iterator[Outcome]:
    """A stale fit against a newer one, published at the same moment"""
    number = context.times(500)
    for kind in context.kinds:
        url = context.databases.new(kind)
        with _migrated(url) as database:
            races = race_fits(database, number, context.seed)
        yield Outcome(kind, f"{races.done} races", f"the newer stands; ends {dict(races.ends)}", races.faults)


def refit_kills(context: Context) -> Iterator[Outcome]:
    """At each moment of a refit in turn its worker is killed, its fit is, or its lease is lost"""
    number = context.times(500)
    for kind in context.kinds:
        url = context.databases.new(kind)
        with _migrated(url) as database:
            kills = kill_workers(database, url, number, context.seed)
        yield Outcome(kind, f"{kills.done} times", str(kills), kills.faults)


@contextmanager
def _migrated(url: str) -> Iterator[Database]:
    prove_ours(url)
    database = Database.open(url)
    migrate(database)
    yield database
    database.close()


PARTS: Mapping[str, Callable[[Context], Iterator[Outcome]]] = {
    "kills": kills,
    "database-kills": database_kills,
    "cuts": cuts,
    "steady": steady,
    "same-id": same_id,
    "newcomers": newcomers,
    "readers": readers,
    "listeners": listeners,
    "failures": failures,
    "disk": disk,
    "restarts": restarts,
    "commits": commits,
    "delivery": delivery,
    "processes": processes,
    "refit-races": refit_races,
    "refit-kills": refit_kills,
}
NEED_POSTGRESQL = {"database-kills", "cuts", "restarts", "commits"}
NEED_OUR_POSTGRESQL = {"database-kills", "restarts"}


def main() -> int:
    options = _options()
    print(f"seed {options.seed}, scale {options.scale:g}", flush=True)
    table, all_hold = Table(["disturbance", "database", "done", "seen", "verdict", ">seconds"]), True
    for part in options.parts or PARTS:
        if reason := _skipped(part, options.database):
            print(f"{part}: skipped, {reason}", flush=True)
            continue
        all_hold &= _run(table, part, options)
    print(table)
    return 0 if all_hold else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all of them unless named")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="how much of each: 1 for the full figures, 0.01 for a hundredth (1)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="decides the matches and the moments")
    parser.add_argument("--database", choices=KINDS, action="append", help="only this one")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if not 0 < options.scale <= 1:
        parser.error("--scale is above 0 and at most 1")
    return options


def _skipped(part: str, kinds: list[str] | None) -> str | None:
    if part in NEED_POSTGRESQL and kinds is not None and "postgresql" not in kinds:
        return "it is about PostgreSQL"
    if part == "disk" and kinds is not None and "sqlite" not in kinds:
        return "it is about SQLite"
    if part in NEED_OUR_POSTGRESQL and GIVEN_SERVER:
        return "the PostgreSQL that ARPAD_TEST_POSTGRESQL_URL names is not ours to stop"
    return None


def _run(table: Table, part: str, options: argparse.Namespace) -> bool:
    holds = True
    with temporary_databases() as databases:
        context = Context(databases, options.database or list(KINDS), options.seed, options.scale)
        began = time.perf_counter()
        for outcome in PARTS[part](context):
            seconds, began = time.perf_counter() - began, time.perf_counter()
            verdict = "FAILS" if outcome.faults else "holds"
            table.add(PARTS[part].__doc__, outcome.database, outcome.done, outcome.seen, verdict, f"{seconds:.0f}")
            print(f"{part}, {outcome.database}: {outcome.done}: {outcome.seen}: {verdict} ({seconds:.0f} s)", flush=True)
            for fault in outcome.faults[:20]:
                print(f"  {fault[:1000]}", flush=True)
            holds &= not outcome.faults
    return holds


def _of_journal(kind: str, done: str, server: Server, journal: Journal, faults: list[str] | None = None, more: str | None = None) -> Outcome:
    proof = prove(server.database_url, journal)
    words = [
        f"{journal.acknowledged:,} acknowledged, {journal.unanswered:,} unanswered, {journal.refused:,} asked to wait",
        f"{journal.replays:,} of these found recorded; {proof.lost} lost, {proof.doubled} doubled, verify {'equal' if proof.verify_equal else 'DIFFERS'}",
    ]
    broken = [] if proof.holds else [str(proof)]
    return Outcome(kind, done, "; ".join([*words, *([more] if more else [])]), [*broken, *(faults or [])])


def _of_outage(kind: str, done: str, server: Server, outage: Outage) -> Outcome:
    slowest = max(outage.recoveries)
    return _of_journal(kind, done, server, outage.journal, outage.faults, f"recovered within {slowest:.1f} s")


if __name__ == "__main__":
    sys.exit(main())

"""Refits end to end: `python -m tests.benchmarks.refits` prints what each took from its claim to its publication, and where that went.

As a worker does it: the fit in a process of its own, published by this one. Every league is fitted as imported and then after a hundred new matches
at a time; “CPU s” is that of the fit's process, “peak MB” the most that it held.
"""

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from app.services.fit_process import FitProcess
from app.services.keys import Caller
from app.services.recording import MatchIn, as_columns, record_batch
from app.services.shapes import FitShape
from app.storage.migrations import migrate
from app.storage.unit_of_work import Database
from tests.benchmarks.importing import SHARED
from tests.benchmarks.latency import LARGE, SIZES
from tests.benchmarks.leagues import LEAGUE, Size, fill, refit
from tests.benchmarks.memory import peak_bytes
from tests.benchmarks.subjects import cpu_seconds
from tests.benchmarks.tables import Table
from tests.faults.databases import KINDS, Databases, temporary_databases

PARTS = ("reading", "fit", "errors and ranks", "packing", "process", "publishing")
COLUMNS = ["league", "database", "refit", ">claim to published s", *(f">{part} s" for part in PARTS), ">CPU s", ">peak MB", "read"]
LEAGUES: Mapping[str, Size] = {"ATP": Size(7_504, 197_850, SHARED / "tennis_atp.csv.gz"), **SIZES}
NEW_MATCHES = 100
MEMORY_MB, SECONDS = 4_096, 3_600.0
LOOK_SECONDS = 0.02


@dataclass
class Seen:
    """What the process of a fit took, as last seen."""

    cpu_seconds: float = 0.0
    peak: int = 0


@contextmanager
def watched(fitter: FitProcess) -> Iterator[Seen]:
    """Looks at the process of the fit for as long as it is there."""
    seen, over = Seen(), threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            pid = fitter.pid
            with suppress(OSError, StopIteration):
                if pid is not None:
                    seen.cpu_seconds, seen.peak = cpu_seconds(pid), peak_bytes(pid)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield seen
    finally:
        over.set()
        watch.join()


def measure(databases: Databases, kinds: Sequence[str], sizes: Mapping[str, Size], runs: int) -> Iterator[Table]:
    """A table per league and database, which is made for it."""
    for name, size in sizes.items():
        for kind in kinds:
            database = Database.open(databases.new(kind))
            fill(database, size)
            yield refits_of(database, name, kind, runs)
            database.close()


def refits_of(database: Database, name: str, kind: str, runs: int) -> Table:
    """The league as it stands, and after so many times a hundred new matches."""
    table = Table(COLUMNS)
    with database.read() as unit:
        keys = [row.key for row in unit.competitors.all(unit.leagues.existing(LEAGUE).id)]
    for run in range(runs + 1):
        if run:
            _record(database, keys)
        # As each would be without the one before: a process that has just begun.
        fitter = FitProcess(database.engine.url.render_as_string(hide_password=False), memory_mb=MEMORY_MB, seconds=SECONDS)
        with watched(fitter) as seen:
            fit = refit(database, fitter)
        fitter.close()
        _add(table, name, kind, f"after {NEW_MATCHES} new matches" if run else "as imported", fit, seen)
        print(" · ".join(table.rows[-1]), file=sys.stderr, flush=True)
    return table


def _record(database: Database, keys: Sequence[str]) -> None:
    """New matches among everyone, whoever wins."""
    now = time.time_ns()
    pairs = [(keys[now // 7 * place % len(keys)], keys[(now // 7 * place + place) % len(keys)]) for place in range(1, NEW_MATCHES + 1)]
    record_batch(database, Caller.operator(), LEAGUE, as_columns([MatchIn(one, other, 1.0) for one, other in pairs if one != other]))


def _add(table: Table, name: str, kind: str, refitted: str, fit: FitShape, seen: Seen) -> None:
    began, ended = (datetime.fromisoformat(str(fit[when])) for when in ("started_at", "finished_at"))
    parts = (f"{fit['seconds'].get(part, 0.0):.2f}" for part in PARTS)
    read = ", ".join(f"{count:,} {where}" for where, count in (fit["read"] or {}).items() if count)
    table.add(name, kind, refitted, f"{(ended - began).total_seconds():.2f}", *parts, f"{seen.cpu_seconds:.1f}", seen.peak // 2**20, read)


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.refits", description=__doc__)
    parser.add_argument("--database", choices=KINDS, action="append", help="only this one")
    parser.add_argument("--league", choices=[*LEAGUES, *LARGE], action="append", help="only this one")
    parser.add_argument("--runs", type=int, default=3, help="how often a hundred matches are added (3)")
    parser.add_argument("--large", action="store_true", help="ten million matches too: some ten minutes to make")
    parser.add_argument("--filled", help="the URL of a database that has such a league already; it is added to")
    return parser.parse_args(arguments)


def sizes_of(options: argparse.Namespace) -> dict[str, Size]:
    """The leagues that are asked for, of real matches only where they are there."""
    offered = {**LEAGUES, **(LARGE if options.large or options.league else {})}
    there = {name: size for name, size in offered.items() if size.file is None or size.file.exists()}
    return {name: size for name, size in there.items() if not options.league or name in options.league}


def main(arguments: Sequence[str]) -> None:
    options = options_of(arguments)
    if options.filled:
        database = Database.open(options.filled)
        migrate(database)
        print(refits_of(database, "given", database.engine.dialect.name, options.runs))
        return
    with temporary_databases() as databases:
        for table in measure(databases, options.database or KINDS, sizes_of(options), options.runs):
            print(f"\n{table}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

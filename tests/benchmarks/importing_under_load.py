"""Importing a large file with `arpad import` while a server records and reads in another league: who waits, and for how long.

`python -m tests.benchmarks.importing_under_load <file>` prints the table.
"""

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.storage.unit_of_work import Database
from tests.benchmarks.tables import Table
from tests.faults.connection import connections, request_bytes
from tests.faults.databases import KINDS, Databases, temporary_databases
from tests.faults.load import matches, new_league, post_match
from tests.faults.server import Server, running_server

POSTING = 4
READING = 4
LOOK_SECONDS = 0.02
COLUMNS = [
    "database",
    ">matches",
    ">import s",
    ">league taken s",
    ">posts",
    ">refused",
    ">slowest post s",
    ">99 % s",
    ">reads",
    ">slowest read s",
    ">99 % s",
    ">peak MB",
    ">log MB",
]


@dataclass
class Seen:
    """What the clients of the other league saw: the seconds of every request."""

    posts: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    refused: int = 0


@dataclass
class Watched:
    """What was seen of the import from outside."""

    seconds: float = 0.0
    taken_seconds: float = 0.0
    peak_mb: float = 0.0
    log_mb: float = 0.0
    recorded: int = 0


def measure(databases: Databases, kinds: Sequence[str], path: Path) -> Table:
    """A line per database."""
    table = Table(COLUMNS)
    for kind in kinds:
        url = databases.new(kind)
        with running_server(databases.folder / f"under-load-{kind}", url) as server:
            watched, seen = asyncio.run(_import_under_load(server, path))
        posts, reads = sorted(seen.posts), sorted(seen.reads)
        table.add(
            kind,
            f"{watched.recorded:,}",
            f"{watched.seconds:.1f}",
            f"{watched.taken_seconds:.1f}",
            f"{len(posts):,}",
            seen.refused,
            *(f"{posts[place]:.3f}" for place in (-1, int(0.99 * len(posts)))),
            f"{len(reads):,}",
            *(f"{reads[place]:.3f}" for place in (-1, int(0.99 * len(reads)))),
            f"{watched.peak_mb:.0f}",
            f"{watched.log_mb:.0f}",
        )
    return table


async def _import_under_load(server: Server, path: Path) -> tuple[Watched, Seen]:
    imported, other = await new_league(server), await new_league(server)
    seen = Seen()
    async with _clients(server, other, seen):
        await asyncio.sleep(1.0)
        seen.posts.clear()
        seen.reads.clear()
        watched = await asyncio.to_thread(_watched_import, server, imported, path)
    return watched, seen


@asynccontextmanager
async def _clients(server: Server, league: str, seen: Seen) -> AsyncIterator[None]:
    is_over, source = asyncio.Event(), matches("meanwhile")
    async with connections(server.url, POSTING + READING) as opened, asyncio.TaskGroup() as clients:
        for place, connection in enumerate(opened):
            clients.create_task(_ask_until(is_over, connection, server, league, source if place < POSTING else None, seen))
        try:
            yield
        finally:
            is_over.set()


async def _ask_until(
    is_over: asyncio.Event, connection: Any, server: Server, league: str, source: Iterator[dict[str, Any]] | None, seen: Seen
) -> None:
    pages = itertools.cycle((f"/v1/leagues/{league}/leaderboard?limit=10", f"/v1/leagues/{league}/matches?limit=10"))
    while not is_over.is_set():
        request = request_bytes("GET", next(pages), key=server.key) if source is None else post_match(server, league, next(source))
        began = time.perf_counter()
        answer = await connection.ask(request)
        (seen.reads if source is None else seen.posts).append(time.perf_counter() - began)
        seen.refused += answer.status == 503
        assert answer.status in {200, 201, 503}, answer
        await asyncio.sleep(0.005)


def _watched_import(server: Server, league: str, path: Path) -> Watched:
    command = [sys.executable, "-P", "-m", "app.cli", "import", league, str(path), "--json"]
    command += ["--data", str(server.folder), "--database-url", server.database_url]
    database, watched, began = Database.open(server.database_url), Watched(), time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    taken_since = None
    while process.poll() is None:
        watched.peak_mb = max(watched.peak_mb, _peak_mb(process.pid))
        watched.log_mb = max(watched.log_mb, _log_mb(server))
        with database.read() as unit:
            is_taken = unit.leagues.existing(league).import_until is not None
        now = time.perf_counter()
        if is_taken:
            taken_since = now if taken_since is None else taken_since
            watched.taken_seconds = now - taken_since
        time.sleep(LOOK_SECONDS)
    watched.seconds = time.perf_counter() - began
    database.close()
    output, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the import failed: {errors.decode()[-2000:]}")
    watched.recorded = json.loads(output)["recorded"]
    return watched


def _peak_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _log_mb(server: Server) -> float:
    """The size of SQLite's write-ahead log."""
    log = Path(server.database_url.partition("///")[2] + "-wal")
    return log.stat().st_size / 2**20 if server.is_embedded and log.exists() else 0.0


if __name__ == "__main__":
    with temporary_databases() as made:
        print(measure(made, sys.argv[2:] or KINDS, Path(sys.argv[1])))

"""How long reads take in leagues of many competitors: `python -m tests.benchmarks.latency` prints the table.

Every request is another one (a page from a place of its own, around somebody else, of another pair), so that nothing is answered from bytes that
are kept; but for the 304s, which are what a client gets that has the answer already. With `--writing`, matches are posted meanwhile: the position
moves under the readers.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

from app.services.ordered_tables import ordered_table
from app.storage.unit_of_work import Database
from tests.benchmarks.importing import SHARED
from tests.benchmarks.leagues import LEAGUE, Size, build
from tests.benchmarks.subjects import cpu_seconds
from tests.benchmarks.tables import Table
from tests.faults.connection import Connection, connections, request_bytes
from tests.faults.databases import KINDS, Databases, temporary_databases
from tests.faults.server import Server, running_server

COLUMNS = ["league", "database", "question", ">connections", ">requests", ">p50 ms", ">p95 ms", ">server CPU ms each"]
SIZES: Mapping[str, Size] = {
    "3,000 × 700,000": Size(3_000, 700_000),
    "challengers": Size(25_551, 718_908, SHARED / "tennis_atp_challenger_futures.csv.gz"),
    "100,000 × 1,000,000": Size(100_000, 1_000_000),
}
LARGE: Mapping[str, Size] = {"100,000 × 10,000,000": Size(100_000, 10_000_000)}
CONNECTIONS = 16
SECONDS = 5.0
WRITES_PER_SECOND = 20.0
PAGES = f"/v1/leagues/{LEAGUE}/leaderboard"
PREDICTIONS = f"/v1/leagues/{LEAGUE}/predictions"


@dataclass(frozen=True)
class Players:
    """Whom a question may name, and the choices that make each of them another one."""

    keys: list[str]
    choice: random.Random

    def some(self, number: int) -> list[str]:
        return self.choice.sample(self.keys, min(number, len(self.keys)))


Ask = Callable[[Players], bytes]


def _get(path: str, **query: object) -> bytes:
    return request_bytes("GET", f"{path}?{urlencode(query, doseq=True)}")


def _page(by: str) -> Ask:
    return lambda players: _get(PAGES, by=by, cursor=f"0.{players.choice.randrange(len(players.keys))}.")


def _around(by: str) -> Ask:
    return lambda players: _get(PAGES, by=by, around=players.some(1)[0])


def _pair(by: str) -> Ask:
    def ask(players: Players) -> bytes:
        first, second = players.some(2)
        return _get(PREDICTIONS, first=first, second=second, by=by)

    return ask


def _matrix(by: str) -> Ask:
    return lambda players: _get(f"{PREDICTIONS}/matrix", competitor=players.some(100), by=by)


def _bracket(by: str) -> Ask:
    def ask(players: Players) -> bytes:
        entrants = {"format": "knock-out", "competitors": players.some(128), "runs": 10_000, "seed": players.choice.randrange(2**31), "by": by}
        return request_bytes("POST", f"{PREDICTIONS}/simulate", json.dumps(entrants).encode())

    return ask


QUESTIONS: Mapping[str, Ask] = {
    "page of 100, live": _page("live"),
    "page of 100, fit": _page("fit"),
    "around one, live": _around("live"),
    "around one, fit": _around("fit"),
    "prediction, live": _pair("live"),
    "prediction, fit": _pair("fit"),
    "matrix of 100, live": _matrix("live"),
    "matrix of 100, fit": _matrix("fit"),
    "bracket of 128, live": _bracket("live"),
    "bracket of 128, fit": _bracket("fit"),
}
UNCHANGED = "page unchanged, 304"


@dataclass
class Seen:
    """What the clients saw of one question."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def ms(self, share: float) -> str:
        return f"{1e3 * sorted(self.seconds)[int(share * (len(self.seconds) - 1))]:.1f}"


def measure(databases: Databases, kinds: Sequence[str], sizes: Mapping[str, Size], options: argparse.Namespace) -> Iterator[Table]:
    """A table per league and database."""
    for name, size in sizes.items():
        for kind in kinds:
            url = databases.new(kind)
            database = Database.open(url)
            fit = build(database, size)
            keys = _keys(database)
            database.close()
            print(f"\n{name}, {kind}: fit {json.dumps(fit['seconds'])}, {fit['certificate']['pairs']:,} pairs", flush=True)
            with running_server(databases.folder / f"latency-{len(keys)}-{kind}", url) as server:
                yield asyncio.run(ask_everything(server, name, kind, Players(keys, random.Random(name)), options))


def _keys(database: Database) -> list[str]:
    """Of the largest class: a bracket is of those who can be compared."""
    with database.read() as unit:
        table = ordered_table(database, unit, unit.leagues.existing(LEAGUE), "live")
    classes = table.structure.identifiability.classes
    return [row.key for row in table.rows if classes[row.number] == 0]


async def ask_everything(server: Server, league: str, kind: str, players: Players, options: argparse.Namespace) -> Table:
    """Every question in turn, with one connection and with many."""
    table = Table(COLUMNS)
    asked = {**QUESTIONS, UNCHANGED: None}
    chosen = {name: ask for name, ask in asked.items() if not options.only or any(part in name for part in options.only)}
    # A server that has just begun builds its tables once; that is a figure of its own.
    await _warm(server, players, chosen)
    async with _writing(server, players) if options.writing else _not_writing():
        for question, ask in chosen.items():
            for many in options.connections:
                seen = await _ask_for(server, players, ask, many, options.seconds)
                each = f"{1e3 * seen.cpu_seconds / len(seen.seconds):.2f}"
                table.add(league, kind, question, many, f"{len(seen.seconds):,}", seen.ms(0.5), seen.ms(0.95), each)
                print(" · ".join(table.rows[-1][2:]), file=sys.stderr, flush=True)
    return table


async def _warm(server: Server, players: Players, chosen: Mapping[str, Ask | None]) -> None:
    async with connections(server.url, 1) as [connection]:
        for name, ask in chosen.items():
            if ask is None:
                continue
            began = time.perf_counter()
            answer = await connection.ask(ask(players))
            assert answer.status == 200, answer
            print(f"first {name}: {1e3 * (time.perf_counter() - began):.0f} ms", flush=True)


async def _ask_for(server: Server, players: Players, ask: Ask | None, many: int, seconds: float) -> Seen:
    seen = Seen()
    async with connections(server.url, many) as opened:
        requests, expected = (_distinct(players, ask), 200) if ask is not None else (await _known(opened[0]), 304)
        began, until = cpu_seconds(server.pid), time.perf_counter() + seconds
        async with asyncio.TaskGroup() as clients:
            for connection in opened:
                clients.create_task(_converse(connection, requests, expected, until, seen))
        seen.cpu_seconds = cpu_seconds(server.pid) - began
    return seen


def _distinct(players: Players, ask: Ask) -> Iterator[bytes]:
    while True:
        yield ask(players)


async def _known(connection: Connection) -> Iterator[bytes]:
    """The first page, of which the client has these very bytes."""
    request = _get(PAGES, by="live")
    head = (await connection.ask(request)).head.decode("latin-1")
    tag = next(line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("etag:"))
    known = request.replace(b"\r\n\r\n", f"\r\nIf-None-Match: {tag}\r\n\r\n".encode())
    return (known for _ in count())


async def _converse(connection: Connection, requests: Iterator[bytes], expected: int, until: float, seen: Seen) -> None:
    while (began := time.perf_counter()) < until or not seen.seconds:
        request = next(requests)
        began = time.perf_counter()
        answer = await connection.ask(request)
        seen.seconds.append(time.perf_counter() - began)
        assert answer.status in {expected, 200}, answer


@asynccontextmanager
async def _writing(server: Server, players: Players) -> Any:
    """Somebody reports matches meanwhile."""
    async with connections(server.url, 1) as [connection]:
        task = asyncio.create_task(_report(connection, server, players))
        try:
            yield
        finally:
            task.cancel()


async def _report(connection: Connection, server: Server, players: Players) -> None:
    for number in count():
        first, second = players.some(2)
        body = {"match_id": f"meanwhile-{number}", "first": first, "second": second, "outcome": "first"}
        answer = await connection.ask(request_bytes("POST", f"/v1/leagues/{LEAGUE}/matches", json.dumps(body).encode(), key=server.key))
        assert answer.status == 201, answer
        await asyncio.sleep(1.0 / WRITES_PER_SECOND)


@asynccontextmanager
async def _not_writing() -> Any:
    yield


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.latency", description=__doc__)
    parser.add_argument("--database", choices=KINDS, action="append", help="only this one")
    parser.add_argument("--league", choices=[*SIZES, *LARGE], action="append", help="only this one")
    parser.add_argument("--only", action="append", help="only questions with this in their name")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, CONNECTIONS], help="(1 16)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each question (5)")
    parser.add_argument("--writing", action="store_true", help="matches are posted meanwhile")
    parser.add_argument("--large", action="store_true", help="ten million matches too: some ten minutes to make")
    return parser.parse_args(arguments)


def sizes_of(options: argparse.Namespace) -> dict[str, Size]:
    """The leagues that are asked for, of real matches only where they are there."""
    offered = {**SIZES, **(LARGE if options.large or options.league else {})}
    there = {name: size for name, size in offered.items() if size.file is None or size.file.exists()}
    return {name: size for name, size in there.items() if not options.league or name in options.league}


def main(arguments: Sequence[str]) -> None:
    options = options_of(arguments)
    with temporary_databases() as databases:
        for table in measure(databases, options.database or KINDS, sizes_of(options), options):
            print(f"\n{table}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""The load, in a process of its own: so many keep-alive connections, each with one match under way at a time.

`python -m tests.benchmarks.generator` reads a `Load` as JSON from standard input and writes what it saw to standard output. All requests are made
before the clock starts.
"""

import asyncio
import gc
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count

import uvloop

from tests.faults.connection import Connection, connections, request_bytes

COMPETITORS = 200
OUTCOMES = ("first", "second", "draw")
PREPARED_PER_SECOND = 6_000


@dataclass(frozen=True)
class Load:
    """What to send, where to, how much of it."""

    url: str
    paths: list[str]
    """Where matches are sent to, in turn: that of one league or of many."""
    key: str | None
    connections: int
    seconds: float
    prefix: str
    """Begins the match_id of every match: no two loads share one."""


@dataclass(frozen=True)
class Seen:
    """What one load saw."""

    matches: int
    seconds: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    statuses: dict[str, int]


def requests(load: Load) -> Iterator[bytes]:
    """Distinct matches among a few hundred competitors; the same for the same prefix."""
    generator = random.Random(load.prefix)
    for number in count():
        first, second = generator.sample(range(COMPETITORS), 2)
        match = {
            "match_id": f"{load.prefix}-{number}",
            "first": f"player {first}",
            "second": f"player {second}",
            "outcome": generator.choice(OUTCOMES),
        }
        yield request_bytes("POST", load.paths[number % len(load.paths)], json.dumps(match).encode(), key=load.key)


async def send(load: Load) -> Seen:
    """Send matches for so many seconds; every answer must be a 201."""
    source = requests(load)
    prepared = iter([next(source) for _ in range(int(PREPARED_PER_SECOND * load.seconds))])
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    gc.collect()
    gc.disable()
    async with connections(load.url, load.connections) as opened:
        start = time.perf_counter()
        await asyncio.gather(*(_converse(connection, prepared, start + load.seconds, latencies, statuses) for connection in opened))
        seconds = time.perf_counter() - start
    latencies.sort()
    p50, p99 = (1e3 * latencies[int(share * (len(latencies) - 1))] for share in (0.5, 0.99))
    return Seen(len(latencies), seconds, p50, p99, 1e3 * latencies[-1], {str(status): times for status, times in statuses.items()})


async def _converse(connection: Connection, prepared: Iterator[bytes], until: float, latencies: list[float], statuses: Counter[int]) -> None:
    for request in prepared:
        began = time.perf_counter()
        if began >= until:
            return
        answer = await connection.ask(request)
        latencies.append(time.perf_counter() - began)
        statuses[answer.status] += 1


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(send(Load(**json.load(sys.stdin)))))))

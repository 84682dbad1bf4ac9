"""Many clients at one moment: one match_id, two newcomers, readers of the log beside writers, deliveries that repeat and overtake one another."""

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from tests.faults.connection import Answer, Connection, connections, request_bytes
from tests.faults.load import Client, Journal, matches, new_league, post_match, report_until
from tests.faults.server import Server

CLIENTS = 32
WRITERS = 8
READERS = 2
# An event that only sets the client's last id has no data.
_EVENT = re.compile(rb'(?ms)^id: ?(\d+)$.*^data: ?\{"position":\1,')


async def send_at_once(server: Server, league: str, opened: Sequence[Connection], batch: Sequence[dict[str, Any]]) -> list[Answer]:
    """The answers to one match from each connection, all sent before any is answered."""
    return await asyncio.gather(*(connection.ask(post_match(server, league, match)) for connection, match in zip(opened, batch, strict=True)))


async def repeat_one_id(server: Server, ids: int, seed: object) -> tuple[Journal, list[str]]:
    """Every match from all clients at once: one 201, everyone else 200 with the same receipt. The journal, and what was answered otherwise."""
    journal, faults = Journal(await new_league(server)), list[str]()
    async with connections(server.url, CLIENTS) as opened:
        for match in islice(matches(seed), ids):
            answers = await send_at_once(server, journal.league, opened, [match] * CLIENTS)
            if Counter(answer.status for answer in answers) != {201: 1, 200: CLIENTS - 1}:
                faults.append(f"{match['match_id']}: statuses {Counter(answer.status for answer in answers)}")
            if any(answer.is_replay != (answer.status == 200) for answer in answers) or len({answer.body for answer in answers}) != 1:
                faults.append(f"{match['match_id']}: the receipts differ")
            journal.receipts[match["match_id"]] = answers[0].json
    return journal, faults


async def meet_newcomers(server: Server, pairs: int, seed: object) -> tuple[Journal, list[str]]:
    """Different first matches of two competitors whom nobody knows yet, at once: each comes into being once."""
    journal, faults = Journal(await new_league(server)), list[str]()
    async with connections(server.url, CLIENTS) as opened:
        for pair in range(pairs):
            sides = [f"new {2 * pair}", f"new {2 * pair + 1}"]
            batch = [
                {"match_id": f"{seed} {pair}-{one}", "first": sides[one % 2], "second": sides[1 - one % 2], "outcome": "first"}
                for one in range(CLIENTS)
            ]
            answers = await send_at_once(server, journal.league, opened, batch)
            if {answer.status for answer in answers} != {201}:
                faults.append(f"pair {pair}: statuses {Counter(answer.status for answer in answers)}")
                continue
            receipts = [answer.json for answer in answers]
            if sorted(key for receipt in receipts for key in receipt["created"]) != sorted(sides):
                faults.append(f"pair {pair}: came into being otherwise than once")
            journal.receipts |= {receipt["match_id"]: receipt for receipt in receipts}
    return journal, faults


@dataclass
class Reading:
    """What the readers of a log saw."""

    exports: int = 0
    positions: int = 0
    longest: int = 0
    faults: list[str] = field(default_factory=list)


async def read_while_writing(server: Server, positions: int, seed: object) -> tuple[Journal, Reading]:
    """Readers take whole exports under eight writers until so many positions were read; none may skip, repeat or change one."""
    journal, reading = Journal(await new_league(server)), Reading()
    known: list[bytes] = []

    def is_over() -> bool:
        return reading.positions >= positions

    async with asyncio.TaskGroup() as everyone:
        source = matches(seed)
        for _ in range(WRITERS):
            everyone.create_task(report_until(is_over, server, journal, source))
        for _ in range(READERS):
            everyone.create_task(_read_until(is_over, server, journal.league, reading, known))
    return journal, reading


async def _read_until(is_over: Callable[[], bool], server: Server, league: str, reading: Reading, known: list[bytes]) -> None:
    async with connections(server.url, 1) as [connection]:
        while not is_over():
            answer = await connection.ask(request_bytes("GET", f"/v1/leagues/{league}/log", key=server.key))
            if answer.status != 200:
                reading.faults.append(f"an export was answered with {answer.status}")
                return
            await asyncio.to_thread(_check_export, answer.body, reading, known)


def _check_export(body: bytes, reading: Reading, known: list[bytes]) -> None:
    """Entries without a gap, each as every earlier export had it, and a last line that counts them."""
    lines = body.split(b"\n")[:-1]
    entries = [line for line in lines if line.startswith(b'{"position":')]
    for expected, line in enumerate(entries):
        if not line.startswith(b'{"position":%d,' % expected):
            reading.faults.append(f"at position {expected} stands {line[:60]!r}")
            return
    if json.loads(lines[-1]).get("count") != len(entries):
        reading.faults.append(f"the last line of {len(entries)} entries is {lines[-1][:100]!r}")
    shared = min(len(known), len(entries))
    if entries[:shared] != known[:shared]:
        reading.faults.append("an entry changed between two exports")
    known.extend(entries[len(known) :])
    reading.exports += 1
    reading.positions += len(entries)
    reading.longest = max(reading.longest, len(entries))


async def listen_while_writing(server: Server, positions: int, seed: int) -> tuple[Journal, Reading]:
    """Listeners to the events under eight writers, who go away and come back with the last id that they saw; none may miss or repeat a position."""
    journal, reading, moment = Journal(await new_league(server)), Reading(), random.Random(seed)

    def is_over() -> bool:
        return reading.positions >= positions or bool(reading.faults)

    async with asyncio.TaskGroup() as everyone:
        source = matches(f"listen-{seed}")
        for _ in range(WRITERS):
            everyone.create_task(report_until(is_over, server, journal, source))
        for _ in range(READERS):
            everyone.create_task(_listen_until(is_over, server, journal.league, reading, moment))
    return journal, reading


async def _listen_until(is_over: Callable[[], bool], server: Server, league: str, reading: Reading, moment: random.Random) -> None:
    while not is_over():
        last = -1
        for _ in range(moment.randrange(1, 5)):
            last = await _listen_for(moment.randrange(1, 1_000), server, league, last, reading, is_over)


async def _listen_for(count: int, server: Server, league: str, last: int, reading: Reading, is_over: Callable[[], bool]) -> int:
    """Take so many events after a position, as long as any come; the position of the last one."""
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    request = request_bytes("GET", f"/v1/leagues/{league}/events?after={last}", key=server.key)
    writer.write(request.replace(b"\r\n\r\n", b"\r\nLast-Event-ID: %d\r\n\r\n" % last, 1))
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        reading.faults.append(f"the events were answered with {head[:60]!r}")
    waiting, taken = b"", 0
    try:
        while taken < count and not is_over():
            size = int(await reader.readline(), 16)
            *events, waiting = (waiting + (await reader.readexactly(size + 2))[:-2]).split(b"\n\n")
            for position in (int(found[1]) for event in events if (found := _EVENT.search(event))):
                if position != last + 1:
                    reading.faults.append(f"after {last} came {position}")
                last, taken = position, taken + 1
                reading.positions += 1
    finally:
        writer.transport.abort()
    reading.exports += 1
    reading.longest = max(reading.longest, last + 1)
    return last


@dataclass
class Delivery:
    """How a feed was delivered, and what became of it."""

    league: str
    order: str
    sent: int
    journal: Journal


def dated_feed(seed: object, count: int, competitors: int = 200) -> list[dict[str, Any]]:
    """A feed in its true order: one match a minute."""
    feed = list(islice(matches(seed, competitors), count))
    for minute, match in enumerate(feed):
        match["played_at"] = f"2026-{1 + minute // 40_320:02d}-{1 + minute // 1_440 % 28:02d}T{minute // 60 % 24:02d}:{minute % 60:02d}:00Z"
    return feed


def disturbed(feed: Sequence[dict[str, Any]], seed: object, *, window: int = 500) -> list[dict[str, Any]]:
    """The feed as a bad network delivers it: a third twice or more, single ones very late, all shuffled within a window."""
    generator = random.Random(f"disturbed {seed}")
    sent: list[tuple[float, int, dict[str, Any]]] = []
    for place, match in enumerate(feed):
        for _ in range(generator.choices((1, 2, 3), (4, 1, 1))[0]):
            late = generator.uniform(0, len(feed)) if generator.random() < 0.02 else generator.uniform(0, window)
            sent.append((place + late, len(sent), match))
    return [match for _, _, match in sorted(sent, key=lambda one: one[:2])]


async def deliver(servers: Sequence[Server], feed: Sequence[dict[str, Any]], order: str, *, clients: int = CLIENTS) -> Delivery:
    """Send a feed through one or several servers, in this order except for what the clients make of it; repetitions are expected to be known."""
    server = servers[0]
    league = await new_league(server, {"order": order} if order != "log" else None)
    journal, source = Journal(league), iter(feed)

    async def report(at: Server) -> None:
        client = Client(at, journal)
        for match in source:
            await client.deliver(match, once=False)
        client.close()

    async with asyncio.TaskGroup() as reporters:
        for number in range(clients):
            reporters.create_task(report(servers[number % len(servers)]))
    return Delivery(league, order, len(feed), journal)

"""Clients that report matches until each is acknowledged, through whatever happens to the server, and remember every acknowledgement.

A match that was not answered is sent again with the same match_id, as Arpad asks of its clients.
"""

import asyncio
import itertools
import json
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.faults.connection import Answer, Connection, ask_once, request_bytes
from tests.faults.server import Server

COMPETITORS = 40
PAUSE_SECONDS = 0.02
GIVE_UP_SECONDS = 60.0
PATIENCE = (503, 507)


@dataclass
class Journal:
    """What the clients of one league know."""

    league: str
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """match_id → the receipt that acknowledged it."""
    unanswered: int = 0
    """Requests that a dying server left without an answer; each was sent again."""
    replays: int = 0
    """Matches that had been recorded when they were sent again."""
    refused: int = 0
    """Answers that asked for patience (503, 507), with the time to wait in a problem document; each match was sent again."""

    @property
    def acknowledged(self) -> int:
        return len(self.receipts)

    def acknowledge(self, match_id: str, answer: Answer, *, once: bool = True) -> None:
        assert not once or match_id not in self.receipts, f"{match_id} was acknowledged twice"
        assert (answer.status == 200) == answer.is_replay, answer
        receipt = self.receipts.setdefault(match_id, answer.json)
        assert receipt == answer.json, f"{match_id} has two receipts"
        self.replays += answer.is_replay


class Client:
    """One reporter with one connection, opened anew whenever it is lost, at the address that the server has by then."""

    def __init__(self, server: Server, journal: Journal) -> None:
        self._server = server
        self._journal = journal
        self._connection: Connection | None = None

    async def deliver(self, match: dict[str, Any], *, once: bool = True) -> None:
        """Send a match until it is acknowledged. Whatever is neither an acknowledgement nor a wish for patience is a failure.

        Unless `once`, somebody else may have delivered the same match before, and got the same receipt.
        """
        request = post_match(self._server, self._journal.league, match)
        async with asyncio.timeout(GIVE_UP_SECONDS):
            answer = await self._ask(request)
            while answer is None or answer.status in PATIENCE:
                await asyncio.sleep(PAUSE_SECONDS)
                answer = await self._ask(request)
        assert answer.status in {200, 201}, answer
        self._journal.acknowledge(match["match_id"], answer, once=once)

    async def _ask(self, request: bytes) -> Answer | None:
        """The answer, None where the server is not there or goes away before it answers."""
        try:
            if self._connection is None:
                self._connection = await Connection.open(self._server.url)
        except OSError:
            return None
        try:
            answer = await self._connection.ask(request)
        except OSError:
            self._journal.unanswered += 1
            self.close()
            return None
        if answer.status in PATIENCE:
            assert b"\r\nretry-after: " in answer.head.lower(), answer
            assert b"application/problem+json" in answer.head, answer
            self._journal.refused += 1
        return answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def post_match(server: Server, league: str, match: dict[str, Any]) -> bytes:
    """The request that reports a match."""
    return request_bytes("POST", f"/v1/leagues/{league}/matches", json.dumps(match).encode(), key=server.key)


async def new_league(server: Server, settings: dict[str, Any] | None = None) -> str:
    """A league that nobody else writes to."""
    league = f"league-{secrets.token_hex(4)}"
    body = json.dumps({"league": league, "public": True, "settings": settings or {}}).encode()
    request = request_bytes("POST", "/v1/leagues", body, key=server.key)
    answer = await ask_once(server.url, request)
    assert answer.status == 201, answer
    return league


def matches(seed: object, competitors: int = COMPETITORS) -> Iterator[dict[str, Any]]:
    """Distinct matches without end; the same for the same seed."""
    generator = random.Random(str(seed))
    for number in itertools.count():
        first, second = generator.sample(range(competitors), 2)
        outcome = generator.choice(("first", "second", "draw"))
        yield {"match_id": f"{seed}-{number}", "first": f"player {first}", "second": f"player {second}", "outcome": outcome}


async def report_until(stop: Callable[[], bool], server: Server, journal: Journal, source: Iterator[dict[str, Any]]) -> None:
    """Report one match after the other, until told to stop; the one in hand is delivered first."""
    client = Client(server, journal)
    try:
        while not stop():
            await client.deliver(next(source))
    finally:
        client.close()

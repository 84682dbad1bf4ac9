"""A keep-alive connection of raw asyncio: a request costs the client some twenty microseconds, so that a load is the server's load.

It speaks as much HTTP/1.1 as servers answer here: one request at a time, a body with its length or in chunks.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")


class Answer(NamedTuple):
    """One response."""

    status: int
    head: bytes
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_replay(self) -> bool:
        return b"\r\nidempotent-replay: true\r\n" in self.head.lower()


class Connection(asyncio.Protocol):
    """One connection to a server; whatever ends it makes the waiting request fail with ConnectionError."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._received = bytearray()

    @classmethod
    async def open(cls, url: str) -> "Connection":
        address = urlsplit(url)
        _, connection = await asyncio.get_running_loop().create_connection(cls, address.hostname, address.port)
        return connection

    async def ask(self, request: bytes) -> Answer:
        """Send the bytes of a whole request and wait for the whole answer. Raises ConnectionError."""
        self.send(request)
        self._waiting = asyncio.get_running_loop().create_future()
        return await self._waiting

    def send(self, request: bytes) -> None:
        """Send the bytes of a request, whose answer nobody waits for."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[: end + 2])
        # A 304 has no body, and need not say so.
        body = b"" if head[9:12] == b"304" else self._body(end + 4, _LENGTH.search(head))
        if body is not None and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(int(head[9:12]), head, body))
            self._received.clear()

    def _body(self, start: int, length: re.Match[bytes] | None) -> bytes | None:
        """The whole body, None while some of it is under way."""
        if length is not None:
            stop = start + int(length[1])
            return bytes(self._received[start:stop]) if len(self._received) >= stop else None
        return _joined(bytes(self._received[start:])) if self._received.endswith(b"\r\n0\r\n\r\n") else None

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionResetError("the server closed the connection before it answered"))


def _joined(chunked: bytes) -> bytes:
    """The body of which these are the chunks."""
    parts, place = [], 0
    while True:
        end = chunked.index(b"\r\n", place)
        size = int(chunked[place:end], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(chunked[end + 2 : end + 2 + size])
        place = end + 4 + size


def request_bytes(method: str, path: str, body: bytes = b"", *, key: str | None = None, media_type: str = "application/json") -> bytes:
    """A request as it travels."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    if body:
        lines.append(f"Content-Type: {media_type}")
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


@asynccontextmanager
async def connections(url: str, count: int) -> AsyncIterator[list[Connection]]:
    """So many open connections, closed at the end."""
    opened = [await Connection.open(url) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


async def ask_once(url: str, request: bytes) -> Answer:
    """The answer to one request on a connection of its own."""
    async with connections(url, 1) as [connection]:
        return await connection.ask(request)

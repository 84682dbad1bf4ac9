"""A TCP proxy before PostgreSQL that can cut every connection, at the moment when a commit passes: before it arrives, or after it was done.

It runs in a thread of its own, so that the clients' event loop is not disturbed.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from sqlalchemy.engine import make_url

Moment = Literal["before the commit", "after the commit"]
_COMMIT = b"COMMIT\x00"


class Proxy:
    """Passes bytes on, and counts what it cut."""

    def __init__(self, database_url: str) -> None:
        self._target = make_url(database_url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._next_cut: Moment | None = None
        self._loop = asyncio.new_event_loop()
        self.is_open = True
        self.cuts = 0
        self.port = 0

    @property
    def url(self) -> str:
        """The database as it is reached through the proxy."""
        return self._target.set(host="127.0.0.1", port=self.port, query={}).render_as_string(hide_password=False)

    def cut_next(self, moment: Moment) -> None:
        """Cut every connection when the next commit passes."""
        self._next_cut = moment

    def cut_all(self, *, reopen: bool) -> None:
        """Cut every connection now; unless it reopens, new ones are cut at once too."""
        self.is_open = reopen
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        self._writers.clear()
        self.cuts += 1

    async def _open_target(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = self._target.query.get("host")
        if folder:
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{self._target.port or 5432}")
        return await asyncio.open_connection(self._target.host, self._target.port or 5432)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.transport.abort()
            return
        try:
            upstream_reader, upstream_writer = await self._open_target()
        except OSError:
            writer.transport.abort()
            return
        if not self.is_open:
            # It was cut while the other half was being opened.
            for each in (writer, upstream_writer):
                each.transport.abort()
            return
        self._writers |= {writer, upstream_writer}
        back = asyncio.create_task(self._pass_on(upstream_reader, writer))
        with suppress(OSError):
            await self._pass_requests(reader, upstream_reader, upstream_writer, back)
        for each in (writer, upstream_writer):
            self._writers.discard(each)
            each.transport.abort()

    async def _pass_requests(
        self, reader: asyncio.StreamReader, upstream_reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, back: asyncio.Task[None]
    ) -> None:
        while data := await reader.read(65_536):
            if self._next_cut is not None and _COMMIT in data:
                moment, self._next_cut = self._next_cut, None
                if moment == "after the commit":
                    back.cancel()
                    with suppress(asyncio.CancelledError):
                        await back
                    upstream.write(data)
                    await upstream_reader.read(65_536)
                self._abort()
                return
            upstream.write(data)
            await upstream.drain()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
            writer.transport.abort()

    async def _listen(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        with suppress(asyncio.CancelledError):
            await server.serve_forever()

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._listen(ready))
        self._loop.run_until_complete(self._task)
        self._loop.run_until_complete(_ended(asyncio.all_tasks(self._loop)))
        self._loop.close()

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._abort)
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)


async def _ended(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def running_proxy(database_url: str) -> Iterator[Proxy]:
    """A proxy before this database."""
    proxy = Proxy(database_url)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()

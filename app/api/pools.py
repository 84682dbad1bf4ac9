"""The threads in which services run: a few for reads, a few for what takes longer, so that an import does not keep a leaderboard waiting.

Small on purpose: many threads fetching rows from SQLite wait for one another's interpreter lock (four times slower with forty than with one).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")

EMBEDDED_READERS = 2
SERVER_READERS = 8
WORKERS = 2


class Pools:
    """Two pools of threads; `close` waits for what runs."""

    def __init__(self, readers: int, workers: int = WORKERS) -> None:
        self._readers = ThreadPoolExecutor(readers, "arpad-reader")
        self._workers = ThreadPoolExecutor(workers, "arpad-worker")

    async def read(self, work: Callable[[], T]) -> T:
        """Run a short read."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, copy_context().run, work)

    async def work(self, work: Callable[[], T]) -> T:
        """Run a write, or a read that may take seconds."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, copy_context().run, work)

    def close(self) -> None:
        self._readers.shutdown()
        self._workers.shutdown()

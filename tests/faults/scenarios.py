"""The disturbances, each as a function from a running server to what its clients saw; tests and the long runs share them."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import create_engine, text

from tests.faults.cluster import Cluster
from tests.faults.load import Journal, matches, new_league, report_until
from tests.faults.server import Server

CLIENTS = 16
PROGRESS_SECONDS = 60.0


@asynccontextmanager
async def reporting(server: Server, journal: Journal, clients: int, source: Iterator[dict[str, Any]]) -> AsyncIterator[None]:
    """Clients report while the block runs; afterwards each delivers what it has in hand."""
    is_over = asyncio.Event()
    async with asyncio.TaskGroup() as reporters:
        for _ in range(clients):
            reporters.create_task(report_until(is_over.is_set, server, journal, source))
        yield
        is_over.set()


async def kill_under_load(server: Server, kills: int, seed: int) -> Journal:
    """Kill the server again and again at random moments while clients report, and start it again each time."""
    journal, moment = Journal(await new_league(server)), random.Random(seed)
    async with reporting(server, journal, CLIENTS, matches(f"kill-{seed}")):
        for _ in range(kills):
            await progress(journal)
            await asyncio.sleep(moment.uniform(0.0, 0.5))
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        await progress(journal)
    return journal


async def cut_under_load(server: Server, cuts: int, seed: int) -> Journal:
    """Have PostgreSQL end every connection of the server again and again while clients report."""
    journal, moment = Journal(await new_league(server)), random.Random(seed)
    async with reporting(server, journal, CLIENTS, matches(f"cut-{seed}")):
        for _ in range(cuts):
            await progress(journal)
            await asyncio.sleep(moment.uniform(0.0, 0.2))
            await asyncio.to_thread(_cut_connections, server.database_url)
        await progress(journal)
    return journal


async def kill_database_under_load(server: Server, cluster: Cluster, kills: int, seed: int) -> Journal:
    """Kill PostgreSQL itself, the postmaster and its children, again and again while clients report; the server stays and has to recover."""
    journal, moment = Journal(await new_league(server)), random.Random(seed)
    async with reporting(server, journal, CLIENTS, matches(f"database-kill-{seed}")):
        for _ in range(kills):
            await progress(journal)
            await asyncio.sleep(moment.uniform(0.0, 0.3))
            await asyncio.to_thread(cluster.kill)
            await asyncio.to_thread(cluster.start)
        await progress(journal)
    return journal


async def report_for(server: Server, seconds: float, *, clients: int) -> Journal:
    """Report distinct matches for so many seconds."""
    journal = Journal(await new_league(server))
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as reporters:
        source = matches("steady")
        for _ in range(clients):
            reporters.create_task(report_until(lambda: time.monotonic() > until, server, journal, source))
    return journal


async def progress(journal: Journal, more: int = CLIENTS) -> None:
    """Wait until so many more matches are acknowledged: the load is on."""
    enough = journal.acknowledged + more
    async with asyncio.timeout(PROGRESS_SECONDS):
        while True:
            if journal.acknowledged >= enough:
                return
            await asyncio.sleep(0.005)


def _cut_connections(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'arpad' AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
    engine.dispose()

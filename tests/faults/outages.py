"""The database becomes impossible to reach or to write, and comes back: who asks meanwhile is told when to come again, and no restart is needed after."""

import asyncio
import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.cluster import Cluster
from tests.faults.connection import ask_once, request_bytes
from tests.faults.load import Journal, matches, new_league
from tests.faults.proxy import Moment, Proxy
from tests.faults.scenarios import progress, reporting
from tests.faults.server import Server

CLIENTS = 8
WITHIN_SECONDS = 5.0
MOMENTS: tuple[Moment, ...] = ("before the commit", "after the commit")


class NoSmallDisk(RuntimeError):
    """No file system can be made by this account."""


@dataclass
class Outage:
    """What the clients saw of it."""

    journal: Journal
    recoveries: list[float] = field(default_factory=list)
    """Seconds from the end of each outage to the next acknowledgement."""
    reads: list[int] = field(default_factory=list)
    """The status of the reads while nothing could be written."""

    @property
    def faults(self) -> list[str]:
        slow = [f"it took {seconds:.1f} s to recover" for seconds in self.recoveries if seconds > WITHIN_SECONDS]
        return slow + [f"a read was answered with {status}" for status in self.reads if status != 200]


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of this size in memory, mounted on a new folder. Raises NoSmallDisk with the reason."""
    folder.mkdir(parents=True)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if made.returncode:
        raise NoSmallDisk(made.stderr.strip() or "mount failed")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def fill_disk_under_load(server: Server, disk: Path, times: int, seed: int) -> Outage:
    """Fill the disk of a SQLite database while clients report, read meanwhile, make room again."""
    outage = Outage(Journal(await new_league(server)))
    journal, ballast = outage.journal, disk / "ballast"
    async with reporting(server, journal, CLIENTS, matches(f"disk-{seed}")):
        for _ in range(times):
            await progress(journal)
            await asyncio.to_thread(_fill, ballast)
            await _refusals(journal, CLIENTS, ballast)
            outage.reads.append((await _read(server, journal)).status)
            ballast.unlink()
            await _recovered(outage)
    return outage


def _fill(ballast: Path) -> None:
    with ballast.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            os.fsync(file.fileno())


async def _refusals(journal: Journal, more: int, ballast: Path | None = None) -> None:
    """Wait until so many more requests were told to come again; what room is found meanwhile is filled too."""
    enough = journal.refused + more
    async with asyncio.timeout(60.0):
        while True:
            if journal.refused >= enough:
                return
            if ballast is not None:
                await asyncio.to_thread(_fill, ballast)
            await asyncio.sleep(0.02)


async def _recovered(outage: Outage) -> None:
    began = time.perf_counter()
    await progress(outage.journal, CLIENTS)
    outage.recoveries.append(time.perf_counter() - began)


async def _read(server: Server, journal: Journal):
    return await ask_once(server.url, request_bytes("GET", f"/v1/leagues/{journal.league}/leaderboard?limit=5", key=server.key))


async def restart_under_load(server: Server, cluster: Cluster, times: int, seed: int) -> Outage:
    """Stop PostgreSQL while clients report, and start it again once they were told to wait."""
    outage = Outage(Journal(await new_league(server)))
    async with reporting(server, outage.journal, CLIENTS, matches(f"restart-{seed}")):
        for _ in range(times):
            await progress(outage.journal)
            await asyncio.to_thread(cluster.stop)
            await _refusals(outage.journal, CLIENTS)
            await asyncio.to_thread(cluster.start)
            await _recovered(outage)
    return outage


async def cut_at_commits(server: Server, proxy: Proxy, times: int, seed: int) -> Outage:
    """Cut all connections when a commit passes, before and after it in turn; now and then stay away for a moment."""
    outage, moment = Outage(Journal(await new_league(server))), random.Random(seed)
    async with reporting(server, outage.journal, CLIENTS, matches(f"proxy-{seed}")):
        for number in range(times):
            cuts = proxy.cuts
            proxy.cut_next(MOMENTS[number % 2])
            async with asyncio.timeout(60.0):
                while True:
                    if proxy.cuts > cuts:
                        break
                    await asyncio.sleep(0.005)
            if moment.random() < 0.25:
                proxy.cut_all(reopen=False)
                await _refusals(outage.journal, 1)
                proxy.is_open = True
            await _recovered(outage)
    return outage

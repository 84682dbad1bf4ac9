"""What is compared: each way of recording matches as a server process of its own on a database of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.faults.server import running_server, wait_until_ready

_TICK_SECONDS = 1.0 / os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 30.0
MANY = 50


@dataclass(frozen=True)
class Subject:
    """One server under load."""

    name: str
    url: str
    paths: list[str]
    key: str | None
    pid: int


@contextmanager
def arpad(folder: Path, database_url: str) -> Iterator[Subject]:
    """`arpad serve` without its worker, whose refits are not part of recording a match. Its first league is for itself, the others are many."""
    with running_server(folder, database_url) as server:
        names = ["bench", *(f"bench-{number}" for number in range(MANY))]
        for name in names:
            answer = httpx.post(f"{server.url}/v1/leagues", json={"league": name}, headers={"Authorization": f"Bearer {server.key}"}, timeout=30)
            answer.raise_for_status()
        yield Subject("Arpad", server.url, [f"/v1/leagues/{name}/matches" for name in names], server.key, server.pid)


@contextmanager
def textbook(folder: Path, database_url: str) -> Iterator[Subject]:
    """The textbook way under uvicorn, with the same event loop and parser as Arpad."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.benchmarks.textbook"]
    environment = {**os.environ, "TEXTBOOK_DATABASE_URL": database_url}
    with (folder / "textbook.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        url = process.stdout.readline().strip()
        wait_until_ready(f"{url}/readyz")
        yield Subject("textbook", url, ["/matches"], None, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def cpu_seconds(pid: int) -> float:
    """The processor time of a process and its children, the living and the dead, user and system."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) * _TICK_SECONDS + sum(cpu_seconds(int(child)) for child in children)

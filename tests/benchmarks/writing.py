"""Recording single matches over HTTP: Arpad against the textbook way, round by round in one run, so that the machine's moods meet both."""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from statistics import median

from tests.benchmarks.generator import Load, Seen
from tests.benchmarks.subjects import Subject, arpad, cpu_seconds, textbook
from tests.benchmarks.tables import Table
from tests.faults.databases import Databases

WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Round:
    """One load on one server, and what it cost the server."""

    seen: Seen
    cpu_ms: float
    """Per match."""

    @property
    def rate(self) -> float:
        return self.seen.matches / self.seen.seconds


def compare(databases: Databases, kinds: Sequence[str], *, rounds: int, seconds: float, connections: Sequence[int]) -> Table:
    """A table with a line per database, number of connections and server: medians of the rounds."""
    table = Table(["database", "connections", "server", ">matches/s", ">p50 ms", ">p99 ms", ">CPU ms/match", ">CPU ratio"])
    for kind in kinds:
        with ExitStack() as stack:
            folder = databases.folder / kind
            subjects = [
                stack.enter_context(arpad(folder / "arpad", databases.new(kind))),
                stack.enter_context(textbook(folder / "textbook", databases.new(kind))),
            ]
            for count in connections:
                _add_lines(table, kind, count, subjects, _interleaved(subjects, count, rounds, seconds))
    return table


def _interleaved(subjects: Sequence[Subject], connections: int, rounds: int, seconds: float) -> dict[str, list[Round]]:
    measured: dict[str, list[Round]] = {subject.name: [] for subject in subjects}
    for subject in subjects:
        _one_round(subject, connections, WARM_UP_SECONDS, f"{connections}-warm")
    for number in range(rounds):
        # Who goes first changes, so that neither always finds the other's dirty pages.
        for subject in subjects if number % 2 == 0 else subjects[::-1]:
            measured[subject.name].append(_one_round(subject, connections, seconds, f"{connections}-{number}"))
    return measured


def _one_round(subject: Subject, connections: int, seconds: float, prefix: str) -> Round:
    load = Load(subject.url, subject.path, subject.key, connections, seconds, prefix)
    before = cpu_seconds(subject.pid)
    finished = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.generator"],
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        timeout=60 + seconds,
        check=False,
    )
    cpu = cpu_seconds(subject.pid) - before
    if finished.returncode:
        raise RuntimeError(f"the load on {subject.name} failed: {finished.stderr[-2000:]}")
    seen = Seen(**json.loads(finished.stdout))
    if set(seen.statuses) != {"201"}:
        raise RuntimeError(f"{subject.name} did not record every match: {seen.statuses}")
    return Round(seen, 1e3 * cpu / seen.matches)


def _add_lines(table: Table, kind: str, connections: int, subjects: Sequence[Subject], measured: dict[str, list[Round]]) -> None:
    reference = median(one.cpu_ms for one in measured[subjects[-1].name])
    for subject in subjects:
        rounds = measured[subject.name]
        cpu = median(one.cpu_ms for one in rounds)
        table.add(
            kind,
            connections,
            subject.name,
            f"{median(one.rate for one in rounds):,.0f}",
            f"{median(one.seen.p50_ms for one in rounds):.1f}",
            f"{median(one.seen.p99_ms for one in rounds):.1f}",
            f"{cpu:.2f}",
            f"{cpu / reference:.2f}",
        )

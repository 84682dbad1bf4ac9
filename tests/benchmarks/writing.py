"""Recording single matches over HTTP: Arpad against the textbook way, round by round in one run, so that the machine's moods meet both."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from statistics import median
from subprocess import PIPE

from sqlalchemy.engine import make_url

from tests.benchmarks.generator import Load, Seen
from tests.benchmarks.subjects import MANY, Subject, arpad, cpu_seconds, textbook
from tests.benchmarks.tables import Table
from tests.faults.databases import Databases
from tests.faults.server import running_server

WARM_UP_SECONDS = 1.0
MOST_SESSIONS = 32
"""Of pgbench: a PostgreSQL takes a hundred connections unless told otherwise, and more than this make it slower."""


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
            arpad_url, textbook_url = databases.new(kind), databases.new(kind)
            subjects = [stack.enter_context(arpad(folder / "arpad", arpad_url)), stack.enter_context(textbook(folder / "textbook", textbook_url))]
            [ours, theirs] = subjects
            subjects = [replace(ours, paths=ours.paths[:1]), theirs]
            for count in connections:
                _add_lines(table, kind, count, subjects, _interleaved(subjects, count, rounds, seconds))
                _add_shared(table, kind, count, f"Arpad, {MANY} leagues", [replace(ours, paths=ours.paths[1:])], rounds, seconds)
            if kind == "postgresql":
                more = [stack.enter_context(running_server(folder / "arpad", arpad_url)) for _ in range(2)]
                processes = [subjects[0], *(replace(subjects[0], url=one.url, pid=one.pid) for one in more)]
                for count in connections:
                    for number in (2, 3):
                        _add_shared(table, kind, count, f"Arpad × {number}", processes[:number], rounds, seconds)
                    if (rate := _limit(textbook_url, count, seconds)) is not None:
                        table.add(kind, count, "pgbench, textbook's SQL", f"{float(rate):,.0f}", "", "", "", "")
    return table


def _add_shared(table: Table, kind: str, connections: int, name: str, processes: Sequence[Subject], rounds: int, seconds: float) -> None:
    """Arpad otherwise: several processes on one database, which share the connections, or many leagues."""
    measured = [_share_round(processes, connections, seconds, f"{name} {connections}-{number}") for number in range(rounds)]
    rate, p50, p99 = (median(values) for values in zip(*((one.rate, one.seen.p50_ms, one.seen.p99_ms) for one in measured), strict=True))
    table.add(kind, connections, name, f"{rate:,.0f}", f"{p50:.1f}", f"{p99:.1f}", f"{median(one.cpu_ms for one in measured):.2f}", "")


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
    return _share_round([subject], connections, seconds, prefix)


def _share_round(processes: Sequence[Subject], connections: int, seconds: float, prefix: str) -> Round:
    """One load, shared evenly by the server processes of one database; each has a generator of its own."""
    loads = [Load(one.url, one.paths, one.key, connections // len(processes), seconds, f"{prefix}-{place}") for place, one in enumerate(processes)]
    before = sum(cpu_seconds(one.pid) for one in processes)
    seen = _joined(_generate(loads), processes[0].name)
    cpu = sum(cpu_seconds(one.pid) for one in processes) - before
    return Round(seen, 1e3 * cpu / seen.matches)


def _generate(loads: Sequence[Load]) -> list[Seen]:
    running = []
    for load in loads:
        generator = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.generator"], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
        generator.stdin.write(json.dumps(asdict(load)))
        generator.stdin.close()
        generator.stdin = None
        running.append(generator)
    seen = []
    for load, generator in zip(loads, running, strict=True):
        told, complaint = generator.communicate(timeout=60 + load.seconds)
        if generator.returncode:
            raise RuntimeError(f"the load on {load.url} failed: {complaint[-2000:]}")
        seen.append(Seen(**json.loads(told)))
    return seen


def _joined(parts: Sequence[Seen], name: str) -> Seen:
    """What several generators saw at the same time; of their percentiles the worst."""
    if any(set(part.statuses) != {"201"} for part in parts):
        raise RuntimeError(f"{name} did not record every match: {[part.statuses for part in parts]}")
    return Seen(
        sum(part.matches for part in parts),
        max(part.seconds for part in parts),
        max(part.p50_ms for part in parts),
        max(part.p99_ms for part in parts),
        max(part.worst_ms for part in parts),
        {"201": sum(part.matches for part in parts)},
    )


def _limit(database_url: str, connections: int, seconds: float) -> str | None:
    """Transactions per second of pgbench with the statements of one textbook match, from at most `MOST_SESSIONS` clients; None where there is no pgbench."""
    program = shutil.which("pgbench")
    if program is None:
        return None
    target = make_url(database_url)
    address = [
        "-h", str(target.query.get("host") or target.host), "-p", str(target.port or 5432), "-U", str(target.username), str(target.database),
    ]  # fmt: skip
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_TRANSACTION)
        script.flush()
        command = [
            program,
            "-n",
            "-M",
            "prepared",
            "-c",
            str(min(connections, MOST_SESSIONS)),
            "-j",
            "2",
            "-T",
            str(max(1, round(seconds))),
            "-f",
            script.name,
            *address,
        ]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60 + seconds, check=True)
    return str(re.search(r"tps = ([\d.]+)", ran.stdout)[1])


# What the textbook way sends for one match, on its own tables: rated there, in one round trip per statement.
_TRANSACTION = """
\\set one random(0, 199)
\\set other mod(:one + random(1, 199), 200)
\\set id random(1, 9000000000000000)
BEGIN;
SELECT * FROM match WHERE match_id = 'limit-' || :id;
SELECT * FROM competitor WHERE key IN ('player ' || :one, 'player ' || :other) ORDER BY key FOR UPDATE;
UPDATE competitor SET rating = rating + 1, matches = matches + 1 WHERE key = 'player ' || :one;
UPDATE competitor SET rating = rating - 1, matches = matches + 1 WHERE key = 'player ' || :other;
INSERT INTO match (match_id, first_id, second_id, outcome, recorded_at, expected, first_before, first_after, second_before, second_after)
  VALUES ('limit-' || :id, 1, 2, 'first', 0, 0.5, 1500, 1516, 1500, 1484);
COMMIT;
"""


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

"""Fits, online ratings and intervals against other libraries, in rounds: each way in a child process of its own, in turn, on the same columns.

A child loads its library, makes a small run that is not counted, and times one that is; so a row has its own peak of memory, and a peer that
runs out of memory or time is a line and not the end. `python -m tests.benchmarks.fits <way> <input> <scale>` is the child.
"""

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.contenders import WAYS
from tests.benchmarks.importing import _peak_bytes
from tests.benchmarks.inputs import INPUTS, is_there, synthetic
from tests.benchmarks.tables import Table

COLUMNS = ["input", ">matches", ">competitors", "way", ">seconds", ">× ours", ">−log L", ">gradient", ">peak MB", "note"]
ELO_COLUMNS = ["input", ">matches", "way", ">seconds", ">× ours", ">furthest from ours, points", ">peak MB", "note"]
ERROR_COLUMNS = ["input", ">matches", ">competitors", "way", ">seconds", ">× ours", ">median error", ">peak MB", "note"]
ROUNDS, SLOW_ROUNDS, SLOW_SECONDS, ENDLESS_SECONDS, CHILD_SECONDS = 5, 3, 10.0, 300.0, 1_200
SHARE_OF_MEMORY = 0.85


@dataclass(frozen=True)
class Group:
    """Ways that are compared on one input; the first is the measure of the others."""

    input: str
    ways: Sequence[str]


@dataclass(frozen=True)
class Chapter:
    """Groups under one heading."""

    heading: str
    columns: Sequence[str]
    groups: Sequence[Group]


ESTIMATES = ("Arpad", "evalica", "evalica, limit 10,000")
INTERVALS = ("Arpad with intervals", "arena-rank with intervals")
CHAPTERS = (
    Chapter(
        "Bradley–Terry, pure maximum likelihood",
        COLUMNS,
        [
            Group("100", (*ESTIMATES, "choix ilsr_pairwise", "choix ilsr_pairwise_dense", "scikit-learn lbfgs")),
            Group("2,000", ESTIMATES),
            Group("20,000", ("Arpad", "evalica")),
        ],
    ),
    Chapter("Bradley–Terry with intervals", COLUMNS, [Group("100", INTERVALS), Group("2,000", INTERVALS)]),
    Chapter("Elo", ELO_COLUMNS, [Group("2,000", ("Arpad Elo, compiled", "Arpad Elo, plain", "evalica Elo", "riix Elo", "a plain loop"))]),
    Chapter(
        "Real matches",
        COLUMNS,
        [
            Group("ATP core", ("Arpad", "evalica", "scikit-learn lbfgs")),
            Group("ATP core", INTERVALS),
            Group("ATP + challengers core", ("Arpad", "evalica")),
            Group("ATP + challengers", ("Arpad, prior 2",)),
        ],
    ),
    # arena-rank is not asked for the errors of 25,551 competitors: each of its dense matrices would be 5.2 GB.
    Chapter(
        "Standard errors",
        ERROR_COLUMNS,
        [
            Group("challengers", ("Arpad, prior 2, with intervals", "Arpad, prior 2")),
            Group("llmfao", ("Arpad bootstrap", "evalica bootstrap", "arena-rank bootstrap")),
        ],
    ),
)
LARGE = Chapter("Ten million matches", COLUMNS, [Group("200,000", ("Arpad",))])


class Report:
    """Tables below headings."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def __str__(self) -> str:
        return "\n\n".join(self.parts)


def compare(*, quick: bool, large: bool, scale: float = 1.0) -> Report:
    """A table per chapter; what is missing is said below it."""
    report = Report()
    for chapter in [*CHAPTERS, *([LARGE] if large else [])]:
        table, missing = Table(chapter.columns), []
        for group in chapter.groups:
            _add_group(table, missing, group, quick=quick, scale=scale)
        report.parts += [f"### {chapter.heading}", *([str(table)] if table.rows else []), *missing]
    return report


def _add_group(table: Table, missing: list[str], group: Group, *, quick: bool, scale: float) -> None:
    if not is_there(group.input):
        missing.append(f"- {group.input}: its files are not beside the repository.")
        return
    runs = _run_in_turn(group, quick=quick, scale=scale)
    done = {way: seen for way, seen in runs.items() if "failed" not in seen[-1]}
    missing += [f"- {group.input}, {way}: {seen[-1]['failed']}." for way, seen in runs.items() if way not in done]
    ours = next((seen for way, seen in done.items() if way.startswith("Arpad")), None)
    for way, seen in done.items():
        _add_line(table, group.input, way, seen, ours)


def _run_in_turn(group: Group, *, quick: bool, scale: float) -> dict[str, list[dict]]:
    """One run of every way per round. A way that failed, or has had its rounds, sits out."""
    runs: dict[str, list[dict]] = {way: [] for way in group.ways}
    for _ in range(1 if quick else ROUNDS):
        for way, seen in runs.items():
            if _goes_on(seen):
                print(f"{group.input}: {way}", file=sys.stderr, flush=True)
                seen.append(_in_child(way, group.input, scale))
    return runs


def _goes_on(seen: Sequence[dict]) -> bool:
    if not seen:
        return True
    if "failed" in seen[-1] or seen[0]["seconds"] > ENDLESS_SECONDS:
        return False
    return len(seen) < SLOW_ROUNDS or seen[0]["seconds"] <= SLOW_SECONDS


def _in_child(way: str, source: str, scale: float) -> dict:
    command = [sys.executable, "-m", "tests.benchmarks.fits", way, source, str(scale)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        answer, errors = child.communicate(timeout=CHILD_SECONDS)
    except subprocess.TimeoutExpired:
        return {"failed": f"not finished after {CHILD_SECONDS} s"}
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)  # its group, for what a peer's pool has started
            child.communicate()
    if child.returncode:
        return {"failed": f"ended with {child.returncode}: {(errors.strip().splitlines() or ['killed'])[-1][:200]}"}
    return json.loads(answer.splitlines()[-1])


def _add_line(table: Table, source: str, way: str, seen: Sequence[dict], ours: Sequence[dict] | None) -> None:
    last, seconds = seen[-1], statistics.median(run["seconds"] for run in seen)
    cells = {
        "input": source,
        ">matches": f"{last['matches']:,}",
        ">competitors": f"{last['competitors']:,}",
        "way": way,
        ">seconds": f"{seconds:.3g}",
        ">× ours": f"{seconds / statistics.median(run['seconds'] for run in ours):.2f}" if ours else "",
        ">−log L": f"{last['loss']:.4f}",
        ">gradient": f"{last['gradient']:.1e}",
        ">furthest from ours, points": f"{np.abs(np.subtract(last['values'], ours[-1]['values'])).max():.1e}" if ours else "",
        ">median error": "" if last["error"] is None else f"{last['error']:.4f}",
        ">peak MB": f"{last['peak_mb']:.0f}",
        "note": "; ".join(part for part in (last["note"], "one run" if len(seen) == 1 else "") if part),
    }
    table.add(*(cells[column] for column in table.columns))


def run_child(way_name: str, source: str, scale: float) -> dict:
    """One way on one input, timed once."""
    _bound_memory()
    try:
        way = WAYS[way_name]()
    except ImportError as error:
        return {"failed": f"left out, there is no {error.name or error} here"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "bootstrap" not in way_name:
            way(synthetic(30, 2_000))
        games = INPUTS[source][1](scale)
        began = time.perf_counter()
        answer = way(games)
        seconds = time.perf_counter() - began
    is_elo = "Elo" in way_name or "loop" in way_name
    return {
        "seconds": seconds,
        "peak_mb": _peak_bytes() / 2**20,
        "matches": len(games.score),
        "competitors": games.n,
        "loss": games.loss(answer.values),
        "gradient": games.gradient_norm(answer.values),
        "values": answer.values.tolist() if is_elo else [0.0],
        "error": float(np.nanmedian(answer.errors)) if np.isfinite(answer.errors).any() else None,
        "note": answer.note,
    }


def _bound_memory() -> None:
    """A peer that asks for more than the machine has shall fail alone."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    resource.setrlimit(resource.RLIMIT_DATA, (int(SHARE_OF_MEMORY * total),) * 2)


if __name__ == "__main__":
    print(json.dumps(run_child(sys.argv[1], sys.argv[2], float(sys.argv[3]))))

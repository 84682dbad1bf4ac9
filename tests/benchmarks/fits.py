"""Fits, online ratings and intervals against other libraries, in rounds: each way in a child process of its own, in turn, on the same columns.

A child loads its library, makes a small run that is not counted, and then a run whenever it is its turn: the first is told apart, because memory
is new to the process there and libraries compile. So a row has its own peak of memory, and a peer that runs out of memory or time is a line and not
the end. Linear algebra has one thread; what else a library starts is its own affair.
`python -m tests.benchmarks.fits <way> <file of columns>` is the child; it makes a run for every line that it reads.
"""

import json
import math
import os
import resource
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.threads import use_one_numeric_thread
from tests.benchmarks.contenders import WAYS, Answer, Way
from tests.benchmarks.inputs import GRID, INPUTS, Games, grid_name, is_there, synthetic
from tests.benchmarks.memory import peak_bytes
from tests.benchmarks.tables import Table

SIZES = ["input", ">matches", ">competitors"]
TIMES = [">runs", ">first s", ">seconds", ">CPU s", ">× ours"]
COLUMNS = [*SIZES, "way", *TIMES, ">−log L", ">gradient", ">peak MB", "note"]
ELO_COLUMNS = ["input", ">matches", "way", *TIMES, ">furthest from ours, points", ">peak MB", "note"]
ERROR_COLUMNS = [*SIZES, "way", *TIMES, ">median error", ">peak MB", "note"]
GROWTH_COLUMNS = [
    ">matches",
    ">competitors",
    ">pairs",
    ">runs",
    ">first s",
    ">seconds",
    ">CPU s",
    ">ns/match",
    ">ns/pair",
    ">gradient",
    ">peak MB",
    "note",
]

ROUNDS = 6
"""The first, and five whose median is taken."""
FEWER = ((20.0, 1), (5.0, 2))
"""Of a peer whose first run takes longer than so many seconds, only so many rounds."""
RUN_SECONDS = 300
"""What one run may take."""
SHARE_OF_MEMORY = 0.85


@dataclass(frozen=True)
class Group:
    """Ways that are compared on one input; the first is the measure of the others."""

    input: str
    ways: Sequence[str]
    patience_seconds: float = math.inf
    """After so much time of ours no further round begins."""


@dataclass(frozen=True)
class Chapter:
    """Groups under one heading."""

    heading: str
    columns: Sequence[str]
    groups: Sequence[Group]


ESTIMATES = ("Arpad", "evalica", "evalica, as its pages show")
INTERVALS = ("Arpad with intervals", "arena-rank with intervals")
ELO = ("Arpad Elo, compiled", "Arpad Elo, plain", "evalica Elo", "evalica Elo, as its pages show", "riix Elo", "a plain loop")
CHAPTERS = (
    Chapter(
        "Bradley–Terry, pure maximum likelihood",
        COLUMNS,
        [
            Group("100, short", (*ESTIMATES, "choix ilsr_pairwise", "choix ilsr_pairwise_dense", "choix opt_pairwise", "scikit-learn lbfgs")),
            Group("100", (*ESTIMATES, "choix ilsr_pairwise", "choix ilsr_pairwise_dense", "scikit-learn lbfgs")),
            Group("2,000", (*ESTIMATES, "scikit-learn lbfgs")),
        ],
    ),
    Chapter("Bradley–Terry with intervals", COLUMNS, [Group("100", INTERVALS), Group("2,000", INTERVALS)]),
    Chapter("Elo", ELO_COLUMNS, [Group("2,000", ELO), Group("ATP + challengers", ELO)]),
    Chapter("Draws as an outcome of their own", COLUMNS, [Group("llmfao", ("Arpad Davidson", "evalica newman", "evalica newman, tolerance 1e-12"))]),
    # arena-rank is not asked for the errors of 25,551 competitors: each of its dense matrices would be 5.2 GB.
    Chapter(
        "Standard errors",
        ERROR_COLUMNS,
        [
            Group("challengers", ("Arpad, prior 2, with intervals", "Arpad, prior 2")),
            Group("llmfao", ("Arpad bootstrap", "evalica bootstrap", "evalica bootstrap, as its pages show", "arena-rank bootstrap")),
        ],
    ),
)
SLOWEST = (
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
    Chapter("Many competitors", COLUMNS, [Group("20,000", ("Arpad", "scikit-learn lbfgs", "arena-rank", "evalica"))]),
)
LARGE = Chapter("Ten million matches", COLUMNS, [Group("200,000", ("Arpad",))])
SMALL_GRID, GROWTH_SECONDS = 1_000_000, 20.0


def compare(*, quick: bool, large: bool, scale: float = 1.0) -> Iterator[str]:
    """A heading and a table per chapter, as soon as each is done; what is missing is said below it."""
    use_one_numeric_thread()
    yield (
        "“first s” is the first run of a process, “seconds” the median of those after it where there is time for any, in turn with the others; "
        "“× ours” is from the seconds. “CPU s” counts every thread and process, and grows less when others use the machine."
    )
    for chapter in [*CHAPTERS, *([LARGE] if large else []), _growth(large=large), *SLOWEST]:
        table, missing = Table(chapter.columns), []
        for group in chapter.groups:
            _add_group(table, missing, group, quick=quick, scale=scale)
        load = "load average " + ", ".join(f"{minutes:.1f}" for minutes in os.getloadavg())
        yield "\n\n".join([f"### {chapter.heading}", *([str(table)] if table.rows else []), *missing, load])


def _growth(*, large: bool) -> Chapter:
    """Ours alone, on every size of the grid."""
    sizes = [(competitors, matches) for competitors, matches in GRID if large or matches <= SMALL_GRID]
    return Chapter("How time grows", GROWTH_COLUMNS, [Group(grid_name(*size), ("Arpad, prior 2",), GROWTH_SECONDS) for size in sizes])


def _add_group(table: Table, missing: list[str], group: Group, *, quick: bool, scale: float) -> None:
    if not is_there(group.input):
        missing.append(f"- {group.input}: its files are not beside the repository.")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "columns.npz"
        INPUTS[group.input][1](scale).save(path)
        runs = _run_in_turn(group, path, quick=quick)
    done = {way: seen for way, seen in runs.items() if "failed" not in seen[-1]}
    missing += [f"- {group.input}, {way}: {seen[-1]['failed']}." for way, seen in runs.items() if way not in done]
    ours = next((seen for way, seen in done.items() if way.startswith("Arpad")), None)
    for way, seen in done.items():
        _add_line(table, group.input, way, seen, ours)


def _run_in_turn(group: Group, path: Path, *, quick: bool) -> dict[str, list[dict]]:
    """One run of every way per round; a way that failed, or has had its rounds, sits out."""
    runs: dict[str, list[dict]] = {way: [] for way in group.ways}
    with ExitStack() as stack:
        children = {}
        for way in group.ways:
            children[way] = stack.enter_context(_child(way, path))
            if "failed" in (started := _answer(children[way])):
                runs[way].append(started)
        for _ in range(2 if quick else ROUNDS):
            for way, seen in runs.items():
                if len(seen) < _rounds_for(way, seen, group.patience_seconds):
                    print(f"{group.input}: {way}", file=sys.stderr, flush=True)
                    seen.append(_next_run(children[way]))
    return runs


def _rounds_for(way: str, seen: Sequence[dict], patience_seconds: float) -> int:
    """Ours has all of them, as long as there is patience."""
    if not seen:
        return ROUNDS
    if "failed" in seen[-1] or sum(run["seconds"] for run in seen) > patience_seconds:
        return 0
    if way.startswith("Arpad"):
        return ROUNDS
    return next((rounds for seconds, rounds in FEWER if seen[0]["seconds"] > seconds), ROUNDS)


@contextmanager
def _child(way: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that makes a run for every line that it is sent."""
    command = [sys.executable, "-m", "tests.benchmarks.fits", way, str(path)]
    with (path.parent / f"{way}.log").open("w") as log:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
    child.log = Path(log.name)
    try:
        yield child
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)  # its group, for what a peer's pool has started
        child.communicate()


def _next_run(child: subprocess.Popen[str]) -> dict:
    with suppress(BrokenPipeError):
        child.stdin.write("\n")
        child.stdin.flush()
    return _answer(child)


def _answer(child: subprocess.Popen[str]) -> dict:
    if not select.select([child.stdout], [], [], RUN_SECONDS)[0]:
        os.killpg(child.pid, signal.SIGKILL)
        return {"failed": f"not finished after {RUN_SECONDS} s"}
    answer = child.stdout.readline()
    if not answer:
        errors = child.log.read_text().strip().splitlines() or ["killed"]
        return {"failed": f"ended with {child.wait()}: {errors[-1][:200]}"}
    return json.loads(answer)


def _warm(seen: Sequence[dict], figure: str = "seconds") -> float:
    return statistics.median(run[figure] for run in seen[1:] or seen)


def _add_line(table: Table, source: str, way: str, seen: Sequence[dict], ours: Sequence[dict] | None) -> None:
    found, seconds = seen[0], _warm(seen)
    cells = {
        "input": source,
        ">matches": f"{found['matches']:,}",
        ">competitors": f"{found['competitors']:,}",
        ">pairs": f"{found['pairs']:,}",
        "way": way,
        ">runs": str(len(seen)),
        ">first s": _figure(seen[0]["seconds"]),
        ">seconds": _figure(seconds),
        ">CPU s": _figure(_warm(seen, "cpu_seconds")),
        ">× ours": f"{seconds / _warm(ours):.2f}" if ours else "",
        ">ns/match": f"{1e9 * seconds / found['matches']:.0f}",
        ">ns/pair": f"{1e9 * seconds / found['pairs']:,.0f}",
        ">−log L": f"{found['loss']:.4f}",
        ">gradient": f"{found['gradient']:.1e}",
        ">furthest from ours, points": f"{np.abs(np.subtract(found['values'], ours[0]['values'])).max():.1e}" if ours else "",
        ">median error": "" if found["error"] is None else f"{found['error']:.4f}",
        ">peak MB": f"{found['peak_mb']:.0f}",
        "note": found["note"],
    }
    table.add(*(cells[column] for column in table.columns))


def _figure(seconds: float) -> str:
    return f"{seconds:.3g}" if seconds < 100.0 else f"{seconds:.0f}"


def run_child(way_name: str, path: Path) -> Iterator[dict]:
    """One way on one input: a sign that it is ready, then what each of its runs took, with what it found beside the first."""
    _bound_memory()
    warnings.simplefilter("ignore")
    try:
        way = WAYS[way_name]()
    except ImportError as error:
        yield {"failed": f"left out, there is no {error.name or error} here"}
        return
    games = Games.load(path)
    if "bootstrap" not in way_name:
        way(synthetic(30, 2_000))
    yield {}
    answer, took = _timed(way, games)
    yield took | _found(way_name, games, answer)
    while True:
        yield _timed(way, games)[1]


def _timed(way: Way, games: Games) -> tuple[Answer, dict]:
    began, cpu_began = time.perf_counter(), _cpu_seconds()
    answer = way(games)
    seconds, cpu_seconds = answer.seconds or time.perf_counter() - began, _cpu_seconds() - cpu_began
    return answer, {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak_bytes() / 2**20}


def _found(way_name: str, games: Games, answer: Answer) -> dict:
    is_elo = "Elo" in way_name or "loop" in way_name
    return {
        "matches": len(games.score),
        "competitors": games.n,
        "pairs": games.pairs,
        "loss": games.loss(answer.values, answer.ties),
        "gradient": games.gradient_norm(answer.values, answer.ties),
        "values": answer.values.tolist() if is_elo else [0.0],
        "error": float(np.nanmedian(answer.errors)) if np.isfinite(answer.errors).any() else None,
        "note": answer.note,
    }


def _cpu_seconds() -> float:
    """Of this process, all its threads, and its children that have ended."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def _bound_memory() -> None:
    """A peer that asks for more than the machine has shall fail alone."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    resource.setrlimit(resource.RLIMIT_DATA, (int(SHARE_OF_MEMORY * total),) * 2)


if __name__ == "__main__":
    all_runs = run_child(sys.argv[1], Path(sys.argv[2]))
    print(json.dumps(next(all_runs)), flush=True)
    for _turn in sys.stdin:
        print(json.dumps(next(all_runs)), flush=True)

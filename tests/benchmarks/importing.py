"""Importing a file, refitting, verifying: each league in a child process of its own, with the seconds of each step and the peak of memory.

`python -m tests.benchmarks.importing <database url> <file>` is the child.
"""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from app.ratings.matches import OUTCOMES
from app.ratings.simulate import simulate_season
from app.services.imports import import_file
from app.services.keys import Caller
from app.services.leagues import create_league
from app.services.refits import request_refit, run_next_refit
from app.services.verification import verify_league
from app.storage.migrations import migrate
from app.storage.unit_of_work import Database
from tests.benchmarks.tables import Table
from tests.faults.databases import Databases

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
GENERATED = ((1_000, 100_000), (10_000, 1_000_000))
CHILD_SECONDS = 600
COLUMNS = ["league", "database", ">matches", ">competitors", ">import s", ">matches/s", ">refit s", "status", ">verify s", "equal", ">peak MB"]

T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    """A file of matches."""

    name: str
    path: Path


def measure(databases: Databases, kinds: Sequence[str], *, largest: int) -> Table:
    """A table with a line per league and database; generated leagues have at most `largest` matches."""
    table = Table(COLUMNS)
    for source in [*generated_files(databases.folder, largest), *real_files()]:
        for kind in kinds:
            _add_line(table, source, kind, _in_child(databases.new(kind), source))
    return table


def generated_files(folder: Path, largest: int) -> list[Source]:
    """Seasons with draws and times, written as CSV."""
    return [_generated(folder, competitors, matches) for competitors, matches in GENERATED if matches <= largest]


def _generated(folder: Path, competitors: int, matches: int) -> Source:
    season = simulate_season(competitors, matches, seed=matches)
    path = folder / f"season-{matches}.csv"
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["first", "second", "outcome"])
        outcomes = (OUTCOMES[score] for score in season.score)
        lines.writerows(zip(season.first, season.second, outcomes, strict=True))
    return Source("generated", path)


def real_files() -> list[Source]:
    """Real matches that lie beside the repository, where they do."""
    names = {"tennis": "tennis_atp.csv.gz", "football": "football_international.csv.gz"}
    return [Source(name, SHARED / file) for name, file in names.items() if (SHARED / file).exists()]


def _in_child(database_url: str, source: Source) -> dict[str, object]:
    command = [sys.executable, "-m", "tests.benchmarks.importing", database_url, str(source.path)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=CHILD_SECONDS, check=False)
    if finished.returncode:
        raise RuntimeError(f"{source.name} failed: {finished.stderr[-2000:]}")
    answer: dict[str, object] = json.loads(finished.stdout)
    return answer


def _add_line(table: Table, source: Source, kind: str, seen: dict[str, object]) -> None:
    matches, seconds = seen["matches"], seen["import_seconds"]
    sizes = (f"{matches:,}", f"{seen['competitors']:,}", f"{seconds:.2f}", f"{matches / seconds:,.0f}")
    proof = (f"{seen['verify_seconds']:.2f}", "yes" if seen["equal"] else "NO", f"{seen['peak_mb']:.0f}")
    table.add(source.name, kind, *sizes, f"{seen['refit_seconds']:.2f}", seen["status"], *proof)


def _timed(action: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    value = action()
    return value, time.perf_counter() - began


def run_child(database_url: str, path: Path) -> dict[str, object]:
    """Import, refit and verify one league in an empty database."""
    caller = Caller.operator()
    database = Database.open(database_url)
    migrate(database)
    create_league(database, caller, "bench")
    (report, _), import_seconds = _timed(lambda: import_file(database, caller, "bench", path))
    request_refit(database, caller, "bench")
    fit, refit_seconds = _timed(lambda: run_next_refit(database, "bench", league="bench"))
    verified, verify_seconds = _timed(lambda: verify_league(database, caller, "bench"))
    database.close()
    return {
        "matches": report["recorded"],
        "competitors": report["created"],
        "import_seconds": import_seconds,
        "refit_seconds": refit_seconds,
        "status": fit["status"],
        "verify_seconds": verify_seconds,
        "equal": verified["equal"],
        "peak_mb": _peak_bytes() / 2**20,
    }


def _peak_bytes() -> int:
    # Not getrusage: its maximum begins with the parent's, from before this program was loaded.
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    print(json.dumps(run_child(sys.argv[1], Path(sys.argv[2]))))

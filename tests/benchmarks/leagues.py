"""Leagues of any size with a published fit, for the benchmarks of reading: simulated, or real matches that lie beside the repository."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.ratings.matches import OUTCOMES
from app.ratings.simulate import simulate_season
from app.services.fit_work import Fitter
from app.services.imports import import_file
from app.services.keys import Caller
from app.services.leagues import create_league
from app.services.refits import request_refit, run_next_refit
from app.services.segments import keep_segments
from app.services.shapes import FitShape
from app.storage.migrations import migrate
from app.storage.unit_of_work import Database

LEAGUE = "bench"
MATCHES_PER_FILE = 1_000_000
"""An import holds its file in memory."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a simulated league; or, with a file, that of the matches in it."""

    competitors: int
    matches: int
    file: Path | None = None


def build(database: Database, size: Size) -> FitShape:
    """Make the league in an empty database, import its matches, publish a fit; what the fit's job says."""
    fill(database, size)
    return refit(database)


def fill(database: Database, size: Size) -> None:
    """Make the league in an empty database and import its matches."""
    caller = Caller.operator()
    migrate(database)
    create_league(database, caller, LEAGUE, public=True)
    with TemporaryDirectory(prefix="arpad-") as folder:
        for path in [size.file] if size.file is not None else _written(size, Path(folder)):
            import_file(database, caller, LEAGUE, path)
    keep_segments(database, LEAGUE)


def refit(database: Database, fitter: Fitter | None = None) -> FitShape:
    """A fit from its request to its publication, in this process unless there is a fitter."""
    request_refit(database, Caller.operator(), LEAGUE)
    found = run_next_refit(database, LEAGUE, league=LEAGUE, fitter=fitter)
    if found is None or found["status"] != "published":
        raise RuntimeError(f"the fit was not published: {found}")
    return found


def _written(size: Size, folder: Path) -> Iterator[Path]:
    """The season as files, one at a time."""
    season = simulate_season(size.competitors, size.matches, seed=size.matches)
    path = folder / "season.csv"
    for begin in range(0, size.matches, MATCHES_PER_FILE):
        part = slice(begin, begin + MATCHES_PER_FILE)
        with path.open("w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["first", "second", "outcome"])
            outcomes = (OUTCOMES[score] for score in season.score[part])
            lines.writerows(zip(season.first[part], season.second[part], outcomes, strict=True))
        yield path

"""The work of a refit apart from its job: read the matches of a league, fit them. Nothing is written, so that any process can do it.

Where it is done is decided by a `Fitter`: in this process, or in a child of it (`fit_process`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.ratings.totals import PairTotals
from app.services.conditions import WHOLE, Conditions
from app.services.covariates import Columns, read_columns
from app.services.fitting import Fitted, fit_league, fit_totals
from app.services.league_settings import LeagueSettings, read_settings
from app.services.league_totals import Counted, counted_totals, have_totals
from app.services.match_log import MatchLog
from app.services.segments import amendments_at, contexts_of, counted_for_fit
from app.services.shapes import FitStage, ReadShape
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit

Tell = Callable[[FitStage], None]


class FitFailed(Exception):
    """A fit that came to no end for a reason that people understand: its memory, its time, the death of its process."""


@dataclass(frozen=True, slots=True)
class Work:
    """A fit and what it is of."""

    position: int
    settings: str
    read: ReadShape
    fitted: Fitted
    totals: bytes | None = None
    """Of the league's pairs, to be kept by whoever publishes the fit."""


class Fitter(Protocol):
    """Where fits are computed, one at a time."""

    def compute(self, database: Database, league_id: int, tell: Tell, where: Conditions = WHOLE) -> Work:
        """The fit of a league, or of a segment of it, as it is now. Raises FitFailed."""

    def stop(self) -> None:
        """From another thread: end the fit under way, if that can be done; `compute` then raises FitFailed."""


class FitHere:
    """Fits in this process, which no one can stop."""

    def compute(self, database: Database, league_id: int, tell: Tell, where: Conditions = WHOLE) -> Work:
        return compute_fit(database, league_id, tell, where)

    def stop(self) -> None:
        """It runs to its end; that it was stopped shows when it would be published."""


def compute_fit(database: Database, league_id: int, tell: Tell, where: Conditions = WHOLE) -> Work:
    """Read a league or a segment of it as it is now, in a transaction that is over before the fit begins, and fit it."""
    started = time.perf_counter()
    tell("reading")
    with database.read() as unit:
        task = _read(unit, unit.leagues.by_id(league_id), where)
    seconds = time.perf_counter() - started
    fitted = _fitted(task, tell, where)
    fitted.seconds["reading"] = seconds
    return Work(task.row.position, task.row.settings, task.read, fitted, task.to_keep)


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """A league as it was read: its matches, or the totals of them."""

    row: Stored
    settings: LeagueSettings
    anchor: int | None
    matches: MatchLog | PairTotals
    columns: Columns | None
    read: ReadShape
    to_keep: bytes | None


def _read(unit: ReadUnit, row: Stored, where: Conditions) -> _Task:
    settings = read_settings(row.settings)
    anchor = None if settings.anchor is None else _number_of(unit, row, settings.anchor.competitor)
    counted = counted_totals(unit, row, settings) if not where and have_totals(row, settings) else None
    if isinstance(counted, Counted):
        return _Task(row, settings, anchor, counted.totals, None, counted.read, counted.to_keep)
    log, read = counted_for_fit(unit, row, row.position, where, counted)
    columns = read_columns(settings, contexts_of(unit, row, row.position, log)) if settings.covariates else None
    return _Task(row, settings, anchor, log, columns, read, None)


def _fitted(task: _Task, tell: Tell, where: Conditions) -> Fitted:
    row, settings, anchor, matches = task.row, task.settings, task.anchor, task.matches
    if isinstance(matches, PairTotals):
        return fit_totals(matches, settings, anchor, tell)
    if where and not len(matches):
        return Fitted({}, {}, f"No counted match meets the conditions {where}.")
    return fit_league(matches, settings, row.competitors, anchor, row.recorded_at, tell, task.columns, players_only=bool(where))


def _number_of(unit: ReadUnit, row: Stored, key: str) -> int | None:
    """The number under which somebody's matches count: that of whom they were merged into."""
    found = unit.competitors.by_key(row.id, key)
    return None if found is None else amendments_at(unit, row, row.position).merges.get(found.number, found.number)

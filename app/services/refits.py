"""Refits: asked for, cancelled, run, shown. A request is a row, so that it survives everything; who runs it and how it is published is in `refit_runs`.

At most one refit waits per league and per segment of it, and one runs per league. A league's policy asks by itself, for the whole league, and only
if there is news since the last request was taken up; a segment is fitted when somebody asks.
"""

import json

from app.errors import FitFinished, FitNotFound, Unavailable
from app.ratings.matches import format_time
from app.services import refit_runs
from app.services.as_of import AsOf, league_at, published_by
from app.services.conditions import WHOLE, Conditions
from app.services.fit_work import FitHere, Fitter
from app.services.keys import Caller, lock_league, require_league, require_segment
from app.services.league_settings import read_settings
from app.services.matches import read_position
from app.services.schedules import next_time
from app.services.shapes import FitListShape, FitShape, ReadShape, SegmentOf
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit, WriteUnit


def request_refit(database: Database, caller: Caller, league: str, *, where: Conditions = WHOLE) -> FitShape:
    """Ask for a refit, of the whole league or of a segment; while one waits already, that one is answered.

    Raises LeagueNotFound, KeyRequired, ScopeMissing.
    """
    with database.write() as unit:
        row, _ = lock_league(unit, caller, league, "manage")
        number = _request(unit, row, where)
        shape = _shape(unit, row, unit.refits.existing(row.id, number))
        unit.commit()
        return shape


def _request(unit: WriteUnit, league: Stored, where: Conditions = WHOLE) -> int:
    waiting = unit.refits.waiting(league.id, where.text)
    if waiting is not None:
        return int(waiting.number)
    number = int(league.fits) + 1
    unit.refits.add(league.id, number, league.now, where.text)
    unit.leagues.change(league.id, {"fits": number} if where else {"fits": number, "fit_requested_at": league.now})
    return number


def request_due_refits(database: Database) -> int:
    """Ask for a refit in every league whose policy says that it is time. Returns how many were asked for."""
    with database.read() as unit:
        now = unit.now()
        due = [row.key for row in unit.leagues.with_news() if _is_due(row, now) and unit.refits.waiting(row.id) is None]
    return sum(_request_if_due(database, key) for key in due)


def _request_if_due(database: Database, league: str) -> bool:
    """A league that is busy is asked again at the next round and keeps no other waiting."""
    try:
        with database.write() as unit:
            row = unit.leagues.lock(league)
            if row is None or not _is_due(row, row.now) or unit.refits.waiting(row.id) is not None:
                return False
            _request(unit, row)
            unit.commit()
            return True
    except Unavailable:
        return False


def _is_due(league: Stored, now: int) -> bool:
    policy = read_settings(league.settings).refit
    news = league.results - league.fitted_results
    if news <= 0:
        return False
    waited = now - league.fit_requested_at
    by_count = policy.after_entries is not None and news >= policy.after_entries
    by_time = policy.after_seconds is not None and waited >= policy.after_seconds * 1_000_000
    # Whatever of its times passed while no worker was there is made up for once.
    by_cron = policy.cron is not None and next_time(policy.cron, league.fit_requested_at) <= now
    return by_count or by_time or by_cron


def cancel_refit(database: Database, caller: Caller, league: str, fit: int) -> FitShape:
    """Cancel a refit: at once if it waits, within seconds by its worker if it runs. It is never published, and the league's policy waits for further news.

    Cancelled once is cancelled. Raises LeagueNotFound, FitNotFound, FitFinished, KeyRequired, ScopeMissing.
    """
    with database.write() as unit:
        row, author = lock_league(unit, caller, league, "manage")
        job = _found(unit, row, fit)
        if job.status not in {"waiting", "running", "cancelled"}:
            raise FitFinished(fit, job.status)
        asked = {"cancel_asked_at": row.now, "reason": f"{author or 'Somebody'} cancelled it."}
        at_once = {"status": "cancelled", "finished_at": row.now}
        if job.status != "cancelled" and job.cancel_asked_at is None:
            unit.refits.cancel(row.id, fit, job.status, {**asked, **(at_once if job.status == "waiting" else {})})
            if not job.conditions:
                unit.leagues.change(row.id, {"fitted_results": row.results})
        shape = _shape(unit, row, unit.refits.existing(row.id, fit))
        unit.commit()
        return shape


def run_next_refit(database: Database, worker: str, *, league: str | None = None, fitter: Fitter | None = None) -> FitShape | None:
    """Claim a refit that waits (or was abandoned), run it, publish it. Returns what became of it, None if there was nothing to do.

    It is fitted by `fitter`, in this process if none is given. An error that nobody foresaw is raised if the job is to be tried again.
    """
    claim = refit_runs.claim_next(database, worker, league)
    if claim is None:
        return None
    refit_runs.run(database, claim, fitter or FitHere())
    with database.read() as unit:
        row = unit.leagues.by_id(claim.league_id)
        return _shape(unit, row, unit.refits.existing(claim.league_id, claim.number))


def get_fit(database: Database, caller: Caller, league: str, fit: int, *, as_of: AsOf = None) -> FitShape:
    """One refit with its certificate. Raises LeagueNotFound, FitNotFound."""
    with database.read() as unit:
        row, author = require_league(unit, caller, league)
        found = _found(unit, row, fit)
        if found.conditions and author is None:
            require_segment(unit, caller, league, Conditions.stored(found.conditions))
        if as_of is not None and fit not in published_by(unit, league_at(unit, row, as_of), None):
            raise _no_such_fit(row, fit)
        return _shape(unit, row, found)


def _found(unit: ReadUnit, league: Stored, fit: int) -> Stored:
    found = unit.refits.by_number(league.id, fit) if 0 < fit < 2**31 else None
    if found is None:
        raise _no_such_fit(league, fit)
    return found


def _no_such_fit(league: Stored, fit: int) -> FitNotFound:
    return FitNotFound(f"League “{league.key}” has no fit {fit}.")


def list_fits(
    database: Database,
    caller: Caller,
    league: str,
    *,
    where: Conditions | None = None,
    cursor: str | None = None,
    limit: int = 100,
    as_of: AsOf = None,
) -> FitListShape:
    """The refits, newest first, the refused ones with their reason; of a segment, or all that the caller may see; with `as_of` those published by then.

    Raises LeagueNotFound, BadInput; for a segment KeyRequired, ScopeMissing.
    """
    with database.read() as unit:
        row, author = require_segment(unit, caller, league, where or WHOLE)
        before = min(read_position(cursor, row.fits + 1), 2**31 - 1)
        # The public sees those of the whole league.
        shown = WHOLE if where is None and author is None else where
        if as_of is None:
            found = unit.refits.page(row.id, before, limit + 1, None if shown is None else shown.text)
        else:
            published = published_by(unit, league_at(unit, row, as_of), shown)
            numbers = [number for number in reversed(published) if number < before][: limit + 1]
            found = [unit.refits.existing(row.id, number) for number in numbers]
        results = unit.fits.by_numbers(row.id, [one.number for one in found[:limit]])
        rows = [_with_result(row, one, results.get(one.number)) for one in found[:limit]]
    return {"rows": rows, "next": str(rows[-1]["fit"]) if len(found) > limit else None}


def _shape(unit: ReadUnit, league: Stored, job: Stored) -> FitShape:
    return _with_result(league, job, unit.fits.by_number(league.id, job.number))


def _read_of(job: Stored) -> ReadShape | None:
    """Jobs of earlier versions know no totals."""
    read = json.loads(job.read) if job.read else None
    return None if read is None else {"totals": read.get("totals", 0), "segments": read["segments"], "rows": read["rows"]}


def _with_result(league: Stored, job: Stored, result: Stored | None) -> FitShape:
    is_running = job.status == "running"
    segment: SegmentOf = {"where": Conditions.stored(job.conditions).shape} if job.conditions else {}
    return {
        **segment,
        "league": league.key,
        "fit": job.number,
        "status": job.status,
        "reason": job.reason,
        "position": None if result is None else result.position,
        "table_hash": None if result is None or result.table_hash is None else result.table_hash.hex(),
        "requested_at": format_time(job.requested_at),
        "started_at": None if job.started_at is None else format_time(job.started_at),
        "finished_at": None if job.finished_at is None else format_time(job.finished_at),
        "stage": job.stage if is_running else None,
        "stage_since": format_time(job.stage_since) if is_running and job.stage_since is not None else None,
        "read": _read_of(job),
        "seconds": json.loads(job.seconds) if job.seconds else {},
        "host": job.worker,
        "version": job.version,
        "settings": None if result is None else json.loads(result.settings),
        "certificate": None if result is None else json.loads(result.certificate),
    }

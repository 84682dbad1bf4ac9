"""Refits: asking for one, running it, publishing it. A request is a row, so that it survives everything; what is fitted and how is in `fitting`.

At most one refit waits and one runs per league. A worker holds a lease that a heartbeat extends; a job whose lease ended is taken over, and its
fencing number makes sure that whoever lost it can publish nothing. An older fit never replaces a newer one.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from app import __version__
from app.errors import FitNotFound, LeagueNotFound, Unavailable
from app.ratings.matches import format_time
from app.services import ledger
from app.services.as_of import AsOf, league_at, published_by
from app.services.fitting import Fitted, fit_league
from app.services.keys import Caller, lock_league, require_league
from app.services.league_settings import read_settings
from app.services.leagues import append_entry
from app.services.locking import hold_league
from app.services.matches import read_position
from app.services.segments import counted_matches
from app.services.shapes import FitListShape, FitShape
from app.storage.tables import Kind, Stored
from app.storage.unit_of_work import Database, ReadUnit, WriteUnit

LEASE: Final = 60_000_000
HEARTBEAT_SECONDS: Final = 15.0
MAX_ATTEMPTS: Final = 3
BACKOFF: Final = 10_000_000
PATIENCE_SECONDS: Final = 120.0
"""How long a finished fit waits for an import into its league to end: fitting once more would cost more."""


def request_refit(database: Database, caller: Caller, league: str) -> FitShape:
    """Ask for a refit; while one waits already, that one is answered. Raises LeagueNotFound, KeyRequired, ScopeMissing."""
    with database.write() as unit:
        row, _ = lock_league(unit, caller, league, "manage")
        number = _request(unit, row)
        shape = _shape(unit, row, unit.refits.existing(row.id, number))
        unit.commit()
        return shape


def _request(unit: WriteUnit, league: Stored) -> int:
    waiting = unit.refits.waiting(league.id)
    if waiting is not None:
        return int(waiting.number)
    number = int(league.fits) + 1
    unit.refits.add(league.id, number, league.now)
    unit.leagues.change(league.id, {"fits": number, "fit_requested_at": league.now})
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
    waited = now - league.fit_requested_at
    by_count = policy.after_entries is not None and news >= policy.after_entries
    by_time = policy.after_seconds is not None and news > 0 and waited >= policy.after_seconds * 1_000_000
    return by_count or by_time


@dataclass(frozen=True, slots=True)
class _Claim:
    league_id: int
    league: str
    number: int
    fence: int
    attempts_left: int


def run_next_refit(database: Database, worker: str, *, league: str | None = None) -> FitShape | None:
    """Claim a refit that waits (or was abandoned), run it, publish it. Returns what became of it, None if there was nothing to do."""
    claim = _claim(database, worker, league)
    if claim is None:
        return None
    try:
        with _heartbeat(database, claim):
            _run(database, claim)
    except Exception as error:
        _give_back(database, claim, f"{type(error).__name__}: {error}")
        if claim.attempts_left > 0:
            raise
    with database.read() as unit:
        row = unit.leagues.by_id(claim.league_id)
        return _shape(unit, row, unit.refits.existing(claim.league_id, claim.number))


def _claim(database: Database, worker: str, league: str | None) -> _Claim | None:
    with database.read() as unit:
        only = unit.leagues.by_key(league) if league is not None else None
        if league is not None and only is None:
            raise LeagueNotFound(league)
        only_id = None if only is None else only.id
        candidates = unit.refits.claimable(unit.now(), only_id)
        keys = {job.league_id: unit.leagues.by_id(job.league_id).key for job in candidates}
    return next(filter(None, (_claim_one(database, worker, keys[job.league_id], job) for job in candidates)), None)


def _claim_one(database: Database, worker: str, league: str, job: Stored) -> _Claim | None:
    """Take this job if nobody was faster. The league is locked first, as in every transaction that touches both."""
    with database.write() as unit:
        row = unit.leagues.lock(league)
        if row is None:
            return None
        running = {"status": "running", "lease_until": row.now + LEASE, "started_at": row.now, "worker": worker, "version": __version__}
        reason = f"{MAX_ATTEMPTS} workers began and none of them came to an end: the last was {job.worker}."
        given_up = {"status": "failed", "reason": reason, "finished_at": row.now, "lease_until": None}
        is_last = job.fence >= MAX_ATTEMPTS
        # The fencing number moves either way: whoever had the job before can publish nothing any more.
        if not unit.refits.claim(row.id, job, {**(given_up if is_last else running), "fence": job.fence + 1}, row.now):
            return None
        unit.leagues.change(row.id, {"fitted_results": row.results})
        unit.commit()
    return None if is_last else _Claim(row.id, league, job.number, job.fence + 1, MAX_ATTEMPTS - job.fence - 1)


@contextmanager
def _heartbeat(database: Database, claim: _Claim) -> Iterator[None]:
    """Extend the lease while the job runs."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            # A busy database, an import on SQLite say, must not end the heartbeat: the lease lasts for several beats.
            with suppress(Unavailable), database.write() as unit:
                unit.refits.change(claim.league_id, claim.number, claim.fence, {"lease_until": unit.now() + LEASE})
                unit.commit()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _run(database: Database, claim: _Claim) -> None:
    started = time.perf_counter()
    with database.read() as unit:
        row = unit.leagues.by_id(claim.league_id)
        log = counted_matches(database, unit, row, row.position)
        settings = read_settings(row.settings)
        anchor = unit.competitors.by_key(row.id, settings.anchor.competitor) if settings.anchor is not None else None
    read = time.perf_counter()
    fitted = fit_league(log, settings, row.competitors, None if anchor is None else anchor.number, row.recorded_at)
    fitted.seconds["reading"] = read - started
    _publish(database, claim, row.position, row.settings, fitted)


def _publish(database: Database, claim: _Claim, position: int, settings: str, fitted: Fitted) -> None:
    started = time.perf_counter()
    with database.write() as unit:
        row = hold_league(unit, claim.league, patience_seconds=PATIENCE_SECONDS)
        if row is None:
            return
        status, reason = _verdict(row, position, fitted)
        kept = {"table": fitted.table, "uncertainty": fitted.uncertainty} if status == "published" else {}
        values = {"league_id": row.id, "number": claim.number, "position": position, "settings": settings, "table_hash": fitted.table_hash}
        now = row.now
        changes = {"status": status, "reason": reason, "finished_at": now, "lease_until": None, "seconds": ""}
        if not unit.refits.change(row.id, claim.number, claim.fence, changes):
            return
        unit.fits.add({**values, "certificate": ledger.canonical(fitted.certificate), **kept})
        if status == "published":
            details = ledger.canonical({"fit": claim.number, "fitted_position": position, "table": (fitted.table_hash or b"").hex()})
            append_entry(unit, row, Kind.FIT, None, details, published_fit=claim.number, published_position=position)
            if row.published_fit is not None:
                unit.fits.forget_uncertainty(row.id, row.published_fit)
        fitted.seconds["publishing"] = time.perf_counter() - started
        unit.refits.change(row.id, claim.number, claim.fence, {"seconds": ledger.canonical(fitted.seconds)})
        unit.commit()


def _verdict(league: Stored, position: int, fitted: Fitted) -> tuple[str, str | None]:
    if fitted.refusal is not None:
        return "refused", fitted.refusal
    if league.published_position is not None and league.published_position >= position:
        return "kept", f"Fit {league.published_fit}, published meanwhile, is of position {league.published_position} and not older."
    return "published", None


def _give_back(database: Database, claim: _Claim, reason: str) -> None:
    """After an error: let the job wait and be tried again, or fail for good."""
    with database.write() as unit:
        unit.leagues.lock(claim.league)
        now = unit.now()
        waiting_already = unit.refits.waiting(claim.league_id) is not None
        final = claim.attempts_left <= 0 or waiting_already
        values = {"status": "failed" if final else "waiting", "reason": reason[:500], "lease_until": None, "not_before": now + BACKOFF}
        unit.refits.change(claim.league_id, claim.number, claim.fence, {**values, "finished_at": now if final else None})
        unit.commit()


def get_fit(database: Database, caller: Caller, league: str, fit: int, *, as_of: AsOf = None) -> FitShape:
    """One refit with its certificate. Raises LeagueNotFound, FitNotFound."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league)
        found = unit.refits.by_number(row.id, fit) if 0 < fit < 2**31 else None
        if found is None or (as_of is not None and fit not in published_by(unit, league_at(unit, row, as_of))):
            raise FitNotFound(f"League “{league}” has no fit {fit}.")
        return _shape(unit, row, found)


def list_fits(database: Database, caller: Caller, league: str, *, cursor: str | None = None, limit: int = 100, as_of: AsOf = None) -> FitListShape:
    """The refits, newest first, the refused ones with their reason; with `as_of` those published by then. Raises LeagueNotFound, BadInput."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league)
        before = min(read_position(cursor, row.fits + 1), 2**31 - 1)
        if as_of is None:
            found = unit.refits.page(row.id, before, limit + 1)
        else:
            numbers = [number for number in reversed(published_by(unit, league_at(unit, row, as_of))) if number < before][: limit + 1]
            found = [unit.refits.existing(row.id, number) for number in numbers]
        results = unit.fits.by_numbers(row.id, [one.number for one in found[:limit]])
        rows = [_with_result(row, one, results.get(one.number)) for one in found[:limit]]
    return {"rows": rows, "next": str(rows[-1]["fit"]) if len(found) > limit else None}


def _shape(unit: ReadUnit, league: Stored, job: Stored) -> FitShape:
    return _with_result(league, job, unit.fits.by_number(league.id, job.number))


def _with_result(league: Stored, job: Stored, result: Stored | None) -> FitShape:
    return {
        "league": league.key,
        "fit": job.number,
        "status": job.status,
        "reason": job.reason,
        "position": None if result is None else result.position,
        "table_hash": None if result is None or result.table_hash is None else result.table_hash.hex(),
        "requested_at": format_time(job.requested_at),
        "started_at": None if job.started_at is None else format_time(job.started_at),
        "finished_at": None if job.finished_at is None else format_time(job.finished_at),
        "seconds": json.loads(job.seconds) if job.seconds else {},
        "host": job.worker,
        "version": job.version,
        "settings": None if result is None else json.loads(result.settings),
        "certificate": None if result is None else json.loads(result.certificate),
    }

"""Running a refit: claimed under a lease, watched while it is fitted, published only if nothing newer is.

A worker holds a lease that its watch extends; a job whose lease ended is taken over, and its fencing number makes sure that whoever lost it can
publish nothing. The watch is a thread of this process, so that a fit that hangs cannot stop it; it also ends a fit that was cancelled or lost.
"""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from app import __version__
from app.errors import LeagueNotFound, Unavailable
from app.services import ledger
from app.services.conditions import WHOLE, Conditions
from app.services.fit_work import FitFailed, Fitter, Work
from app.services.league_settings import read_settings
from app.services.league_totals import is_sided
from app.services.leagues import append_entry
from app.services.locking import hold_league
from app.services.shapes import FitStage
from app.storage.tables import Kind, Stored
from app.storage.unit_of_work import Database, WriteUnit

LEASE: Final = 60_000_000
HEARTBEAT_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 0.5
MAX_ATTEMPTS: Final = 3
BACKOFF: Final = 10_000_000
"""After the first attempt; twice as long after the second."""
PATIENCE_SECONDS: Final = 120.0
"""How long a finished fit waits for an import into its league to end: fitting once more would cost more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is this worker's as long as its fencing number is."""

    league_id: int
    league: str
    number: int
    fence: int
    where: Conditions = WHOLE

    @property
    def attempts_left(self) -> int:
        return MAX_ATTEMPTS - self.fence


def claim_next(database: Database, worker: str, league: str | None) -> Claim | None:
    """Take a job that waits or was abandoned, of one league or of any. Raises LeagueNotFound."""
    with database.read() as unit:
        only = unit.leagues.by_key(league) if league is not None else None
        if league is not None and only is None:
            raise LeagueNotFound(league)
        only_id = None if only is None else only.id
        candidates = unit.refits.claimable(unit.now(), only_id)
        keys = {job.league_id: unit.leagues.by_id(job.league_id).key for job in candidates}
    return next(filter(None, (_claim_one(database, worker, keys[job.league_id], job) for job in candidates)), None)


def _claim_one(database: Database, worker: str, league: str, job: Stored) -> Claim | None:
    """Take this job if nobody was faster. The league is locked first, as in every transaction that touches both."""
    with database.write() as unit:
        row = unit.leagues.lock(league)
        if row is None:
            return None
        final = _final(job)
        ended = {"finished_at": row.now, "lease_until": None}
        begun = {"status": "running", "lease_until": row.now + LEASE, "started_at": row.now, "worker": worker, "version": __version__, "stage": None}
        # The fencing number moves either way: whoever had the job before can publish nothing any more.
        if not unit.refits.claim(row.id, job, {**({**final, **ended} if final else begun), "fence": job.fence + 1}, row.now):
            return None
        if not job.conditions:
            unit.leagues.change(row.id, {"fitted_results": row.results})
        unit.commit()
    return None if final else Claim(row.id, league, job.number, job.fence + 1, Conditions.stored(job.conditions))


def _final(job: Stored) -> dict[str, Any]:
    """What becomes of an abandoned job that is not to be run again; empty for one that is."""
    if job.cancel_asked_at is not None:
        return {"status": "cancelled"}
    if job.fence >= MAX_ATTEMPTS:
        return {"status": "failed", "reason": f"{MAX_ATTEMPTS} workers began and none of them came to an end: the last was {job.worker}."}
    return {}


def run(database: Database, claim: Claim, fitter: Fitter) -> None:
    """Fit and publish, or say why not. An error that nobody foresaw is raised if the job is to be tried again."""
    try:
        with Watch(database, claim, fitter) as watch:
            work = fitter.compute(database, claim.league_id, watch.tell, claim.where)
            watch.tell("publishing")
            publish(database, claim, work)
    except FitFailed as error:
        give_back(database, claim, str(error))
    except Exception as error:
        give_back(database, claim, f"{type(error).__name__}: {error}")
        if claim.attempts_left > 0:
            raise


class Watch:
    """Beside a running job: extends its lease, tells its stage, and stops its fit when it was cancelled or is another's."""

    def __init__(self, database: Database, claim: Claim, fitter: Fitter) -> None:
        self._database, self._claim, self._fitter = database, claim, fitter
        self._stage: FitStage | None = None
        self._stage_begun = self._renewed = time.monotonic()
        self._told: FitStage | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="refit-watch", daemon=True)

    def tell(self, stage: FitStage) -> None:
        """The job is at another stage; written at the next look, if that is still true."""
        self._stage_begun = time.monotonic()
        self._stage = stage

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            # A busy database, an import on SQLite say, must not end the watch: the lease lasts for several beats.
            with suppress(Unavailable):
                self._look()
            if time.monotonic() - self._renewed > LEASE / 1_000_000:
                self._fitter.stop()

    def _look(self) -> None:
        with self._database.read() as unit:
            job = unit.refits.existing(self._claim.league_id, self._claim.number)
        if job.fence != self._claim.fence or job.status != "running" or job.cancel_asked_at is not None:
            self._fitter.stop()
        elif self._stage != self._told or time.monotonic() - self._renewed >= HEARTBEAT_SECONDS:
            self._renew()

    def _renew(self) -> None:
        begun, stage, since = time.monotonic(), self._stage, self._stage_begun
        with self._database.write() as unit:
            now = unit.now()
            values = {"lease_until": now + LEASE, "stage": stage, "stage_since": now - int((time.monotonic() - since) * 1_000_000)}
            if unit.refits.change(self._claim.league_id, self._claim.number, self._claim.fence, values):
                unit.commit()
                self._renewed, self._told = begun, stage


def publish(database: Database, claim: Claim, work: Work) -> None:
    """Write the fit, and make it the published one unless it was refused, cancelled, or is older than that one. Nothing if the job is another's."""
    started = time.perf_counter()
    fitted = work.fitted
    with database.write() as unit:
        row = hold_league(unit, claim.league, patience_seconds=PATIENCE_SECONDS)
        job = unit.refits.existing(claim.league_id, claim.number)
        if row is None or job.status != "running" or job.fence != claim.fence:
            return
        standing = _standing(unit, row, claim.where)
        status, reason = _verdict(standing, job, work)
        if status != "cancelled":
            _keep_totals(unit, row, work)
            _write_fit(unit, row, claim, work, standing, is_published=status == "published")
        fitted.seconds["publishing"] = time.perf_counter() - started
        told = {"seconds": ledger.canonical(fitted.seconds), "read": ledger.canonical(dict(work.read))}
        unit.refits.change(row.id, claim.number, claim.fence, {**_ended(status, reason, row.now), **told})
        unit.commit()


def _standing(unit: WriteUnit, league: Stored, where: Conditions) -> tuple[int, int] | None:
    """Number and position of the fit that stands published, of the whole league or of the segment."""
    if not where:
        return None if league.published_fit is None else (league.published_fit, league.published_position)
    number = unit.refits.last_published(league.id, where.text)
    found = None if number is None else unit.fits.by_number(league.id, number)
    return None if found is None else (found.number, found.position)


def _verdict(standing: tuple[int, int] | None, job: Stored, work: Work) -> tuple[str, str | None]:
    if job.cancel_asked_at is not None:
        return "cancelled", job.reason
    if work.fitted.refusal is not None:
        return "refused", work.fitted.refusal
    if standing is not None and standing[1] >= work.position:
        return "kept", f"Fit {standing[0]}, published meanwhile, is of position {standing[1]} and not older."
    return "published", None


def _ended(status: str, reason: str | None, now: int) -> dict[str, Any]:
    return {"status": status, "reason": reason, "finished_at": now, "lease_until": None}


def _write_fit(unit: WriteUnit, row: Stored, claim: Claim, work: Work, standing: tuple[int, int] | None, *, is_published: bool) -> None:
    fitted, number = work.fitted, claim.number
    values = {"league_id": row.id, "number": number, "position": work.position, "settings": work.settings, "table_hash": fitted.table_hash}
    kept = {"table": fitted.table, "uncertainty": fitted.uncertainty} if is_published else {}
    unit.fits.add({**values, "certificate": ledger.canonical(fitted.certificate), **kept})
    if is_published:
        told = {"fit": number, "fitted_position": work.position, "table": (fitted.table_hash or b"").hex()}
        segment = {"where": claim.where.shape} if claim.where else {}
        changes = {} if claim.where else {"published_fit": number, "published_position": work.position}
        append_entry(unit, row, Kind.FIT, None, ledger.canonical({**told, **segment}), **changes)
        if standing is not None:
            unit.fits.forget_uncertainty(row.id, standing[0])


def _keep_totals(unit: WriteUnit, row: Stored, work: Work) -> None:
    if work.totals is not None:
        unit.totals.keep({"league_id": row.id, "position": work.position, "sided": is_sided(read_settings(work.settings)), "totals": work.totals})


def give_back(database: Database, claim: Claim, reason: str) -> None:
    """After an error: let the job wait and be tried again, or fail for good; a cancelled one is over."""
    with database.write() as unit:
        unit.leagues.lock(claim.league)
        job, now = unit.refits.existing(claim.league_id, claim.number), unit.now()
        is_over = claim.attempts_left <= 0 or unit.refits.waiting(claim.league_id, claim.where.text) is not None
        again = {"status": "waiting", "reason": reason[:500], "lease_until": None, "not_before": now + BACKOFF * 2 ** (claim.fence - 1)}
        values = _ended("failed", reason[:500], now) if is_over else again
        if job.cancel_asked_at is not None:
            values = _ended("cancelled", job.reason, now)
        unit.refits.change(claim.league_id, claim.number, claim.fence, values)
        unit.commit()

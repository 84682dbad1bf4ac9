"""The worker: asks for the refits that are due, runs them one at a time, packs the logs that have grown, waits, and begins again.

Fits are computed in a child of it, which may use so much memory and time and no more (`services.fit_process`). What a refit does, and how two
workers keep out of each other's way, is decided in `services.refits`. Several workers may share a database. As a child (`python -m app.worker --child`) it ends with its parent: it watches its standard input for the end.
"""

# ruff: noqa: E402 (BLAS reads its variables once, when NumPy is imported)
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from app.threads import use_one_numeric_thread

use_one_numeric_thread()

from app.logs import configure_logs, get_logger
from app.services import refits, segments
from app.services.fit_process import FitProcess
from app.services.fit_work import Fitter
from app.settings import Settings, load_settings
from app.storage.unit_of_work import Database

POLL_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 60.0
ORPHAN_GRACE_SECONDS = 5.0
CHILD_FLAG = "--child"

log = get_logger("worker")


@contextmanager
def fits_apart(settings: Settings) -> Iterator[FitProcess]:
    """A child process for the fits of the settings' database, within their limits."""
    fitter = FitProcess(settings.url, memory_mb=settings.fit_memory_mb, seconds=settings.fit_seconds)
    try:
        yield fitter
    finally:
        fitter.close()


def run_worker(database: Database, *, stop: Event, name: str, fitter: Fitter | None = None, poll_seconds: float = POLL_SECONDS) -> None:
    """Work until `stop` is set. An error of one job is logged, and the next attempt comes later each time."""
    log.info("worker started", worker=name)
    failures = 0
    while not stop.is_set():
        try:
            _run_due(database, stop, name, fitter)
            failures = 0
        except Exception:
            failures += 1
            log.exception("refit failed", worker=name, failures=failures)
        # Jitter keeps the workers of one database from polling in step.
        stop.wait(pause_seconds(failures, poll_seconds) * random.uniform(0.75, 1.25))  # noqa: S311 (not a secret)
    log.info("worker stopped", worker=name)


def pause_seconds(failures: int, poll_seconds: float = POLL_SECONDS) -> float:
    """The wait before the next look: the poll, doubled with every failure in a row, at most a minute."""
    return min(MAX_BACKOFF_SECONDS, poll_seconds * 2.0 ** min(failures, 16))


def _run_due(database: Database, stop: Event, name: str, fitter: Fitter | None) -> None:
    refits.request_due_refits(database)
    while not stop.is_set() and (fit := refits.run_next_refit(database, name, fitter=fitter)) is not None:
        log.info("refit done", worker=name, league=fit["league"], fit=fit["fit"], status=fit["status"], reason=fit["reason"], seconds=fit["seconds"])
        # Amendments make checkpoints out of date; a refit that follows them is the time to renew what is kept.
        segments.keep_segments(database, fit["league"])
    segments.keep_due_segments(database)


def worker_name() -> str:
    """A name that tells this process from the other workers: host and process id."""
    return f"{socket.gethostname()}-{os.getpid()}"


def stop_on_signals(stop: Event, *signals: signal.Signals) -> None:
    """The first of these signals asks to stop after the job in hand; the second ends the process as usual."""

    def ask(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in signals:
        signal.signal(number, ask)


def stop_with_parent(stop: Event, grace_seconds: float = ORPHAN_GRACE_SECONDS) -> None:
    """Set `stop` when standard input ends, as it does when the parent dies; a job still running after the grace is abandoned.

    Its lease runs out and another worker takes it over.
    """

    def watch() -> None:
        # os.read and not sys.stdin: a buffered reader blocked in a daemon thread is an error at the interpreter's end.
        while os.read(0, 4096):
            pass
        stop.set()
        threading.Event().wait(grace_seconds)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def main() -> None:
    """Run a worker on the database of the settings until it is told to stop."""
    settings = load_settings()
    configure_logs(settings.log_format)
    stop = Event()
    if CHILD_FLAG in sys.argv[1:]:
        # Ctrl-C reaches the whole process group; the parent decides when the child stops.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stop_with_parent(stop)
        stop_on_signals(stop, signal.SIGTERM)
    else:
        stop_on_signals(stop, signal.SIGTERM, signal.SIGINT)
    database = Database.open(settings.url)
    try:
        with fits_apart(settings) as fitter:
            run_worker(database, stop=stop, name=worker_name(), fitter=fitter)
    finally:
        database.close()


if __name__ == "__main__":
    main()

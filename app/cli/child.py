"""The worker beside an embedded server: a child process that is started again when it dies, and stopped with its parent.

The child watches its standard input, a pipe from here: however this process ends, the pipe ends with it.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.logs import get_logger
from app.settings import Settings

STOP_SECONDS: Final = 4.0
STABLE_SECONDS: Final = 30.0
FIRST_PAUSE_SECONDS: Final = 0.5
MAX_PAUSE_SECONDS: Final = 30.0

log = get_logger("worker-keeper")


@contextmanager
def worker_beside(settings: Settings) -> Iterator["Keeper"]:
    """Keep a worker on the same database alive within the block."""
    # -P: whoever runs this beside a package called “app” of their own means ours.
    keeper = Keeper([sys.executable, "-P", "-m", "app.worker", "--child"], environment(settings))
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.stop()


def environment(settings: Settings) -> dict[str, str]:
    """What a child needs to find the same database; not on its command line, which everybody may read."""
    same = {"data": settings.data, "database_url": settings.url, "log_format": settings.log_format}
    limits = {"fit_memory_mb": settings.fit_memory_mb, "fit_seconds": settings.fit_seconds}
    return {**os.environ, **{f"ARPAD_{name.upper()}": str(value) for name, value in {**same, **limits}.items()}}


class Keeper:
    """One child process, started again whenever it ends, later each time that it did not last."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="worker-keeper", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process id of the child that runs now."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the child to end after the job in hand; end it after four seconds; another worker takes the job over."""
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join()

    def _keep(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while (process := self._begin()) is not None:
            began = time.monotonic()
            code = process.wait()
            if process.stdin is not None:
                process.stdin.close()
            if self._stopping.is_set():
                return
            pause = FIRST_PAUSE_SECONDS if time.monotonic() - began > STABLE_SECONDS else min(2 * pause, MAX_PAUSE_SECONDS)
            log.warning("worker ended, starting another", code=code, pause_seconds=pause)
            self._stopping.wait(pause)

    def _begin(self) -> "subprocess.Popen[bytes] | None":
        with self._lock:
            if self._stopping.is_set():
                return None
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, env=self._environment)  # noqa: S603 (our own module)
            return self._process

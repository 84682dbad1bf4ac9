"""A child process in which fits are computed, with a limit to its memory and to its time. What the child does is decided in `app.fitter`.

The child is warm: it serves one fit after the other, and is replaced after one that failed. It only reads the database and writes what it found to
its standard output; publishing stays with the parent. It ends when its standard input does, that is with its parent, however that ends.

A fit is asked for by one line of JSON. The answer is a line per stage, and a last line followed by the bytes that it announces.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from threading import Lock, Timer
from typing import IO, Any, Final

from app.services.conditions import WHOLE, Conditions
from app.services.fit_work import FitFailed, Tell, Work
from app.services.fitting import Fitted
from app.services.shapes import FitStage
from app.storage.unit_of_work import Database

COMMAND: Final = (sys.executable, "-P", "-m", "app.fitter")
ALLOCATION: Final = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20)}
"""Of glibc: arrays that are done with make room for the next ones, instead of going back to the kernel, which clears every page anew. In a fit of ten
million matches that was up to half of its time."""
ARRAYS: Final = ("table_hash", "table", "uncertainty")
TOTALS: Final = "totals"
LARGE: Final = 1_000_000
"""A child that has read so many matches is not kept: starting another costs little beside them, and their memory is free at once."""
GRACE_SECONDS: Final = 2
STOPPED: Final = "The fit was stopped."


class FitCrashed(Exception):
    """An error of the fit's own, in the child."""


class FitProcess:
    """Fits in a child of this process. The database is opened there by its address."""

    def __init__(self, url: str, *, memory_mb: int, seconds: float) -> None:
        self._url, self._memory_mb, self._seconds = url, memory_mb, seconds
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._is_busy = False
        self._why_ended: str | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the child that is there now."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def compute(self, database: Database, league_id: int, tell: Tell, where: Conditions = WHOLE) -> Work:  # noqa: ARG002  the child opens it by its address
        """The fit of a league, or of a segment of it, as it is now. Raises FitFailed and, for an error of the child's, FitCrashed.

        Of its seconds, those of the `process` went into starting the child and passing on what it found.
        """
        began = time.perf_counter()
        child = self._begin()
        out_of_time = f"The fit took longer than its {self._seconds:g} seconds (ARPAD_FIT_SECONDS)."
        timer = Timer(self._seconds, self._end, [out_of_time])
        timer.daemon = True
        timer.start()
        is_good = False
        try:
            try:
                work = self._converse(child, league_id, tell, where)
            except _Unheard:
                # It died between two jobs, with nothing said of this one: that is no failure of the fit.
                work = self._converse(self._begin(), league_id, tell, where)
            work.fitted.seconds["process"] = time.perf_counter() - began - sum(work.fitted.seconds.values())
            is_good = work.read["totals"] + work.read["segments"] + work.read["rows"] < LARGE
        finally:
            timer.cancel()
            with self._lock:
                self._is_busy = False
            if not is_good:
                self.close()
        return work

    def stop(self) -> None:
        """End the fit under way."""
        self._end(STOPPED)

    def close(self) -> None:
        """End the child, at once."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                with suppress(BrokenPipeError):
                    _pipe(pipe).close()
            self._child = None

    def _begin(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._child is None or self._child.poll() is not None:
                self.close()
                environment = {**os.environ, **ALLOCATION}
                self._child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # noqa: S603 (our own module)
            self._is_busy, self._why_ended = True, None
            return self._child

    def _end(self, why: str) -> None:
        """Only a fit under way is ended: whoever comes too late must not meet the next one."""
        with self._lock:
            if self._is_busy and self._child is not None and self._why_ended is None:
                self._why_ended = why
                self._child.kill()

    def _converse(self, child: "subprocess.Popen[bytes]", league_id: int, tell: Tell, where: Conditions) -> Work:
        limits = {"memory_mb": self._memory_mb, "seconds": int(self._seconds) + 1 + GRACE_SECONDS}
        asked = {"url": self._url, "league_id": league_id, "conditions": where.text, **limits}
        heard: list[str] = []

        def listened(stage: FitStage) -> None:
            heard.append(stage)
            tell(stage)

        try:
            _pipe(child.stdin).write(json.dumps(asked).encode() + b"\n")
            _pipe(child.stdin).flush()
            return self._listen(_pipe(child.stdout), listened)
        except (BrokenPipeError, EOFError):
            code = child.wait()
            failure = FitFailed if heard or self._why_ended else _Unheard
            raise failure(self._why_ended or _obituary(code)) from None

    def _listen(self, out: IO[bytes], tell: Tell) -> Work:
        while True:
            line = out.readline()
            said = json.loads(line if line.endswith(b"\n") else _cut())
            if "stage" in said:
                tell(said["stage"])
            elif "failed" in said:
                raise FitFailed(f"The fit needed more than its {self._memory_mb} MB of memory (ARPAD_FIT_MEMORY_MB).")
            elif "error" in said:
                error = FitCrashed(said["error"])
                error.add_note(said["traceback"])
                raise error
            else:
                return _work(said, out)


class _Unheard(FitFailed):
    """The child was gone before it said anything."""


def _cut() -> bytes:
    raise EOFError


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise EOFError
    return pipe


def _obituary(code: int) -> str:
    if code == -signal.SIGKILL:
        return "The process of the fit was killed; the machine may have had no memory left."
    if code < 0:
        return f"The process of the fit was ended by {signal.Signals(-code).name}."
    return f"The process of the fit ended with code {code}."


def _work(said: dict[str, Any], out: IO[bytes]) -> Work:
    arrays = {name: None if size is None else _exactly(out, size) for name, size in said.pop("sizes").items()}
    totals = arrays.pop(TOTALS)
    fitted = Fitted(said.pop("certificate"), said.pop("seconds"), said.pop("refusal"), **arrays)
    return Work(**said, fitted=fitted, totals=totals)


def _exactly(out: IO[bytes], size: int) -> bytes:
    found = out.read(size)
    return found if len(found) == size else _cut()


def answer_of(work: Work) -> Iterable[bytes]:
    """What the child writes when a fit is done."""
    fitted = work.fitted
    arrays = {**{name: getattr(fitted, name) for name in ARRAYS}, TOTALS: work.totals}
    sizes = {name: None if array is None else len(array) for name, array in arrays.items()}
    head = {"position": work.position, "settings": work.settings, "read": work.read, "sizes": sizes}
    yield json.dumps({**head, "certificate": fitted.certificate, "seconds": fitted.seconds, "refusal": fitted.refusal}).encode() + b"\n"
    yield from (array for array in arrays.values() if array is not None)

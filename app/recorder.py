"""Group commit: one recorder per process takes the matches that are waiting for a league and records them in one transaction.

There is no artificial delay: a batch is what arrived while the one before was being committed. On PostgreSQL several leagues are written at a
time, each batch of one league, so that no league waits for another; SQLite has one writer. An answer is given only after the commit. A match whose
request went away is recorded all the same, and a batch whose commit's fate is unknown is repeated: every match has its id before it is queued.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import structlog

from app.errors import ArpadError, DatabaseLocked, LeagueBusy, RecorderFull, RecorderStopped, Unavailable
from app.services.keys import Caller
from app.services.locking import LOOK_SECONDS
from app.services.recording import MatchIn, Recorded, record_group
from app.storage.unit_of_work import LOCK_TIMEOUT_SECONDS, Database

MAX_WAITING: Final = 2_000
MAX_BATCH: Final = 256
WRITERS_ON_POSTGRESQL: Final = 4
REPEATS: Final = 2

log = structlog.get_logger()

Answer = Recorded | Exception


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request's match, since when it waits (monotonic seconds), and where its answer goes."""

    caller: Caller
    match: MatchIn
    since: float
    answer: "asyncio.Future[Recorded]"

    def deliver(self, answer: Answer) -> None:
        if self.answer.done():
            return
        if isinstance(answer, Recorded):
            self.answer.set_result(answer)
        else:
            self.answer.set_exception(answer)


class Recorder:
    """The only way in which requests record single matches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writers = 1 if database.is_embedded else WRITERS_ON_POSTGRESQL
        self._threads: ThreadPoolExecutor | None = None
        self._free = asyncio.Semaphore(self._writers)
        self._queues: dict[str, list[_Waiting]] = defaultdict(list)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waiting = 0
        self._is_open = False

    @property
    def alive(self) -> bool:
        """Whether matches are taken and written."""
        return self._is_open and self._threads is not None

    async def start(self) -> None:
        self._threads = ThreadPoolExecutor(self._writers, thread_name_prefix="recorder")
        self._is_open = True

    async def stop(self) -> None:
        """Take no more, write what is waiting, then stop."""
        self._is_open = False
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._threads is not None:
            self._threads.shutdown(wait=True)
            self._threads = None

    async def record(self, league: str, caller: Caller, match: MatchIn) -> Recorded:
        """Record a match and wait for its commit. Raises what `record_match` raises, RecorderFull, RecorderStopped."""
        if not self.alive:
            raise RecorderStopped("The server is stopping. Send the match again, with the same match_id.")
        if self._waiting >= MAX_WAITING:
            raise RecorderFull(f"{MAX_WAITING} matches are waiting already. Send the match again, with the same match_id.")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(caller, match.with_id(), time.monotonic(), loop.create_future())
        self._queues[league].append(waiting)
        self._waiting += 1
        if league not in self._tasks:
            self._tasks[league] = asyncio.create_task(self._drain(league))
        return await waiting.answer

    async def _drain(self, league: str) -> None:
        """Write batches of one league until none is waiting."""
        batch: list[_Waiting] = []
        try:
            while self._queues[league]:
                async with self._free:
                    queue = self._queues[league]
                    batch, self._queues[league] = queue[:MAX_BATCH], queue[MAX_BATCH:]
                    self._waiting -= len(batch)
                    answers = await self._written(league, batch)
                while answers is None:
                    # An import has the league. The others' batches must not wait for that, so the thread is let go.
                    await asyncio.sleep(LOOK_SECONDS)
                    async with self._free:
                        answers = await self._written(league, batch)
                for waiting, answer in zip(batch, answers, strict=True):
                    waiting.deliver(answer)
        except BaseException:
            # Nothing that a match can do leads here: the recorder is broken, and says so to those who wait and to /readyz.
            self._is_open = False
            log.exception("recorder_died", league=league)
            raise
        finally:
            left = self._queues.pop(league, [])
            self._waiting -= len(left)
            for waiting in [*batch, *left]:
                waiting.deliver(RecorderStopped("The recorder stopped. Send the match again, with the same match_id."))
            del self._tasks[league]

    async def _written(self, league: str, batch: Sequence[_Waiting]) -> list[Answer] | None:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._write, league, batch)

    def _write(self, league: str, batch: Sequence[_Waiting]) -> list[Answer] | None:
        """Record a batch; None where its league is taken for the moment. One that has waited too long already is not tried."""
        if time.monotonic() - batch[0].since > LOCK_TIMEOUT_SECONDS:
            return [_locked(waiting.match) for waiting in batch]
        group = [(waiting.caller, waiting.match) for waiting in batch]
        for _ in range(REPEATS):
            try:
                return [*record_group(self._database, league, group)]
            except LeagueBusy:
                return None
            except DatabaseLocked:
                return [_locked(waiting.match) for waiting in batch]
            except Unavailable as error:
                detail, seconds = error.detail, error.retry_after_seconds
                log.warning("batch_repeated", league=league, matches=len(group), error=detail)
            except Exception as error:  # noqa: BLE001  whatever it was, every waiting request must be answered
                return self._apart(league, batch, error)
        return [_fate_unknown(waiting.match, detail, seconds) for waiting in batch]

    def _apart(self, league: str, batch: Sequence[_Waiting], error: Exception) -> list[Answer]:
        """One match may have spoilt the batch: halve it until only that one fails."""
        if len(batch) == 1:
            if not isinstance(error, ArpadError):
                log.error("match_failed", league=league, match_id=batch[0].match.match_id, exc_info=error)
            return [error]
        middle = len(batch) // 2
        halves = (batch[:middle], batch[middle:])
        return [answer for half in halves for answer in self._write(league, half) or [_locked(waiting.match) for waiting in half]]


def _locked(match: MatchIn) -> LeagueBusy:
    return LeagueBusy(f"Another writer, perhaps an import, holds the league. Send the match again as “{match.match_id}”.", 2, match_id=match.match_id)


def _fate_unknown(match: MatchIn, detail: str, seconds: int) -> Unavailable:
    """An error of its own for every match: it tells the id under which sending it again is safe."""
    return Unavailable(f"{detail} The match may be recorded: send it again as “{match.match_id}”.", seconds, match_id=match.match_id)

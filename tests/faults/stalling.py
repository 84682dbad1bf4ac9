"""A worker to which something happens in the middle of a refit: it is killed, or its fit's process is, or its lease ends while it stands still.

It runs the next refit of a league up to a moment, says so through a pipe with the pid of its fit's process, and waits for what comes.
The moments are the stages of a running job, and the transactions around it: the claim, the renewal of the lease, the publication.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Literal, NoReturn

from app.services import refit_runs, refits
from app.services.conditions import WHOLE, Conditions
from app.services.fit_process import FitProcess
from app.services.fit_work import Tell, Work
from app.storage.unit_of_work import Database, WriteUnit

VICTIM = "victim"
FITTED = ("reading", "fitting", "errors and ranks")


@dataclass(frozen=True)
class Moment:
    """What happens to whom, and at which stage."""

    what: Literal["worker killed", "fit killed", "lease lost"]
    stage: str

    def __str__(self) -> str:
        return f"{self.what}, {self.stage}"

    @property
    def is_claimed(self) -> bool:
        """Whether the job is the victim's by then."""
        return self.stage != "claiming"

    @property
    def is_published(self) -> bool:
        return self.stage == "published"


MOMENTS = (
    *(Moment("worker killed", stage) for stage in ("claiming", "claimed", "renewing", *FITTED, "publishing", "uncommitted", "published")),
    *(Moment("fit killed", stage) for stage in FITTED),
    *(Moment("lease lost", stage) for stage in ("fitting", "publishing")),
)


class Stalling(FitProcess):
    """Fits, and comes to one moment."""

    def __init__(self, url: str, moment: Moment, pipe: Connection) -> None:
        super().__init__(url, memory_mb=4096, seconds=600)
        self._moment, self._pipe = moment, pipe
        self.watching = threading.Lock()

    def compute(self, database: Database, league_id: int, tell: Tell, where: Conditions = WHOLE) -> Work:
        def told(stage: str) -> None:
            tell(stage)
            self.come_to(stage)

        self.come_to("claimed")
        if self._moment.stage == "renewing":
            tell("reading")
            _wait_for_ever()
        return super().compute(database, league_id, told, where)

    def come_to(self, stage: str) -> None:
        if stage == self._moment.stage:
            {"worker killed": self.hang, "fit killed": self._lose_the_child, "lease lost": self._stand_still}[self._moment.what]()

    def hang(self) -> NoReturn:
        self._pipe.send(self.pid)
        _wait_for_ever()

    def _lose_the_child(self) -> None:
        os.kill(self.pid or 0, signal.SIGKILL)

    def _stand_still(self) -> None:
        """The watch with it, as in a machine that sleeps."""
        with self.watching:
            self._pipe.send(self.pid)
            self._pipe.recv()


def _wait_for_ever() -> NoReturn:
    while True:
        threading.Event().wait()


def run_up_to(url: str, league: str, moment: Moment, pipe: Connection) -> None:
    """The process of the victim. Whoever comes to the end of a refit says 0."""
    fitter, database = Stalling(url, moment, pipe), Database.open(url)
    publish, look = refit_runs.publish, refit_runs.Watch._look

    def published(*arguments: object) -> None:
        fitter.come_to("publishing")
        with _commits_stalled(fitter, moment.stage == "uncommitted"):
            publish(*arguments)
        fitter.come_to("published")

    def looked(watch: refit_runs.Watch) -> None:
        with fitter.watching:
            look(watch)

    refit_runs.publish, refit_runs.Watch._look, refit_runs.LOOK_SECONDS = published, looked, 0.05
    with _commits_stalled(fitter, moment.stage == "claiming"), _commits_stalled(fitter, moment.stage == "renewing", _is_watch):
        refits.run_next_refit(database, VICTIM, league=league, fitter=fitter)
    fitter.close()
    pipe.send(0)


def _is_watch() -> bool:
    return threading.current_thread().name == "refit-watch"


@contextmanager
def _commits_stalled(fitter: Stalling, is_meant: bool, is_here: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Within, commits never come in the threads that are meant."""
    commit = WriteUnit.commit
    if is_meant:
        WriteUnit.commit = lambda unit: fitter.hang() if is_here() else commit(unit)
    yield
    WriteUnit.commit = commit

"""A worker to be killed: `python -m tests.faults.stalling URL STAGE` runs the next refit up to a stage, prints the pid of its fit's process, and hangs.

The stages are those of a running job, and the moments around its publication: claimed, before the commit, after it.
"""

import sys
import threading
from typing import NoReturn

from app.services import refit_runs, refits
from app.services.conditions import WHOLE, Conditions
from app.services.fit_process import FitProcess
from app.services.fit_work import Tell, Work
from app.storage.unit_of_work import Database, WriteUnit

MOMENTS = ("claimed", "reading", "fitting", "errors and ranks", "publishing", "uncommitted", "published")


class Stalling(FitProcess):
    """Fits, and hangs at one moment."""

    def __init__(self, url: str, moment: str) -> None:
        super().__init__(url, memory_mb=4096, seconds=600)
        self._moment = moment

    def compute(self, database: Database, league_id: int, tell: Tell, where: Conditions = WHOLE) -> Work:
        def told(stage: str) -> None:
            tell(stage)
            self.come_to(stage)

        self.come_to("claimed")
        return super().compute(database, league_id, told, where)

    def come_to(self, moment: str) -> None:
        if moment == self._moment:
            hang(self.pid)


def hang(pid: int | None) -> NoReturn:
    print(pid or 0, flush=True)
    while True:
        threading.Event().wait()


def main(url: str, moment: str) -> None:
    fitter, database = Stalling(url, moment), Database.open(url)
    publish, commit = refit_runs.publish, WriteUnit.commit

    def published(*arguments: object) -> None:
        fitter.come_to("publishing")
        if moment == "uncommitted":
            WriteUnit.commit = lambda _: hang(fitter.pid)
        publish(*arguments)
        WriteUnit.commit = commit
        fitter.come_to("published")

    refit_runs.publish = published
    refits.run_next_refit(database, "victim", fitter=fitter)


if __name__ == "__main__":
    main(*sys.argv[1:])

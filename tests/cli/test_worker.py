import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app import worker
from app.worker import MAX_BACKOFF_SECONDS, pause_seconds, run_worker
from tests.cli.waits import Waits


class Refits:
    """Stands in for the service where the worker's own loop is looked at: each job is an answer or an error."""

    def __init__(self, *jobs):
        self.jobs = list(jobs)
        self.looks = 0
        self.packed = []
        self.stop = Waits()

    def request_due_refits(self, _database):
        self.looks += 1
        return 0

    def keep_segments(self, _database, league):
        self.packed.append(league)

    def keep_due_segments(self, _database):
        return 0

    def run_next_refit(self, _database, _name, *, league=None, fitter=None):
        if not self.jobs:
            self.stop.set()
            return None
        job = self.jobs.pop(0)
        if isinstance(job, Exception):
            raise job
        return job


JOB = {"league": "tennis", "fit": 1, "status": "published", "reason": None, "seconds": {}}


@pytest.fixture
def run(monkeypatch):
    def start(refits, poll_seconds=0.01):
        monkeypatch.setattr(worker, "refits", refits)
        monkeypatch.setattr(worker, "segments", refits)
        run_worker(None, stop=refits.stop, name="test", poll_seconds=poll_seconds)
        return refits

    return start


def test_all_jobs_that_are_due_are_done_before_it_waits(run):
    refits = run(Refits(JOB, JOB, JOB))
    assert (refits.jobs, refits.looks) == ([], 1)


def test_an_error_of_one_job_does_not_end_the_worker(run):
    refits = run(Refits(ValueError("bad luck"), JOB))
    assert refits.jobs == []


def test_after_errors_the_next_attempt_comes_later_each_time(run):
    asked = run(Refits(ValueError(), ValueError(), ValueError(), JOB), poll_seconds=0.5).stop.asked
    assert all(0.75 * pause <= seconds <= 1.25 * pause for seconds, pause in zip(asked, (1.0, 2.0, 4.0, 0.5), strict=True)), asked
    assert asked[0] < asked[1] < asked[2]


def test_the_wait_grows_with_failures_and_is_bounded():
    assert [pause_seconds(failures, 0.5) for failures in (0, 1, 2, 3)] == [0.5, 1.0, 2.0, 4.0]
    assert pause_seconds(10_000) == MAX_BACKOFF_SECONDS


def test_a_worker_that_was_told_to_stop_takes_no_other_job(run):
    refits = Refits(JOB)
    refits.stop.set()
    assert run(refits).jobs == [JOB]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_in_order_when_it_is_told_to(arpad, spawn, tmp_path, number):
    process = spawn("worker", "--data", str(tmp_path / "data"), "--json")
    assert '"worker"' in process.stdout.readline()
    assert "worker started" in process.stderr.readline()
    process.send_signal(number)
    assert process.wait(20) == 0
    assert "worker stopped" in process.stderr.read()


def test_the_command_fits_in_a_process_of_its_own_that_ends_with_it(arpad, spawn, tmp_path):
    arpad.ok("league", "create", "club")
    arpad.ok("record", "club", "Ann", "Ben", "first", "--yes")
    arpad.ok("record", "club", "Ben", "Ann", "first")
    number = arpad.ok("refit", "club")["fit"]
    process = spawn("worker", "--data", str(tmp_path / "data"), "--json")
    assert json.loads(process.stdout.readline())["worker"]
    done = next(line for line in process.stderr if "refit done" in line)
    assert "published" in done
    (child,) = children(process.pid)
    assert "app.fitter" in Path(f"/proc/{child}/cmdline").read_text()
    assert arpad.ok("fits", "club")["rows"][0]["fit"] == number
    process.kill()
    process.wait()
    assert any(not Path(f"/proc/{child}").exists() or threading.Event().wait(0.01) for _ in range(2_000))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_linear_algebra_has_one_thread():
    probe = "import os, app.worker; print(os.environ['OPENBLAS_NUM_THREADS'], os.environ['OMP_NUM_THREADS'])"
    environment = {**os.environ, "OMP_NUM_THREADS": "8"}
    shown = subprocess.run([sys.executable, "-P", "-c", probe], env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.split() == ["1", "1"]

"""The worker beside a server, as real processes."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from app.cli.child import Keeper, environment
from app.settings import load_settings
from app.storage.migrations import migrate
from app.storage.unit_of_work import Database
from tests.cli.waits import Waits

SLEEPER = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def eventually(condition):
    while not (found := condition()):
        time.sleep(0.02)
    return found


@pytest.fixture
def keeper():
    keeper = Keeper(SLEEPER, dict(os.environ))
    keeper.start()
    yield keeper
    keeper.stop()


def test_a_worker_that_dies_is_started_again(keeper):
    first = eventually(lambda: keeper.pid)
    os.kill(first, signal.SIGKILL)
    second = eventually(lambda: keeper.pid if keeper.pid != first else None)
    assert psutil.pid_exists(second)


def test_a_worker_that_dies_at_once_is_started_less_and_less_often(monkeypatch):
    keeper = Keeper([sys.executable, "-c", ""], dict(os.environ))
    waits = Waits(count=8)
    monkeypatch.setattr(keeper, "_stopping", waits)
    monkeypatch.setattr("app.cli.child.STABLE_SECONDS", math.inf)
    keeper.start()
    keeper._thread.join()
    assert waits.asked == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_stopping_ends_the_worker_and_starts_no_other(keeper):
    pid = eventually(lambda: keeper.pid)
    keeper.stop()
    assert keeper.pid is None
    assert not psutil.pid_exists(pid)


def test_a_worker_finds_the_same_database_and_its_command_line_shows_no_password():
    settings = load_settings(database_url="postgresql://arpad:hush@db/arpad")
    assert environment(settings)["ARPAD_DATABASE_URL"] == "postgresql://arpad:hush@db/arpad"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_worker_dies_with_its_parent(tmp_path, number):
    parent_script = textwrap.dedent("""
        import signal, sys, time
        from app.cli.child import worker_beside
        from app.settings import load_settings
        from app.storage.migrations import migrate
        from app.storage.unit_of_work import Database
        settings = load_settings(data=sys.argv[1])
        migrate(Database.open(settings.url))
        with worker_beside(settings) as keeper:
            while keeper.pid is None: time.sleep(0.01)
            print(keeper.pid, flush=True)
            time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-P", "-c", parent_script, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        worker = psutil.Process(int(parent.stdout.readline()))
        assert "started" in parent.stderr.readline()
        parent.send_signal(number)
    eventually(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


def test_ctrl_c_is_the_parents_business(tmp_path):
    migrate(Database.open(load_settings(data=tmp_path).url))
    environment_of_child = {**os.environ, "ARPAD_DATA": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "app.worker", "--child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment_of_child, text=True) as child:
        assert "worker started" in child.stderr.readline()
        child.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert child.poll() is None
        child.stdin.close()
        assert child.wait(20) == 0

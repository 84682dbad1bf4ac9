"""The command line as people run it: within the test's process where that is enough, as real processes where it is not."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.cli.application import run

STOP_SECONDS = 20


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """`arpad …` on one database, within this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *shared: str) -> None:
        self._capsys = capsys
        self._shared = shared

    def __call__(self, *arguments: str) -> Finished:
        self._capsys.readouterr()
        code = run([*self._shared, *arguments])
        captured = self._capsys.readouterr()
        return Finished(code, captured.out, captured.err)

    def ok(self, *arguments: str) -> Any:
        """The JSON of a command that must succeed."""
        finished = self(*arguments, "--json")
        assert finished.code == 0, finished
        return finished.json


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("ARPAD_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def arpad(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """On an embedded database of its own."""
    return CommandLine(capsys, "--data", str(tmp_path / "data"))


@pytest.fixture
def arpad_anywhere(capsys: pytest.CaptureFixture[str], tmp_path: Path, database_url: str) -> CommandLine:
    """On each kind of database in turn."""
    return CommandLine(capsys, "--data", str(tmp_path / "data"), "--database-url", database_url)


@pytest.fixture
def spawn() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts real `arpad` processes, and ends those that a test leaves running."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-m", "app.cli", *arguments]
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        started.append(subprocess.Popen(command, text=True, **options))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        process.communicate()


@pytest.fixture
def serve(spawn: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> Callable[..., tuple[subprocess.Popen[str], dict[str, str]]]:
    """Starts a server on a free port; returns its process and what it announced."""

    def start(*options: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
        process = spawn("serve", "--port", "0", "--data", str(tmp_path / "data"), "--json", *options)
        assert process.stdout is not None
        announced = process.stdout.readline()
        assert announced, process.communicate()[1]
        return process, json.loads(announced)

    return start

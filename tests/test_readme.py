"""README is executed: its tour against a real server, its Python, and its tables against the code."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.cli import main as command_line
from app.services.league_settings import LeagueSettings
from app.settings import Settings

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\S+)([^\n]*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the server of the tour did not become ready")


def _json_objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in what the tour printed, between lines for people."""
    start = text.find('{"')
    while start >= 0:
        value, end = json.JSONDecoder().raw_decode(text, start)
        yield value
        start = text.find('{"', end)


def test_the_tour_runs_as_printed(tmp_path: Path) -> None:
    """Every shell block of README, in order, in an empty folder, against the server that README starts."""
    port = _free_port()
    programs = str(Path(sys.executable).parent)
    environment = {**os.environ, "ARPAD_PORT": str(port), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    shell = [(options.strip(), code.replace("127.0.0.1:8000", f"127.0.0.1:{port}")) for language, options, code in BLOCKS if language == "sh"]
    background = [code for options, code in shell if options == "background"]
    tour = "set -euo pipefail\n" + "\necho\n".join(code for options, code in shell if not options)
    assert len(background) == 1
    server = subprocess.Popen(
        ["bash", "-c", f"exec {background[0].strip()}"], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_ready(port, server)
        done = subprocess.run(["bash", "-c", tour], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
    finally:
        server.terminate()
        server.wait(timeout=20)

    assert done.returncode == 0, done.stdout + done.stderr
    answers = list(_json_objects(done.stdout))
    receipt = next(answer for answer in answers if answer.get("match_id") == "2026-11-20-1")
    board = next(answer for answer in answers if "rows" in answer and answer.get("by") == "fit")
    prediction = next(answer for answer in answers if "comparable" in answer)
    assert receipt["ratings"]["first"] == {"before": 1500.0, "expected": 0.5, "k": 24.0, "after": 1512.0}
    assert {row["competitor"] for row in board["rows"]} == {"Alice", "Bob", "Carla", "Dora"}
    assert prediction["comparable"] == "yes"
    assert (tmp_path / "table-tennis.ndjson").exists()


def test_the_python_runs_as_printed() -> None:
    """The Python block prints ratings and a converged certificate."""
    (code,) = [code for language, _, code in BLOCKS if language == "python"]

    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=README.parent)

    assert done.returncode == 0, done.stderr
    assert "converged" in done.stdout


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_of_an_installation_is_told(name: str) -> None:
    """README's table has a row for the variable."""
    assert re.search(rf"^\| `ARPAD_{name.upper()}` \|", TEXT, re.MULTILINE)


@pytest.mark.parametrize("name", list(LeagueSettings.model_fields))
def test_every_setting_of_a_league_is_told(name: str) -> None:
    """README's table has a row for the setting."""
    assert re.search(rf"^\|[^|]*`{name}`", TEXT, re.MULTILINE)


def test_the_exit_codes_are_told() -> None:
    """README and the command line speak of the same codes."""
    from app.cli.exits import EXIT_CODES

    assert callable(command_line)
    assert {int(code) for code in re.findall(r"(?:codes\*\*:|·) (\d)", TEXT)} >= set(EXIT_CODES.values())

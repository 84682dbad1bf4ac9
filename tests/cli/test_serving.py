"""Servers as real processes."""

import contextlib
import json
import os
import pty
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

import httpx
import psutil
import pytest

STOP_SECONDS = 20


def children(process):
    return [child.pid for child in psutil.Process(process.pid).children()]


def eventually(condition):
    while not (found := condition()):
        time.sleep(0.05)
    return found


def stopped(process, number=signal.SIGTERM):
    process.send_signal(number)
    return process.wait(STOP_SECONDS)


def test_a_server_announces_itself_answers_and_stops_in_order(serve, arpad, tmp_path):
    process, announced = serve()
    assert httpx.get(f"{announced['url']}/healthz", timeout=20).status_code == 200
    healthy = arpad("health", "--url", announced["url"], "--json")
    assert (healthy.code, type(healthy.json)) == (0, dict)
    workers = eventually(lambda: children(process))
    assert stopped(process) == 0
    assert not any(psutil.pid_exists(pid) for pid in workers)
    assert (tmp_path / "data" / "server.lock").read_text() == ""


def test_ctrl_c_stops_it_too(serve):
    process, _ = serve("--no-worker")
    assert stopped(process, signal.SIGINT) == 130


def test_the_first_start_writes_an_admin_key_that_works_and_shows_it_to_nobody(serve, tmp_path):
    process, announced = serve("--no-worker")
    file = tmp_path / "data" / "admin.key"
    assert announced["admin_key_file"] == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = file.read_text().strip()
    made = httpx.post(f"{announced['url']}/v1/leagues", json={"league": "tennis"}, headers={"Authorization": f"Bearer {secret}"}, timeout=20)
    assert (made.status_code, made.json()["public"]) == (201, True)
    stopped(process)
    assert secret not in process.stderr.read()


def test_a_terminal_is_shown_the_admin_key_once(spawn, tmp_path):
    for expected in (True, False):
        ours, theirs = pty.openpty()
        process = spawn("serve", "--port", "0", "--data", str(tmp_path), "--no-worker", stdout=theirs)
        os.close(theirs)
        shown = os.read(ours, 65536).decode()
        # What is announced is announced before the server starts.
        while "startup complete" not in process.stderr.readline():
            assert process.poll() is None
        stopped(process)
        with contextlib.suppress(OSError):
            shown += os.read(ours, 65536).decode()
        os.close(ours)
        assert ((tmp_path / "admin.key").read_text().strip() in shown.replace("\r\n", "")) is expected


def test_a_port_in_use_is_said_plainly(spawn, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        process = spawn("serve", "--port", str(other.getsockname()[1]), "--data", str(tmp_path))
        _, error = process.communicate(timeout=STOP_SECONDS)
    assert process.returncode == 3
    assert "is in use" in error
    assert "Traceback" not in error


def test_an_address_that_is_not_ours_is_bad_input(spawn, tmp_path):
    process = spawn("serve", "--host", "192.0.2.1", "--port", "0", "--data", str(tmp_path))
    assert process.wait(STOP_SECONDS) == 5


def test_one_folder_has_one_server(serve, spawn, tmp_path):
    _, announced = serve("--no-worker")
    second = spawn("serve", "--port", "0", "--data", str(tmp_path / "data"), "--json")
    refusal, _ = second.communicate(timeout=STOP_SECONDS)
    assert second.returncode == 3
    assert announced["url"] in json.loads(refusal)["detail"]


def test_commands_work_beside_the_server(serve, arpad):
    _, announced = serve("--no-worker")
    arpad.ok("league", "create", "tennis")
    arpad.ok("record", "tennis", "Alice", "Bob", "first")
    board = httpx.get(f"{announced['url']}/v1/leagues/tennis/leaderboard", timeout=20).json()
    assert [row["competitor"] for row in board["rows"]] == ["Alice", "Bob"]


def test_a_killed_server_leaves_no_worker_and_no_lock(serve):
    process, _ = serve()
    workers = [psutil.Process(pid) for pid in eventually(lambda: children(process))]
    process.kill()
    process.wait()
    eventually(lambda: not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers))
    again, _ = serve("--no-worker")
    assert stopped(again) == 0


def test_a_worker_that_dies_is_replaced(serve):
    process, _ = serve()
    [first] = eventually(lambda: children(process))
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: [pid for pid in children(process) if pid != first])


def test_no_server_is_unavailable(arpad):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    assert arpad("health", "--url", f"http://127.0.0.1:{port}").code == 7


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_demo_prints_lines_that_work_and_is_kept(spawn, tmp_path):
    positions = []
    for _ in range(2):
        process = spawn("demo", "--port", "0", "--data", str(tmp_path / "da ta"))
        lines = []
        while len(curls := [line for line in lines if line.startswith("  curl")]) < 3:
            lines.append(process.stdout.readline())
            assert lines[-1], process.communicate()[1]
        board, prediction, receipt = (answer(line) for line in curls)
        assert len(board["rows"]) == 5
        assert 0 < prediction["first"] < 1
        assert receipt["status"] == "counted"
        positions.append(receipt["position"])
        assert stopped(process) == 0
    assert positions[1] == positions[0] + 1


def answer(line):
    shown = subprocess.run(["/bin/sh", "-c", line.replace("curl", "curl -sS --max-time 20", 1)], capture_output=True, text=True, check=True)
    return json.loads(shown.stdout)


def test_a_reader_that_goes_away_ends_an_export_quietly(arpad, tmp_path):
    arpad.ok("league", "create", "tennis")
    export = f"{shlex.quote(sys.executable)} -P -m app.cli --data {shlex.quote(str(tmp_path / 'data'))} export tennis"
    shown = subprocess.run(["/bin/bash", "-c", f"{export} | true; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() in {"0", "141"}
    assert shown.stderr == ""

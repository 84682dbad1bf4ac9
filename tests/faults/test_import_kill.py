"""An importing process that is killed without warning leaves nothing that anybody sees, and holds nothing for long; of two equal imports one is recorded."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.services.imports import import_file
from tests.services.play import OPERATOR, Play

LINES = 20
PARTS = 4
COMMITS = PARTS + 2
"""The lease, the parts, the head."""

IMPORTER = """
import json, os, signal, sys
from pathlib import Path
from sqlalchemy import event
from app.services import import_writing
from app.services.imports import import_file
from app.services.keys import Caller
from app.storage.unit_of_work import Database
url, league, path, parts, last = sys.argv[1:]
import_writing.LEASE_SECONDS = 0.5  # so that the test need not wait for the real one to run out
database, commits = Database.open(url), []
@event.listens_for(database.engine, "commit")
def count(connection):
    commits.append(connection)
    if len(commits) == int(last):
        os.kill(os.getpid(), signal.SIGKILL)
print("ready", flush=True)
sys.stdin.readline()
report, known = import_file(database, Caller.operator(), league, Path(path), rows_at_once=int(parts))
print(json.dumps([report, known]))
"""


@pytest.fixture
def season(tmp_path: Path) -> Path:
    path = tmp_path / "season.csv"
    lines = [f"m{n},A{n % 5},B{n % 7},{('first', 'draw', 'second')[n % 3]}" for n in range(LINES)]
    path.write_text("\n".join(["match_id,first,second,outcome", *lines, ""]))
    return path


def importer(url: str, play: Play, path: Path, *, killed_at_commit: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", IMPORTER, url, play.league, str(path), str(LINES // PARTS), str(killed_at_commit)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("commit", range(1, COMMITS + 1))
def test_a_kill_before_any_commit_leaves_a_league_as_it_was(database, database_url, season, commit):
    play = Play.begin(database)
    play.play("A1", "Z", match_id="before")
    process = importer(database_url, play, season, killed_at_commit=commit)
    _, trouble = process.communicate("\n", timeout=60)
    assert process.returncode == -signal.SIGKILL, trouble
    assert play.position() == 1
    assert len(play.export()) == 2 + 2 + 1
    play.verified()
    play.play("A2", "Z", match_id="m3" if commit % 2 else "after")
    assert play.position() == 2
    play.verified()
    report, known = import_file(database, OPERATOR, play.league, season, rows_at_once=LINES // PARTS, skip_bad=True)
    assert (known, report["recorded"] + report["skipped"], report["skipped"]) == (False, LINES, commit % 2)
    assert play.verified()["matches"] == 2 + report["recorded"]


def test_a_process_that_is_not_killed_has_so_many_commits(database, database_url, season):
    play = Play.begin(database)
    process = importer(database_url, play, season, killed_at_commit=COMMITS + 1)
    output, trouble = process.communicate("\n", timeout=60)
    assert process.returncode == 0, trouble
    assert json.loads(output)[0]["recorded"] == LINES
    assert play.verified()["matches"] == LINES


def test_the_same_import_by_two_processes_at_once_is_recorded_once(database, database_url, season):
    play = Play.begin(database)
    processes = [importer(database_url, play, season) for _ in range(2)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = []
    for process in processes:
        output, trouble = process.communicate(timeout=60)
        assert process.returncode == 0, trouble
        answers.append(json.loads(output))
    (one, _), (other, _) = answers
    assert one == other
    assert sorted(known for _, known in answers) == [False, True]
    assert play.verified()["matches"] == LINES

"""Files and folders that cannot be used: named, with what to do, and never a traceback."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from app.cli.exits import exit_code
from app.cli.files import file_error, named

CANNOT = [(errno.EACCES, 5), (errno.EPERM, 5), (errno.EROFS, 5), (errno.ENOTDIR, 5), (errno.EEXIST, 5), (errno.EISDIR, 5), (errno.ENOENT, 5)]
FULL = [(errno.ENOSPC, 7), (errno.EDQUOT, 7), (errno.EFBIG, 7)]


@pytest.fixture
def tennis(arpad):
    arpad.ok("league", "create", "tennis")
    arpad.ok("record", "tennis", "Alice", "Bob", "first")
    return arpad


@pytest.mark.parametrize(("number", "code"), [*CANNOT, *FULL])
def test_each_condition_of_a_file_names_it_and_has_a_code(number, code):
    found = file_error(OSError(number, "no", "results.csv"))
    assert found is not None
    assert exit_code(found) == code
    assert "“results.csv”" in found.detail


@pytest.mark.parametrize("error", [OSError(errno.ECONNREFUSED, "no"), OSError(errno.ENOENT, "no"), OSError("no")])
def test_what_is_about_no_file_is_left_alone(error):
    assert file_error(error) is None


def test_an_error_while_writing_gets_the_name_of_what_was_written():
    with pytest.raises(OSError, match="results") as caught, named(Path("results.csv")):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == "results.csv"


@pytest.mark.parametrize("folder", [os.devnull, f"{os.devnull}/below"])
def test_a_data_folder_that_is_none_is_named(arpad, folder):
    finished = arpad("league", "list", "--data", folder)
    assert (finished.code, finished.out) == (5, "")
    assert os.devnull in finished.err
    assert "Choose another folder" in finished.err
    assert arpad("league", "list", "--data", folder, "--json").json["exit_code"] == 5


@pytest.mark.parametrize("target", ["missing/tennis.ndjson", "."])
def test_an_export_to_where_no_file_can_be_names_it(tennis, tmp_path, target):
    target = str(tmp_path / target)
    finished = tennis("export", "tennis", target)
    assert finished.code == 5
    assert f"“{target}”" in finished.err


def test_an_export_never_takes_the_place_of_a_pipe_or_a_device(tennis, tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert tennis("export", "tennis", str(pipe)).code == 0
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    reader.join(10)
    assert read == [tennis("export", "tennis").out.encode()]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no full device")
@pytest.mark.parametrize("line", ["export tennis", "leaderboard tennis", "leaderboard tennis --json"])
def test_an_output_without_room_is_one_condition_and_no_traceback(tennis, spawn, tmp_path, line):
    with Path("/dev/full").open("w") as full:
        process = spawn(*line.split(), "--data", str(tmp_path / "data"), stdout=full)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 7
    assert "There is no room left for the standard output." in told
    assert "Traceback" not in told
    assert "Exception ignored" not in told


def test_a_database_that_cannot_be_opened_is_named(arpad, tmp_path):
    (tmp_path / "data" / "arpad.db").mkdir(parents=True)
    finished = arpad("league", "list")
    assert finished.code == 7
    assert str(tmp_path / "data" / "arpad.db") in finished.err

"""A backup is taken while the database is written, fills an empty database of either kind, and no damage to it goes unnoticed."""

import gzip
import hashlib
import io
import json
import stat
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path

import pytest

from app.errors import ExportDamaged, KeyRequired, SchemaUnknown, ScopeMissing
from app.services.backups import BEGINNING, open_backup, restore_backup, write_backup
from app.services.keys import Caller, create_key, list_keys
from app.services.verification import verify_league
from app.storage.contents import read_contents
from app.storage.unit_of_work import Database
from tests.cli.conftest import CommandLine
from tests.services.play import OPERATOR, Play, match


def seasons(database: Database) -> list[Play]:
    """Two leagues with every kind of row: matches of every field, voids, a fit with its blobs, keys that are bound, expired, revoked."""
    plays = [Play.begin(database, k=24.0), Play.begin(database)]
    for number, play in enumerate(plays):
        play.batch([match(f"p {i % 7}", f"q {i % 5} “ü”", ("first", "draw", "second")[i % 3], f"m{i}", weight=0.1 * (i + 1)) for i in range(60)])
        play.play("p 0", "名", "first", 'q"\\', first_score=1e22, second_score=-0.0, played_at=-1)
        play.void(f"m{number}")
        play.fit()
    create_key(database, OPERATOR, name="bound", scopes=["read"], league=plays[0].league)
    return plays


def backed_up(database: Database) -> bytes:
    target = io.BytesIO()
    write_backup(database, OPERATOR, target)
    return target.getvalue()


def restored(database: Database, content: bytes):
    return restore_backup(database, OPERATOR, open_backup(io.BytesIO(content)))


def contents(database: Database) -> list:
    with database.read() as unit:
        return list(read_contents(unit.connection))


def sealed(manifest: dict, packed: bytes) -> bytes:
    """A backup of whatever is given, with the hash that it should have."""
    body = json.dumps(manifest, separators=(",", ":")).encode() + b"\n" + packed
    return body + b'{"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def opened_up(content: bytes) -> tuple[dict, bytes]:
    """Manifest and packed rows of a backup, read as its format says."""
    manifest, _, rest = content.partition(b"\n")
    return json.loads(manifest), rest[: rest.rindex(b'{"sha256"')]


def test_everything_arrives_on_the_other_database_and_goes_on(database, other_database):
    plays = seasons(database)
    secret = create_key(database, OPERATOR, name="works", scopes=["manage"])["key"]
    answer = restored(other_database, backed_up(database))
    assert contents(other_database) == contents(database)
    assert answer["equal"]
    for play in plays:
        copy = Play(other_database, play.league)
        assert copy.verified() == play.verified()
        assert copy.export() == play.export()
        for league in (play, copy):
            league.play("p 0", "newest", match_id="after")
            assert league.play("p 1", "q 1 “ü”", "draw", "m1", weight=0.2)["position"] == 2
        assert copy.verified()["state_hash"] == play.verified()["state_hash"]
        assert copy.fit()["status"] == "published"
    # What numbers itself goes on with numbers that are free.
    assert Play.begin(other_database).verify()["equal"]
    assert create_key(other_database, OPERATOR, name="new", scopes=["read"])["prefix"]
    assert verify_league(other_database, Caller.with_key(secret), plays[0].league)["equal"]
    assert len(list_keys(other_database, OPERATOR)) == 3


def test_a_backup_under_running_writers_is_of_one_moment(database, other_database):
    plays, over = [Play.begin(database), Play.begin(database)], threading.Event()
    taken = threading.Barrier(len(plays) + 1)

    def write(play):
        for number in count():
            play.batch([match(f"a {number % 9}", f"b {i}", match_id=f"{number}-{i}") for i in range(20)])
            if number == 3:
                taken.wait()
            if over.is_set():
                return

    writers = [threading.Thread(target=write, args=(play,)) for play in plays]
    for writer in writers:
        writer.start()
    taken.wait()
    try:
        content = backed_up(database)
        later = [play.position() for play in plays]
    finally:
        over.set()
        for writer in writers:
            writer.join()
    answer = restored(other_database, content)
    assert answer["equal"]
    for play, verdict, position in zip(plays, answer["leagues"], later, strict=True):
        assert 80 <= verdict["position"] <= position <= play.position()
        assert verdict["position"] % 20 == 0, "a batch is in the backup whole or not at all"
        assert Play(other_database, play.league).export()[:-1] == play.export()[: len(Play(other_database, play.league).export()) - 1]


def test_writers_go_on_while_a_backup_is_written(database):
    play, written = Play.begin(database), []

    class Interrupted(io.BytesIO):
        def write(self, data):
            play.play("A", "B", match_id=f"meanwhile {len(written)}")
            written.append(len(data))
            return super().write(data)

    target = Interrupted()
    shape = write_backup(database, OPERATOR, target)
    assert len(written) >= 3
    assert [one["position"] for one in shape["leagues"]] == [0]
    assert play.position() == len(written)


def test_what_an_import_left_beyond_the_head_is_not_in_it(database, other_database):
    [play, _] = seasons(database)
    head = play.position()
    play.sql(
        "INSERT INTO entry (league_id, position, kind, recorded_at, match_id, first, second, score, weight, neutral) "
        "SELECT league_id, position + 1000, kind, recorded_at, 'not yet', first, second, score, weight, neutral FROM entry "
        "WHERE league_id = :league AND position = 1"
    )
    play.sql("UPDATE league SET import_token = 'someone', import_until = 9999999999999999 WHERE id = :league")
    assert restored(other_database, backed_up(database))["equal"]
    copy = Play(other_database, play.league)
    assert copy.position() == head
    copy.play("A", "B", match_id="not yet")
    copy.verified()


@pytest.fixture(scope="module")
def content(tmp_path_factory) -> bytes:
    from app.storage.migrations import migrate

    database = Database.open(f"sqlite:///{tmp_path_factory.mktemp('backed') / 'arpad.db'}")
    migrate(database)
    seasons(database)
    yield backed_up(database)
    database.close()


def test_a_byte_flipped_anywhere_is_refused(content):
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(ExportDamaged):
            open_backup(io.BytesIO(damaged))


def test_a_cut_anywhere_is_refused(content):
    for length in range(0, len(content), 7):
        with pytest.raises(ExportDamaged):
            open_backup(io.BytesIO(content[:length]))
    with pytest.raises(ExportDamaged):
        open_backup(io.BytesIO(content + b"\n"))


def _manifest_of_another_league(manifest, lines):
    manifest["leagues"][0]["state_hash"] = "00" * 32


def _league_left_out(manifest, lines):
    del manifest["leagues"][0]


def _rows_left_out(manifest, lines):
    lines[:] = [line for line in lines if json.loads(line)["table"] != "competitor"]


def _table_of_somebody_else(manifest, lines):
    lines.append(b'{"table":"sqlite_master","columns":{"name":["x"]}}')


def _column_of_somebody_else(manifest, lines):
    lines.append(b'{"table":"league","columns":{"id\\" from":["x"]}}')


def _no_json(manifest, lines):
    lines.append(b"[" * 9_999)


def _ragged(manifest, lines):
    block = json.loads(lines[0])
    next(iter(block["columns"].values())).pop()
    lines[0] = json.dumps(block).encode()


def _a_value_missing(manifest, lines):
    block = json.loads(lines[0])
    block["columns"]["league_id" if "league_id" in block["columns"] else "id"][0] = None
    lines[0] = json.dumps(block).encode()


def _the_same_row_twice(manifest, lines):
    lines.append(lines[0])


FORGERIES = [
    _a_value_missing,
    _the_same_row_twice,
    _manifest_of_another_league,
    _league_left_out,
    _rows_left_out,
    _table_of_somebody_else,
    _column_of_somebody_else,
    _no_json,
    _ragged,
]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__.strip("_"))
def test_a_forged_backup_whose_hash_holds_is_refused_and_nothing_is_written(database, content, forge):
    manifest, packed = opened_up(content)
    lines = gzip.decompress(packed).splitlines()
    forge(manifest, lines)
    with pytest.raises(ExportDamaged):
        restored(database, sealed(manifest, gzip.compress(b"".join(line + b"\n" for line in lines))))
    assert contents(database) == []


@pytest.mark.parametrize("packed", [b"", b"plain", gzip.compress(b'{"table":')[:-9]], ids=["nothing", "not packed", "packed and cut"])
def test_rows_that_are_not_packed_are_refused(database, content, packed):
    with pytest.raises(ExportDamaged):
        restored(database, sealed(opened_up(content)[0], packed))
    assert contents(database) == []


@pytest.mark.parametrize("change", [{"schema": "0000"}, {"format": 2}, {"arpad": "something else"}], ids=str)
def test_a_backup_of_another_version_says_so(content, change):
    manifest, packed = opened_up(content)
    with pytest.raises(SchemaUnknown):
        open_backup(io.BytesIO(sealed(manifest | change, packed)))


def test_who_may_back_up_and_restore(database, other_database, content):
    manager = Caller.with_key(create_key(database, OPERATOR, name="m", scopes=["manage"])["key"])
    for caller, error in ((Caller.anonymous(), KeyRequired), (manager, ScopeMissing)):
        target = io.BytesIO()
        with pytest.raises(error):
            write_backup(database, caller, target)
        with pytest.raises(error):
            restore_backup(database, caller, open_backup(io.BytesIO(content)))
        assert target.getvalue() == b""


def test_the_commands_from_one_folder_to_another(arpad_anywhere, capsys, tmp_path):
    arpad_anywhere.ok("league", "create", "tennis")
    arpad_anywhere.ok("record", "tennis", "Alice", "Bob", "first")
    file = tmp_path / "arpad.backup"
    written = arpad_anywhere.ok("backup", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes()
    sealed_part = content[: content.rindex(b'{"sha256"')]
    assert (written["bytes"], written["sha256"]) == (len(content), hashlib.sha256(sealed_part).hexdigest())
    assert content.startswith(BEGINNING)
    elsewhere = CommandLine(capsys, "--data", str(tmp_path / "elsewhere"))
    answer = elsewhere.ok("restore", str(file))
    verdict = arpad_anywhere.ok("verify", "tennis")
    assert answer == {"leagues": [verdict], "equal": True}
    assert {name: verdict[name] for name in ("state_hash", "log_head")} == {name: written["leagues"][0][name] for name in ("state_hash", "log_head")}
    assert "tennis: 1 match, position 1, equals the replay" in CommandLine(capsys, "--data", str(tmp_path / "third"))("restore", str(file)).out


def test_a_database_in_use_is_not_filled(arpad_anywhere, tmp_path):
    file = tmp_path / "arpad.backup"
    arpad_anywhere.ok("league", "create", "tennis")
    arpad_anywhere.ok("backup", str(file))
    arpad_anywhere.ok("record", "tennis", "Alice", "Bob", "first")
    refused = arpad_anywhere("restore", str(file))
    assert refused.code == 3
    assert "empty database" in refused.err
    assert arpad_anywhere.ok("verify", "tennis")["matches"] == 1


@pytest.mark.parametrize("damage", ["a byte", "a cut"])
def test_a_damaged_file_leaves_with_5_and_touches_nothing(arpad_anywhere, capsys, tmp_path, damage):
    file = tmp_path / "arpad.backup"
    arpad_anywhere.ok("league", "create", "tennis")
    arpad_anywhere.ok("backup", str(file))
    content = file.read_bytes()
    middle = len(content) // 2
    file.write_bytes(content[:middle] if damage == "a cut" else content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elsewhere = CommandLine(capsys, "--data", str(tmp_path / "elsewhere"))
    for target in (arpad_anywhere, elsewhere):
        refused = target("restore", str(file), "--json")
        assert (refused.code, refused.json["type"]) == (5, "/problems/backup-damaged")
    assert not (tmp_path / "elsewhere" / "arpad.db").exists()
    assert arpad_anywhere.ok("verify", "tennis")["equal"]


def test_a_league_that_was_not_what_its_log_says_is_restored_as_it_was_and_told(arpad, capsys, tmp_path):
    arpad.ok("league", "create", "tennis")
    arpad.ok("record", "tennis", "Alice", "Bob", "first")
    database = Database.open(f"sqlite:///{tmp_path / 'data' / 'arpad.db'}")
    assert Play(database, "tennis").sql("UPDATE competitor SET rating = rating + 1 WHERE league_id = :league AND number = 0") == 1
    database.close()
    arpad.ok("backup", "arpad.backup")
    elsewhere = CommandLine(capsys, "--data", str(tmp_path / "elsewhere"))
    told = elsewhere("restore", "arpad.backup")
    assert told.code == 8
    assert "NOT what its log replays to" in told.out
    assert elsewhere("verify", "tennis").code == 8


def test_another_name_is_not_for_a_backup(arpad):
    arpad.ok("league", "create", "tennis")
    arpad.ok("backup", "arpad.backup")
    refused = arpad("restore", "arpad.backup", "--as", "other")
    assert (refused.code, "--as" in refused.err) == (5, True)


def test_a_backup_that_fails_leaves_the_one_before(arpad, monkeypatch, tmp_path):
    file = tmp_path / "arpad.backup"
    file.write_bytes(b"the one before")
    arpad.ok("league", "create", "tennis")
    assert arpad("backup", str(tmp_path / "nowhere" / "arpad.backup")).code == 5
    monkeypatch.setattr("app.services.backups.SCHEMA_REVISION", object())  # cannot be written
    with pytest.raises(Exception, match="serialize"):
        arpad("backup", str(file))
    assert file.read_bytes() == b"the one before"
    assert [path.name for path in tmp_path.glob("arpad.backup*")] == ["arpad.backup"]


def test_a_backup_goes_through_a_pipe(arpad, tmp_path):
    arpad.ok("league", "create", "tennis")
    arpad.ok("record", "tennis", "Alice", "Bob", "first")
    command = [sys.executable, "-P", "-m", "app.cli"]
    with subprocess.Popen([*command, "--data", str(tmp_path / "data"), "backup", "-"], stdout=subprocess.PIPE) as sender:
        receiver = subprocess.run(
            [*command, "--data", str(tmp_path / "there"), "restore", "-", "--json"], stdin=sender.stdout, capture_output=True, timeout=60, check=False
        )
    assert (sender.returncode, receiver.returncode) == (0, 0), receiver.stderr
    assert json.loads(receiver.stdout)["leagues"] == [arpad.ok("verify", "tennis")]


def test_an_export_is_still_restored(arpad, capsys, tmp_path):
    arpad.ok("league", "create", "tennis")
    arpad.ok("record", "tennis", "Alice", "Bob", "first")
    arpad.ok("export", "tennis", "tennis.ndjson")
    elsewhere = CommandLine(capsys, "--data", str(tmp_path / "elsewhere"))
    assert elsewhere.ok("restore", str(Path("tennis.ndjson")))["league"] == "tennis"
    assert elsewhere("restore", "no-such-file").code == 5

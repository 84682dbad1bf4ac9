import json
import subprocess
import sys
import threading

import pytest

from app.cli import preparation
from app.cli.preparation import hold_folder, lock_file, prepare
from app.errors import DatabaseLocked, SchemaUnknown
from app.storage import migrations
from app.storage.unit_of_work import Database

HOLD_BRIEFLY = (
    "import fcntl, sys, time; f = open(sys.argv[1], 'a+'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); time.sleep(float(sys.argv[2]))"
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data" / "arpad.db"


@pytest.fixture
def embedded(file):
    database = Database.open(f"sqlite:///{file}")
    yield database
    database.close()


def execute(database, statement):
    with database.write() as unit:
        unit.connection.exec_driver_sql(statement)
        unit.commit()


def test_an_empty_embedded_database_is_made_by_whoever_comes_first(embedded, file):
    prepare(embedded, file)
    assert migrations.is_current(embedded)


def test_a_current_database_is_used_beside_the_server_that_holds_its_folder(embedded, file):
    prepare(embedded, file)
    with hold_folder(lock_file(file), "http://here"):
        prepare(embedded, file)


def test_a_database_that_needs_a_migration_is_left_alone_while_a_server_holds_its_folder(embedded, file):
    with hold_folder(lock_file(file), "http://here"), pytest.raises(DatabaseLocked, match="the server at http://here"):
        prepare(embedded, file)
    assert migrations.is_empty(embedded)


def test_a_second_server_is_told_who_the_first_is(file):
    with (
        hold_folder(lock_file(file), "http://here"),
        pytest.raises(DatabaseLocked, match="http://here"),
        hold_folder(lock_file(file), "http://there"),
    ):
        pass


def test_a_folder_is_free_again_after_its_server(file):
    for address in ("http://one", "http://two"):
        with hold_folder(lock_file(file), address):
            assert json.loads(lock_file(file).read_text())["address"] == address
    assert lock_file(file).read_text() == ""


def test_what_a_killed_server_left_behind_locks_nothing(embedded, file):
    lock_file(file).parent.mkdir(exist_ok=True)
    lock_file(file).write_text('{"pid": 1, "address": "http://gone"}')
    prepare(embedded, file)
    assert lock_file(file).read_text() == ""


def test_a_command_waits_while_another_one_migrates(embedded, file):
    file.parent.mkdir(exist_ok=True)
    with subprocess.Popen([sys.executable, "-c", HOLD_BRIEFLY, lock_file(file), "0.3"], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        prepare(embedded, file)
    assert migrations.is_current(embedded)


def test_the_wait_for_another_command_ends(embedded, file, monkeypatch):
    monkeypatch.setattr(preparation, "MIGRATION_WAIT_SECONDS", 0.1)
    file.parent.mkdir(exist_ok=True)
    with subprocess.Popen([sys.executable, "-c", HOLD_BRIEFLY, lock_file(file), "30"], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(DatabaseLocked, match="another command"):
            prepare(embedded, file)
        other.kill()


def test_many_first_commands_at_once_make_one_database(file):
    failures = []

    def first_command():
        database = Database.open(f"sqlite:///{file}")
        try:
            prepare(database, file)
        except Exception as error:  # noqa: BLE001 (whatever it is, the test must see it)
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=first_command) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_a_newer_schema_is_refused_and_left_as_it_is(embedded, file, arpad):
    prepare(embedded, file)
    execute(embedded, "UPDATE alembic_version SET version_num = '20991231_0001'")
    with pytest.raises(SchemaUnknown):
        prepare(embedded, file)
    refused = arpad("league", "list", "--json")
    assert (refused.code, refused.json["type"]) == (3, "/problems/schema-unknown")
    assert migrations.current_revision(embedded) == "20991231_0001"


def test_a_foreign_database_is_refused(embedded, file):
    execute(embedded, "CREATE TABLE theirs (id INTEGER)")
    with pytest.raises(SchemaUnknown):
        prepare(embedded, file)


def test_an_empty_database_server_is_filled_and_an_old_one_is_not_touched(postgresql_url):
    database = Database.open(postgresql_url)
    try:
        prepare(database, None)
        execute(database, "UPDATE alembic_version SET version_num = 'older'")
        with pytest.raises(SchemaUnknown, match="arpad migrate"):
            prepare(database, None)
    finally:
        database.close()


def test_a_look_at_a_current_database_takes_no_lock(embedded, file, monkeypatch):
    prepare(embedded, file)
    monkeypatch.setattr(preparation, "_try_lock", lambda _: pytest.fail("it asked for the lock"))
    prepare(embedded, file)

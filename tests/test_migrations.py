"""The schema is the sum of the migrations, on either database, however and however often they are run."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from app.errors import SchemaUnknown
from app.storage import migrations
from app.storage.migrations import current_revision, is_current, is_empty, migrate, script_location
from app.storage.tables import SCHEMA_REVISION, metadata
from app.storage.unit_of_work import Database


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url)
    yield opened
    opened.close()


def execute(database: Database, *statements: str) -> None:
    with database.write() as unit:
        for statement in statements:
            unit.connection.execute(text(statement))
        unit.commit()


def differences(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))


def downgrade(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(script_location()))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")


def test_the_schema_is_the_sum_of_the_migrations(database):
    assert differences(database) == []
    with database.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_a_schema_that_lacks_something_is_told(database):
    execute(database, "DROP INDEX ix_entry_first", "ALTER TABLE competitor DROP COLUMN retired")
    assert len(differences(database)) == 2


def test_keys_order_by_code_point_on_either_database(database):
    execute(database, "CREATE TABLE collated AS SELECT key FROM league")
    keys = ["Z", "a", "É", "z", "\U0001f600", "～"]
    rows = ", ".join(f"({n}, '{key}', '', {'true' if n else 'false'}, 0, '', 0, 0, '', 0, 0, 0, 0, 0, 0)" for n, key in enumerate(keys, 1))
    columns = "id, key, name, public, created_at, settings, position, recorded_at, log_head, competitors, matches, results, fits, fitted_results, fit_requested_at"
    execute(database, f"INSERT INTO league ({columns}) VALUES {rows}")
    with database.read() as unit:
        assert [row.key for row in unit.leagues.page("", 10, only_public=False, only_id=None)] == sorted(keys)


def test_migrating_twice_does_nothing(empty):
    assert is_empty(empty)
    assert current_revision(empty) is None
    assert migrate(empty)
    assert is_current(empty)
    assert not migrate(empty)
    assert current_revision(empty) == SCHEMA_REVISION


def test_down_and_up_again(empty):
    migrate(empty)
    downgrade(empty)
    with empty.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}


def test_what_was_taken_down_can_be_migrated_again(empty):
    migrate(empty)
    downgrade(empty)
    assert migrate(empty)
    assert differences(empty) == []


def test_a_revision_of_the_future_is_refused_and_left_alone(database):
    execute(database, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaUnknown, match="9999"):
        migrate(database)
    assert current_revision(database) == "9999"
    assert not is_current(database)


def test_somebody_elses_database_is_refused_and_left_alone(empty):
    execute(empty, "CREATE TABLE invoices (id INTEGER)")
    with pytest.raises(SchemaUnknown, match="database of its own"):
        migrate(empty)
    with empty.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["invoices"]


def test_a_migration_between_two_looks_is_no_foreign_table(empty, database_url, monkeypatch):
    """Another process may finish just after this one has seen that there is no revision."""
    looked = migrations.current_revision

    def look_then_be_overtaken(database: Database) -> str | None:
        found = looked(database)
        monkeypatch.setattr(migrations, "current_revision", looked)
        migrate(database)
        return found

    monkeypatch.setattr(migrations, "current_revision", look_then_be_overtaken)
    migrate(empty)
    assert is_current(empty)


def test_threads_that_migrate_at_once(empty):
    start, failures = threading.Barrier(6), list[BaseException]()

    def run() -> None:
        try:
            start.wait()
            migrate(empty)
        except Exception as error:  # noqa: BLE001  told below
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert differences(empty) == []


PROCESS = """
import sys
from app.storage.migrations import is_current, migrate
from app.storage.unit_of_work import Database
database = Database.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
migrate(database)
assert is_current(database)
database.close()
"""


def test_processes_that_migrate_at_once(empty, database_url):
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", PROCESS, database_url], **options) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, trouble = process.communicate(timeout=60)
        assert process.returncode == 0, trouble
    assert differences(empty) == []


def test_the_revision_of_the_tables_is_the_last_script():
    config = Config()
    config.set_main_option("script_location", str(script_location()))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_REVISION]

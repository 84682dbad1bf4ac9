"""Databases that a session shares: every test plays in a league of its own, which is quicker than a database for each."""

from collections.abc import Iterator

import pytest

from app.storage.migrations import migrate
from app.storage.unit_of_work import Database
from tests.conftest import BACKENDS, _fresh_database
from tests.services.play import Play


@pytest.fixture(scope="session")
def shared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path_factory.mktemp('shared') / 'arpad.db'}")
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared_postgresql(postgresql_server: str) -> Iterator[Database]:
    for url in _fresh_database(postgresql_server):
        opened = Database.open(url)
        migrate(opened)
        yield opened
        opened.close()


@pytest.fixture(scope="session", params=BACKENDS)
def shared(request: pytest.FixtureRequest) -> Database:
    """A migrated database of either kind, in which other tests play too."""
    return request.getfixturevalue(f"shared_{request.param}")


@pytest.fixture(scope="session")
def both(shared_sqlite: Database, shared_postgresql: Database) -> tuple[Database, Database]:
    """A SQLite and a PostgreSQL database, in which other tests play too."""
    return shared_sqlite, shared_postgresql


@pytest.fixture
def play(shared: Database) -> Play:
    """A new league with the default settings."""
    return Play.begin(shared)

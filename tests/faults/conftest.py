"""Servers for the tests, on databases that carry the mark of this run. After each, the server's log must be free of errors."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import BACKENDS
from tests.faults.databases import Databases, temporary_databases
from tests.faults.server import Server, running_server

NewDatabase = Callable[[str], str]


@pytest.fixture(scope="session")
def marked_files() -> Iterator[Databases]:
    with temporary_databases() as databases:
        yield databases


@pytest.fixture(scope="session")
def marked_on_server(postgresql_server: str) -> Iterator[Databases]:
    with temporary_databases(postgresql_server) as databases:
        yield databases


@pytest.fixture(scope="session")
def marked_databases(request: pytest.FixtureRequest) -> NewDatabase:
    """Makes a marked database of a kind; PostgreSQL is only asked for where it is needed."""
    makers = {"sqlite": "marked_files", "postgresql": "marked_on_server"}
    return lambda kind: request.getfixturevalue(makers[kind]).new(kind)


@pytest.fixture(params=BACKENDS)
def marked_url(request: pytest.FixtureRequest, marked_databases: NewDatabase) -> str:
    """An empty database of either kind, proved to be ours."""
    return marked_databases(request.param)


@pytest.fixture
def server(tmp_path: Path, marked_url: str) -> Iterator[Server]:
    """A server of one's own, to be killed or stopped."""
    with running_server(tmp_path / "data", marked_url) as started:
        yield started
        refuse_errors(started)


@pytest.fixture(scope="module", params=BACKENDS)
def lasting_server(request: pytest.FixtureRequest, marked_databases: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that the tests of a module share; each reports to a league of its own."""
    with running_server(tmp_path_factory.mktemp("faults") / "data", marked_databases(request.param)) as started:
        yield started
        refuse_errors(started)


def refuse_errors(server: Server) -> None:
    errors = [line for line in server.log.splitlines() if json.loads(line)["level"] in {"error", "critical"}]
    assert not errors, errors

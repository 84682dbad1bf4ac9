"""Servers for the tests, on either database. After each, the server's log must be free of errors."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import BACKENDS, _fresh_database
from tests.faults.server import Server, running_server


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Server]:
    """A server of one's own, to be killed or stopped."""
    with running_server(tmp_path / "data", database_url) as started:
        yield started
        refuse_errors(started)


@pytest.fixture(scope="module", params=BACKENDS)
def lasting_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that the tests of a module share; each reports to a league of its own."""
    folder = tmp_path_factory.mktemp("faults")
    urls = iter([f"sqlite:///{folder / 'arpad.db'}"]) if request.param == "sqlite" else _fresh_database(request.getfixturevalue("postgresql_server"))
    for url in urls:
        with running_server(folder / "data", url) as started:
            yield started
            refuse_errors(started)


def refuse_errors(server: Server) -> None:
    errors = [line for line in server.log.splitlines() if json.loads(line)["level"] in {"error", "critical"}]
    assert not errors, errors

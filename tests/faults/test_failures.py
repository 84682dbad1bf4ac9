"""A statement or a commit that fails leaves nothing by half, and no answer that is not true. `make faults` fails every one of them."""

import asyncio

import pytest

from tests.conftest import BACKENDS
from tests.faults.failures import fail_each
from tests.faults.server import running_server


@pytest.mark.parametrize("backend", BACKENDS)
def test_whatever_fails_in_the_database_fails_whole(tmp_path, marked_databases, backend):
    with running_server(tmp_path / "data", marked_databases(backend), program="tests.faults.failing") as server:
        tally = asyncio.run(fail_each(server, every=17))
    assert tally.faults is None, tally.faults
    assert tally.runs >= 10
    assert tally.refused > 0, "no planted failure was seen"

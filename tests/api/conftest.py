"""One server for all tests of a worker process; each test makes leagues of its own."""

from collections.abc import Iterator

import pytest

from tests.api.site import Site, running_site


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as running:
        yield running

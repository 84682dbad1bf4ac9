"""A server killed without warning, or cut off from its database, loses nothing that it acknowledged and doubles nothing that is sent again."""

import asyncio

from tests.faults.proof import prove
from tests.faults.scenarios import cut_under_load, kill_under_load
from tests.faults.server import running_server


def test_what_was_acknowledged_survives_a_kill_exactly_once(server):
    journal = asyncio.run(kill_under_load(server, kills=3, seed=1))
    proof = prove(server.database_url, journal)
    assert proof.holds, proof
    assert server.starts == 4
    assert journal.unanswered >= 3, "no kill met a request under way"


def test_connections_that_the_database_ends_are_replaced(tmp_path, postgresql_url):
    with running_server(tmp_path / "data", postgresql_url) as server:
        journal = asyncio.run(cut_under_load(server, cuts=5, seed=1))
        assert server.log.count("batch_repeated") > 0, "no cut met a batch under way"
    proof = prove(postgresql_url, journal)
    assert proof.holds, proof
    assert journal.unanswered == 0

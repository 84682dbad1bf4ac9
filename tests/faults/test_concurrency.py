"""Many clients at once, clients that go away, a server that is told to stop: each match is recorded once, and every answer is true."""

import asyncio
import random
from collections import Counter
from itertools import islice

import pytest

from app.services.keys import Caller
from app.services.standings import competitors
from app.storage.unit_of_work import Database
from tests.faults.connection import Connection, connections
from tests.faults.load import Client, Journal, matches, new_league, post_match
from tests.faults.proof import prove
from tests.faults.races import listen_while_writing, meet_newcomers, read_while_writing, repeat_one_id, send_at_once
from tests.faults.scenarios import report_for, reporting

CLIENTS = 32


@pytest.fixture
def journal(lasting_server):
    """The journal of a new league, which must agree with what is recorded in the end."""
    journal = Journal(asyncio.run(new_league(lasting_server)))
    yield journal
    proof = prove(lasting_server.database_url, journal)
    assert proof.holds, proof
    assert proof.recorded > 0


def test_one_match_id_from_many_clients_at_once_is_recorded_once(lasting_server):
    journal, faults = asyncio.run(repeat_one_id(lasting_server, 150, "same"))
    assert faults == []
    assert journal.acknowledged == 150
    assert prove(lasting_server.database_url, journal).holds


def test_whoever_reads_the_log_under_writers_skips_nothing(lasting_server):
    journal, reading = asyncio.run(read_while_writing(lasting_server, 10_000, "read"))
    assert reading.faults == []
    assert reading.exports >= 2
    assert prove(lasting_server.database_url, journal).holds


def test_one_match_id_with_different_contents_at_once_has_one_winner(lasting_server, journal):
    async def scenario():
        async with connections(lasting_server.url, CLIENTS) as opened:
            for number in range(30):
                batch = [{"match_id": f"contested {number}", "first": f"player {one}", "second": "Bob", "outcome": "first"} for one in range(CLIENTS)]
                answers = await send_at_once(lasting_server, journal.league, opened, batch)
                assert Counter(answer.status for answer in answers) == {201: 1, 409: CLIENTS - 1}
                [winner] = [answer.json for answer in answers if answer.status == 201]
                journal.receipts[winner["match_id"]] = winner

    asyncio.run(scenario())


def test_whoever_listens_under_writers_and_comes_back_misses_nothing(lasting_server):
    journal, reading = asyncio.run(listen_while_writing(lasting_server, 5_000, 1))
    assert reading.faults == []
    assert reading.exports >= 2
    assert prove(lasting_server.database_url, journal).holds


def test_two_new_competitors_met_by_many_first_matches_come_into_being_once(lasting_server):
    journal, faults = asyncio.run(meet_newcomers(lasting_server, 20, "new"))
    assert faults == []
    assert prove(lasting_server.database_url, journal).holds
    database = Database.open(lasting_server.database_url)
    rows = competitors(database, Caller.operator(), journal.league)["rows"]
    database.close()
    assert len(rows) == 40


def test_many_clients_with_matches_of_their_own_meet_no_error(lasting_server):
    journal = asyncio.run(report_for(lasting_server, 3.0, clients=CLIENTS))
    proof = prove(lasting_server.database_url, journal)
    assert proof.holds, proof
    assert (journal.unanswered, journal.replays, journal.refused) == (0, 0, 0)
    assert journal.acknowledged > 100


def test_a_server_told_to_stop_answers_whatever_it_recorded(server):
    async def scenario():
        journal = Journal(await new_league(server))
        async with reporting(server, journal, CLIENTS, matches("drain")):
            await asyncio.sleep(1.0)
            server.terminate()
            code = await asyncio.to_thread(server.wait)
            replays, proof = journal.replays, prove(server.database_url, journal)
            await asyncio.to_thread(server.start)
        return journal, code, replays, proof

    journal, code, replays, proof = asyncio.run(scenario())
    assert (code, replays) == (0, 0)
    assert proof.holds, proof
    assert proof.recorded > 0
    assert journal.replays == 0, "a match was recorded, and its sender was not told"
    assert prove(server.database_url, journal).holds


@pytest.mark.parametrize("delay", [0.0, 0.003])
def test_a_client_that_goes_away_and_returns_finds_its_match_once(lasting_server, journal, delay):
    async def leave_and_return(match):
        leaving = await Connection.open(lasting_server.url)
        leaving.send(post_match(lasting_server, journal.league, match))
        await asyncio.sleep(delay * moment.random())
        leaving.close()
        client = Client(lasting_server, journal)
        await client.deliver(match)
        client.close()

    async def scenario():
        source = matches("leaving")
        for _ in range(15):
            await asyncio.gather(*(leave_and_return(match) for match in islice(source, 16)))

    moment = random.Random(2)
    asyncio.run(scenario())
    assert journal.acknowledged == 240
    assert journal.replays > 0, "no match was recorded for a client that had gone"

"""While a large file is imported, another league is written and both are read; the file arrives whole or not at all, and nothing is lost."""

import asyncio

from app.ratings.matches import OUTCOMES
from app.ratings.simulate import simulate_season
from tests.faults.connection import ask_once, connections, request_bytes
from tests.faults.load import Journal, matches, new_league, report_until
from tests.faults.proof import prove

LINES = 25_000
"""More than are written at once."""
READERS = 2


def season_file():
    season = simulate_season(300, LINES, seed=7)
    lines = [f"{first},{second},{OUTCOMES[score]}" for first, second, score in zip(season.first, season.second, season.score, strict=True)]
    return "\n".join(["first,second,outcome", *lines, ""]).encode()


def test_an_import_disturbs_neither_readers_nor_other_leagues(lasting_server):
    server = lasting_server

    async def read_until(is_over, seen):
        async with connections(server.url, 1) as [connection]:
            while not is_over():
                for league in (imported, journal.league):
                    answer = await connection.ask(request_bytes("GET", f"/v1/leagues/{league}/leaderboard?limit=10", key=server.key))
                    assert answer.status == 200
                    seen.append((league, answer.json["position"]))

    async def scenario():
        is_over, source = asyncio.Event(), matches("meanwhile")
        upload = request_bytes("POST", f"/v1/leagues/{imported}/imports", season_file(), key=server.key, media_type="text/csv")
        async with asyncio.TaskGroup() as others:
            for _ in range(4):
                others.create_task(report_until(is_over.is_set, server, journal, source))
            for _ in range(READERS):
                others.create_task(read_until(is_over.is_set, seen))
            await asyncio.sleep(0.3)
            before = len(seen), journal.acknowledged
            answer = await ask_once(server.url, upload)
            during.extend((len(seen) - before[0], journal.acknowledged - before[1]))
            await asyncio.sleep(0.3)
            is_over.set()
        again = await ask_once(server.url, upload)
        return answer, again

    imported = asyncio.run(new_league(server))
    journal, seen, during = Journal(asyncio.run(new_league(server))), [], []
    answer, again = asyncio.run(scenario())
    assert (answer.status, answer.json["recorded"]) == (201, LINES), answer
    assert (again.status, again.is_replay, again.json) == (200, True, answer.json)
    assert {position for league, position in seen if league == imported} <= {0, LINES}
    reads, reports = during
    assert reads >= 5, "reads stood still while the import ran"
    assert reports >= 5, "the other league stood still while the import ran"
    assert (journal.unanswered, journal.refused) == (0, 0)
    proof = prove(server.database_url, journal)
    assert proof.holds, proof
    assert answer.json["last_position"] == LINES


def test_reports_to_the_league_of_an_import_wait_or_are_sent_again_and_none_is_lost(lasting_server):
    server = lasting_server

    async def scenario():
        is_over, source = asyncio.Event(), matches("beside")
        upload = request_bytes("POST", f"/v1/leagues/{journal.league}/imports", season_file(), key=server.key, media_type="text/csv")
        async with asyncio.TaskGroup() as reporters:
            for _ in range(4):
                reporters.create_task(report_until(is_over.is_set, server, journal, source))
            await asyncio.sleep(0.3)
            answer = await ask_once(server.url, upload)
            at_end = journal.acknowledged
            while True:
                if journal.acknowledged >= at_end + 8:
                    break
                await asyncio.sleep(0.02)
            is_over.set()
        return answer

    journal = Journal(asyncio.run(new_league(server)))
    answer = asyncio.run(scenario())
    assert (answer.status, answer.json["recorded"]) == (201, LINES), answer
    proof = prove(server.database_url, journal)
    assert (proof.lost, proof.doubled, proof.receipts_changed) == (0, 0, 0)
    assert proof.unacknowledged == LINES
    assert proof.recorded == LINES + journal.acknowledged
    assert proof.positions_gap_free
    assert proof.verify_equal, proof.differences
    assert answer.json["last_position"] == answer.json["first_position"] + LINES - 1
    before = [receipt for receipt in journal.receipts.values() if receipt["position"] < answer.json["first_position"]]
    assert 0 < len(before) < journal.acknowledged

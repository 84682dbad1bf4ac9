"""What the recorder has accepted is recorded, whoever stops waiting for it; and everyone is answered with a match of their own."""

import asyncio
import threading

import pytest

from app import recorder as recorders
from app.recorder import Recorder
from app.services.leagues import create_league, get_league
from app.services.recording import MatchIn, record_group
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match

MANY = 600


@pytest.fixture
def league(database):
    create_league(database, OPERATOR, "club")
    return "club"


def test_a_match_that_waits_is_recorded_although_its_request_goes_away(database, league, monkeypatch):
    """It waits because a batch is being written; nobody sends it again."""
    is_written, may_go_on = threading.Event(), threading.Event()

    def slowly(*arguments, **more):
        is_written.set()
        may_go_on.wait(60)
        return record_group(*arguments, **more)

    monkeypatch.setattr(recorders, "record_group", slowly)

    async def scenario():
        recorder = Recorder(database)
        await recorder.start()
        first = asyncio.ensure_future(recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0)))
        await asyncio.to_thread(is_written.wait, 60)
        gone = asyncio.ensure_future(recorder.record(league, OPERATOR, MatchIn("A", "C", 1.0)))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        may_go_on.set()
        await first
        await recorder.stop()

    asyncio.run(scenario())
    assert get_league(database, OPERATOR, league)["matches"] == 2


def test_when_the_recorder_has_stopped_everyone_is_answered(database, league):
    async def scenario():
        recorder = Recorder(database)
        await recorder.start()
        waiting = [asyncio.ensure_future(recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0))) for _ in range(MANY)]
        await asyncio.sleep(0)
        await recorder.stop()
        recorded = get_league(database, OPERATOR, league)["matches"]
        await asyncio.gather(*waiting)
        return recorded

    assert MANY > recorders.MAX_BATCH
    assert asyncio.run(scenario()) == MANY


@pytest.mark.parametrize("order", ["log", "played_at"])
def test_everyone_gets_the_receipt_of_their_own_match(database, order):
    """Also where the matches of one moment are put into another order than they came in."""
    play = Play.begin(database, order=order)
    sent = [match(f"p{day % 3}", f"q{day % 2}", "first", f"m{day}", played_at=NEW_YEAR_2024 + day * DAY) for day in (5, 1, 4, 2, 3)]
    answers = record_group(database, play.league, [(OPERATOR, one) for one in sent])
    assert [answer.receipt["match_id"] for answer in answers] == [one.match_id for one in sent]
    assert play.verified()["matches"] == 5


@pytest.mark.parametrize("days", [(1, 1), (2, 1)], ids=["of one moment", "late"])
def test_the_order_of_arrival_does_not_matter_where_the_order_of_play_decides(database, days):
    sent = [
        match("A", "B", "first", "m2", played_at=NEW_YEAR_2024 + days[0] * DAY),
        match("B", "C", "first", "m1", played_at=NEW_YEAR_2024 + days[1] * DAY),
    ]
    states = []
    for arrival in (sent, sent[::-1]):
        play = Play.begin(database, order="played_at")
        for one in arrival:
            record_group(database, play.league, [(OPERATOR, one)])
        states.append(play.verified()["state_hash"])
    assert states[0] == states[1]

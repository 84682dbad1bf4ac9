"""The recorder: what waits is written together, answered after the commit, and lost by nobody."""

import asyncio

import pytest

from app import recorder as recorders
from app.errors import LeagueBusy, LeagueNotFound, MatchIdTaken, RecorderFull, RecorderStopped, Unavailable
from app.recorder import Recorder
from app.services.import_writing import take_lease
from app.services.keys import Caller, lock_league
from app.services.leagues import create_league, get_league
from app.services.recording import MatchIn
from app.services.verification import verify_league

OPERATOR = Caller.operator()


@pytest.fixture
def league(database):
    create_league(database, OPERATOR, "club")
    return "club"


def with_recorder(database, scenario):
    async def run():
        recorder = Recorder(database)
        await recorder.start()
        try:
            return await scenario(recorder)
        finally:
            await recorder.stop()

    return asyncio.run(run())


def test_matches_that_wait_together_are_all_answered_and_verify(database, league):
    async def scenario(recorder):
        return await asyncio.gather(*(recorder.record(league, OPERATOR, MatchIn(f"p{n % 7}", f"q{n % 5}", 1.0)) for n in range(300)))

    answers = with_recorder(database, scenario)

    assert sorted(answer.receipt["position"] for answer in answers) == list(range(1, 301))
    assert verify_league(database, OPERATOR, league)["equal"]


def test_stopping_writes_what_was_accepted_and_takes_no_more(database, league):
    async def scenario():
        recorder = Recorder(database)
        await recorder.start()
        waiting = [asyncio.ensure_future(recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0))) for _ in range(40)]
        await asyncio.sleep(0)
        await recorder.stop()
        with pytest.raises(RecorderStopped):
            await recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0))
        return recorder, [await answer for answer in waiting]

    recorder, answers = asyncio.run(scenario())

    assert not recorder.alive
    assert len(answers) == get_league(database, OPERATOR, league)["matches"] == 40


def test_a_request_that_went_away_is_recorded_all_the_same(database, league):
    async def scenario(recorder):
        gone = asyncio.ensure_future(recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0, match_id="gone")))
        await asyncio.sleep(0)
        gone.cancel()
        return await recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0, match_id="gone"))

    assert with_recorder(database, scenario).receipt["position"] == 1
    assert get_league(database, OPERATOR, league)["matches"] == 1


def test_one_bad_match_fails_alone(database, league):
    async def scenario(recorder):
        await recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0, match_id="m"))
        group = [MatchIn("A", "B", 0.0, match_id="m"), MatchIn("A", "C", 1.0), MatchIn("C", "B", 0.5)]
        answers = [recorder.record(league, OPERATOR, match) for match in group]
        return await asyncio.gather(*answers, recorder.record("nowhere", OPERATOR, group[1]), return_exceptions=True)

    taken, first, second, nowhere = with_recorder(database, scenario)

    assert isinstance(taken, MatchIdTaken)
    assert isinstance(nowhere, LeagueNotFound)
    assert {first.receipt["position"], second.receipt["position"]} == {2, 3}


def test_a_match_that_breaks_its_batch_is_found_by_halving(database, league, monkeypatch):
    """Whatever one match does to the statement, the others are recorded."""
    record_group = recorders.record_group

    def breaks_on_poison(database, league, group):
        if any(match.first == "poison" for _, match in group):
            raise ZeroDivisionError
        return record_group(database, league, group)

    monkeypatch.setattr(recorders, "record_group", breaks_on_poison)

    async def scenario(recorder):
        names = ["a", "b", "poison", "c", "d", "e"]
        return await asyncio.gather(*(recorder.record(league, OPERATOR, MatchIn(name, "z", 1.0)) for name in names), return_exceptions=True)

    answers = with_recorder(database, scenario)

    assert [isinstance(answer, ZeroDivisionError) for answer in answers] == [False, False, True, False, False, False]
    assert get_league(database, OPERATOR, league)["matches"] == 5


def test_a_batch_whose_fate_is_unknown_is_repeated_and_counts_once(database, league, monkeypatch):
    """The commit came through, its answer did not: the repetition finds the ids."""
    record_group, cut = recorders.record_group, [True]

    def answers_get_lost_once(database, league, group):
        answers = record_group(database, league, group)
        if cut.pop() if cut else False:
            raise Unavailable("The connection broke.")
        return answers

    monkeypatch.setattr(recorders, "record_group", answers_get_lost_once)

    async def scenario(recorder):
        return await recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0))

    assert with_recorder(database, scenario).replayed
    assert get_league(database, OPERATOR, league)["matches"] == 1


def test_a_fate_that_stays_unknown_tells_the_id_that_makes_repeating_safe(database, league, monkeypatch):
    def gone(_database, _league, _group):
        raise Unavailable("The database does not answer.", 7)

    monkeypatch.setattr(recorders, "record_group", gone)

    async def scenario(recorder):
        matches = [MatchIn("A", "B", 1.0, match_id="mine"), MatchIn("A", "C", 1.0)]
        return await asyncio.gather(*(recorder.record(league, OPERATOR, match) for match in matches), return_exceptions=True)

    mine, minted = with_recorder(database, scenario)

    assert mine.extensions["match_id"] == "mine"
    assert str(minted.extensions["match_id"]) in minted.detail
    assert minted.retry_after_seconds == 7
    assert mine is not minted


def test_more_than_can_wait_is_refused(database, league, monkeypatch):
    monkeypatch.setattr(recorders, "MAX_WAITING", 3)

    async def scenario(recorder):
        return await asyncio.gather(*(recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0)) for _ in range(8)), return_exceptions=True)

    answers = with_recorder(database, scenario)

    refused = [answer for answer in answers if isinstance(answer, RecorderFull)]
    assert len(refused) == 5
    assert get_league(database, OPERATOR, league)["matches"] == 3


def test_who_waited_too_long_behind_others_is_told_so(database, league, monkeypatch):
    monkeypatch.setattr(recorders, "LOCK_TIMEOUT_SECONDS", -1)

    async def scenario(recorder):
        with pytest.raises(LeagueBusy) as caught:
            await recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0, match_id="m"))
        return caught.value

    assert with_recorder(database, scenario).extensions["match_id"] == "m"


def test_a_broken_recorder_answers_those_who_wait_and_is_not_alive(database, league, monkeypatch):
    """Nothing a match does leads here; a thread pool that is gone does."""

    async def scenario():
        recorder = Recorder(database)
        await recorder.start()
        monkeypatch.setattr(recorder, "_write", lambda _league, _batch: [])
        with pytest.raises(RecorderStopped):
            await recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0))
        alive = recorder.alive
        await recorder.stop()
        return alive

    assert not asyncio.run(scenario())


def leased(database, league):
    """As a large import begins."""
    with database.write() as unit:
        row, _ = lock_league(unit, OPERATOR, league, "report")
        lease = take_lease(unit, row)
        unit.commit()
    return lease


def test_a_league_that_an_import_has_keeps_no_other_league_waiting(database, league):
    async def scenario(recorder):
        lease = leased(database, league)
        waiting = [asyncio.ensure_future(recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0))) for _ in range(3)]
        others = [await recorder.record("other", OPERATOR, MatchIn("A", "B", 1.0)) for _ in range(5)]
        still_waiting = [not answer.done() for answer in waiting]
        with database.write() as unit:
            lease.end(unit)
            unit.commit()
        return still_waiting, others, await asyncio.gather(*waiting)

    create_league(database, OPERATOR, "other")
    still_waiting, others, answers = with_recorder(database, scenario)

    assert all(still_waiting)
    assert [answer.receipt["position"] for answer in others] == [1, 2, 3, 4, 5]
    assert sorted(answer.receipt["position"] for answer in answers) == [1, 2, 3]


def test_a_league_that_an_import_has_for_too_long_is_busy(database, league, monkeypatch):
    async def scenario(recorder):
        leased(database, league)
        return await asyncio.gather(*(recorder.record(league, OPERATOR, MatchIn("A", "B", 1.0)) for _ in range(3)), return_exceptions=True)

    monkeypatch.setattr(recorders, "LOCK_TIMEOUT_SECONDS", 0.1)
    answers = with_recorder(database, scenario)

    assert [type(answer) for answer in answers] == [LeagueBusy] * 3
    assert get_league(database, OPERATOR, league)["position"] == 0

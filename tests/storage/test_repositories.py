"""Queries that have to hold for any number of values and for awkward ones."""

import pytest

from app.storage.bulk import append_rows
from app.storage.tables import Kind, competitor, entry
from tests.storage.test_bulk import AWKWARD, people
from tests.storage.test_unit_of_work import ROW


@pytest.fixture
def filled(database):
    with database.write() as unit:
        append_rows(unit.connection, competitor, people(200))
        append_rows(unit.connection, competitor, people(200, league=2))
        unit.commit()
    return database


def test_keys_are_found_whatever_they_hold(filled):
    keys = people(200)["key"]
    with filled.read() as unit:
        assert set(unit.competitors.by_keys(1, keys)) == set(keys)
        assert unit.competitors.by_keys(1, []) == {}
        assert unit.competitors.by_keys(3, keys) == {}
        for text in AWKWARD:
            wanted = [key for key in keys if key.startswith(text)]
            assert {row.number for row in unit.competitors.by_keys(1, [*wanted, "not there"]).values()} == {keys.index(key) for key in wanted}


def test_as_many_numbers_as_there_may_be(filled):
    with filled.read() as unit:
        assert set(unit.competitors.by_numbers(1, range(100_000))) == {*range(200)}
        assert {row.league_id for row in unit.competitors.by_numbers(2, [5, 5, 6]).values()} == {2}
        assert unit.competitors.by_numbers(1, []) == {}


def test_match_ids_are_per_league_and_up_to_its_head(filled):
    with filled.write() as unit:
        first, second = (unit.leagues.add({**ROW, "key": key, "position": 2}) for key in ("one", "two"))
        for league, own in ((first, "b1"), (second, "b2")):
            columns = {"league_id": [league] * 3, "position": [1, 2, 3], "kind": [1] * 3, "recorded_at": [0] * 3, "match_id": ["a", own, "beyond"]}
            append_rows(unit.connection, entry, columns)
        wanted = ["a", "b1", "b2", "beyond", "c"]
        assert [set(unit.entries.matches_by_id(league, wanted)) for league in (first, second)] == [{"a", "b1"}, {"a", "b2"}]
        assert unit.entries.matches_by_id(first, []) == {}


def test_a_stream_comes_in_blocks_and_in_order(filled, monkeypatch):
    monkeypatch.setattr("app.storage.entries.STREAM_ROWS", 7)
    with filled.write() as unit:
        count = 40
        columns = {"league_id": [1] * count, "position": [*range(count)][::-1], "kind": [n % 3 for n in range(count)], "recorded_at": [0] * count}
        append_rows(unit.connection, entry, columns)
        blocks = list(unit.entries.stream(1, 37, ("position",), after=2))
        assert [len(block) for block in blocks] == [7] * 5
        assert [row.position for block in blocks for row in block] == [*range(3, 38)]
        only = [row.kind for block in unit.entries.stream(1, 99, ("kind",), matches_only=True) for row in block]
        assert set(only) == {Kind.MATCH}


def test_one_job_waits_and_one_runs_per_league(database):
    with database.write() as unit:
        one, other = unit.leagues.add(ROW), unit.leagues.add({**ROW, "key": "m"})
        unit.refits.add(one, 1, 100)
        unit.refits.add(other, 1, 50)
        unit.commit()
    with database.write() as unit:
        assert unit.refits.claimable(10, None) == []
        assert [job.league_id for job in unit.refits.claimable(200, None)] == [other, one]
        (job,) = unit.refits.claimable(200, one)
        running = {"status": "running", "fence": 1, "lease_until": 300}
        assert not unit.refits.claim(one, job, running, 10)
        assert unit.refits.claim(one, job, running, 200)
        assert not unit.refits.claim(one, job, running, 200)
        assert not unit.refits.change(one, 1, 0, {"status": "failed"})
        unit.refits.add(one, 2, 150)
        assert unit.refits.claimable(200, one) == []
        assert [job.number for job in unit.refits.claimable(301, one)] == [1]
        assert unit.refits.waiting(one).number == 2

"""Many rows written in each of the ways come back as they were, in their order."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from app.errors import Unavailable
from app.storage import bulk
from app.storage.bulk import append_rows, update_rows
from app.storage.migrations import migrate
from app.storage.tables import competitor, entry
from app.storage.unit_of_work import Database

AWKWARD = ["plain", "é名\U0001f600", "a\tb", 'q"uote', "back\\slash", "{curly,list}", "NULL", "\\N", "comma, '", "%s ? :x"]


def people(count: int, league: int = 1) -> dict[str, list]:
    return {
        "league_id": [league] * count,
        "number": list(range(count)),
        "key": [f"{AWKWARD[n % len(AWKWARD)]} {n}" for n in range(count)],
        "name": [None if n % 3 else AWKWARD[n % len(AWKWARD)] for n in range(count)],
        "salt": [bytes([n % 256, 0, 255]) for n in range(count)],
        "created_position": [2**40 + n for n in range(count)],
        "rating": [1500.0 + n / 3.0 if n % 5 else 5e-324 * n for n in range(count)],
        "matches": list(range(count)),
        "wins": [0] * count,
        "draws": [2**31 - 1] * count,
        "losses": [1] * count,
        "last_played_at": [None if n % 2 else -n for n in range(count)],
        "retired": [n % 2 == 0 for n in range(count)],
    }


def stored(database, league: int = 1) -> dict[str, list]:
    with database.read() as unit:
        rows = unit.connection.execute(select(competitor).where(competitor.c.league_id == league).order_by(competitor.c.number)).all()
    return {name: [getattr(row, name) for row in rows] for name in people(1)}


def append(database, columns) -> None:
    with database.write() as unit:
        append_rows(unit.connection, competitor, columns)
        unit.commit()


@pytest.mark.parametrize("copied", [False, True], ids=["as a batch", "as a copy"])
@pytest.mark.parametrize("count", [0, 1, 250])
def test_rows_come_back_as_they_were(database, monkeypatch, count, copied):
    monkeypatch.setattr(bulk, "COPY_FROM", 1 if copied else 10_000)
    append(database, people(count))
    assert stored(database) == people(count)


@pytest.mark.parametrize("copied", [False, True], ids=["as a batch", "as a copy"])
def test_what_the_database_refuses_is_told_alike_however_it_is_written(database, monkeypatch, copied):
    monkeypatch.setattr(bulk, "COPY_FROM", 1 if copied else 10**9)
    append(database, people(3))
    with pytest.raises(IntegrityError):
        append(database, people(3))
    append(database, people(3, league=2))


def test_a_connection_that_is_cut_while_rows_are_copied_asks_to_come_again(postgresql_url, monkeypatch):
    monkeypatch.setattr(bulk, "COPY_FROM", 1)
    database = Database.open(postgresql_url)
    migrate(database)

    def cut_and_copy() -> None:
        with database.write() as unit:
            pid = unit.connection.scalar(text("SELECT pg_backend_pid()"))
            with database.write() as other:
                other.connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            append_rows(unit.connection, competitor, people(10))

    with pytest.raises(Unavailable):
        cut_and_copy()
    append(database, people(3))
    database.close()


@pytest.mark.parametrize("copied", [False, True], ids=["as a batch", "as a copy"])
def test_entries_of_every_type_come_back(database, monkeypatch, copied):
    monkeypatch.setattr(bulk, "COPY_FROM", 1 if copied else 10_000)
    rows = {
        "league_id": [7, 7],
        "position": range(1, 3),
        "kind": [1, 2],
        "recorded_at": [2**52, 0],
        "author": ["ü", None],
        "match_id": ["m/1", None],
        "score": [0.5, None],
        "weight": [0.1 + 0.2, None],
        "neutral": [True, None],
        "context": ['{"a":"\\u0041"}', None],
        "target": [None, 1],
    }
    with database.write() as unit:
        append_rows(unit.connection, entry, rows)
        unit.commit()
    with database.read() as unit:
        found = unit.connection.execute(select(*(entry.c[name] for name in rows)).order_by(entry.c.position)).all()
    assert [tuple(row) for row in found] == list(zip(*rows.values(), strict=True))


def test_updates_reach_their_rows_alone(database):
    append(database, people(20))
    append(database, people(20, league=2))
    changed = [3, 17, 8]
    with database.write() as unit:
        key = {"league_id": [1] * 3, "number": changed}
        update_rows(unit.connection, competitor, key, {"rating": [1.5, 2.5, 3.5], "last_played_at": [None, 5, 6], "name": ["x", None, "'"]})
        update_rows(unit.connection, competitor, {"league_id": [], "number": []}, {"rating": []})
        unit.commit()
    expected = people(20)
    for place, number in enumerate(changed):
        expected["rating"][number] = [1.5, 2.5, 3.5][place]
        expected["last_played_at"][number] = [None, 5, 6][place]
        expected["name"][number] = ["x", None, "'"][place]
    assert stored(database) == expected
    assert stored(database, 2) == people(20, league=2)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ratings=st.lists(st.floats(allow_nan=False), min_size=1, max_size=10))
def test_floats_keep_every_bit_but_the_sign_of_zero(database, ratings):
    columns = {**people(len(ratings)), "rating": ratings}
    with database.write() as unit:
        append_rows(unit.connection, competitor, columns)
        found = unit.connection.scalars(select(competitor.c.rating).order_by(competitor.c.number)).all()
    assert [repr(value + 0.0) for value in found] == [repr(value + 0.0) for value in ratings]

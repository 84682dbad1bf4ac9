"""Transactions: nothing lasts without a commit, a read sees one moment, and a lock that is held is told as such."""

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.errors import DatabaseLocked, LeagueBusy, Unavailable
from app.storage.unit_of_work import Database

ROW = {
    "key": "l",
    "name": "l",
    "public": False,
    "created_at": 0,
    "settings": "{}",
    "position": 0,
    "recorded_at": 0,
    "log_head": b"",
    "competitors": 0,
    "matches": 0,
    "results": 0,
    "fits": 0,
    "fitted_results": 0,
    "fit_requested_at": 0,
}


def count(database: Database) -> int:
    with database.read() as unit:
        return int(unit.connection.scalar(text("SELECT count(*) FROM league")) or 0)


def impatient(database: Database) -> None:
    """Let every connection of the pool wait for a lock only briefly."""
    statement = "PRAGMA busy_timeout=50" if database.is_embedded else "SET lock_timeout = '50ms'"
    database.close()

    @event.listens_for(database.engine, "connect")
    def _hurry(connection, _record) -> None:
        with connection.cursor() if not database.is_embedded else connection as cursor:
            cursor.execute(statement)
        if not database.is_embedded:
            connection.commit()


def test_what_is_committed_lasts(database):
    with database.write() as unit:
        unit.leagues.add(ROW)
        unit.commit()
    assert count(database) == 1


def test_what_is_not_committed_is_gone(database):
    with database.write() as unit:
        unit.leagues.add(ROW)
    assert count(database) == 0


def test_an_error_rolls_back(database):
    def fail(unit) -> None:
        unit.leagues.add(ROW)
        raise KeyError

    with pytest.raises(KeyError), database.write() as unit:
        fail(unit)
    assert count(database) == 0


def test_a_read_sees_one_moment(database):
    with database.read() as unit:
        assert unit.leagues.by_key("l") is None
        with database.write() as writing:
            writing.leagues.add(ROW)
            writing.commit()
        assert unit.leagues.by_key("l") is None
    assert count(database) == 1


def test_a_read_cannot_write_on_postgresql(server_database):
    with pytest.raises(DBAPIError), server_database.read() as unit:
        unit.leagues.add(ROW)


def test_a_lock_that_is_held_is_told_and_may_be_tried_again(database):
    with database.write() as unit:
        unit.leagues.add(ROW)
        unit.commit()
    impatient(database)
    with database.write() as holder:
        holder.leagues.lock("l")
        with pytest.raises((DatabaseLocked, LeagueBusy)) as caught, database.write() as other:
            other.leagues.lock("l")
        assert caught.value.retry_after_seconds > 0
    with database.write() as other:
        assert other.leagues.lock("l") is not None


def test_reads_go_on_while_somebody_writes(database):
    with database.write() as unit:
        unit.leagues.add(ROW)
        assert count(database) == 0
        unit.commit()


def test_a_league_that_is_locked_does_not_keep_another_waiting_on_postgresql(server_database):
    with server_database.write() as unit:
        unit.leagues.add(ROW)
        unit.leagues.add({**ROW, "key": "m"})
        unit.commit()
    impatient(server_database)
    with server_database.write() as one, server_database.write() as other:
        one.leagues.lock("l")
        assert other.leagues.lock("m") is not None


def test_a_mistake_of_ours_is_no_transient_error(database):
    with database.write() as unit:
        league = unit.leagues.add(ROW)
        unit.refits.add(league, 1, 0)
        unit.commit()
    with pytest.raises(IntegrityError), database.write() as unit:
        unit.refits.add(league, 1, 0)


def test_a_database_that_is_not_there(tmp_path):
    (tmp_path / "folder.db").mkdir()
    for url in (f"sqlite:///{tmp_path / 'folder.db'}", f"postgresql://nobody@/nothing?host={tmp_path}"):
        database = Database.open(url)
        with pytest.raises(Unavailable), database.read() as unit:
            unit.leagues.by_key("l")
        database.close()


def test_a_server_that_hangs_up_is_unavailable_and_comes_back(server_database):
    with pytest.raises(Unavailable), server_database.read() as unit:
        _ask_after_the_end(server_database, unit)
    assert count(server_database) == 0


def _ask_after_the_end(database: Database, unit) -> None:
    own = unit.connection.scalar(text("SELECT pg_backend_pid()"))
    with database.engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:process)"), {"process": own})
    unit.leagues.by_key("l")


def test_the_clock_counts_microseconds_and_goes_on(database):
    with database.read() as unit:
        times = [unit.now() for _ in range(5)]
    assert times == sorted(times)
    assert 1_700_000_000_000_000 < times[0] < 10_000_000_000_000_000


def test_a_folder_for_the_file_is_made(tmp_path):
    database = Database.open(f"sqlite:///{tmp_path / 'new' / 'folder' / 'arpad.db'}")
    with database.read() as unit:
        assert unit.connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert unit.connection.scalar(text("PRAGMA synchronous")) == 2
        assert unit.connection.scalar(text("PRAGMA foreign_keys")) == 1
    database.close()

"""What the database itself guards, whoever forgets it above: one entry per position and per match_id, and a commit that is on the disk."""

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from app.storage.tables import entry
from tests.services.play import Play


@pytest.fixture
def recorded(database):
    play = Play.begin(database)
    play.play("A", "B", "first", "once")
    with database.read() as unit:
        return unit.connection.execute(select(entry).where(entry.c.match_id == "once")).one()._asdict()


@pytest.mark.parametrize("changed", [{"position": 2}, {"match_id": "twice"}], ids=["match_id", "position"])
def test_no_entry_takes_the_place_of_another(database, recorded, changed):
    with database.write() as unit, pytest.raises(IntegrityError):
        unit.connection.execute(insert(entry).values(**{**recorded, **changed}))


def test_another_position_with_another_id_is_another_entry(database, recorded):
    with database.write() as unit:
        unit.connection.execute(insert(entry).values(**{**recorded, "position": 2, "match_id": "twice"}))
        unit.commit()


def test_a_commit_waits_for_the_disk(database):
    asked, answer = ("PRAGMA synchronous", 2) if database.is_embedded else ("SHOW synchronous_commit", "on")
    with database.write() as unit:
        assert unit.connection.scalar(text(asked)) == answer

"""A commit that fails and leaves its transaction open: nobody may find the remains."""

import pytest

from app.errors import Unavailable
from app.services.matches import list_matches
from app.services.recording import record_match
from tests.faults.failing import Countdown
from tests.services.play import OPERATOR, Play, match


@pytest.fixture
def refused_commit(database, monkeypatch):
    """The next commit of the database is refused by the driver, and its transaction stays open."""
    countdown, dialect = Countdown(), database.engine.dialect
    commit = dialect.do_commit
    monkeypatch.setattr(dialect, "do_commit", lambda connection: countdown.perform(connection.driver_connection, lambda: commit(connection)))
    countdown.arm(1, "refused")
    return countdown


def test_what_was_not_committed_is_not_known_to_the_next(database, request):
    play = Play.begin(database)
    request.getfixturevalue("refused_commit")
    with pytest.raises(Unavailable):
        record_match(database, OPERATOR, play.league, match("A", "B", "first", "m"))
    again = record_match(database, OPERATOR, play.league, match("A", "B", "first", "m"))
    assert not again.replayed
    assert [row["match_id"] for row in list_matches(database, OPERATOR, play.league)["rows"]] == ["m"]
    assert play.verified()["matches"] == 1

"""Text that no database takes is refused or not found, wherever it is asked for; never an accident."""

from contextlib import suppress

import pytest

from app.errors import ArpadError
from app.services.corrections import void_match
from app.services.histories import history, opponents
from app.services.imports import get_import
from app.services.keys import create_key, revoke_key
from app.services.leagues import get_league, list_leagues
from app.services.matches import get_match, list_matches
from app.services.predictions import matrix, predict
from app.services.standings import competitor, competitors, leaderboard
from tests.services.play import OPERATOR

ASK = {
    "league": lambda d, p, t: get_league(d, OPERATOR, t),
    "leagues": lambda d, p, t: list_leagues(d, OPERATOR, cursor=t),
    "competitor": lambda d, p, t: competitor(d, OPERATOR, p, t),
    "competitors": lambda d, p, t: competitors(d, OPERATOR, p, cursor=t),
    "competitors key": lambda d, p, t: competitors(d, OPERATOR, p, key=t),
    "around": lambda d, p, t: leaderboard(d, OPERATOR, p, around=t),
    "match": lambda d, p, t: get_match(d, OPERATOR, p, t),
    "matches": lambda d, p, t: list_matches(d, OPERATOR, p, key=t),
    "matches of": lambda d, p, t: list_matches(d, OPERATOR, p, competitor=t),
    "void": lambda d, p, t: void_match(d, OPERATOR, p, t, reason="x"),
    "history": lambda d, p, t: history(d, OPERATOR, p, t),
    "opponents": lambda d, p, t: opponents(d, OPERATOR, p, t),
    "predict": lambda d, p, t: predict(d, OPERATOR, p, "A", t),
    "matrix": lambda d, p, t: matrix(d, OPERATOR, p, ["A", t]),
    "import": lambda d, p, t: get_import(d, OPERATOR, p, t),
    "revoke": lambda d, p, t: revoke_key(d, OPERATOR, t),
    "key league": lambda d, p, t: create_key(d, OPERATOR, name="n", league=t),
}


@pytest.mark.parametrize("ask", ASK)
def test_text_that_is_none(play, ask):
    play.play("A", "B")
    for text in ("\x00", "a\x00b", "\ud800", "\udcff"):
        with suppress(ArpadError):
            ASK[ask](play.database, play.league, text)

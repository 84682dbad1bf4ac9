"""Planted damage: whatever is changed behind the services' back, verification finds it and names it."""

import pytest

from app.errors import KeyRequired, LeagueNotFound
from app.services.keys import Caller
from app.services.verification import verify_league
from tests.services.play import DAY, NEW_YEAR_2024, Play, match

DAMAGE = {
    "a rating": ("UPDATE competitor SET rating = rating + 1e-9 WHERE league_id = :league AND number = 1", "Competitor “B”: rating"),
    "a count of wins": ("UPDATE competitor SET wins = wins + 1 WHERE league_id = :league AND number = 0", "Competitor “A”: wins"),
    "a count of matches": ("UPDATE competitor SET matches = 9 WHERE league_id = :league AND number = 0", "Competitor “A”: matches"),
    "a last day": ("UPDATE competitor SET last_played_at = 1 WHERE league_id = :league AND number = 2", "Competitor “C”: last_played_at"),
    "a key": ("UPDATE competitor SET key = 'Eve' WHERE league_id = :league AND number = 2", "head"),
    "a salt": ("UPDATE competitor SET salt = (SELECT log_head FROM league WHERE id = :league) WHERE league_id = :league AND number = 2", "head"),
    "where a competitor began": ("UPDATE competitor SET created_position = 4 WHERE league_id = :league AND number = 2", "head"),
    "a competitor lost": ("DELETE FROM competitor WHERE league_id = :league AND number = 2", "competitors"),
    "the last competitor lost": ("DELETE FROM competitor WHERE league_id = :league AND number = 3", "competitors"),
    "a competitor added": (
        """INSERT INTO competitor SELECT league_id, 4, 'Mallory', name, salt, created_position, rating, 0, 0, 0, 0, last_played_at, retired, commitment, merged_into
        FROM competitor WHERE league_id = :league AND number = 3""",
        "competitors",
    ),
    "a score": ("UPDATE entry SET score = 0.0 WHERE league_id = :league AND position = 1", "position 1: first_after"),
    "a score that is none": ("UPDATE entry SET score = 0.7 WHERE league_id = :league AND position = 1", "position 1"),
    "a weight": ("UPDATE entry SET weight = 2.0 WHERE league_id = :league AND position = 2", "position 2: first_after"),
    "a side": ("UPDATE entry SET first = 3 WHERE league_id = :league AND position = 1", "head"),
    "a side that nobody is": ("UPDATE entry SET first = 77 WHERE league_id = :league AND position = 1", "position 1"),
    "a side that is lost": ("UPDATE entry SET first = NULL WHERE league_id = :league AND position = 1", "position 1"),
    "a time of play": ("UPDATE entry SET played_at = 5 WHERE league_id = :league AND position = 1", "head"),
    "a time of recording": ("UPDATE entry SET recorded_at = recorded_at - 1 WHERE league_id = :league AND position = 1", "head"),
    "an author": ("UPDATE entry SET author = 'Eve' WHERE league_id = :league AND position = 1", "head"),
    "a match id": ("UPDATE entry SET match_id = 'other' WHERE league_id = :league AND position = 1", "head"),
    "a context": ("UPDATE entry SET context = '[]' WHERE league_id = :league AND position = 1", "head"),
    "a kind": ("UPDATE entry SET kind = 9 WHERE league_id = :league AND position = 1", "position 1"),
    "a rating recorded": ("UPDATE entry SET first_after = 1.0 WHERE league_id = :league AND position = 3", "position 3: first_after"),
    "ratings recorded, swapped": (
        "UPDATE entry SET first_after = second_after, second_after = first_after WHERE league_id = :league AND position = 2",
        "position 2: first_after",
    ),
    "an expectation recorded": ("UPDATE entry SET expected = NULL WHERE league_id = :league AND position = 2", "position 2: expected"),
    "a gain recorded": ("UPDATE entry SET second_k = 33.0 WHERE league_id = :league AND position = 2", "position 2: second_k"),
    "an entry lost": ("DELETE FROM entry WHERE league_id = :league AND position = 2", "Position 2 is missing"),
    "the first entry lost": ("DELETE FROM entry WHERE league_id = :league AND position = 0", "Position 0 is missing"),
    "the last entry lost": ("DELETE FROM entry WHERE league_id = :league AND position = 7", "ends at position 6"),
    "a void lost": ("DELETE FROM entry WHERE league_id = :league AND position = 5", "Position 5 is missing"),
    "a void of another": ("UPDATE entry SET target = 2 WHERE league_id = :league AND position = 5", "head"),
    "a reason": ('UPDATE entry SET details = \'{"match_id":"m1","reason":"!"}\' WHERE league_id = :league AND position = 5', "head"),
    "an entry moved": ("UPDATE entry SET position = 70 WHERE league_id = :league AND position = 2", "Position 2 is missing"),
    "settings of an entry": ("UPDATE entry SET details = '{}' WHERE league_id = :league AND position = 6", "head"),
    "settings of an entry that are none": ("UPDATE entry SET details = 'x' WHERE league_id = :league AND position = 6", "position 6"),
    "the settings": ("UPDATE league SET settings = replace(settings, '16.0', '17.0') WHERE id = :league", "settings"),
    "the name": ("UPDATE league SET name = 'Other' WHERE id = :league", "name"),
    "the visibility": ("UPDATE league SET public = NOT public WHERE id = :league", "public"),
    "the published fit": ("UPDATE league SET published_fit = NULL WHERE id = :league", "published_fit"),
    "the published position": ("UPDATE league SET published_position = 1 WHERE id = :league", "published_position"),
    "the fit's table": ('UPDATE fit SET "table" = uncertainty WHERE league_id = :league', "fit 1"),
    "the count of matches": ("UPDATE league SET matches = matches + 1 WHERE id = :league", "matches"),
    "the count of results": ("UPDATE league SET results = 0 WHERE id = :league", "results"),
    "the count of competitors": ("UPDATE league SET competitors = competitors + 1 WHERE id = :league", "competitors"),
    "the count of competitors, less": ("UPDATE league SET competitors = competitors - 1 WHERE id = :league", "competitors"),
    "when it was amended": ("UPDATE league SET amended_position = 0 WHERE id = :league", "amended_position"),
    "when it was amended, later": ("UPDATE league SET amended_position = 6 WHERE id = :league", "amended_position"),
    "when somebody was named": ("UPDATE league SET named_position = 3 WHERE id = :league", "named_position"),
    "when it was created": ("UPDATE league SET created_at = created_at - 1 WHERE id = :league", "created_at"),
    "when it was written last": ("UPDATE league SET recorded_at = recorded_at + 1 WHERE id = :league", "recorded_at"),
    "the number of fits": ("UPDATE league SET fits = 0 WHERE id = :league", "fits"),
    "who is retired": ("UPDATE competitor SET retired = NOT retired WHERE league_id = :league AND number = 1", "retired"),
    "the head": ("UPDATE league SET log_head = salt FROM competitor WHERE league.id = :league AND league_id = :league AND number = 0", "head"),
    "the position": ("UPDATE league SET position = 6 WHERE id = :league", "head"),
    "the position, further": ("UPDATE league SET position = 9 WHERE id = :league", "ends at position 7"),
}


@pytest.fixture
def season(play: Play) -> Play:
    """Positions: 0 creation, 1–4 matches, 5 void of 1, 6 settings, 7 publication of a fit."""
    play.batch([match("A", "B", match_id="m1"), match("A", "C", "draw"), match("C", "B", "second"), match("D", "A")])
    play.void("m1")
    play.change(k=16.0)
    play.fit()
    return play


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named(season, damage):
    statement, named = DAMAGE[damage]
    season.verified()
    assert season.sql(statement) == 1
    verdict = season.verify()
    assert not verdict["equal"]
    assert any(named in difference for difference in verdict["differences"]), verdict["differences"]


@pytest.mark.parametrize("column", ["latest_played_at = 1", "latest_match_id = 'm1'", "amended_position = 2", "amended_position = 0"])
def test_damage_to_what_places_a_late_match_is_found(play, column):
    later = Play.begin(play.database, order="played_at")
    later.batch([match("A", "B", "first", f"m{day}", played_at=NEW_YEAR_2024 + day * DAY) for day in (5, 6, 2, 9)])
    later.batch([match("A", "B", "first", f"m{day}", played_at=NEW_YEAR_2024 + day * DAY) for day in (12, 1, 7)])
    later.verified()
    assert later.sql(f"UPDATE league SET {column} WHERE id = :league") == 1
    [difference] = later.verify()["differences"]
    assert column.split()[0] in difference


def test_damage_in_one_league_is_not_seen_in_another(season):
    other = Play.begin(season.database)
    other.play("A", "B")
    season.sql("UPDATE competitor SET rating = 0 WHERE league_id = :league")
    other.verified()


def test_a_whole_league_in_ruins_is_told_briefly(play):
    play.batch([match(f"C{n}", f"C{n + 1}") for n in range(50)])
    play.sql("UPDATE entry SET first_after = 0, second_after = 0 WHERE league_id = :league")
    play.sql("UPDATE competitor SET rating = 0 WHERE league_id = :league")
    assert 1 <= len(play.verify()["differences"]) <= 20


def test_what_is_told_of_a_league_that_holds(season):
    verdict = season.verified()
    assert (verdict["position"], verdict["matches"], verdict["competitors"]) == (7, 3, 4)
    assert verdict["log_head"] == season.row().log_head.hex()
    assert season.verify() == verdict


def test_a_league_without_a_match_holds(play):
    assert play.verified()["matches"] == 0


def test_the_proof_is_not_public(shared):
    play = Play.begin(shared, public=True)
    with pytest.raises(KeyRequired):
        verify_league(shared, Caller.anonymous(), play.league)
    with pytest.raises(LeagueNotFound):
        verify_league(shared, Caller.operator(), "nowhere")

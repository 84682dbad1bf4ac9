"""Voids: an entry with a reason, ratings as if the match had never been, a preview that tells exactly what will happen."""

import pytest

from app.errors import BadInput, LeagueNotFound, MatchAlreadyVoided, MatchNotFound, PositionMoved
from app.services.corrections import void_match
from app.services.matches import get_match
from app.services.standings import competitors, leaderboard
from app.storage.tables import Kind
from tests.services.play import OPERATOR, Play, match, writes_nothing


@pytest.fixture
def season(play: Play) -> Play:
    games = ["AB1", "BC2", "CA1", "AB½", "DA1", "CD1", "BD2", "AC1"]
    words = {"1": "first", "2": "second", "½": "draw"}
    play.batch([match(one, other, words[outcome], f"m{n}") for n, (one, other, outcome) in enumerate(games)])
    return play


def state(play: Play) -> list[tuple]:
    return [(one.key, one.rating, one.matches, one.wins, one.draws, one.losses) for one in play.competitors() if one.matches]


@pytest.mark.parametrize("number", range(8))
def test_a_void_is_as_if_the_match_had_never_been(season, number):
    never = Play.begin(season.database)
    never.batch([match(*_sent(season, n)) for n in range(8) if n != number])
    season.void(f"m{number}")
    assert sorted(state(season)) == sorted(state(never))
    assert season.verified()["state_hash"] == never.verified()["state_hash"]


def _sent(play: Play, number: int):
    receipt = get_match(play.database, OPERATOR, play.league, f"m{number}")
    return receipt["first"], receipt["second"], receipt["outcome"], receipt["match_id"]


def test_a_preview_writes_nothing_and_tells_what_will_happen(season):
    with writes_nothing(season):
        preview = season.void("m3", dry_run=True)
    assert (preview["dry_run"], preview["position"], preview["recorded_at"], preview["expected_position"]) == (True, None, None, 8)
    real = season.void("m3", expected_position=preview["expected_position"])
    assert (real["dry_run"], real["position"]) == (False, 9)
    differing = {name for name in preview if preview[name] != real[name]}
    assert differing == {"dry_run", "position", "recorded_at"}
    assert preview["moved"]
    season.verified()


def test_what_moved_is_what_the_leaderboard_says_before_and_after(season):
    def board():
        return {row["competitor"]: (row["live"]["rating"], row["rank"]) for row in leaderboard(season.database, OPERATOR, season.league)["rows"]}

    before = board()
    told = {one["competitor"]: one for one in season.void("m0")["moved"]}
    after = board()
    assert {key for key in before if before[key] != after[key]} == set(told)
    for key, one in told.items():
        assert (one["before"], one["rank_before"]) == before[key]
        assert (one["after"], one["rank_after"]) == after[key]


def test_the_largest_movement_comes_first(season):
    moved = season.void("m0", dry_run=True)["moved"]
    sizes = [abs(one["after"] - one["before"]) for one in moved]
    assert sizes == sorted(sizes, reverse=True)


def test_a_match_is_voided_once(season):
    season.void("m0")
    with writes_nothing(season), pytest.raises(MatchAlreadyVoided):
        season.void("m0")
    with pytest.raises(MatchAlreadyVoided):
        season.void("m0", dry_run=True)


def test_an_expected_position_that_moved_is_refused(season):
    position = season.void("m0", dry_run=True)["expected_position"]
    season.play("A", "B")
    with writes_nothing(season), pytest.raises(PositionMoved) as caught:
        season.void("m0", expected_position=position)
    assert caught.value.extensions == {"expected": 8, "position": 9}


def test_fits_that_were_published_since_leave_a_preview_as_it_is(season):
    preview = season.void("m0", dry_run=True)
    season.fit()
    season.fit()
    real = season.void("m0", expected_position=preview["expected_position"])
    assert real["moved"] == preview["moved"]
    with pytest.raises(PositionMoved):
        season.void("m1", expected_position=preview["expected_position"])


@pytest.mark.parametrize("reason", ["was void already 👩‍👩‍👧", "no\u00a0break", "می‌خواهم"])
def test_a_reason_is_written_in_any_language(season, reason):
    assert season.void("m0", reason=reason)["reason"] == reason


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "two\nlines", "\x00"])
def test_a_reason_is_needed(season, reason):
    with writes_nothing(season), pytest.raises(BadInput) as caught:
        season.void("m0", reason=reason)
    assert caught.value.faults[0].pointer == "/reason"


def test_the_entry_tells_why_who_and_which(season):
    answer = season.void("m2", reason="  wrong player ")
    entry = season.entries()[-1]
    assert (entry.kind, entry.target, entry.author) == (Kind.VOID, 3, "operator")
    assert entry.details == '{"match_id":"m2","reason":"wrong player"}'
    assert (answer["reason"], answer["author"], answer["position"]) == ("wrong player", "operator", entry.position)


def test_what_an_entry_recorded_is_never_rewritten(season):
    before = season.entries()
    season.void("m0")
    assert season.entries()[:-1] == before
    assert get_match(season.database, OPERATOR, season.league, "m0")["status"] == "voided"
    assert get_match(season.database, OPERATOR, season.league, "m1")["status"] == "counted"


def test_who_has_no_match_left_drops_out_and_comes_back_as_a_newcomer(season):
    season.play("E", "A", "first", "only")
    season.play("B", "A")
    moved = {one["competitor"]: one for one in season.void("only")["moved"]}
    assert (moved["E"]["after"], moved["E"]["rank_after"]) == (None, None)
    listed = competitors(season.database, OPERATOR, season.league)["rows"]
    assert "E" not in {row["competitor"] for row in listed}
    season.verified()
    receipt = season.play("E", "B", "draw")
    assert receipt["ratings"]["first"]["before"] == 1500.0
    assert receipt["created"] == []
    assert season.verified()["competitors"] == 5


def test_all_matches_may_be_voided(play):
    for number in range(3):
        play.play("A", "B", "first", f"m{number}")
    for number in (1, 0, 2):
        play.void(f"m{number}")
    assert leaderboard(play.database, OPERATOR, play.league)["rows"] == []
    verdict = play.verified()
    assert (verdict["matches"], verdict["competitors"]) == (0, 0)


def test_settings_of_the_day_count_in_the_replay(season):
    season.change(k=8.0)
    season.play("A", "D", "second", "late")
    season.change(k=64.0)
    season.play("B", "C", "draw")
    season.void("m1")
    season.verified()
    season.void("late")
    season.verified()


def test_nothing_to_void(season):
    with pytest.raises(MatchNotFound):
        season.void("nothing")
    with pytest.raises(LeagueNotFound):
        void_match(season.database, OPERATOR, "nowhere", "m0", reason="x")


def test_a_preview_of_a_league_names_at_most_a_thousand(play, monkeypatch):
    monkeypatch.setattr("app.services.amending.MAX_MOVED", 3)
    play.batch([match("Hub", f"C{n}", "draw" if n % 2 else "first", f"m{n}") for n in range(12)])
    answer = play.void("m0", dry_run=True)
    assert len(answer["moved"]) == 3
    assert answer["moved_count"] > 3
    assert answer["moved"][0]["competitor"] == "C0"

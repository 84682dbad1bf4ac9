"""A side advantage in points and K by games played: what a receipt says, from where on they count, and that every way of recording agrees in every bit."""

import csv
import json
from pathlib import Path

import pytest

from app.errors import BadInput
from app.ratings.matches import format_time
from app.ratings.online import EloRules, rate
from app.services.courses import Course
from app.services.histories import history
from app.services.imports import import_file
from app.services.league_settings import LeagueSettings
from app.services.match_log import MatchLog
from app.services.recording import MatchIn, record_match
from app.services.segments import keep_segments
from tests.services.mirror import Mirror, small_blocks
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match, writes_nothing

RULE = {"newcomer": 40.0, "matches": 3, "then": 20.0}


def ks(receipt) -> tuple[float, float]:
    return receipt["ratings"]["first"]["k"], receipt["ratings"]["second"]["k"]


def schedule(count: int = 40):
    """Everyone meets everyone, some on neutral ground, some drawn."""
    for number in range(count):
        one, other = "ABCDEFG"[number % 7], "ABCDEFG"[(number * number + 1 + number % 7) % 7]
        if one != other:
            outcome, when = ("first", "draw", "second")[number % 3], NEW_YEAR_2024 + number * DAY
            yield match(one, other, outcome, f"m{number}", played_at=when, neutral=number % 4 == 0, weight=(1.0, 0.5)[number % 2])


def test_either_side_has_the_k_of_its_own_games(play):
    play.change(k=RULE)
    receipts = [play.play("A", opponent) for opponent in "BCDB"]
    assert [ks(receipt) for receipt in receipts] == [(40.0, 40.0), (40.0, 40.0), (40.0, 40.0), (20.0, 40.0)]
    assert ks(play.play("A", "B")) == (20.0, 40.0)
    assert ks(play.play("A", "B")) == (20.0, 20.0), "the third of B was the last one with 40"
    last = receipts[-1]["ratings"]
    gained, lost = (last[side]["after"] - last[side]["before"] for side in ("first", "second"))
    assert gained == pytest.approx(-lost / 2.0), "what one gains is not what the other loses"
    play.verified()


def test_the_side_counts_where_the_ground_is_not_neutral(play):
    play.change(side=100.0)
    home, neutral = play.play("A", "B")["ratings"], play.play("C", "D", neutral=True)["ratings"]
    assert (home["first"]["expected"], neutral["first"]["expected"]) == (rate(EloRules(side_advantage=100.0), 1500.0, 1500.0, 1.0, 1.0, 1.0)[0], 0.5)
    assert home["first"]["expected"] + home["second"]["expected"] == 1.0
    assert home["first"]["after"] < neutral["first"]["after"], "a win at home was the more expected"
    play.verified()


def test_what_is_estimated_is_not_in_the_live_rating(play):
    play.change(side="estimate")
    assert play.play("A", "B")["ratings"]["first"]["expected"] == 0.5


def test_a_change_counts_from_its_entry_on_and_games_from_before_it_count(play):
    one, *_ = [play.play("A", opponent, "draw") for opponent in "BC"]
    play.change(k=RULE, side=-50.0)
    two = [play.play("A", "D"), play.play("A", "D")]
    play.change(k=10.0, side="off")
    assert [ks(receipt) for receipt in (one, *two, play.play("A", "D"))] == [(32.0, 32.0), (40.0, 40.0), (20.0, 40.0), (10.0, 10.0)]
    play.change(k=RULE)
    assert ks(play.play("A", "D")) == (20.0, 20.0), "matches under another rule were matches too"
    play.verified()


WORDS = {1.0: "first", 0.5: "draw", 0.0: "second"}
FIELDS = ("match_id", "first", "second", "outcome", "played_at", "weight", "neutral")


def written(folder: Path, matches: list[MatchIn]) -> Path:
    """The matches as a file."""
    path = folder / "matches.csv"
    told = [(one.match_id, one.first, one.second, WORDS[one.score], format_time(one.played_at or 0), one.weight, one.neutral) for one in matches]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([FIELDS, *told])
    return path


@pytest.mark.parametrize("order", ["log", "played_at"])
@pytest.mark.parametrize("settings", [{"k": RULE}, {"side": 65.0}, {"k": RULE, "side": -65.0}], ids=["k", "side", "both"])
def test_every_way_of_recording_agrees_in_every_bit(shared, settings, order, tmp_path):
    matches = list(schedule())
    singly, at_once, loaded, backwards = (Play.begin(shared, order=order, **settings) for _ in range(4))
    receipts = [record_match(shared, OPERATOR, singly.league, one).receipt for one in matches]
    assert [one["ratings"] for one in at_once.batch(matches)["receipts"]] == [receipt["ratings"] for receipt in receipts]
    import_file(shared, OPERATOR, loaded.league, written(tmp_path, matches))
    hashes = {play.verified()["state_hash"] for play in (singly, at_once, loaded, singly.restored_in(shared))}
    if order == "played_at":
        for one in matches[::-1]:
            backwards.batch([one])
        hashes.add(backwards.verified()["state_hash"])
    assert len(hashes) == 1


def test_an_earlier_match_that_is_void_gives_later_ones_another_k(play):
    mirror = Mirror(play)
    mirror.settle(k=RULE)
    mirror.record(*[match("A", opponent, "draw", f"m{number}") for number, opponent in enumerate("BCDEB")])
    assert [row["k"] for row in told(play, "A")] == [40.0, 40.0, 40.0, 20.0, 20.0]
    mirror.void("m0")
    mirror.holds()
    assert [row["k"] for row in told(play, "A")] == [40.0, 40.0, 40.0, 20.0]
    mirror.restore("m0")
    mirror.holds()
    play.verified()


def test_the_games_of_those_who_are_one_are_counted_together(play):
    mirror = Mirror(play)
    mirror.settle(k=RULE)
    mirror.record(*[match(one, "Z", "first", f"{one}{number}") for number in range(2) for one in "AB"])
    assert mirror.merge("B", "A") is not None
    mirror.holds()
    assert [row["k"] for row in told(play, "A")] == [40.0, 40.0, 40.0, 20.0]
    assert ks(play.play("B", "C")) == (20.0, 40.0)
    play.verified()


def told(play: Play, key: str) -> list:
    """A history, the first match first."""
    return history(play.database, OPERATOR, play.league, key)["rows"][::-1]


def test_ground_that_turns_out_neutral_is_rated_so_from_a_checkpoint_too(play):
    """The digest of a block has to know, or a checkpoint of the match at home would be found for that on neutral ground."""
    mirror = Mirror(play)
    with small_blocks(4):
        mirror.settle(side=65.0)
        mirror.record(*[match("AB"[number % 2], "CDE"[number % 3], "first", f"m{number}") for number in range(14)])
        assert keep_segments(play.database, play.league)
        assert mirror.correct("m1", neutral=True) is not None
        mirror.holds()
        play.verified()
        assert keep_segments(play.database, play.league)
        assert mirror.correct("m9", neutral=True) is not None
        mirror.holds()
        play.verified()
        mirror.explains("B")


def test_who_never_heard_of_it_has_the_digests_of_before():
    """Checkpoints of leagues without either setting stay of use: what is digested of them is what always was."""
    log = MatchLog.of_columns(
        {
            "position": [1, 2],
            "recorded_at": [0, 0],
            "first": [0, 1],
            "second": [1, 0],
            "score": [1.0, 0.5],
            "played_at": [None, None],
            "weight": [1.0, 1.0],
            "neutral": [True, False],
            "match_id": ["a", "b"],
        }
    )
    with small_blocks(2):
        (digest,) = Course.of(log, [(0, LeagueSettings().model_dump())], 2).digests
    assert digest.hex() == "4778ace7168d7578d45e2762ff5bc722fbf21511"


def test_the_log_names_the_arithmetic_that_it_needs(shared):
    plain, with_side = Play.begin(shared), Play.begin(shared, side=65.0)
    assert [json.loads(one.entries()[0].details)["algorithm"] for one in (plain, with_side)] == ["elo-1", "elo-2"]
    plain.change(inactive_days=9)
    plain.change(k=RULE)
    plain.change(k=20.0)
    assert [json.loads(entry.details).get("algorithm") for entry in plain.entries()[1:]] == [None, "elo-2", None]
    plain.verified()
    assert plain.restored_in(shared).verified()["state_hash"] == plain.verify()["state_hash"]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"k": {"newcomer": 40.0}}, "/settings/k/matches"),
        ({"k": {**RULE, "matches": 0}}, "/settings/k/matches"),
        ({"k": {**RULE, "then": -1}}, "/settings/k/then"),
        ({"k": {**RULE, "until": 2400}}, "/settings/k/until"),
        ({"k": [40, 20]}, "/settings/k"),
        ({"side": "points"}, "/settings/side"),
        ({"side": None}, "/settings/side"),
        ({"side": 10_001}, "/settings/side"),
        ({"side": True}, "/settings/side"),
    ],
    ids=str,
)
def test_what_is_neither_is_refused_by_its_name(play, wrong, pointer):
    with writes_nothing(play), pytest.raises(BadInput) as caught:
        play.change(**wrong)
    assert pointer in {fault.pointer for fault in caught.value.faults}

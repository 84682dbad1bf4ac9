"""Recording: positions without gaps, clocks that never go back, all or nothing, receipts that say what the entry says."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from app.errors import BadInput, LeagueNotFound, MatchIdTaken, MatchNotFound
from app.ratings.matches import MatchColumns
from app.ratings.online import EloRules, rate
from app.services import recording
from app.services.matches import get_match, list_matches
from app.services.recording import MatchIn, Recorded, as_columns, record_batch, record_group, record_match
from tests.services.play import OPERATOR, Play, match, writes_nothing


def feed(n: int, competitors: int, seed: int = 7) -> MatchColumns:
    """The same pseudo-random matches for every database."""
    rng = np.random.default_rng(seed)
    pairs = [rng.choice(competitors, 2, replace=False).tolist() for _ in range(n)]
    scores = rng.choice([0.0, 0.5, 1.0], n).tolist()
    weights = rng.choice([1.0, 0.5, 2.5], n).tolist()
    return as_columns([MatchIn(f"C{i}", f"C{j}", y, f"m{k}", weight=w) for k, ((i, j), y, w) in enumerate(zip(pairs, scores, weights, strict=True))])


def test_positions_have_no_gaps_whoever_writes(play):
    play.play("A", "B")
    play.batch([match("A", "C"), match("B", "C")])
    play.change(k=20.0)
    with pytest.raises(MatchIdTaken):
        play.batch([match("A", "B", "draw", "x"), match("A", "B", "first", "x")])
    play.void(play.play("A", "B", "draw")["match_id"])
    play.fit()
    assert [entry.position for entry in play.entries()] == [*range(8)]
    assert play.position() == 7
    play.verified()


def test_the_clock_of_the_log_never_goes_back(play):
    future = play.row().recorded_at + 3_600_000_000
    play.sql("UPDATE league SET recorded_at = :future WHERE id = :league", future=future)
    play.play("A", "B", "first", "m")
    play.batch([match("A", "C")])
    play.change(k=8.0)
    play.void("m")
    times = [entry.recorded_at for entry in play.entries()][1:]
    assert times == [future] * 4
    assert play.row().recorded_at == future


def test_times_never_fall_along_the_log(play):
    for number in range(8):
        play.play("A", "B", match_id=str(number))
    times = [entry.recorded_at for entry in play.entries()]
    assert times == sorted(times)


def test_a_batch_is_all_or_nothing(play):
    play.play("A", "B", "first", "taken")
    with writes_nothing(play), pytest.raises(MatchIdTaken):
        play.batch([match("New", "Newer"), match("A", "B", "second", "taken"), match("C", "D")])


def test_an_empty_batch_writes_nothing(play):
    with writes_nothing(play):
        answer = play.batch([])
    assert answer == {"recorded": 0, "replayed": 0, "first_position": None, "last_position": None, "receipts": []}


def test_a_batch_is_bounded(play, monkeypatch):
    monkeypatch.setattr(recording, "MAX_BATCH", 3)
    with writes_nothing(play), pytest.raises(BadInput, match="too large"):
        play.batch(feed(4, 3))


def test_a_batch_answers_the_first_thousand_receipts(play):
    sent = feed(1_100, 10)
    answer = play.batch(sent)
    assert (answer["recorded"], answer["last_position"]) == (1_100, 1_100)
    assert [receipt["position"] for receipt in answer["receipts"]] == [*range(1, 1_001)]
    again = play.batch(sent)
    assert (again["recorded"], again["replayed"], again["receipts"]) == (0, 1_100, answer["receipts"])


def test_receipts_are_what_the_kernel_says(play):
    rules = EloRules()
    one = play.play("A", "B", "first")
    two = play.play("B", "A", "draw", weight=2.5)
    expected, a, b = rate(rules, 1500.0, 1500.0, 1.0, 1.0, 0.0)
    assert one["ratings"] == {
        "first": {"before": 1500.0, "expected": expected, "k": 32.0, "after": a},
        "second": {"before": 1500.0, "expected": 1.0 - expected, "k": 32.0, "after": b},
    }
    expected, b_after, a_after = rate(rules, b, a, 0.5, 2.5, 0.0)
    assert two["ratings"]["first"] == {"before": b, "expected": expected, "k": 32.0, "after": b_after}
    assert two["ratings"]["second"]["after"] == a_after


def test_a_receipt_is_what_the_entry_says(play):
    sent = MatchIn("Ä/b", "名", 0.5, "i d", 1_000_001, 0.25, True, -0.5, 3.0, '{"x":1.0,"y":"ü"}')
    receipt = record_match(play.database, OPERATOR, play.league, sent).receipt
    entry = play.entries()[-1]
    assert receipt["position"] == entry.position == 1
    assert receipt["author"] == entry.author == "operator"
    assert receipt["played_at"] == "1970-01-01T00:00:01.000001Z"
    assert receipt["context"] == {"x": 1.0, "y": "ü"}
    assert (receipt["first_score"], receipt["second_score"], receipt["weight"], receipt["neutral"]) == (-0.5, 3.0, 0.25, True)
    sides = receipt["ratings"]
    assert (sides["first"]["before"], sides["first"]["after"]) == (entry.first_before, entry.first_after)
    assert (sides["second"]["before"], sides["second"]["after"]) == (entry.second_before, entry.second_after)
    assert sides["first"]["expected"] == entry.expected
    assert receipt == get_match(play.database, OPERATOR, play.league, "i d")
    assert [receipt] == list_matches(play.database, OPERATOR, play.league, key="i d")["rows"]


def test_single_batch_and_group_agree_in_every_bit(shared):
    sent = feed(60, 6)
    one, batch, group = Play.begin(shared), Play.begin(shared), Play.begin(shared)
    each = [MatchIn(*(getattr(sent, name)[k] for name in ("first", "second", "score", "match_id")), weight=sent.weight[k]) for k in range(60)]
    for single in each:
        record_match(shared, OPERATOR, one.league, single)
    batch.batch(sent)
    record_group(shared, group.league, [(OPERATOR, single) for single in each])
    hashes = {play.verified()["state_hash"] for play in (one, batch, group)}
    assert len(hashes) == 1


def test_both_databases_come_to_the_same_state(both):
    plays = [Play.begin(database) for database in both]
    verdicts = []
    for play in plays:
        play.batch(feed(2_500, 40))
        play.void("m17")
        verdicts.append(play.verified())
    assert verdicts[0]["state_hash"] == verdicts[1]["state_hash"]
    assert [row.number for row in plays[0].competitors()] == [*range(40)]
    assert [(row.key, row.rating) for row in plays[0].competitors()] == [(row.key, row.rating) for row in plays[1].competitors()]


def test_numbers_are_given_in_order_of_first_use(play):
    play.play("C", "A")
    receipt = play.batch([match("A", "Z"), match("B", "Z"), match("D", "C")])["receipts"]
    assert [row.key for row in play.competitors()] == ["C", "A", "Z", "B", "D"]
    assert [row.created_position for row in play.competitors()] == [1, 1, 2, 3, 4]
    assert [one["created"] for one in receipt] == [["Z"], ["B"], ["D"]]
    assert len({row.salt for row in play.competitors()}) == 5


def test_what_is_recorded_of_a_competitor(play):
    play.play("A", "B", "first", played_at=5_000_000)
    play.play("B", "A", "first", played_at=3_000_000)
    play.play("A", "B", "draw", played_at=4_000_000, weight=7.0)
    a, b = play.competitors()
    assert (a.matches, a.wins, a.draws, a.losses, a.last_played_at) == (3, 1, 1, 1, 5_000_000)
    assert (b.matches, b.wins, b.draws, b.losses, b.last_played_at) == (3, 1, 1, 1, 5_000_000)
    assert a.rating + b.rating == pytest.approx(3_000.0, abs=1e-9)


def test_two_newcomers_met_by_sixteen_threads_at_once(play):
    start = threading.Barrier(16)

    def run(number: int) -> Recorded:
        start.wait()
        sides = ("New", "Newer") if number % 2 else ("Newer", "New")
        answer = record_group(play.database, play.league, [(OPERATOR, match(*sides, "first", f"t{number}"))])[0]
        assert isinstance(answer, Recorded)
        return answer

    with ThreadPoolExecutor(16) as pool:
        answers = [*pool.map(run, range(16))]
    assert sorted(answer.receipt["position"] for answer in answers) == [*range(1, 17)]
    assert [sorted(answer.receipt["created"]) for answer in answers if answer.receipt["created"]] == [["New", "Newer"]]
    assert sorted(row.key for row in play.competitors()) == ["New", "Newer"]
    assert play.verified()["matches"] == 16


def test_one_match_sent_by_sixteen_threads_counts_once(play):
    start = threading.Barrier(16)

    def run(_: int) -> Recorded:
        start.wait()
        return play.record("A", "B", "first", "only")

    with ThreadPoolExecutor(16) as pool:
        answers = [*pool.map(run, range(16))]
    assert sum(not answer.replayed for answer in answers) == 1
    assert len({str(answer.receipt) for answer in answers}) == 1
    assert play.verified()["matches"] == 1


def test_numbers_without_a_fraction_may_come_as_integers(play):
    """A float of Python may be an int; the log must not tell them apart."""
    play.batch([MatchIn("A", "B", 1, "m", weight=2, first_score=11, second_score=7)])
    assert play.record("A", "B", "first", "m", weight=2.0, first_score=11.0, second_score=7.0).replayed
    play.verified()


def test_minus_zero_is_kept_or_made_zero_but_never_breaks_the_chain(play):
    play.batch([MatchIn("A", "B", 1.0, "m", first_score=-0.0, second_score=0.0)])
    play.verified()


def test_many_competitors_known_already(shared):
    """More than either driver takes as parameters of one statement."""
    play = Play.begin(shared)
    count = 70_000
    sent = MatchColumns(
        [f"m{n}" for n in range(count // 2)],
        [f"a{n}" for n in range(count // 2)],
        [f"b{n}" for n in range(count // 2)],
        [1.0] * (count // 2),
        *([value] * (count // 2) for value in (None, 1.0, False, None, None, None)),
    )
    assert play.batch(sent)["recorded"] == count // 2
    assert play.batch(sent)["replayed"] == count // 2


@pytest.mark.parametrize("record", [record_match, record_batch])
def test_no_such_league(shared, record):
    sent = match("A", "B") if record is record_match else as_columns([match("A", "B")])
    with pytest.raises(LeagueNotFound):
        record(shared, OPERATOR, "nowhere", sent)


def test_no_such_match(play):
    with pytest.raises(MatchNotFound):
        get_match(play.database, OPERATOR, play.league, "nothing")


def test_pages_of_matches_are_complete_and_newest_first(play):
    play.batch([match("A", "B", match_id=f"x{n}") for n in range(7)] + [match("C", "B", match_id="y")])
    found, cursor = [], None
    while True:
        page = list_matches(play.database, OPERATOR, play.league, cursor=cursor, limit=3)
        found += [row["match_id"] for row in page["rows"]]
        if (cursor := page["next"]) is None:
            break
    assert found == ["y", *(f"x{n}" for n in reversed(range(7)))]
    of_c = list_matches(play.database, OPERATOR, play.league, competitor="C")
    assert [row["match_id"] for row in of_c["rows"]] == ["y"]
    assert list_matches(play.database, OPERATOR, play.league, competitor="nobody") == {"rows": [], "next": None}


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "٣", "9" * 16, ""])
def test_a_foreign_cursor_is_refused(play, cursor):
    with pytest.raises(BadInput, match="cursor"):
        list_matches(play.database, OPERATOR, play.league, cursor=cursor)


def test_a_match_without_an_id_gets_one_before_it_is_written(play):
    sent = match("A", "B")
    receipt = play.batch([sent])["receipts"][0]
    with writes_nothing(play):
        assert play.batch([replace(sent, match_id=receipt["match_id"])])["replayed"] == 1

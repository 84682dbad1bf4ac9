"""A match id belongs to one match for ever: the same again is answered with the original receipt, anything else is refused and told apart."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from app.errors import MatchIdTaken
from app.ratings.matches import canonical_context
from app.services.matches import get_match
from app.services.recording import MatchIn, as_columns, new_match_id, record_group
from tests.services.play import OPERATOR, Play, match, writes_nothing
from tests.strategies import keys, matches

FULL = MatchIn("A", "B", 1.0, "m", 5_000_000, 2.0, True, 11.0, 7.0, canonical_context({"surface": "clay", "round": 3}))
OTHERS = {
    "first": {"first": "C"},
    "second": {"second": "C"},
    "outcome": {"score": 0.5},
    "played_at": {"played_at": 5_000_001},
    "weight": {"weight": 1.0},
    "neutral": {"neutral": False},
    "first_score": {"first_score": 12.0},
    "second_score": {"second_score": None},
    "context": {"context": canonical_context({"surface": "clay", "round": 4})},
}


def send(play: Play, sent: MatchIn):
    answer = record_group(play.database, play.league, [(OPERATOR, sent)])[0]
    if isinstance(answer, MatchIdTaken):
        raise answer
    return answer


def test_the_same_again_is_the_original_receipt(play):
    original = send(play, FULL)
    play.play("A", "B", "second")
    with writes_nothing(play):
        again = send(play, FULL)
    assert again.replayed
    assert not original.replayed
    assert again.receipt == original.receipt


def test_the_same_again_after_a_void_says_so_and_does_not_count(play):
    original = send(play, FULL)
    play.void("m")
    with writes_nothing(play):
        again = send(play, FULL)
    assert again.replayed
    assert again.receipt == {**original.receipt, "status": "voided"}


@pytest.mark.parametrize("field", OTHERS)
def test_another_content_is_refused_and_named(play, field):
    send(play, FULL)
    with writes_nothing(play), pytest.raises(MatchIdTaken) as caught:
        send(play, replace(FULL, **OTHERS[field]))
    assert caught.value.extensions["differing"] == [field]
    assert caught.value.extensions["match_id"] == "m"
    assert field in caught.value.detail


def test_another_content_stays_refused_after_a_void(play):
    send(play, FULL)
    play.void("m")
    with writes_nothing(play), pytest.raises(MatchIdTaken):
        send(play, replace(FULL, score=0.0))


def test_all_that_differs_is_named_in_one_go(play):
    send(play, FULL)
    with pytest.raises(MatchIdTaken) as caught:
        send(play, MatchIn("B", "A", 0.0, "m"))
    named = caught.value.extensions["differing"]
    assert named == ["first", "second", "outcome", "played_at", "weight", "neutral", "first_score", "second_score", "context"]


def test_sides_swapped_are_another_match(play):
    play.play("A", "B", "first", "m")
    with pytest.raises(MatchIdTaken) as caught:
        play.play("B", "A", "second", "m")
    assert caught.value.extensions["differing"] == ["first", "second", "outcome"]


def test_an_omitted_time_is_not_a_time(play):
    receipt = play.play("A", "B", "first", "m")
    assert receipt["played_at"] is None
    recorded_at = play.entries()[-1].recorded_at
    assert play.record("A", "B", "first", "m").replayed
    with pytest.raises(MatchIdTaken, match="played_at"):
        play.play("A", "B", "first", "m", played_at=recorded_at)


def test_the_order_of_the_context_is_irrelevant(play):
    play.play("A", "B", "first", "m", context=canonical_context({"a": 1, "b": "x"}))
    assert play.record("A", "B", "first", "m", context=canonical_context({"b": "x", "a": 1.0})).replayed


def test_an_empty_context_is_none(play):
    play.play("A", "B", "first", "m", context=canonical_context({}))
    assert play.record("A", "B", "first", "m").replayed


def test_ids_belong_to_a_league(play):
    play.play("A", "B", "first", "m")
    other = Play.begin(play.database)
    assert not other.record("C", "D", "draw", "m").replayed
    assert get_match(play.database, OPERATOR, play.league, "m")["first"] == "A"


def test_duplicates_within_one_batch_count_once(play):
    answer = play.batch([FULL, match("A", "C"), FULL, FULL])
    assert (answer["recorded"], answer["replayed"]) == (2, 2)
    assert (answer["first_position"], answer["last_position"]) == (1, 2)
    assert answer["receipts"][0] == answer["receipts"][2] == answer["receipts"][3]
    assert play.verified()["matches"] == 2


def test_a_batch_that_contradicts_itself_is_refused_whole(play):
    sent = [match("A", "B", "first", "x"), match("A", "C"), match("A", "B", "second", "x"), match("A", "B", "draw", "x")]
    with writes_nothing(play), pytest.raises(MatchIdTaken) as caught:
        play.batch(sent)
    assert [fault.pointer for fault in caught.value.faults] == ["/matches/2/match_id", "/matches/3/match_id"]


def test_a_group_that_contradicts_itself_refuses_only_the_later_one(play):
    sent = [match("A", "B", "first", "x"), match("A", "B", "second", "x"), match("A", "B", "first", "x"), match("C", "B", "first", "y")]
    one, other, same, last = record_group(play.database, play.league, [(OPERATOR, each) for each in sent])
    assert isinstance(other, MatchIdTaken)
    assert (one.replayed, same.replayed, last.replayed) == (False, True, False)
    assert same.receipt == one.receipt
    assert play.verified()["matches"] == 2


def test_a_batch_of_known_and_new_matches_answers_in_its_order(play):
    known = play.play("A", "B", "first", "known")
    answer = play.batch([match("C", "A", "draw", "new"), match("A", "B", "first", "known")])
    assert [receipt["match_id"] for receipt in answer["receipts"]] == ["new", "known"]
    assert answer["receipts"][1] == known
    assert (answer["recorded"], answer["replayed"], answer["first_position"]) == (1, 1, 2)


def test_matches_without_an_id_are_never_the_same(play):
    assert play.play("A", "B")["match_id"] != play.play("A", "B")["match_id"]
    assert play.verified()["matches"] == 2


def test_minted_ids_are_ordered_in_time_and_distinct():
    minted = [new_match_id() for _ in range(2_000)]
    assert len(set(minted)) == 2_000
    assert all(len(one) == 36 and one[14] == "7" and one[19] in "89ab" for one in minted)
    assert [one[:13] for one in minted] == sorted(one[:13] for one in minted)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=matches(match_id=keys()))
def test_whatever_is_sent_is_known_when_it_comes_again(shared, sent):
    play = Play.begin(shared)
    original = play.batch([sent])["receipts"][0]
    columns = as_columns([sent])
    again = play.batch(columns)
    assert (again["recorded"], again["replayed"]) == (0, 1)
    assert again["receipts"] == [original]
    assert get_match(shared, OPERATOR, play.league, str(sent.match_id)) == original
    play.verified()

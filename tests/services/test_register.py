"""Leagues that take matches of registered competitors only, and competitors who are known before they play."""

import csv

import pytest

from app.errors import ArpadError, BadInput, BadLines, CompetitorNotFound, Conflict, ScopeMissing
from app.services.corrections import correct_match
from app.services.imports import import_file
from app.services.keys import Caller, create_key
from app.services.leagues import get_league
from app.services.placing import preview_matches
from app.services.recording import as_columns, record_group
from app.services.roster import change_competitor, forget_competitor, merge_competitors, register_competitor
from app.services.standings import competitor, competitors, leaderboard
from tests.services.mirror import pages, register
from tests.services.play import OPERATOR, Play, match, writes_nothing


@pytest.fixture
def club(play) -> Play:
    """A league with a register, in which A and B are."""
    play.change(competitors="registered")
    register(play, "A", "Anna")
    register(play, "B")
    return play


def refused(play: Play, *matches, error: type[ArpadError] = BadInput) -> list[str]:
    """Where a batch is at fault; nothing is written of it."""
    with writes_nothing(play), pytest.raises(error) as caught:
        play.batch(list(matches))
    return [fault.pointer for fault in caught.value.faults]


def test_who_is_not_registered_does_not_play(club):
    club.play("A", "B", match_id="m")
    with writes_nothing(club), pytest.raises(BadInput) as caught:
        club.play("A", "C")
    (fault,) = caught.value.faults
    assert fault.pointer == "/second"
    assert "“C” is not registered" in fault.detail
    assert "arpad competitor add" in fault.detail
    assert refused(club, match("A", "B"), match("X", "Y"), match("B", "Z")) == ["/matches/1/first", "/matches/1/second", "/matches/2/second"]
    register(club, "C")
    assert club.play("A", "C")["created"] == []
    club.verified()


def test_one_of_many_requests_that_is_refused_harms_no_other(club):
    sent = [match("A", "B", match_id="1"), match("A", "Z", match_id="2"), match("A", "Z", match_id="2"), match("B", "A", match_id="3")]
    answers = record_group(club.database, club.league, [(OPERATOR, one) for one in sent])
    assert [isinstance(answer, BadInput) for answer in answers] == [False, True, True, False]
    assert club.row().matches == 2


def test_another_match_under_an_id_that_is_taken_stays_a_contradiction(club):
    club.play("A", "B", match_id="m")
    assert refused(club, match("A", "Z"), match("B", "A", match_id="m"), error=Conflict) == ["/matches/1/match_id"]
    assert club.batch([match("A", "B", match_id="m")])["replayed"] == 1


def test_a_preview_refuses_as_recording_does(club):
    with writes_nothing(club), pytest.raises(BadInput) as caught:
        preview_matches(club.database, OPERATOR, club.league, as_columns([match("A", "Z")]), [True])
    assert [fault.pointer for fault in caught.value.faults] == ["/matches/0/second"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_names_the_lines_of_strangers(club, tmp_path, dry_run):
    with (path := tmp_path / "evening.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["match_id", "first", "second", "outcome"], [1, "A", "B", "first"], [2, "A", "Z", "first"], [2, "A", "Z", "first"]]
        )
    with writes_nothing(club), pytest.raises(BadLines) as caught:
        import_file(club.database, OPERATOR, club.league, path, dry_run=dry_run)
    assert [fault.pointer for fault in caught.value.faults] == ["line 3, column second", "line 4, column second"]
    report, _ = import_file(club.database, OPERATOR, club.league, path, skip_bad=True)
    assert (report["recorded"], report["skipped"], report["replayed"]) == (1, 2, 0)
    club.verified()


def test_a_correction_brings_nobody_in(club):
    club.play("A", "B", match_id="m")
    with writes_nothing(club), pytest.raises(BadInput) as caught:
        correct_match(club.database, OPERATOR, club.league, "m", {"second": "Z"}, reason="it was Z")
    assert [fault.pointer for fault in caught.value.faults] == ["/second"]
    register(club, "Z")
    correct_match(club.database, OPERATOR, club.league, "m", {"second": "Z"}, reason="it was Z")
    club.verified()


def test_who_was_known_before_there_was_a_register_is_in_it(play):
    play.play("A", "B", match_id="m")
    play.void("m")
    play.change(competitors="registered")
    play.play("B", "A")
    forget_competitor(play.database, OPERATOR, play.league, "A")
    assert refused(play, match("A", "B")) == ["/matches/0/first"]
    play.change(competitors="open")
    assert play.play("A", "B")["created"] == ["A"]
    play.verified()


def test_registering_is_an_entry_once(club):
    assert [entry.position for entry in club.entries()] == [0, 1, 2, 3]
    with writes_nothing(club):
        assert register(club, "A") == {"competitor": "A", "name": "Anna", "retired": False, "position": None}
        register(club, "A", "Anna")
        with pytest.raises(Conflict):
            register(club, "A", "Another name")
        for key in ("", " x", "x" * 201, "a\x00"):
            with pytest.raises(BadInput) as caught:
                register(club, key)
            assert caught.value.faults[0].pointer == "/competitor"
        with pytest.raises(BadInput) as caught:
            register(club, "New", "")
        assert caught.value.faults[0].pointer == "/name"


def test_a_key_that_only_reports_registers_nobody(club):
    secret = create_key(club.database, OPERATOR, name="scoreboard", scopes=["report"])["key"]
    with writes_nothing(club), pytest.raises(ScopeMissing):
        register_competitor(club.database, Caller.with_key(secret), club.league, "New")


def test_without_a_match_they_stand_in_no_table(club):
    ask = (club.database, OPERATOR, club.league)
    assert (get_league(*ask)["competitors"], leaderboard(*ask)["rows"], competitors(*ask)["rows"]) == (0, [], [])
    with pytest.raises(CompetitorNotFound):
        competitor(*ask, "A")
    club.play("A", "B")
    register(club, "C")
    assert [row["name"] for row in leaderboard(*ask)["rows"]] == ["Anna", "B"]
    assert get_league(*ask)["competitors"] == get_league(*ask, as_of=club.position())["competitors"] == 2
    assert club.fit()["status"] == "published"
    club.play("C", "A")
    assert len(leaderboard(*ask)["rows"]) == 3
    club.verified()


def test_whoever_is_registered_can_be_renamed_retired_merged_and_forgotten(club):
    ask = (club.database, OPERATOR, club.league)
    club.play("A", "B")
    for key in ("C", "D", "E"):
        register(club, key)
    change_competitor(*ask, "C", {"name": "Clara", "retired": True})
    merge_competitors(*ask, "D", "A", reason="the same")
    assert club.play("D", "B")["ratings"]["first"]["before"] > 1500.0
    forget_competitor(*ask, "E")
    club.verified()


def test_a_register_survives_its_export(club, shared):
    club.play("A", "B")
    register(club, "C", "Clara")
    forget_competitor(club.database, OPERATOR, club.league, "B")
    copy = club.restored_in(shared)
    assert copy.export() == club.export()
    assert copy.verified() == {**club.verified(), "league": copy.league}
    assert [(one.key, one.name, one.created_position) for one in copy.competitors()] == [
        (one.key, one.name, one.created_position) for one in club.competitors()
    ]
    assert refused(copy, match("A", "Z")) == ["/matches/0/second"]
    copy.play("A", "C")
    copy.verified()


def test_what_was_shown_before_somebody_registered_late_is_shown_still(club):
    """Their number is beyond that of everyone who has played."""
    club.play("A", "B", match_id="m")
    register(club, "C")
    club.void("m")
    club.play("B", "A")
    position = club.position()
    told = pages(club, position)
    register(club, "D")
    assert pages(club, position) == told
    club.verified()

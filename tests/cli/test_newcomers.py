import pytest

from app.cli import newcomers
from app.cli.newcomers import near_names

KNOWN = ["Alice", "Bob", "Grace Hopper", "Team 1", "Team 2", "Zoë"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Alcie", "Alice"),
        ("alice", "Alice"),
        ("Alice ", "Alice"),
        ("grace  hopper", "Grace Hopper"),
        ("Grace Hoper", "Grace Hopper"),
        ("Taem 2", "Team 2"),
    ],
)
def test_a_slip_is_near_to_what_was_meant(typed, meant):
    assert near_names(typed, KNOWN) == [meant]


@pytest.mark.parametrize("typed", ["Carol", "Team 3", "Alice 2", "B", "Hopper"])
def test_a_new_name_and_a_new_number_are_not(typed):
    assert near_names(typed, KNOWN) == []


def test_the_nearest_name_comes_first():
    assert near_names("Marias", ["Marian", "Maria", "Mariaz"], limit=2)[0] == "Maria"


def test_off_a_terminal_a_near_name_is_refused_and_nothing_is_recorded(arpad):
    arpad.ok("league", "create", "tennis")
    arpad.ok("record", "tennis", "Alice", "Bob", "first")
    refused = arpad("record", "tennis", "Alcie", "Bob", "first", "--json")
    assert refused.code == 5
    assert refused.json["similar"] == ["Alice"]
    assert refused.json["errors"][0]["pointer"] == "/first"
    assert arpad.ok("league", "show", "tennis")["matches"] == 1


def test_a_key_that_was_merged_is_known(arpad):
    arpad.ok("league", "create", "tennis")
    for one, other in (("Carla", "Bob"), ("Carl", "Eve")):
        arpad.ok("record", "tennis", one, other, "first", "--yes")
    arpad.ok("competitor", "merge", "tennis", "Carl", "Carla", "--reason", "one person")
    assert arpad.ok("record", "tennis", "Carl", "Eve", "first")["created"] == []


def test_the_hint_off_a_terminal_names_the_way_out(arpad):
    arpad.ok("league", "create", "tennis")
    arpad.ok("record", "tennis", "Alice", "Bob", "first")
    assert "--yes" in arpad("record", "tennis", "Bob", "alice", "first").err


def test_yes_records_the_new_name(arpad):
    arpad.ok("league", "create", "tennis")
    arpad.ok("record", "tennis", "Alice", "Bob", "first")
    assert arpad.ok("record", "tennis", "Alcie", "Bob", "first", "--yes")["created"] == ["Alcie"]


@pytest.mark.parametrize(("answer", "first"), [("1", "Alice"), ("n", "Alcie")])
def test_on_a_terminal_the_answer_decides(arpad, monkeypatch, answer, first):
    arpad.ok("league", "create", "tennis")
    arpad.ok("record", "tennis", "Alice", "Bob", "first")
    monkeypatch.setattr(newcomers, "can_ask", lambda: True)
    monkeypatch.setattr(newcomers.typer, "prompt", lambda *_arguments, **_options: answer)
    assert arpad.ok("record", "tennis", "Alcie", "Bob", "first")["first"] == first


def test_on_a_terminal_no_answer_records_nothing(arpad, monkeypatch):
    arpad.ok("league", "create", "tennis")
    arpad.ok("record", "tennis", "Alice", "Bob", "first")
    monkeypatch.setattr(newcomers, "can_ask", lambda: True)
    monkeypatch.setattr(newcomers.typer, "prompt", lambda *_arguments, **_options: "x")
    assert arpad("record", "tennis", "Alcie", "Bob", "first").code == 130
    assert arpad.ok("league", "show", "tennis")["matches"] == 1

"""What was recorded wrongly, put right by a club secretary: previews equal outcomes, hints work as they stand, words are plain."""

import shlex

import pytest

from app.cli import competitors, newcomers
from app.cli.application import run


@pytest.fixture
def tennis(arpad):
    arpad.ok("league", "create", "tennis", "--name", "Club tennis")
    for number, (first, second, outcome) in enumerate([("Alice", "Bob", "first"), ("Bob", "Carla", "first"), ("Dora", "Bob", "draw")], start=1):
        arpad.ok("record", "tennis", first, second, outcome, "--match-id", f"m{number}")
    return arpad


AMENDING = {
    "void tennis m1 --reason twice": "Taking back match m1",
    "void tennis --position 1 --reason twice": "Taking back the entry at position 1",
    "restore-match tennis gone --reason 'it was played'": "Restoring match gone",
    "correct tennis m1 --outcome draw --not-neutral --weight 2 --context court=3 --reason 'sheet misread'": "Correcting match m1",
    "correct tennis m1 --first Alicea --yes --reason 'wrong name'": "Correcting match m1",
    "competitor merge tennis Dora Alice --reason 'one person'": "Merging “Dora” into “Alice”",
}
every_amending = pytest.mark.parametrize("line", AMENDING)


def ratings(tennis):
    return {row["competitor"]: row["live"]["rating"] for row in tennis.ok("leaderboard", "tennis")["rows"]}


def test_lists_and_explanations_tell_amendments_as_they_are(tennis):
    for line in (
        "void tennis m1 --reason doubtful",
        "restore-match tennis m1 --reason 'was played'",
        "correct tennis m3 --outcome second --reason misread",
        "competitor merge tennis Dora Carla --reason 'one person'",
    ):
        tennis.ok(*shlex.split(line))
    merge = tennis.ok("league", "show", "tennis")["position"]
    tennis.ok("void", "tennis", "--position", str(merge), "--reason", "two people")
    told = tennis("competitor", "explain", "tennis", "Alice").out
    assert "match m1 taken back: doubtful" in told
    assert "match m1 counts again: was played" in told
    told = tennis("competitor", "explain", "tennis", "Dora").out
    assert "match m3 corrected: misread" in told
    listed = {line.split()[0]: line for line in tennis("matches", "tennis").out.splitlines() if line.strip()}
    assert "corrected" in listed["m3"]
    assert "second" in listed["m3"]
    assert "counted" in listed["m1"]
    assert "counts again" in tennis("matches", "tennis", "--match-id", "m1").out


@every_amending
def test_the_hint_of_a_preview_does_what_the_preview_said(tennis, line):
    tennis.ok("record", "tennis", "Alice", "Carla", "first", "--match-id", "gone")
    if "restore" in line:
        tennis.ok("void", "tennis", "gone", "--reason", "not played")
    before = ratings(tennis)
    preview = tennis.ok(*shlex.split(line), "--dry-run")
    told = tennis(*shlex.split(line), "--dry-run")
    assert ratings(tennis) == before
    assert told.out.startswith(f"{AMENDING[line]} would move ")
    hint = next(found for found in told.out.splitlines() if found.startswith("Next: arpad ")).removeprefix("Next: arpad ")
    done = tennis.ok(*shlex.split(hint))
    assert done["moved"] == preview["moved"] != []
    after = ratings(tennis)
    assert {move["competitor"] for move in done["moved"]} >= {key for key in before | after if before.get(key) != after.get(key)} != set()


@every_amending
def test_an_amendment_is_taken_back_by_its_position(tennis, line):
    tennis.ok("record", "tennis", "Alice", "Carla", "first", "--match-id", "gone")
    if "restore" in line:
        tennis.ok("void", "tennis", "gone", "--reason", "not played")
    before = ratings(tennis)
    done = tennis(*shlex.split(line))
    position = done.out.split("as entry ")[1].split(";")[0]
    assert ratings(tennis) != before
    tennis.ok("void", "tennis", "--position", position, "--reason", "not so")
    assert ratings(tennis) == before


def test_a_near_name_in_a_correction_is_asked_about(tennis, monkeypatch):
    monkeypatch.setattr(newcomers, "can_ask", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "1")
    tennis.ok("correct", "tennis", "m1", "--second", "Carlo", "--reason", "misread")
    [amendment] = tennis.ok("matches", "tennis", "--match-id", "m1")["amendments"]
    assert amendment["match"]["second"] == "Carla"


def test_a_near_name_is_proposed_where_nobody_is_found(tennis):
    for line in ("competitor show tennis Alcie", "competitor rename tennis Alcie A", "competitor merge tennis Dora Alcie --reason x"):
        refused = tennis(*line.split(), "--json")
        assert (refused.code, refused.json["similar"]) == (4, ["Alice"])


def test_a_match_tells_of_its_amendments(tennis):
    tennis.ok("correct", "tennis", "m1", "--outcome", "draw", "--reason", "sheet misread")
    tennis.ok("void", "tennis", "--position", "4", "--reason", "it was right")
    told = tennis("matches", "tennis", "--match-id", "m1").out
    assert "corrected (taken back)" in told
    assert "sheet misread" in told


def test_a_name_is_changed_and_given_back(tennis):
    assert tennis("competitor", "rename", "tennis", "Alice", "Alice Ashe").out == "“Alice” is shown as “Alice Ashe” (entry 4).\n"
    assert tennis("competitor", "rename", "tennis", "Alice", "Alice Ashe").out == "“Alice” is shown as “Alice Ashe” already; nothing was written.\n"
    assert "Alice Ashe (Alice)" in tennis("competitor", "show", "tennis", "Alice").out
    assert tennis.ok("competitor", "rename", "tennis", "Alice")["name"] == "Alice"


def test_who_retires_may_come_back(tennis):
    assert tennis("competitor", "retire", "tennis", "Alice").out == "“Alice” has retired (entry 4).\n"
    assert "retired" in tennis("competitor", "show", "tennis", "Alice").out
    assert tennis("competitor", "return", "tennis", "Alice").out == "“Alice” plays again (entry 5).\n"


def test_an_explanation_adds_up(tennis):
    tennis.ok("correct", "tennis", "m1", "--outcome", "second", "--reason", "sheet misread")
    told = tennis("competitor", "explain", "tennis", "Bob").out
    shape = tennis.ok("competitor", "explain", "tennis", "Bob")
    changes = sum(row["after"] - row["before"] for row in shape["rows"])
    assert f"from {1500:.1f} to {shape['after']:.1f} points ({changes:+.1f})" in told
    assert "match m1 against Alice" in told
    assert "match m1 corrected: sheet misread" in told
    assert "Nothing moved the rating" in tennis("competitor", "explain", "tennis", "Bob", "--since", "4").out


def test_the_past_is_told_as_the_past(tennis):
    before = tennis.ok("leaderboard", "tennis", "--as-of", "2")
    tennis.ok("void", "tennis", "m1", "--reason", "twice")
    assert tennis.ok("leaderboard", "tennis", "--as-of", "2") == before
    assert f"as it was at position 2 ({before['as_of']})" in tennis("leaderboard", "tennis", "--as-of", "2").out
    assert tennis.ok("leaderboard", "tennis", "--as-of", before["as_of"])["position"] >= 2
    assert "as it was at position 2" in tennis("competitor", "show", "tennis", "Alice", "--as-of", "2").out
    assert "at position 2" in tennis("predict", "tennis", "Alice", "Bob", "--as-of", "2").out
    assert "Nobody was on the leaderboard" in tennis("leaderboard", "tennis", "--as-of", "0").out


def test_nobody_is_forgotten_by_accident(tennis, monkeypatch):
    monkeypatch.setattr(competitors, "can_ask", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "Bob")
    assert tennis("competitor", "forget", "tennis", "Alice").code == 5
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "Alice")
    told = tennis("competitor", "forget", "tennis", "Alice")
    assert told.out == ("“Alice” is forgotten; the matches stay under “forgotten-0”. Older exports and backups still have the name (entry 4).\n")
    assert "Alice" not in tennis("matches", "tennis").out


def test_the_way_on_in_a_history_works(tennis):
    more = next(line for line in tennis("competitor", "history", "tennis", "Bob", "--limit", "1").out.splitlines() if line.startswith("More: "))
    assert run(["competitor", "history", "tennis", "Bob", *shlex.split(more.removeprefix("More: "))]) == 0

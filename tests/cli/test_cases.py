"""The hard cases, asked on the command line."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.services.cases import CASES, LEAGUES, Answer, elsewhere, games

STATUS = {3: 409, 4: 404, 5: 422}


class OnTheCommandLine:
    """A league of an embedded database."""

    of: tuple[str, ...] = ()
    """The options that name what is asked about."""

    def __init__(self, arpad: CommandLine, folder: Path) -> None:
        self.arpad = arpad
        self.folder = folder

    def begin(self, settings: dict[str, Any], matches: list[tuple[str, str, str]]) -> None:
        told = [word for name, value in settings.items() for word in ("--set", f"{name}={json.dumps(value) if value is None else value}")]
        self.arpad.ok("league", "create", "cases", *told)
        lines = ["first,second,outcome,surface", *(",".join((*each, "clay court")) for each in matches), *self.others(matches)]
        (self.folder / "cases.csv").write_text("\n".join(lines) + "\n")
        self.arpad.ok("import", "cases", "cases.csv", "--map", "context.surface=surface")

    def others(self, matches: list[tuple[str, str, str]]) -> list[str]:
        """Further lines of the file."""
        return []

    def fit(self) -> Answer:
        return dict(self.arpad("refit", "cases", *self.of, "--wait", "--json").json)

    def leaderboard(self, by: str) -> Answer:
        return self._ask("leaderboard", "--by", by)

    def difference(self, first: str, second: str) -> Answer:
        return self._ask("difference", first, second)

    def predict(self, first: str, second: str, by: str) -> Answer:
        return self._ask("predict", first, second, "--by", by)

    def bridges(self) -> Answer:
        return self._ask("bridges")

    def drift(self) -> Answer:
        return self._ask("drift")

    def suggest(self, goal: str) -> Answer:
        return self._ask("suggest", "--goal", goal)

    def simulate(self, competitors: list[str], by: str) -> Answer:
        return self._ask("simulate", *competitors, "--by", by, "--runs", "500")

    def _ask(self, command: str, *arguments: str) -> Answer:
        finished = self.arpad(command, "cases", *arguments, *self.of, "--json")
        if finished.code == 0:
            text = self.arpad(command, "cases", *arguments, *self.of)
            assert text.code == 0
            assert text.out.strip()
        else:
            return {"type": "problem", "status": STATUS[finished.code]}
        return dict(finished.json)


class OfASegment(OnTheCommandLine):
    """The case is what was played on clay."""

    of = ("--where", "surface=clay court")

    def others(self, matches: list[tuple[str, str, str]]) -> list[str]:
        return [",".join((*each, "hard")) for each in elsewhere(matches)]

    def _ask(self, command: str, *arguments: str) -> Answer:
        found = super()._ask(command, *arguments)
        assert found.get("where") == (None if "type" in found else {"surface": "clay court"})
        return found


@pytest.mark.parametrize("asked", [OnTheCommandLine, OfASegment], ids=["the league", "a segment"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_is_said_of_the_case(arpad, tmp_path, case, asked):
    case(asked(arpad, tmp_path))


TOLD = {
    "undefeated": (
        ("leaderboard --by fit", "The strongest, by the fit: A with 9"),
        ("leaderboard --by fit", "provisional, undefeated"),
        ("predict A B --by fit", "the size of this number is an assumption"),
    ),
    "no finite maximum": (
        ("leaderboard", "Fit 1 was refused: The maximum likelihood estimate does not exist: between some competitors"),
        ("bridges", "at least 1 result is needed, such as: C takes points from A."),
        ("fits", "(3 classes on 1 island)"),
    ),
    "two islands": (
        ("leaderboard --by fit", "They fall into 2 islands without a match between them"),
        ("leaderboard --by fit", "Island 2: 2 competitors"),
        ("predict A X", "Nothing recorded connects A and X, so nobody can say who would win"),
        ("bridges", "A against X would join them, however they end"),
    ),
    "one match only": (("difference A B", "Results put A ahead of B, but not by how much"), ("drift", "there is nothing to judge")),
    "nothing but draws": (("difference A B", "A and B are rated the same"), ("predict A B --by fit", "A is expected to take 50% of the points")),
    "nothing but draws under davidson": (("leaderboard --by fit", "1500.0"),),
    "one competitor twice": (("predict A B", "A is expected to take"),),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_people_read(arpad, tmp_path, case):
    league = OnTheCommandLine(arpad, tmp_path)
    league.begin(*LEAGUES[case])
    arpad("refit", "cases", "--wait")
    for line, words in TOLD[case]:
        command, *arguments = line.split()
        finished = arpad(command, "cases", *arguments)
        assert finished.code == 0, finished
        assert words in " ".join(finished.out.split())


def test_one_competitor_twice_is_refused_in_words(arpad, tmp_path):
    OnTheCommandLine(arpad, tmp_path).begin(*LEAGUES["one competitor twice"])
    for command in ("predict", "difference"):
        refused = arpad(command, "cases", "A", "A")
        assert refused.code == 5
        assert "A match needs two different competitors." in refused.err


def test_a_refused_fit_says_what_stands_and_what_would_help(arpad, tmp_path):
    league = OnTheCommandLine(arpad, tmp_path)
    league.begin({}, LEAGUES["no finite maximum"][1])
    league.fit()
    arpad.ok("league", "set", "cases", "--set", "prior_sd=null")
    refused = arpad("refit", "cases", "--wait")
    assert refused.code == 3
    assert "Fit 2 of “cases” is refused" in refused.out
    assert "Fit 1 stays in place." in refused.out
    assert "C takes points from A" in refused.out
    assert "Fit 2 was refused" in arpad("leaderboard", "cases").out


def test_each_island_has_a_table_of_its_own_and_tiers_have_a_gap_between_them(arpad, tmp_path):
    league = OnTheCommandLine(arpad, tmp_path)
    league.begin({}, games(("A", "B", 60, 20), ("B", "C", 60, 20), ("X", "Y", 2, 2)))
    league.fit()
    shown = arpad("leaderboard", "cases", "--by", "fit").out
    assert shown.count("rank") == 2
    assert shown.index("Island 1: 3 competitors") < shown.index("Island 2: 2 competitors")
    first, second = ([line.split()[:3] for line in part.splitlines()] for part in shown.split("Island 2"))
    assert [line for line in first if line and line[0] in {"1", "2", "3"}] == [["1", "1", "A"], ["2", "2", "B"], ["3", "3", "C"]]
    assert first.index(["2", "2", "B"]) - first.index(["1", "1", "A"]) == 2
    assert [line for line in second if line and line[0] == "1"] == [["1", "1–2", "X"], ["1", "1–2", "Y"]]
    assert shown.count("A gap: right below it") == 1
    assert "A gap" not in arpad("leaderboard", "cases", "--by", "live").out
    assert "Live and fit disagree" in shown
    assert "live rating against the fit" in arpad("competitor", "show", "cases", "A").out


def test_people_read_of_which_segment_an_answer_is(arpad, tmp_path):
    league = OfASegment(arpad, tmp_path)
    league.begin(*LEAGUES["two islands"])
    league.fit()
    for line in ("difference A B", "bridges", "drift", "suggest --goal connect", "simulate A B --runs 10"):
        command, *arguments = line.split()
        assert arpad(command, "cases", *arguments, *league.of).out.startswith("Of 8 matches, surface = clay court:\n"), line
    assert "clay" not in arpad("bridges", "cases").out
    shown = arpad("competitor", "show", "cases", "A", *league.of).out
    assert shown.startswith("A in “cases”, surface = clay court:")
    assert "4 matches: 3 won, 0 drawn, 1 lost" in " ".join(shown.split())
    assert "--context 'surface=clay court'" in arpad("suggest", "cases", "--goal", "connect", *league.of).out


@pytest.mark.parametrize("value", ["3.10", "3", "null", "[1]", 'it\'s "new"'])
def test_a_suggestion_of_a_segment_is_recorded_as_it_is_printed(arpad, tmp_path, value):
    OnTheCommandLine(arpad, tmp_path).begin(*LEAGUES["two islands"])
    where = ("--where", f"version={value}")
    for pair in ("AB", "XY"):
        arpad.ok("record", "cases", *pair, "first", "--context", f"version={json.dumps(value)}")
    (line,) = [one for one in arpad("suggest", "cases", "--goal", "connect", *where).out.splitlines() if "arpad" in one and "record" in one]
    arpad.ok(*shlex.split(line)[shlex.split(line).index("record") :])
    assert arpad.ok("bridges", "cases", *where)["islands"] == 1


def test_a_refused_fit_of_a_segment_says_what_stands_of_it_and_what_would_help_there(arpad, tmp_path):
    league = OfASegment(arpad, tmp_path)
    league.begin({}, LEAGUES["no finite maximum"][1])
    arpad.ok("refit", "cases", "--wait")
    league.fit()
    arpad.ok("league", "set", "cases", "--set", "prior_sd=null")
    refused = arpad("refit", "cases", *league.of, "--wait")
    assert refused.code == 3
    assert "Fit 2 stays in place." in refused.out
    assert "C takes points from A" in refused.out
    assert "bridges cases --where 'surface=clay court'" in refused.out
    assert "Fit 3 was refused" in arpad("leaderboard", "cases", *league.of).out

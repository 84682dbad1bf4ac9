"""The hard cases, asked on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.services.cases import CASES, Answer

STATUS = {3: 409, 4: 404, 5: 422}


class OnTheCommandLine:
    """A league of an embedded database."""

    def __init__(self, arpad: CommandLine, folder: Path) -> None:
        self.arpad = arpad
        self.folder = folder

    def begin(self, settings: dict[str, Any], matches: list[tuple[str, str, str]]) -> None:
        told = [word for name, value in settings.items() for word in ("--set", f"{name}={json.dumps(value) if value is None else value}")]
        self.arpad.ok("league", "create", "cases", *told)
        lines = ["first,second,outcome", *(",".join(each) for each in matches)]
        (self.folder / "cases.csv").write_text("\n".join(lines) + "\n")
        self.arpad.ok("import", "cases", "cases.csv")

    def fit(self) -> Answer:
        return dict(self.arpad("refit", "cases", "--wait", "--json").json)

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
        finished = self.arpad(command, "cases", *arguments, "--json")
        if finished.code == 0:
            text = self.arpad(command, "cases", *arguments)
            assert text.code == 0
            assert text.out.strip()
        else:
            return {"type": "problem", "status": STATUS[finished.code]}
        return dict(finished.json)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_is_said_of_the_case(arpad, tmp_path, case):
    case(OnTheCommandLine(arpad, tmp_path))

"""The Dockerfile as data: its instructions, and what its last stage gives to a process.

Knows the forms that this project's Dockerfile uses, and fails on others.
"""

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Instruction(NamedTuple):
    """One instruction, its continued lines joined."""

    word: str
    arguments: str

    @property
    def words(self) -> list[str]:
        """The arguments of a shell-like form, options left out."""
        return [word for word in shlex.split(self.arguments) if not word.startswith("--")]

    @property
    def command(self) -> list[str]:
        """The command of an exec form; a shell form is an error, for its shell would keep SIGTERM to itself."""
        found = re.search(r"\[.*\]$", self.arguments)
        assert found, f"{self.word} {self.arguments} is not in exec form"
        return json.loads(found.group())


def stages() -> list[list[Instruction]]:
    """The instructions of the Dockerfile from each FROM to the next; what precedes the first is left out."""
    found: list[list[Instruction]] = []
    for instruction in _instructions((ROOT / "Dockerfile").read_text()):
        if instruction.word == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def _instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def last_stage(word: str) -> list[Instruction]:
    """The instructions of one kind in the stage that becomes the image."""
    return [instruction for instruction in stages()[-1] if instruction.word == word]


def image_environment() -> dict[str, str]:
    """What the image's processes find in their environment."""
    return dict(assignment.split("=", 1) for instruction in last_stage("ENV") for assignment in instruction.words)


def image_command(word: str) -> list[str]:
    """The command of ENTRYPOINT, CMD or HEALTHCHECK."""
    [instruction] = last_stage(word)
    return instruction.command

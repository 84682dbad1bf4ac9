"""What a planted defect is: a change to the text of a file or two, and the tests that should notice it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """One text of one file, which stands there exactly once, and what takes its place."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Defect:
    """A way in which the service could lie, and the tests that should say so."""

    name: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]


def one(name: str, file: str, old: str, new: str, *tests: str) -> Defect:
    return Defect(name, (Change(file, old, new),), tests)

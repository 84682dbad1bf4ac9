"""The rules of the house that a machine can hold: which way imports point, how long a file may be, what every error carries."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from app import errors
from app.errors import ArpadError

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "app").rglob("*.py"))
LONGEST_FILE = 400


def tree_of(kind: type[ArpadError]) -> list[type[ArpadError]]:
    return [kind, *(each for sub in kind.__subclasses__() for each in tree_of(sub))]


import_module("app.main")
EVERY_ERROR = tree_of(ArpadError)


def test_imports_point_down():
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_file_is_too_long():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_decides(path):
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree)


def test_every_error_has_a_code_and_a_title_of_its_own():
    for kind in EVERY_ERROR:
        assert {"code", "title"} <= set(vars(kind)), kind
        assert kind.title.strip()
        assert kind.code == kind.code.lower().replace(" ", "-")


def test_codes_and_titles_are_unique():
    assert len({kind.code for kind in EVERY_ERROR}) == len(EVERY_ERROR)
    assert len({kind.title for kind in EVERY_ERROR}) == len(EVERY_ERROR)


def test_the_errors_of_the_product_are_all_in_one_module_and_drawn_in_its_tree():
    drawn = errors.__doc__ or ""
    for kind in EVERY_ERROR:
        # What only HTTP can do wrong is told by the module that speaks HTTP.
        assert kind.__module__ in {"app.errors", "app.api.problems"}
        assert kind.__name__ in drawn or kind.__module__ == "app.api.problems", kind


def test_every_error_says_what_it_says():
    for kind in (kind for kind in EVERY_ERROR if kind.__module__ == "app.errors"):
        words = kind.__init__.__code__.co_varnames[1 : kind.__init__.__code__.co_argcount]
        needed = words[: len(words) - len(kind.__init__.__defaults__ or ())]
        error = kind(*("7" if word != "differing" else ["score"] for word in needed))
        assert str(error) == error.detail

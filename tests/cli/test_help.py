import subprocess
import sys

import pytest
import typer

from app.cli.application import application

HEAVY = ("numpy", "scipy", "sqlalchemy", "alembic", "fastapi", "uvicorn", "pydantic", "structlog", "httpx", "rich")


def commands(group=None, path=()):
    group = group or typer.main.get_command(application)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())
EXPECTED = (
    "serve worker migrate demo record void restore-match correct matches import leaderboard predict difference drift bridges suggest simulate "
    "refit fits check-fit cancel verify export backup restore health "
    "league-create league-list league-show league-set key-create key-list key-revoke "
    "competitor-show competitor-history competitor-explain competitor-rename competitor-retire competitor-return competitor-merge competitor-forget"
)


def test_the_commands_are_those_that_are_documented():
    assert {"-".join(path) for path in COMMANDS} == set(EXPECTED.split())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_help_begins_with_what_it_does_and_ends_with_an_example_of_itself(arpad, path):
    shown = arpad(*path, "--help")
    assert shown.code == 0
    assert COMMANDS[path].help.split(".")[0] in " ".join(shown.out.split())
    examples = shown.out.split("Example:\n")[1].strip().splitlines()
    assert all(f"arpad {' '.join(path)}" in line for line in examples)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_command_takes_the_shared_options(path):
    names = {name for parameter in COMMANDS[path].params for name in parameter.opts}
    assert {"--data", "--database-url", "--json"} <= names


def _arguments(line):
    import shlex

    words = shlex.split(line.split("| ")[-1] if "| arpad" in line else line.split(" | ")[0])
    return words[1:]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_example_is_a_command_line_that_can_be_understood(path):
    for line in COMMANDS[path].epilog.split("Example:\n")[1].strip().splitlines():
        command, rest = typer.main.get_command(application), _arguments(line.strip())
        for _ in path:
            command, rest = command.commands[rest[0]], rest[1:]
        command.make_context("arpad", rest, resilient_parsing=False)


def test_the_help_is_quick_because_nothing_heavy_is_imported():
    probe = f"import sys; from app.cli.application import run; run(['--help']); print([name for name in {HEAVY} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-P", "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.splitlines()[-1] == "[]"


def test_the_linear_algebra_is_limited_before_it_is_imported():
    probe = "import os, sys, app.cli\ntry: app.cli.main(['--version'])\nexcept SystemExit: print(os.environ['OPENBLAS_NUM_THREADS'], 'numpy' in sys.modules)"
    shown = subprocess.run([sys.executable, "-P", "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.splitlines()[-1] == "1 False"


def test_a_command_that_is_misspelt_is_a_usage_error_with_a_suggestion(arpad):
    finished = arpad("recrod", "tennis")
    assert finished.code == 2
    assert "'record'" in finished.err


def test_a_usage_error_in_json_is_a_problem(arpad):
    finished = arpad("record", "tennis", "--json")
    assert finished.code == 2
    assert finished.json["type"] == "/problems/usage"


def test_shared_options_count_before_the_command_too(arpad):
    arpad.ok("league", "create", "tennis")
    assert arpad("--json", "league", "list").json["rows"][0]["league"] == "tennis"

"""The tree of commands, and the last line of defence: whatever happens, a plain sentence and a documented exit code."""

import sys
from collections.abc import Sequence

import typer

from app.cli import amendments, backup, certainty, competitors, exits, fits, imports, keys, leagues, ledger, matches, serving, standings
from app.cli.session import DatabaseOption, DataOption, JsonOption, Session

EPILOG = """\b
Example:
  arpad demo
  arpad league create tennis --name "Club tennis"
  arpad record tennis Alice Bob first
  arpad leaderboard tennis

\b
Exit codes: 0 ok, 1 unexpected, 2 usage, 3 conflict, refused or locked, 4 not found, 5 bad input, 6 not allowed,
7 unavailable, 8 verify differs, 130 interrupted."""

application = typer.Typer(
    name="arpad", epilog=EPILOG, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True
)
for part in (serving, matches, amendments, imports, standings, certainty, fits, ledger, backup):
    application.add_typer(part.group)
application.add_typer(leagues.group, name="league")
application.add_typer(competitors.group, name="competitor")
application.add_typer(keys.group, name="key")


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"arpad {version('arpad')}")
        raise typer.Exit


@application.callback()
def remember_shared_options(
    context: typer.Context,
    *,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Print the version and leave."),  # noqa: ARG001 (its callback acts)
) -> None:
    """Arpad rates competitors by their matches: a ledger of results, online ratings, fits, and what cannot be known."""
    context.obj = Session(data=data, database_url=database_url, as_json=as_json)


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        return exits.silence_output()
    except OSError as error:
        return _report_system_error(error, as_json="--json" in arguments)
    return code


def _report_system_error(error: OSError, *, as_json: bool) -> int:
    try:
        return exits.report_file_error(error, as_json=as_json)
    except OSError:
        print(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        return exits.UNEXPECTED


def _run(arguments: Sequence[str]) -> int:
    tree = typer.main.get_command(application)
    try:
        # What a command returns is nothing; what Exit carries comes back as a number.
        return tree.main(list(arguments), prog_name="arpad", standalone_mode=False) or exits.OK
    except typer.Abort:
        return exits.INTERRUPTED
    except typer.TyperException as error:
        return exits.report_usage(error, as_json="--json" in arguments)

"""Errors as exit codes, as plain lines for people, and as problem JSON for programs.

0 ok · 1 unexpected · 2 usage · 3 conflict, refused or locked · 4 not found · 5 bad input · 6 not allowed · 7 unavailable · 8 verify differs ·
130 interrupted · 141 the reader of the output went away
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer

from app.cli.files import file_error
from app.cli.output import plain, write_json
from app.errors import (
    ArpadError,
    BadInput,
    Conflict,
    DatabaseLocked,
    ExportDamaged,
    Fault,
    LeagueBusy,
    LeagueNotFound,
    NotAllowed,
    NotFound,
    SchemaUnknown,
    Unavailable,
    VerifyDiffers,
)

OK: Final = 0
UNEXPECTED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
OUTPUT_CLOSED: Final = 141

MAX_FAULTS_SHOWN: Final = 20

EXIT_CODES: Final[Mapping[type[ArpadError], int]] = {
    ArpadError: UNEXPECTED,
    Conflict: 3,
    DatabaseLocked: 3,
    LeagueBusy: 3,
    SchemaUnknown: 3,
    NotFound: 4,
    BadInput: 5,
    ExportDamaged: 5,
    NotAllowed: 6,
    Unavailable: 7,
    VerifyDiffers: 8,
}

_HINTS: Final[Mapping[type[ArpadError], str]] = {
    LeagueNotFound: "`arpad league list{options}` shows the leagues here, `arpad league create LEAGUE{options}` makes one.",
}


def exit_code(error: ArpadError) -> int:
    """The code of the nearest class in the error's ancestry that has one."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def report(error: ArpadError, *, as_json: bool, options: str = "") -> int:
    """Say what went wrong, in the form that was asked for, and return the exit code. `options` complete the commands in hints."""
    if as_json:
        write_json(problem(error))
    else:
        print(*_lines(error, options), sep="\n", file=sys.stderr)
    return exit_code(error)


def report_file_error(error: OSError, *, as_json: bool) -> int:
    """As `report`, for a file or folder that cannot be used. Raises the error itself where it is about something else."""
    found = file_error(error)
    if found is None:
        raise error
    if error.filename is None:
        silence_output()
    return report(found, as_json=as_json and error.filename is not None)


def report_usage(error: typer.TyperException, *, as_json: bool) -> int:
    """As `report`, for a command line that cannot be understood."""
    if as_json:
        title = "The command cannot be understood"
        write_json({"type": "/problems/usage", "title": title, "exit_code": USAGE, "detail": error.format_message(), "errors": []})
    else:
        print(*_usage_lines(error), sep="\n", file=sys.stderr)
    return USAGE


def _usage_lines(error: typer.TyperException) -> list[str]:
    message = error.format_message()
    context: typer.Context | None = getattr(error, "ctx", None)
    if context is None or message.startswith("Usage:"):
        return [message]
    return [context.get_usage(), message, f"`{context.command_path} --help` explains."]


def silence_output() -> int:
    """Nobody reads the output any more: drop the rest of it quietly, also what the interpreter flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return OUTPUT_CLOSED


def problem(error: ArpadError) -> dict[str, Any]:
    """The error as problem details (RFC 9457), with the exit code in the place of the status."""
    return {
        **error.extensions,
        "type": f"/problems/{error.code}",
        "title": error.title,
        "exit_code": exit_code(error),
        "detail": error.detail,
        "errors": [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults_of(error)],
    }


def faults_of(error: ArpadError) -> Sequence[Fault]:
    """The single faults that an error carries, if it is of a kind that does."""
    return tuple(getattr(error, "faults", ()))


def _lines(error: ArpadError, options: str) -> list[str]:
    faults = faults_of(error)
    lines = [f"{error.title}.", plain(error.detail)]
    if [fault.detail for fault in faults] != [error.detail]:
        lines += [f"  {plain(fault.pointer)}: {plain(fault.detail)}" for fault in faults[:MAX_FAULTS_SHOWN]]
    if len(faults) > MAX_FAULTS_SHOWN:
        lines.append(f"  … and {len(faults) - MAX_FAULTS_SHOWN} more; --json lists them all.")
    lines += [plain(note) for note in getattr(error, "__notes__", ())]
    return lines + [plain(hint.format(options=options)) for kind, hint in _HINTS.items() if isinstance(error, kind)]

"""`arpad verify`, `arpad export`, `arpad restore`: the log as proof and as backup."""

import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from app.cli import exits
from app.cli.arguments import LeagueArgument
from app.cli.backup import opened_backup, restore_all
from app.cli.files import named
from app.cli.output import Next, Parts, count, write_json, write_text
from app.cli.session import Session, command
from app.errors import BadInput, VerifyDiffers
from app.services.shapes import RestoreShape, VerifyShape

group = typer.Typer(rich_markup_mode=None)

STANDARD_STREAM = Path("-")


@command(group, "verify", example="arpad verify tennis")
def verify(session: Session, league: LeagueArgument) -> None:
    """Compare the stored state with a replay of the log. They are equal bit for bit, or the command leaves with 8."""
    from app.services.verification import verify_league

    with session.database() as database:
        shape = verify_league(database, session.caller, league)
    session.show(shape, _verified)
    if not shape["equal"]:
        raise typer.Exit(exits.EXIT_CODES[VerifyDiffers])


@command(group, "export", example="arpad export tennis tennis.ndjson\narpad export tennis | gzip > tennis.ndjson.gz")
def export(
    session: Session,
    league: LeagueArgument,
    file: Annotated[Path, typer.Argument(metavar="[FILE|-]", help="Where to; - is standard output.", show_default=False)] = STANDARD_STREAM,
) -> None:
    """Write the whole log of a league. It is NDJSON, and enough to rebuild the league anywhere."""
    from app.services.exports import export_league

    with session.database() as database:
        lines = export_league(database, session.caller, league)
        if file == STANDARD_STREAM:
            sys.stdout.flush()
            _write(lines, sys.stdout.buffer)
            return
        with _replacing(file) as target:
            summary = _write(lines, target)
    if session.as_json:
        write_json({"league": league, "file": str(file), **summary})
    else:
        write_text(
            [
                f"Wrote {count(summary['lines'], 'line')} to {file}; log head {summary['head']}.",
                f"Next: arpad restore {shlex.quote(str(file))} --data OTHER-FOLDER",
            ]
        )


@command(group, "restore", example="arpad restore tennis.ndjson --data other-folder\nzcat tennis.ndjson.gz | arpad restore - --as tennis-copy")
def restore(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export or a backup; - is standard input.", show_default=False)],
    *,
    league: Annotated[str | None, typer.Option("--as", metavar="LEAGUE", help="Under another id.", show_default=False)] = None,
) -> None:
    """Rebuild a league from an export, or an empty database from a backup. Hashes prove that nothing is missing or changed."""
    from app.services.restores import restore_league

    with opened_backup(file) as whole:
        if whole is not None:
            restore_all(session, whole, league)
            return
    with _opened(file) as lines, session.database() as database:
        shape = restore_league(database, session.caller, lines, league=league)
    session.show(shape, _restored)


def _write(lines: Iterable[bytes], target: IO[bytes]) -> dict[str, Any]:
    written, last = 0, b"{}"
    for last in lines:
        target.write(last)
        written += 1
    target.flush()
    return {"lines": written, "head": json.loads(last).get("head")}


@contextmanager
def _replacing(file: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `file` once it is complete and on the disk."""
    if file.exists() and not file.is_file():
        # A pipe or a device is written to; putting a file in its place would take it from everybody else.
        with named(file), file.open("wb") as target:
            yield target
        return
    part = file.with_name(f"{file.name}.part")
    with named(file):
        try:
            with part.open("wb") as target:
                yield target
                os.fsync(target.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def _opened(file: Path) -> Iterator[Iterable[bytes]]:
    if file == STANDARD_STREAM:
        yield sys.stdin.buffer
        return
    if not file.is_file():
        raise BadInput(f"There is no file {file}.")
    with file.open("rb") as lines:
        yield lines


def _verified(found: VerifyShape) -> Parts:
    sizes = f"{count(found['matches'], 'match')}, {count(found['competitors'], 'competitor')}, position {found['position']:,}"
    outcome = "equals the replay of its log" if found["equal"] else "is NOT what its log replays to"
    return [
        f"The state of “{found['league']}” {outcome}: {sizes}.",
        *(f"  {difference}" for difference in found["differences"]),
        f"state hash  {found['state_hash']}",
        f"log head    {found['log_head']}",
    ]


def _restored(found: RestoreShape) -> Parts:
    sizes = f"{count(found['matches'], 'match')}, {count(found['competitors'], 'competitor')}, position {found['position']:,}"
    return [
        f"Restored “{found['league']}”: {sizes}.",
        f"state hash  {found['state_hash']}",
        f"log head    {found['log_head']}",
        Next(f"verify {found['league']}"),
    ]

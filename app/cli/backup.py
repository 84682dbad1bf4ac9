"""`arpad backup`, and what `arpad restore` does with a backup: the whole database in one file, and back."""

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from app.cli import exits
from app.cli.files import named
from app.cli.output import Parts, count, write_json, write_text
from app.cli.session import Session, command
from app.errors import BadInput, Fault, VerifyDiffers

if TYPE_CHECKING:
    from app.services.backups import RestoredBackupShape, WrittenBackupShape

group = typer.Typer(rich_markup_mode=None)

STANDARD_STREAM = Path("-")


@command(group, "backup", example="arpad backup arpad.backup\narpad backup - | ssh elsewhere 'cat > arpad.backup'")
def backup(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; - is standard output.", show_default=False)],
) -> None:
    """Write the whole database to a file, while it is in use. It has every league, its fits, and the hashes of the keys."""
    from app.services.backups import write_backup

    with session.database() as database:
        if file == STANDARD_STREAM:
            sys.stdout.flush()
            write_backup(database, session.caller, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        with _private_file(file) as target:
            shape = write_backup(database, session.caller, target)
    if session.as_json:
        write_json({"file": str(file), **shape})
    else:
        write_text(_written(file, shape))


@contextmanager
def _private_file(file: Path) -> Iterator[IO[bytes]]:
    """A new file for its owner alone, that takes the place of `file` once it is complete and on the disk."""
    if file.exists() and not file.is_file():
        with named(file), file.open("wb") as target:
            yield target
        return
    part = file.with_name(f"{file.name}.part")
    with named(file):
        try:
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
                yield target
                target.flush()
                os.fsync(target.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def opened_backup(file: Path) -> Iterator[IO[bytes] | None]:
    """The file from its beginning if it is a backup, else None with nothing of it consumed. A stream is kept in a temporary file first."""
    from app.services.backups import BEGINNING

    if file != STANDARD_STREAM:
        if not file.is_file():
            yield None
            return
        with named(file):
            source = file.open("rb")
        with source:
            yield source if source.peek(len(BEGINNING)).startswith(BEGINNING) else None
    elif not sys.stdin.buffer.peek(len(BEGINNING)).startswith(BEGINNING):  # type: ignore[union-attr]  # a buffered reader, which can peek
        yield None
    else:
        with tempfile.TemporaryFile() as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            kept.seek(0)
            yield kept


def restore_all(session: Session, source: IO[bytes], league: str | None) -> None:
    """Fill the database from a backup. Leaves with 8 if a league is not what its log replays to."""
    from app.services.backups import open_backup, restore_backup

    if league is not None:
        raise BadInput("A backup is of a whole database.", [Fault("--as", "is for the export of one league")])
    opened = open_backup(source)
    with session.database() as database:
        shape = restore_backup(database, session.caller, opened)
    session.show(shape, _restored)
    if not shape["equal"]:
        raise typer.Exit(exits.EXIT_CODES[VerifyDiffers])


def _written(file: Path, shape: "WrittenBackupShape") -> Parts:
    return [
        f"Wrote {count(len(shape['leagues']), 'league')} to {file}: {shape['bytes']:,} bytes, sha256 {shape['sha256']}.",
        *(f"  {one['league']}: {count(one['matches'], 'match')}, position {one['position']:,}, {one['state_hash']}" for one in shape["leagues"]),
        f"Next: arpad restore {shlex.quote(str(file))} --data NEW-FOLDER",
    ]


def _restored(shape: "RestoredBackupShape") -> Parts:
    lines: Parts = [f"Restored {count(len(shape['leagues']), 'league')}."]
    for one in shape["leagues"]:
        outcome = "equals the replay of its log" if one["equal"] else "is NOT what its log replays to, and was not when it was backed up"
        lines.append(f"  {one['league']}: {count(one['matches'], 'match')}, position {one['position']:,}, {outcome}.")
    return lines

"""`arpad import`: a file of matches, all of it or nothing."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.arguments import LeagueArgument, assignments
from app.cli.files import named
from app.cli.output import Next, Parts, count, progress, table
from app.cli.session import Session, command
from app.errors import BadLines, FileNotUnderstood
from app.services.shapes import ImportShape

group = typer.Typer(rich_markup_mode=None)

FROM_INPUT = Path("-")
MAX_NAMES_SHOWN = 20


@command(
    group,
    "import",
    example="arpad import tennis results.csv --dry-run\narpad import tennis results.csv --map first=winner --map second=loser\nzcat old.csv.gz | arpad import tennis -",
)
def import_(
    session: Session,
    league: LeagueArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or NDJSON, gzip too; - is standard input.", show_default=False)],
    *,
    mapping: Annotated[list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="May be repeated.", show_default="by the header")] = None,
    file_format: Annotated[Literal["csv", "ndjson"] | None, typer.Option("--format", help="What the lines are.", show_default="as they look")] = None,
    import_id: Annotated[str | None, typer.Option("--import-id", metavar="ID", help="The name of this import.", show_default="by its bytes")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out the lines that cannot be accepted.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Import the same file a second time, on purpose.")] = False,
) -> None:
    """Import a file of matches, all of it or nothing. The same file a second time changes nothing."""
    from app.services.imports import import_file

    chosen = assignments("--map", mapping) if mapping else None
    with _spooled(file) as path, session.database() as database, progress() as on_progress, _ignored_columns_told():
        report, replayed = import_file(
            database,
            session.caller,
            league,
            path,
            mapping=chosen,
            format=file_format,
            import_id=import_id,
            dry_run=dry_run,
            skip_bad=skip_bad,
            again=again,
            on_progress=on_progress,
        )
    session.show(report, lambda done: _report(league, done, replayed=replayed))


@contextmanager
def _spooled(file: Path) -> Iterator[Path]:
    """The file, or a temporary one with what comes in by standard input. Raises FileNotUnderstood if there is none."""
    if file == FROM_INPUT:
        with tempfile.NamedTemporaryFile(prefix="arpad-import-") as spool:
            with named(Path(spool.name)):
                shutil.copyfileobj(sys.stdin.buffer, spool)
                spool.flush()
            yield Path(spool.name)
    elif file.is_file():
        yield file
    else:
        raise FileNotUnderstood(f"There is no file {file}.")


@contextmanager
def _ignored_columns_told() -> Iterator[None]:
    """Whoever has to mend lines wants to know also which columns play no part."""
    try:
        yield
    except BadLines as error:
        report = error.extensions.get("report")
        for line in _ignored(report["ignored"]) if isinstance(report, dict) else ():
            error.add_note(line)
        raise


def _report(league: str, report: ImportShape, *, replayed: bool) -> Parts:
    parts: Parts = [_sentence(report, replayed=replayed), *_ignored(report["ignored"])]
    if not replayed:
        parts += [*_newcomers(report), *_resemblance(report)]
    if report["errors"]:
        parts.append(
            table((">line", "field", "what is wrong"), [(each["line"], each["field"] or each["column"], each["detail"]) for each in report["errors"]])
        )
    if report["status"] == "planned":
        return [*parts, f"Next: the same command without --dry-run records {'them' if not report['errors'] else 'the rest, with --skip-bad'}."]
    return [*parts, Next(f"leaderboard {league}")]


def _ignored(columns: list[str]) -> list[str]:
    told = f"Columns that were not read: {', '.join(columns)}. To keep one with its matches: --map context.NAME=COLUMN, in the first import."
    return [told] if columns else []


def _newcomers(report: ImportShape) -> list[str]:
    if not 0 < report["created"] <= MAX_NAMES_SHOWN:
        return []
    return [f"New competitors: {', '.join(report['new_competitors'])}."]


def _resemblance(report: ImportShape) -> list[str]:
    alike = report["resembling"]
    if not alike:
        return []
    look = "looks like a match recorded before" if alike == 1 else "look like matches recorded before"
    why = "(same day, same sides, same outcome)"
    if report["status"] == "planned":
        will = f"will be recorded although {'it' if alike == 1 else 'they'} {look}"
        return [f"{alike:,} of these lines {will} {why}. If they are the same, leave them out or give match_ids."]
    return [f"{alike:,} of these lines {look} {why}. If they are the same, void them or give match_ids."]


def _sentence(report: ImportShape, *, replayed: bool) -> str:
    if replayed:
        return f"This file was imported before (import {report['import_id']}): nothing was written."
    verb = "Would record" if report["status"] == "planned" else "Recorded"
    known = f", {report['replayed']:,} known already" if report["replayed"] else ""
    left_out = f", {report['skipped']:,} left out" if report["skipped"] else ""
    return (
        f"{verb} {count(report['recorded'], 'match')}{known}{left_out}; {count(report['created'], 'new competitor')}. Import {report['import_id']}."
    )

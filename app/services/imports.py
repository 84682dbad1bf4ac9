"""Importing a file: read and checked before anything is locked, then written in one transaction through the same steps as any match.

An import has an id, its own or made from the file's content and how it was understood, so that the same file again answers with the original report
and writes nothing. Rows without an id of their own get one from the import's id and their line.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, cast

from app.errors import BadInput, BadLines, Fault, ImportDiffers, ImportNotFound, MatchIdTaken
from app.ratings.matches import clean_key
from app.services.files import LineError, MatchFile, read_match_file
from app.services.keys import Caller, check_permission, lock_league, require_league
from app.services.shapes import ImportShape
from app.services.writing import Plan, Written, plan, record, take
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit, WriteUnit

MAX_REPORTED: Final = 100
ID_LENGTH: Final = 12
Progress = Callable[[str, int, int], None]


def import_file(  # noqa: PLR0913  each a choice of its own, all but four with a default
    database: Database,
    caller: Caller,
    league: str,
    path: Path,
    *,
    mapping: Mapping[str, str] | None = None,
    format: Literal["csv", "ndjson"] | None = None,  # noqa: A002  the field's name for it
    import_id: str | None = None,
    dry_run: bool = False,
    skip_bad: bool = False,
    again: bool = False,
    on_progress: Progress | None = None,
) -> tuple[ImportShape, bool]:
    """Import a file of matches, all of it or nothing; returns the report, and whether the import was known already.

    `skip_bad` leaves bad lines out; `again` records a known file once more, its rows as new matches.
    Raises LeagueNotFound, FileNotUnderstood, BadLines (with the report), ImportDiffers.
    """
    check_permission(database, caller, league, "report")
    tell = on_progress or (lambda _stage, _done, _total: None)
    file = read_match_file(path, mapping=mapping, format=format, on_progress=lambda done, total: tell("reading", done, total))
    chosen_id = _clean_id(import_id) if import_id is not None else file.digest
    with database.read() as reading:
        row, _ = require_league(reading, caller, league, "report")
        resembling = _resembling(reading, row, file)
        if dry_run:
            # A plan only reads: nothing is locked for it, and nothing written.
            told = _recorded_before(reading, row, file, chosen_id, again=again)
            return (told, True) if told is not None else (_planned(reading, row, file, chosen_id, resembling, skip_bad=skip_bad), False)
    with database.write() as unit:
        row, author = lock_league(unit, caller, league, "report")
        told = _recorded_before(unit, row, file, chosen_id, again=again)
        if told is not None:
            return told, True
        chosen_id = _free_id(unit, row.id, chosen_id)
        _give_ids(file, chosen_id)
        tell("recording", 0, len(file.columns))
        report = _import(unit, row, file, chosen_id, author, resembling, skip_bad=skip_bad)
        unit.imports.add(row.id, chosen_id, file.digest, max(row.now, row.recorded_at), json.dumps(report))
        unit.commit()
        tell("recording", len(file.columns), len(file.columns))
        return report, False


def _recorded_before(unit: ReadUnit, row: Stored, file: MatchFile, import_id: str, *, again: bool) -> ImportShape | None:
    """The report of this very import if it was made before. Raises ImportDiffers where the id belongs to another."""
    known = unit.imports.by_id(row.id, import_id)
    if known is not None and known.digest != file.digest:
        raise ImportDiffers(f"Import “{import_id}” was another file, or the same one understood differently. Choose another import id.")
    return None if known is None or again else cast("ImportShape", json.loads(known.report))


def _resembling(unit: ReadUnit, row: Stored, file: MatchFile) -> int:
    """How many of the file's matches look like recorded ones, of the same day or moment, sides and outcome, and have no id that would tell."""
    columns = file.columns
    dated = [index for index, played_at in enumerate(columns.played_at) if played_at is not None and columns.match_id[index] is None]
    if not row.matches or not dated:
        return 0
    times = [columns.played_at[index] or 0 for index in dated]
    numbers = {key: one.number for key, one in unit.competitors.by_keys(row.id, list({*columns.first, *columns.second})).items()}
    seen = {hash(tuple(one)) for one in unit.entries.dated_matches(row.id, row.position, min(times), max(times))}
    seen |= {
        hash((one.second, one.first, 1.0 - one.score, one.played_at))
        for one in unit.entries.dated_matches(row.id, row.position, min(times), max(times))
    }
    sides = ((numbers.get(columns.first[index]), numbers.get(columns.second[index]), columns.score[index]) for index in dated)
    return sum(hash((*side, played_at)) in seen for side, played_at in zip(sides, times, strict=True))


def get_import(database: Database, caller: Caller, league: str, import_id: str) -> ImportShape:
    """The report of an import. Raises LeagueNotFound, ImportNotFound."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league, "report")
        known = unit.imports.by_id(row.id, import_id)
    if known is None:
        raise ImportNotFound(f"There is no import “{import_id}” in this league.")
    return cast("ImportShape", json.loads(known.report))


def _clean_id(import_id: str) -> str:
    try:
        return clean_key(import_id)
    except ValueError as error:
        raise BadInput("The import id cannot be accepted.", [Fault("import_id", f"import_id {error}")]) from None


def _free_id(unit: ReadUnit, league_id: int, import_id: str) -> str:
    """The id, or one for the same file once more."""
    chosen, count = import_id, 1
    while unit.imports.by_id(league_id, chosen) is not None:
        count += 1
        chosen = f"{import_id}#{count}"
    return chosen


def _give_ids(file: MatchFile, import_id: str) -> None:
    """Ids from the import's id and the line. A long id of the caller's own is hashed: cut short, next week's would begin like this one's."""
    stem, _, repetition = import_id.rpartition("#")
    if not stem or not repetition.isdecimal():
        stem, repetition = import_id, ""
    if len(stem) > ID_LENGTH and stem != file.digest:
        stem = hashlib.sha256(stem.encode()).hexdigest()
    stem = f"{stem[:ID_LENGTH]}.{repetition[:ID_LENGTH]}" if repetition else stem[:ID_LENGTH]
    file.columns.match_id = [match_id or f"{stem}-{line}" for match_id, line in zip(file.columns.match_id, file.lines, strict=True)]


def _planned(unit: ReadUnit, row: Stored, file: MatchFile, import_id: str, resembling: int, *, skip_bad: bool) -> ImportShape:
    """What an import would do."""
    _give_ids(file, _free_id(unit, row.id, import_id))
    decided = plan(unit, row.id, file.columns)
    _refuse_bad_lines(file, import_id, decided, resembling, skip_bad=skip_bad)
    fresh = take(file.columns, decided.fresh)
    keys = list(dict.fromkeys(key for pair in zip(fresh.first, fresh.second, strict=True) for key in pair))
    known = unit.competitors.by_keys(row.id, keys)
    report = _report(file, import_id, decided, None, [key for key in keys if key not in known], resembling)
    if decided.fresh:
        report["first_position"], report["last_position"] = row.position + 1, row.position + len(decided.fresh)
    return report


def _import(unit: WriteUnit, row: Stored, file: MatchFile, import_id: str, author: str | None, resembling: int, *, skip_bad: bool) -> ImportShape:
    decided = plan(unit, row.id, file.columns)
    _refuse_bad_lines(file, import_id, decided, resembling, skip_bad=skip_bad)
    fresh = take(file.columns, decided.fresh)
    written = record(unit, row, fresh, [author] * len(fresh)) if decided.fresh else None
    created = [key for keys in written.created.values() for key in keys] if written else []
    return {**_report(file, import_id, decided, written, created, resembling), "status": "recorded"}


def _refuse_bad_lines(file: MatchFile, import_id: str, decided: Plan, resembling: int, *, skip_bad: bool) -> None:
    report = _report(file, import_id, decided, None, [], resembling)
    if report["error_count"] and not skip_bad:
        lines = file.error_count + len(file.columns)
        detail = f"{report['error_count']} of {lines} lines cannot be accepted; nothing was imported."
        faults = [Fault(f"line {error['line']}, column {error['column'] or '?'}", error["detail"]) for error in report["errors"]]
        raise BadLines(detail + " Mend them, or leave them out (skip_bad, --skip-bad).", faults, report=report)


def _refusals(file: MatchFile, decided: Plan) -> list[LineError]:
    refused = list(decided.refused.items())[:MAX_REPORTED]
    column = file.mapping.get("match_id")
    return [LineError(file.lines[index], column, "match_id", error.detail) for index, error in refused if isinstance(error, MatchIdTaken)]


def _report(file: MatchFile, import_id: str, decided: Plan, written: Written | None, created: Sequence[str], resembling: int) -> ImportShape:
    errors = [*file.errors, *_refusals(file, decided)][:MAX_REPORTED]
    error_count = file.error_count + len(decided.refused)
    return {
        "import_id": import_id,
        "status": "planned",
        "recorded": len(decided.fresh),
        "replayed": len(decided.replayed),
        "skipped": error_count,
        "created": len(created),
        "new_competitors": list(created[:MAX_REPORTED]),
        "resembling": resembling,
        "first_position": written.first_position if written else None,
        "last_position": written.first_position + len(written.matches) - 1 if written else None,
        "mapping": file.mapping,
        "ignored": file.ignored,
        "errors": [{"line": error.line, "column": error.column, "field": error.field, "detail": error.detail} for error in errors],
        "error_count": error_count,
    }

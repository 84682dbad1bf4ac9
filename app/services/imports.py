"""Importing a file: read and checked before anything is locked, then written through the same steps as any match.

An import has an id, its own or made from the file's content and how it was understood, so that the same file again answers with the original report
and writes nothing. Rows without an id of their own get one from the import's id and their line. A small file is written in one transaction; a large one is
rated first and then written in many (`import_writing`): either way it is there as a whole or not at all.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, cast

from app.errors import BadInput, BadLines, Fault, ImportDiffers, ImportNotFound
from app.ratings.matches import MatchColumns, clean_key
from app.services.files import LineError, MatchFile, read_match_file
from app.services.import_writing import ROWS_AT_ONCE, kept, take_lease, write_beyond_head
from app.services.keys import Caller, check_permission, lock_league, require_league
from app.services.placing import placed, prepare_placed, require_places
from app.services.repetitions import Plan, plan, take
from app.services.shapes import ImportShape
from app.services.writing import Prepared, append_matches, move_head
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit, WriteUnit

MAX_REPORTED: Final = 100
ID_LENGTH: Final = 12
Progress = Callable[[str, int, int], None]
Told = tuple[ImportShape, bool]


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
    max_matches: int | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
    on_progress: Progress | None = None,
) -> Told:
    """Import a file of matches, all of it or nothing; returns the report, and whether the import was known already.

    `skip_bad` leaves bad lines out; `again` records a known file once more, its rows as new matches; a file of more than `rows_at_once` is written in
    parts. Raises LeagueNotFound, FileNotUnderstood (also beyond `max_matches`), BadLines (with the report), ImportDiffers, LeagueBusy.
    """
    check_permission(database, caller, league, "report")
    tell = on_progress or (lambda _stage, _done, _total: None)
    file = read_match_file(
        path, mapping=mapping, format=format, max_matches=max_matches, on_progress=lambda done, total: tell("reading", done, total)
    )
    wanted_id = _clean_id(import_id) if import_id is not None else file.digest
    with database.read() as unit:
        row, _ = require_league(unit, caller, league, "report")
        told = _recorded_before(unit, row, file, wanted_id, again=again)
        if told is not None:
            return told, True
        order = _Order(file, wanted_id, again, skip_bad, _resembling(unit, row, file))
        if dry_run:
            # A plan only reads: nothing is locked for it, and nothing written.
            return _planned(unit, row, order), False
    tell("recording", 0, len(file.columns))
    write = _write_at_once if len(file.columns) <= rows_at_once else _write_in_parts
    report, known = write(database, caller, league, order, rows_at_once, lambda done, total: tell("recording", done, total))
    tell("recording", len(file.columns), len(file.columns))
    return report, known


@dataclass(frozen=True, slots=True)
class _Order:
    """A file that was read, and how it is to be recorded."""

    file: MatchFile
    import_id: str
    again: bool
    skip_bad: bool
    resembling: int


@dataclass(frozen=True, slots=True)
class _Draft:
    """All that an import writes, as long as the league stays at the position where it was drafted."""

    import_id: str
    position: int
    author: str | None
    recorded_at: int
    prepared: Prepared | None
    report: ImportShape


def _write_at_once(database: Database, caller: Caller, league: str, order: _Order, _rows_at_once: int, _tell: Callable[[int, int], None]) -> Told:
    with database.write() as unit:
        row, author = lock_league(unit, caller, league, "report")
        told = _recorded_before(unit, row, order.file, order.import_id, again=order.again)
        if told is not None:
            return told, True
        draft = _drafted(database, unit, row, author, row.now, order)
        if draft.prepared is not None:
            append_matches(unit, draft.prepared, slice(0, len(draft.prepared.written.matches)))
        _finish(unit, row, order, draft)
        return draft.report, False


def _write_in_parts(database: Database, caller: Caller, league: str, order: _Order, rows_at_once: int, tell: Callable[[int, int], None]) -> Told:
    with database.read() as reading:
        row, author = require_league(reading, caller, league, "report")
        draft = _drafted(database, reading, row, author, reading.now(), order)
    with database.write() as unit:
        row, author = lock_league(unit, caller, league, "report")
        told = _recorded_before(unit, row, order.file, order.import_id, again=order.again)
        if told is not None:
            return told, True
        is_fresh = (draft.position, draft.author, draft.import_id) == (row.position, author, _free_id(unit, row.id, order.import_id))
        lease = take_lease(unit, row)
        unit.commit()
    with kept(database, lease):
        if not is_fresh:
            # The league went on while the file was rated. Now nobody else writes to it.
            with database.read() as reading:
                draft = _drafted(database, reading, reading.leagues.by_id(row.id), author, row.now, order)
        if draft.prepared is not None:
            write_beyond_head(database, lease, draft.prepared, rows_at_once, tell)
        with database.write() as unit:
            lease.end(unit)
            _finish(unit, row, order, draft)
    return draft.report, False


def _drafted(database: Database, unit: ReadUnit, row: Stored, author: str | None, now: int, order: _Order) -> _Draft:
    """The import with everything reckoned and nothing written. Raises BadLines."""
    import_id = _free_id(unit, row.id, order.import_id)
    columns = _with_ids(order.file, import_id)
    require_places(row, columns, [match_id is not None for match_id in order.file.columns.match_id], "/lines")
    decided = plan(unit, row, columns)
    _refuse_bad_lines(order, import_id, decided)
    fresh = placed(row, take(columns, decided.fresh))
    prepared = prepare_placed(database, unit, row, fresh, [author] * len(fresh), now) if decided.fresh else None
    created = [key for keys in prepared.written.created.values() for key in keys] if prepared else []
    report: ImportShape = {**_report(order, import_id, decided, row.position, created), "status": "recorded"}
    return _Draft(import_id, row.position, author, max(now, row.recorded_at), prepared, report)


def _finish(unit: WriteUnit, row: Stored, order: _Order, draft: _Draft) -> None:
    """Move the head, keep the report, and commit."""
    if draft.prepared is not None:
        move_head(unit, draft.prepared)
    unit.imports.add(row.id, draft.import_id, order.file.digest, draft.recorded_at, json.dumps(draft.report))
    unit.commit()


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
    seen = {
        hash(either)
        for one in unit.entries.dated_matches(row.id, row.position, min(times), max(times))
        for either in (tuple(one), (one.second, one.first, 1.0 - one.score, one.played_at))
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


def _with_ids(file: MatchFile, import_id: str) -> MatchColumns:
    """Ids from the import's id and the line. A long id of the caller's own is hashed: cut short, next week's would begin like this one's."""
    stem, _, repetition = import_id.rpartition("#")
    if not stem or not repetition.isdecimal():
        stem, repetition = import_id, ""
    if len(stem) > ID_LENGTH and stem != file.digest:
        stem = hashlib.sha256(stem.encode()).hexdigest()
    stem = f"{stem[:ID_LENGTH]}.{repetition[:ID_LENGTH]}" if repetition else stem[:ID_LENGTH]
    ids: list[str | None] = [match_id or f"{stem}-{line}" for match_id, line in zip(file.columns.match_id, file.lines, strict=True)]
    return replace(file.columns, match_id=ids)


def _planned(unit: ReadUnit, row: Stored, order: _Order) -> ImportShape:
    """What an import would do."""
    columns = _with_ids(order.file, _free_id(unit, row.id, order.import_id))
    decided = plan(unit, row, columns)
    _refuse_bad_lines(order, order.import_id, decided)
    fresh = take(columns, decided.fresh)
    keys = list(dict.fromkeys(key for pair in zip(fresh.first, fresh.second, strict=True) for key in pair))
    known = unit.competitors.by_keys(row.id, keys)
    return _report(order, order.import_id, decided, row.position, [key for key in keys if key not in known])


def _refuse_bad_lines(order: _Order, import_id: str, decided: Plan) -> None:
    report, file = _report(order, import_id, decided, 0, []), order.file
    if report["error_count"] and not order.skip_bad:
        lines = file.error_count + len(file.columns)
        detail = f"{report['error_count']} of {lines} lines cannot be accepted; nothing was imported."
        faults = [Fault(f"line {error['line']}, column {error['column'] or '?'}", error["detail"]) for error in report["errors"]]
        report["first_position"] = report["last_position"] = None
        raise BadLines(detail + " Mend them, or leave them out (skip_bad, --skip-bad).", faults, report=report)


def _refusals(file: MatchFile, decided: Plan) -> list[LineError]:
    found: list[LineError] = []
    for index, error in list(decided.refused.items())[:MAX_REPORTED]:
        faults = error.faults if isinstance(error, BadInput) else (Fault("/match_id", error.detail),)
        for field, detail in ((fault.pointer.removeprefix("/"), fault.detail) for fault in faults):
            found.append(LineError(file.lines[index], file.mapping.get(field), field, detail))
    return found


def _report(order: _Order, import_id: str, decided: Plan, head: int, created: Sequence[str]) -> ImportShape:
    """The report of an import that follows a position."""
    file, count = order.file, len(decided.fresh)
    errors = [*file.errors, *_refusals(file, decided)][:MAX_REPORTED]
    error_count = file.error_count + len(decided.refused)
    return {
        "import_id": import_id,
        "status": "planned",
        "recorded": count,
        "replayed": len(decided.replayed),
        "skipped": error_count,
        "created": len(created),
        "new_competitors": list(created[:MAX_REPORTED]),
        "resembling": order.resembling,
        "first_position": head + 1 if count else None,
        "last_position": head + count if count else None,
        "mapping": file.mapping,
        "ignored": file.ignored,
        "errors": [{"line": error.line, "column": error.column, "field": error.field, "detail": error.detail} for error in errors],
        "error_count": error_count,
    }

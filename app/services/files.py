"""Reading people's match files (CSV, NDJSON, either gzipped) into `MatchColumns`, in one pass and with every bad line named.

The bytes, lines and rows are the business of `file_text`, the header of `headers`, the cells of `cells`, the sense of a row of `match_rows`, and what only
the whole file can tell of `settling`. Whether a match is known already is decided by whoever records it. No database and no network here.
"""

import json
from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from app.ratings.matches import MatchColumns
from app.services.file_text import Format, Records, TextFile, not_understood, read_records
from app.services.headers import Plan, understand_header
from app.services.match_rows import BadCell, Draft, Evidence, RowReader
from app.services.settling import settle

MAX_ERRORS_KEPT = 100
MAX_FILE_BYTES = 2 * 2**30


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with one line of a file; the header is line 1."""

    line: int
    column: str | None
    field: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class MatchFile:
    """The matches of a file: the good lines in file order with the line of each, the first errors, and how the columns were understood."""

    columns: MatchColumns
    lines: list[int]
    errors: list[LineError]
    error_count: int
    digest: str
    mapping: dict[str, str]
    ignored: list[str]


def read_match_file(
    path: Path,
    *,
    mapping: Mapping[str, str] | None = None,
    format: Format | None = None,  # noqa: A002 - the word that callers and the command line use
    on_progress: Callable[[int, int], None] | None = None,
    max_bytes: int = MAX_FILE_BYTES,
    max_matches: int | None = None,
) -> MatchFile:
    """The matches of a file. Raises FileNotUnderstood, and never for a single bad line: those are listed.

    `mapping` says which column is which field where the names do not (field → column; `context.<name>` keeps a column as context; an empty column switches
    a field off). The digest covers the unpacked bytes and the mapping as understood: equal digests mean equal matches.
    `on_progress` is told the bytes read so far and the bytes of the file.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise not_understood(f"“{path.name}” cannot be opened: {error.strerror}.", "Check the path.") from error
    with file:
        return _read(file, _Intake(dict(mapping or {}), max_matches), format, on_progress, max_bytes)


def _read(file: BufferedReader, intake: "_Intake", form: Format | None, on_progress: Callable[[int, int], None] | None, max_bytes: int) -> MatchFile:
    text = TextFile(file, max_bytes=max_bytes, on_progress=on_progress)
    for records in read_records(text.lines(), form, filter(None, intake.mapping.values()), intake.report):
        intake.take(records)
    columns, lines = settle(intake.draft, intake.evidence, intake.report_outcome)
    plan = intake.plan
    text.sha256.update(json.dumps(plan.mapping, sort_keys=True).encode())
    return MatchFile(columns, lines, intake.errors, intake.error_count, text.sha256.hexdigest(), plan.mapping, plan.ignored)


class _Intake:
    """What has been read of one file so far: the draft of its good lines, and the errors of the others."""

    def __init__(self, mapping: Mapping[str, str], max_matches: int | None) -> None:
        self.mapping = mapping
        self.draft = Draft()
        self.evidence = Evidence()
        self.errors: list[LineError] = []
        self.error_count = 0
        self._max_matches = max_matches
        self.plan = Plan((), {}, "own", {})
        self._reader = RowReader(self.plan, self.evidence)

    def take(self, records: Records) -> None:
        """Read all rows at once; where that fails, one by one, so that the bad ones are named and the others kept."""
        if self.plan.header != records.header:
            self._understand(records)
        if not records.rows:
            return
        try:
            self.draft.extend(self._reader.read(records.lines, records.rows))
        except BadCell:
            for line, row in zip(records.lines, records.rows, strict=True):
                self._take_row(line, row)
        if self._max_matches is not None and len(self.draft.lines) > self._max_matches:
            raise not_understood(
                f"The file holds more than {self._max_matches:,} matches, the most that are taken at once here.",
                "Split it and import the parts one after the other, or use `arpad import` beside the server, which has no such limit.",
            )

    def _take_row(self, line: int, row: list[str]) -> None:
        try:
            self.draft.extend(self._reader.read([line], [row]))
        except BadCell as error:
            self.report(line, error.detail, error.column, error.field)

    def _understand(self, records: Records) -> None:
        plan = understand_header(records.header, self.mapping)
        if self.plan.mapping != {name: plan.mapping.get(name) for name in self.plan.mapping}:
            line = records.lines[0]
            raise not_understood(
                f"From line {line} on, new names change how the file is read.", "Use the same names on every line, or map every field."
            )
        self.plan = plan
        self._reader = RowReader(plan, self.evidence)

    def report(self, line: int, detail: str, column: str | None = None, field: str | None = None) -> None:
        self.error_count += 1
        insort(self.errors, LineError(line, column, field, detail), key=lambda error: error.line)
        del self.errors[MAX_ERRORS_KEPT:]

    def report_outcome(self, line: int, detail: str) -> None:
        self.report(line, detail, self.plan.mapping.get("outcome"), "outcome")

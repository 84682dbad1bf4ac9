"""From an open file to lines of text, and from lines to rows under a header, a few thousand at a time.

Here are gzip, UTF-8, the limits on size and line length, the sha256 of what was read, CSV (comma, semicolon or tab) and NDJSON. NDJSON is a table too: its
header is every name met so far, and grows. A line that is no record is reported and left out; what the cells mean is decided above.
"""

import csv
import gzip
import hashlib
import io
import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from app.errors import Fault, FileNotUnderstood
from app.services.cells import NESTED

Format = Literal["csv", "ndjson"]
Report = Callable[[int, str], None]

MAX_LINE_BYTES = 2**20
_ROWS_AT_ONCE = 256  # keeps the memory small even where every line is as long as it may be
MAX_COLUMNS = 1000
_DELIMITERS = ",;\t"
_QUOTED = re.compile('"[^"]*"')
_CHUNK_BYTES = 2**18
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FOREIGN_BEGINNINGS = {
    b"PK\x03\x04": ("a ZIP or Excel file", "Unpack it, or save the sheet as CSV (UTF-8)."),
    b"\xd0\xcf\x11\xe0": ("an old Excel file", "Save the sheet as CSV (UTF-8)."),
    b"\xff\xfe": ("UTF-16 text", "Save it as UTF-8."),
    b"\xfe\xff": ("UTF-16 text", "Save it as UTF-8."),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file", "Unpack it, or pack it with gzip."),
    b"\xfd7zXZ": ("an xz file", "Unpack it, or pack it with gzip."),
    b"BZh": ("a bzip2 file", "Unpack it, or pack it with gzip."),
    b"PAR1": ("a Parquet file", "Save the table as CSV (UTF-8)."),
}

csv.field_size_limit(MAX_LINE_BYTES)  # the library's 131,072 is short of the prompts that people keep beside votes


def not_understood(detail: str, *remedies: str, pointer: str = "") -> FileNotUnderstood:
    """The error with its remedies: within the sentence that people read, and as faults for programs."""
    return FileNotUnderstood(" ".join((detail, *remedies)), [Fault(pointer, remedy) for remedy in remedies])


class TextFile:
    """The lines of an open file, each with its line feed; what is read is counted and hashed on the way."""

    def __init__(self, file: io.BufferedReader, *, max_bytes: int, on_progress: Callable[[int, int], None] | None = None) -> None:
        self.sha256 = hashlib.sha256()
        self._file = file
        self._total = os.fstat(file.fileno()).st_size
        self._max_bytes = max_bytes
        self._on_progress = on_progress
        self._lines_before = 0

    def lines(self) -> Iterator[str]:
        """Every line, in order. Raises FileNotUnderstood where the bytes are no text that Arpad reads."""
        return chain.from_iterable(io.StringIO(text, newline="\n") for text in self._texts())

    def _texts(self) -> Iterator[str]:
        """Texts that end where a line ends, so that no character and no line is ever cut."""
        rest = b""
        for chunk in self._chunks():
            cut = chunk.rfind(b"\n") + 1
            self._refuse_long_line(len(rest) + (chunk.find(b"\n") if cut else len(chunk)))
            if cut:
                yield self._decode(rest + chunk[:cut])
                rest = chunk[cut:]
            else:
                rest += chunk
        if rest:
            yield self._decode(rest)

    def _chunks(self) -> Iterator[bytes]:
        read = self._opened()
        size = 0
        while chunk := read(_CHUNK_BYTES):
            size += len(chunk)
            if size > self._max_bytes:
                raise not_understood(
                    f"The file holds more than {self._max_bytes:,} bytes (unpacked).", "Split it and import the parts one after the other."
                )
            self.sha256.update(chunk)
            yield chunk
            if self._on_progress is not None:
                self._on_progress(self._file.tell(), self._total)

    def _opened(self) -> Callable[[int], bytes]:
        beginning = self._file.peek(8)[:8]
        for magic, (what, remedy) in _FOREIGN_BEGINNINGS.items():
            if beginning.startswith(magic):
                raise not_understood(f"This is {what}.", remedy)
        return _gzip_reader(self._file) if beginning.startswith(_GZIP) else self._file.read

    def _decode(self, block: bytes) -> str:
        if not self._lines_before:
            block = block.removeprefix(_BYTE_ORDER_MARK)
        if (position := block.find(0)) >= 0:
            raise not_understood(f"Line {self._line_at(block, position)} contains a NUL byte: this is no text.", "Save it as CSV or NDJSON in UTF-8.")
        try:
            text = block.decode()
        except UnicodeDecodeError as error:
            raise not_understood(f"Line {self._line_at(block, error.start)} is not UTF-8.", "Save the file as UTF-8.") from error
        self._lines_before += block.count(b"\n")
        return text

    def _refuse_long_line(self, length: int) -> None:
        if length > MAX_LINE_BYTES:
            raise not_understood(
                f"Line {self._lines_before + 1} is longer than {MAX_LINE_BYTES:,} bytes.", "Write one match per line, lines ending in LF or CRLF."
            )

    def _line_at(self, block: bytes, position: int) -> int:
        return self._lines_before + block.count(b"\n", 0, position) + 1


def _gzip_reader(file: io.BufferedReader) -> Callable[[int], bytes]:
    unpacked = gzip.GzipFile(fileobj=file)

    def read(size: int) -> bytes:
        try:
            return unpacked.read(size)
        except EOFError as error:
            raise not_understood("The gzip file is cut: its end is missing.", "Copy or download it again.") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise not_understood("The gzip file is damaged.", "Copy or download it again.") from error

    return read


@dataclass(frozen=True, slots=True)
class Records:
    """Some rows, the line that each begins on, and the header that they stand under."""

    header: tuple[str, ...]
    lines: list[int]
    rows: list[list[str]]


def read_records(lines: Iterator[str], form: Format | None, columns: Iterable[str], report: Report) -> Iterator[Records]:
    """The records of a file, at least one (perhaps empty) `Records`. `columns` are those of NDJSON that somebody asked for by name.

    Raises FileNotUnderstood for an empty file, a JSON array, and a quoted value that never ends.
    """
    number, beginning = _first_text(lines)
    if form is None:
        if beginning.lstrip().startswith("["):
            raise not_understood("The file is a JSON array.", "Write one object per line (NDJSON).")
        form = "ndjson" if beginning.lstrip().startswith("{") else "csv"
    everything = chain([beginning], lines)
    return _csv_records(everything, number, report) if form == "csv" else _json_records(everything, number, columns, report)


def _first_text(lines: Iterator[str]) -> tuple[int, str]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            return number, line
    raise not_understood("The file is empty.", "Its first line names the columns: first,second,outcome.")


def _csv_records(lines: Iterator[str], number: int, report: Report) -> Iterator[Records]:
    beginning = next(lines)
    delimiter = max(_DELIMITERS, key=_QUOTED.sub("", beginning).count)
    rows = _csv_rows(chain([beginning], lines), delimiter, number, report)
    header_line, names = next(rows, (number, []))
    header = tuple(" ".join(name.split()) for name in names)
    if header_line != number or not any(header):
        raise not_understood("The first line is no header.", "Its first line names the columns: first,second,outcome.")
    yield from _bundled(header, rows)


def _csv_rows(lines: Iterator[str], delimiter: str, number: int, report: Report) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        line = number + reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            _report_csv_error(line, str(error), report)
            continue
        if line > number and (len(row) > MAX_COLUMNS or (reader.line_num > line - number + 1 and sum(map(len, row)) > MAX_LINE_BYTES)):
            report(line, f"has more than {MAX_COLUMNS} values or {MAX_LINE_BYTES:,} characters; write one match per line")
        elif row and (row[0] or any(map(str.strip, row))):
            yield line, row


def _report_csv_error(line: int, message: str, report: Report) -> None:
    if "unexpected end" in message or "field larger" in message:
        raise not_understood(f"A quoted value that begins on line {line} does not end.", 'Close it with ", and write a quote inside a value twice.')
    report(line, f'is no CSV ({message}); put a value that contains a quote or a line break in quotes, and write a quote inside it twice (")')


def _bundled(header: tuple[str, ...], rows: Iterator[tuple[int, list[str]]]) -> Iterator[Records]:
    records = Records(header, [], [])
    for line, row in rows:
        records.lines.append(line)
        records.rows.append(row)
        if len(records.lines) == _ROWS_AT_ONCE:
            yield records
            records = Records(header, [], [])
    yield records


def _json_records(lines: Iterator[str], number: int, columns: Iterable[str], report: Report) -> Iterator[Records]:
    met: dict[str, None] = {}
    asked = dict.fromkeys(columns)
    for numbers, objects in _json_bundles(_json_objects(lines, number, report)):
        for each in objects:
            met |= dict.fromkeys(each)
        if not met:
            raise not_understood(
                "No line of the file is a JSON object.", 'Write one match per line: {"first": "Alice", "second": "Bob", "outcome": "first"}.'
            )
        if len(met) > MAX_COLUMNS:
            raise not_understood(f"The objects have more than {MAX_COLUMNS} different names.", "Write the same names in each line.")
        header = tuple(asked | met)
        yield Records(header, numbers, [[each.get(name, "") for name in header] for each in objects])
    if absent := sorted(asked.keys() - met):
        listed = ", ".join(f"“{name}”" for name in met)
        raise not_understood(
            f"No line has the name {' or '.join(f'“{name}”' for name in absent)}, which a field is mapped to.", f"The names are {listed}."
        )


def _json_bundles(objects: Iterator[tuple[int, dict[str, str]]]) -> Iterator[tuple[list[int], list[dict[str, str]]]]:
    numbers: list[int] = []
    bundle: list[dict[str, str]] = []
    for number, each in objects:
        numbers.append(number)
        bundle.append(each)
        if len(bundle) == _ROWS_AT_ONCE:
            yield numbers, bundle
            numbers, bundle = [], []
    yield numbers, bundle


def _json_objects(lines: Iterator[str], number: int, report: Report) -> Iterator[tuple[int, dict[str, str]]]:
    for line, text in enumerate(lines, start=number):
        if not text.strip():
            continue
        try:
            each = json.loads(text)
        except (ValueError, RecursionError) as error:
            report(line, f"is no JSON ({getattr(error, 'msg', error)}); write one object per line")
            continue
        if isinstance(each, dict) and len(each) <= MAX_COLUMNS:
            yield line, {name: _cell(name, value) for name, value in each.items()}
        else:
            report(line, "is no JSON object of a match; write one object per line")


def _cell(name: str, value: object) -> str:
    """The value as a cell of CSV would say it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    flat_context = name.casefold() == "context" and isinstance(value, dict) and not any(isinstance(each, dict | list) for each in value.values())
    return json.dumps(value) if flat_context or not isinstance(value, dict | list) else NESTED

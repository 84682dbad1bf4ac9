"""The representations of a collection: JSON, CSV for spreadsheets, NDJSON for pipes; and which one a request asks for.

A suffix in the path decides before the header Accept; what is not offered is answered with JSON.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import NoneType
from typing import Any, get_args, get_type_hints

from pydantic_core import to_json
from starlette.requests import Request
from typing_extensions import is_typeddict

JSON = "application/json"
CSV = "text/csv; charset=utf-8"
NDJSON = "application/x-ndjson"
SUFFIXES: Mapping[str, str] = {".json": JSON, ".csv": CSV, ".ndjson": NDJSON}

_ACCEPTED: Mapping[str, str] = {
    "application/json": JSON,
    "text/csv": CSV,
    "application/x-ndjson": NDJSON,
    "application/ndjson": NDJSON,
    "application/jsonl": NDJSON,
}
_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")

Path = tuple[str, ...]


def json_bytes(value: object) -> bytes:
    """JSON as every answer has it: no NaN, no escapes beyond what JSON asks for."""
    return to_json(value, inf_nan_mode="null")


def negotiated(request: Request) -> str:
    """The media type that a request for a collection asks for."""
    for suffix, media_type in SUFFIXES.items():
        if request.scope["path"].endswith(suffix):
            return media_type
    best, quality = JSON, 0.0
    for part in request.headers.get("accept", "").split(","):
        name, _, parameters = part.partition(";")
        offered = _ACCEPTED.get(name.strip().lower())
        if offered and (wanted := _quality(parameters)) > quality:
            best, quality = offered, wanted
    return best


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def rows_as(media_type: str, rows: Iterable[Mapping[str, Any]], row_type: type) -> bytes:
    """The rows of a collection as CSV or NDJSON."""
    if media_type == NDJSON:
        return b"".join(json_bytes(row) + b"\n" for row in rows)
    paths = columns_of(row_type)
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(".".join(path) for path in paths)
    writer.writerows([cell(_at(row, path)) for path in paths] for row in rows)
    return target.getvalue().encode()


@cache
def columns_of(row_type: type) -> tuple[Path, ...]:
    """The columns of a row type: nested members as `live.rating`, whether a row has them or not."""
    return tuple(_columns(row_type))


def _columns(row_type: Any, path: Path = ()) -> Iterator[Path]:  # noqa: ANN401  (a type of any form)
    for name, hint in get_type_hints(row_type).items():
        options = [hint, *(option for option in get_args(hint) if option is not NoneType)]
        nested = next((option for option in options if is_typeddict(option)), None)
        if nested is None:
            yield (*path, name)
        else:
            yield from _columns(nested, (*path, name))


def _at(row: Any, path: Path) -> Any:  # noqa: ANN401  (a value of a JSON document)
    for name in path:
        row = None if row is None else row.get(name)
    return row


def cell(value: object) -> str:
    """A value as a cell. Text that a spreadsheet would take for a formula gets a leading apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_BEGINNINGS) and not _is_number(value) else value
    if isinstance(value, list | dict):
        return json_bytes(value).decode() if value else ""
    return repr(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text and text == text.strip()

"""What a single cell of a match file says: a key, a moment, a number, a flag, a context value.

Every reader takes the text as it stands in the file, trims it, and raises ValueError that says what to write instead.
Two things a single cell cannot decide are handed on as values: `DayMonth` (31/12 or 12/31) and `Reading` (a name that is also a slot's word).
"""

import json
import math
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from app.ratings.matches import MAX_WEIGHT, ContextValue, clean_key, to_microseconds

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

NESTED = "\0"  # stands for a list or an object within a line of NDJSON; no text of a file can contain it
_MEMO_LIMIT = 2**18
_SHOWN_CHARACTERS = 40
_SECOND = 1_000_000
_EARLIEST = to_microseconds(datetime.min.replace(tzinfo=UTC))
_LATEST = to_microseconds(datetime.max.replace(tzinfo=UTC))

_CLOCK = r"(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?(Z|UTC|[+-]\d\d(?::?\d\d)?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d\d?)\2(\d\d?)(?:[T ]{_CLOCK})?", re.ASCII | re.IGNORECASE)
_YEAR_LAST = re.compile(rf"(\d\d?)([-/.])(\d\d?)\2(\d{{4}})(?: {_CLOCK})?", re.ASCII | re.IGNORECASE)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_PARTLY_UNKNOWN = re.compile(r"(\d{4}|\?{4})\.(\d\d|\?\?)\.(\d\d|\?\?)", re.ASCII)
_UNIX = re.compile(r"(\d{10})(?:\.(\d{1,9})|(\d{3}))?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?", re.ASCII)
_FLAGS = {"1": True, "true": True, "yes": True, "t": True, "y": True, "0": False, "false": False, "no": False, "f": False, "n": False}


class Memo(dict[K, V]):
    """What was read before for the same text; also lets equal values be one object. Starts anew when it grows large."""

    def __init__(self, read: Callable[[K], V]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: K) -> V:
        value = self._read(text)
        if len(self) >= _MEMO_LIMIT:
            self.clear()
        self[text] = value
        return value


@dataclass(frozen=True, slots=True)
class DayMonth:
    """A date like 5/11/2024, whose order only the whole file can tell."""

    text: str
    day_first: int | None
    month_first: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """The score that a cell states if it names a competitor, and if it names a slot, where these differ."""

    text: str
    by_name: float
    by_slot: float


def shown(text: str) -> str:
    """The text as a message quotes it."""
    if text == NESTED:
        return "a list or an object"
    printable = "".join(character if character.isprintable() else "�" for character in text[:_SHOWN_CHARACTERS])
    return f"“{printable}…”" if len(text) > _SHOWN_CHARACTERS else f"“{printable}”"


def read_key(text: str) -> str:
    """The name of a competitor."""
    if not (text := text.strip()):
        raise ValueError("is empty; write the competitor's name")
    return _clean(text)


def read_match_id(text: str) -> str | None:
    """The id of a match, None where there is none."""
    return _clean(text) if (text := text.strip()) else None


def _clean(text: str) -> str:
    if text == NESTED:
        raise ValueError("is a list or an object; write text")
    try:
        return clean_key(text)
    except ValueError as error:
        raise ValueError(f"{shown(text)} {error}") from error


def read_flag(text: str) -> bool | None:
    """True, false, or None for an empty cell."""
    if not (text := text.strip()):
        return None
    flag = _FLAGS.get(text.casefold())
    if flag is None:
        raise ValueError(f"{shown(text)} is neither yes nor no; write 1 or 0, true or false")
    return flag


def read_number(text: str) -> float | None:
    """A finite number, None for an empty cell."""
    if not (text := text.strip()):
        return None
    if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
        raise ValueError(f"{shown(text)} is not a number; write digits with a decimal point, or leave it empty")
    return number


def read_weight(text: str) -> float:
    """How many identical matches the line stands for; 1 for an empty cell."""
    number = read_number(text)
    if number is None:
        return 1.0
    if not 0.0 < number <= MAX_WEIGHT:
        raise ValueError(f"{shown(text.strip())} is out of range; a weight is above 0 and at most {MAX_WEIGHT:,.0f}")
    return number


def read_score(text: str) -> float:
    """The score of the first side: 1, 0.5 or 0."""
    number = read_number(text)
    if number not in {1.0, 0.5, 0.0}:
        raise ValueError(f"{shown(text.strip())} is not a score; write 1, 0.5 or 0 for the first side")
    return number


def read_context_value(text: str) -> ContextValue:
    """Text, or a number where the text is a plain one (no leading zeros, at most 15 digits); None for an empty cell."""
    text = text.strip()
    if text == NESTED:
        raise ValueError("is a list or an object; write text, a number, true or false")
    if _JSON_NUMBER.fullmatch(text):
        return float(text)
    return text or None


def read_context(text: str) -> dict[str, ContextValue]:
    """The object of a column `context`."""
    if not (text := text.strip()):
        return {}
    try:
        context = json.loads(text)
    except (ValueError, RecursionError):
        context = None
    if not isinstance(context, dict) or any(isinstance(value, list | dict) for value in context.values()):
        raise ValueError(f'{shown(text)} is not a context; write an object of single values such as {{"surface": "clay"}}')
    return context


def read_moment(text: str) -> int | DayMonth | None:
    """Microseconds since the epoch; None for an empty cell and for dates with unknown parts; times without an offset are UTC."""
    if not (text := text.strip()):
        return None
    if "?" in text and _PARTLY_UNKNOWN.fullmatch(text):
        return None
    try:
        moment = _moment(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{shown(text)} is not a date; write 2024-12-31 or 2024-12-31T18:00:00Z ({error})") from error
    if isinstance(moment, int) and not _EARLIEST <= moment <= _LATEST:
        raise ValueError(f"{shown(text)} is outside the years 1 to 9999 in UTC; correct the date or leave it empty")
    return moment


def _moment(text: str) -> int | DayMonth:
    if match := _YEAR_FIRST.fullmatch(text):
        year, _, month, day, *clock = match.groups()
        return _midnight(year, month, day) + _clock(*clock)
    if match := _COMPACT.fullmatch(text):
        return _midnight(*match.groups())
    if match := _UNIX.fullmatch(text):
        seconds, fraction, milliseconds = match.groups()
        return int(seconds) * _SECOND + _fraction(fraction or milliseconds)
    if match := _YEAR_LAST.fullmatch(text):
        one, _, two, year, *clock = match.groups()
        return _day_month(text, one, two, year, _clock(*clock))
    raise ValueError("the year has four digits and the month is a number")


def _day_month(text: str, one: str, two: str, year: str, clock: int) -> DayMonth:
    readings: list[int | None] = []
    for month, day in ((two, one), (one, two)):
        try:
            readings.append(_midnight(year, month, day) + clock)
        except ValueError:
            readings.append(None)
    if readings == [None, None]:
        raise ValueError("there is no such day")
    return DayMonth(text, *readings)


def _midnight(year: str, month: str, day: str) -> int:
    return to_microseconds(datetime(int(year), int(month), int(day), tzinfo=UTC))


def _clock(hour: str | None, minute: str | None, second: str | None, fraction: str | None, offset: str | None) -> int:
    if hour is None or minute is None:
        return 0
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 59:
        raise ValueError("a clock goes from 00:00:00 to 23:59:59")
    seconds = (int(hour) * 60 + int(minute)) * 60 + int(second or 0)
    return (seconds - _offset_seconds(offset)) * _SECOND + _fraction(fraction)


def _offset_seconds(offset: str | None) -> int:
    if offset is None or offset[0] not in "+-":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        raise ValueError("an offset goes up to 23:59")
    size = timedelta(hours=hours, minutes=minutes) // timedelta(seconds=1)
    return -size if offset[0] == "-" else size


def _fraction(digits: str | None) -> int:
    return int((digits or "0").ljust(6, "0")[:6])

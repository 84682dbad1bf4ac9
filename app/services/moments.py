"""Times and positions as people write them: RFC 3339, or a number of the log."""

import re
from datetime import UTC, datetime
from typing import Final

from app.ratings.matches import to_microseconds
from app.services.as_of import Moment

MAX_DIGITS: Final = 18

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LOST_PLUS = re.compile(r"(?<=\d) (\d\d:\d\d)$", re.ASCII)
"""In an address a plus is a space unless it is written %2B."""
_EARLIEST = to_microseconds(datetime.min.replace(tzinfo=UTC))
_LATEST = to_microseconds(datetime.max.replace(tzinfo=UTC))


def parse_moment(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 time. Raises ValueError that says what to write."""
    if not _RFC_3339.fullmatch(text):
        raise ValueError("must be a time with an offset, such as 2026-11-20T18:00:00Z, with at most six decimals")
    try:
        microseconds = to_microseconds(datetime.fromisoformat(text.upper()))
    except ValueError:
        raise ValueError("must be a time that exists: look at its day, its hour and its offset") from None
    if not _EARLIEST <= microseconds <= _LATEST:
        raise ValueError("must lie in the years 1 to 9999 in UTC")
    return microseconds


def parse_as_of(text: str) -> int | Moment:
    """A position of a log, an RFC 3339 time, or a date, which is its beginning in UTC. Raises ValueError that says what to write."""
    if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS:
        return int(text)
    text = f"{text}T00:00:00Z" if _DATE.fullmatch(text) else _LOST_PLUS.sub(r"+\1", text)
    try:
        return Moment(parse_moment(text))
    except ValueError as error:
        raise ValueError(f"must be a position of the log, such as 120, or a time; as a time it {error}") from None

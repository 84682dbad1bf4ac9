"""Cron lines: five fields, in UTC, read as Debian's cron reads them. What happens at those times is decided by the refits."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from cronsim import CronSim, CronSimError

FIELDS: Final = ("minute", "hour", "day of the month", "month", "day of the week")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def checked_schedule(line: str) -> str:
    """The line with single spaces. Raises ValueError that says what is wrong and how such a line is written."""
    fields = line.split()
    how = f"Write the five fields {', '.join(FIELDS)} in UTC, as “0 4 * * *” for every day at four."
    if len(fields) != len(FIELDS):
        raise ValueError(f"a cron line has five fields, not {len(fields)}. {how}")
    clean = " ".join(fields)
    try:
        next(CronSim(clean, _EPOCH))
    except StopIteration:
        raise ValueError(f"“{clean}” never comes. {how}") from None
    except CronSimError as error:
        raise ValueError(f"“{clean}” is no cron line: {str(error).lower()}. {how}") from None
    return clean


@lru_cache(maxsize=4096)
def next_time(line: str, after: int) -> int:
    """The first time of a checked line after a moment, both in microseconds since the epoch."""
    found = next(CronSim(line, _EPOCH + timedelta(microseconds=after)), datetime.max.replace(tzinfo=UTC))
    return (found - _EPOCH) // timedelta(microseconds=1)

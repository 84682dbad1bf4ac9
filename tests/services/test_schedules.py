"""Cron lines: what is one, when it comes, and what is told of those that are none."""

from datetime import UTC, datetime

import pytest

from app.errors import BadInput
from app.services.league_settings import resolve_settings
from app.services.schedules import checked_schedule, next_time


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("line", "after", "comes"),
    [
        ("* * * * *", "2026-11-21 06:04:30", "2026-11-21 06:05:00"),
        ("0 4 * * *", "2026-11-21 03:59:59", "2026-11-21 04:00:00"),
        ("0 4 * * *", "2026-11-21 04:00:00", "2026-11-22 04:00:00"),
        ("30 0 1 * *", "2026-12-01 00:30:00", "2027-01-01 00:30:00"),
        ("0 0 29 2 *", "2026-11-21 00:00:00", "2028-02-29 00:00:00"),
        ("*/20 9-17 * * 1-5", "2026-11-20 17:40:00", "2026-11-23 09:00:00"),
        ("0 0 13 * fri", "2026-11-01 00:00:00", "2026-11-06 00:00:00"),
        # Summer time begins and ends on these days in Europe: no hour is left out and none comes twice.
        ("30 2 * * *", "2026-03-28 12:00:00", "2026-03-29 02:30:00"),
        ("30 2 * * *", "2026-10-25 02:30:00", "2026-10-26 02:30:00"),
    ],
)
def test_the_next_time_of_a_line_is_after_the_moment_and_in_utc(line, after, comes):
    assert checked_schedule(line) == line
    assert next_time(line, moment(after)) == moment(comes)


def test_a_microsecond_before_is_before():
    noon = moment("2026-11-21 12:00:00")
    assert next_time("0 12 * * *", noon - 1) == noon


def test_spaces_are_made_single():
    assert checked_schedule("  0  4 *\t* * \n") == "0 4 * * *"


@pytest.mark.parametrize(
    "line", ["", "* * * *", "* * * * * *", "@daily", "60 * * * *", "0 25 * * *", "0 0 31 2 *", "0 0 * 13 *", "0 0 * * 8", "x 0 * * *"]
)
def test_what_is_no_cron_line_is_told_with_the_way_to_write_one(line):
    with pytest.raises(BadInput) as caught:
        resolve_settings({"refit": {"cron": line}})
    (fault,) = caught.value.faults
    assert fault.pointer == "/settings/refit/cron"
    assert "minute, hour, day of the month, month, day of the week in UTC" in fault.detail
    assert not fault.detail.startswith("Value error")


def test_a_wrong_field_is_named():
    with pytest.raises(ValueError, match="bad hour"):
        checked_schedule("0 25 * * *")

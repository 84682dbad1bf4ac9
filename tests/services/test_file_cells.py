"""What single cells say: dates in every form that is understood, and what is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ratings.matches import from_microseconds, to_microseconds
from app.services import cells
from app.services.cells import DayMonth, Memo, read_moment, shown

MOMENTS = {
    "2024-12-31": "2024-12-31T00:00:00+00:00",
    "2024/12/31": "2024-12-31T00:00:00+00:00",
    "2024.12.31": "2024-12-31T00:00:00+00:00",
    "2024-1-2": "2024-01-02T00:00:00+00:00",
    "20241231": "2024-12-31T00:00:00+00:00",
    " 2024-12-31 18:30 ": "2024-12-31T18:30:00+00:00",
    "2024-12-31 18:30:05": "2024-12-31T18:30:05+00:00",
    "2024-12-31T18:30:05Z": "2024-12-31T18:30:05+00:00",
    "2024-12-31t18:30:05.25z": "2024-12-31T18:30:05.250000+00:00",
    "2024-12-31T18:30:05.123456789+02:00": "2024-12-31T16:30:05.123456+00:00",
    "2024-12-31 23:30:00-0130": "2025-01-01T01:00:00+00:00",
    "2024-12-31 23:30:00+00": "2024-12-31T23:30:00+00:00",
    "2024-12-31 23:30:00 UTC": "2024-12-31T23:30:00+00:00",
    "1700000000": "2023-11-14T22:13:20+00:00",
    "1700000000123": "2023-11-14T22:13:20.123000+00:00",
    "1700000000.1234": "2023-11-14T22:13:20.123400+00:00",
    "0001-01-01": "0001-01-01T00:00:00+00:00",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999+00:00",
}


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_is_read(text):
    moment = read_moment(text)
    assert isinstance(moment, int)
    assert from_microseconds(moment).isoformat() == MOMENTS[text]


@pytest.mark.parametrize("text", ["", "  ", "1997.??.??", "????.??.??", "1997.05.??"])
def test_a_missing_moment_is_none(text):
    assert read_moment(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "0000-01-01",
            "12024-01-01",
            "2024-01",
            "2024",
            "45292",
            "31 Dec 2024",
            "31/12/24",
            "30/02/2024",
            "00/00/2024",
        ),
        *(
            "2024-01-01 24:00",
            "2024-01-01 12:60",
            "2024-01-01T12:00:60Z",
            "2024-01-01T12:00+24:00",
            "2024-01-01T12",
            "2024-01/01",
            "NA",
            "٢٠٢٤-٠١-٠١",
        ),
        *("0001-01-01T00:00+01:00", "9999-12-31T23:59-01:00", "20241301", "17000000001", "-1700000000", "2024-01-01T00:00:00+1", "?", "????-??-??"),
    ],
)
def test_what_is_no_moment_is_refused_with_the_text(text):
    with pytest.raises(ValueError, match=r"is not a date; write 2024-12-31|is outside the years 1 to 9999"):
        read_moment(text)


@given(st.datetimes(timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))), st.sampled_from("T "))
def test_an_rfc_3339_time_is_read_to_the_microsecond(moment, separator):
    microseconds = to_microseconds(moment)
    if to_microseconds(datetime.min.replace(tzinfo=UTC)) <= microseconds <= to_microseconds(datetime.max.replace(tzinfo=UTC)):
        assert read_moment(moment.isoformat(separator)) == microseconds


@given(st.dates())
def test_a_date_with_the_year_last_leaves_the_order_open(day):
    moment = read_moment(f"{day.day}/{day.month}/{day.year:04}")
    midnight = to_microseconds(datetime(day.year, day.month, day.day, tzinfo=UTC))
    assert isinstance(moment, DayMonth)
    assert moment.day_first == midnight
    assert (moment.month_first == midnight) == (day.day == day.month)
    assert (moment.month_first is None) == (day.day > 12)


@given(st.text())
def test_readers_return_or_raise_value_error(text):
    for name in (
        "read_key",
        "read_match_id",
        "read_flag",
        "read_number",
        "read_weight",
        "read_score",
        "read_context",
        "read_context_value",
        "read_moment",
    ):
        try:
            getattr(cells, name)(text)
        except ValueError as error:
            str(error).encode()


@pytest.mark.parametrize(("text", "flag"), [("1", True), ("TRUE", True), ("Yes", True), ("0", False), ("false", False), (" n ", False), ("", None)])
def test_a_flag_is_read(text, flag):
    assert cells.read_flag(text) is flag


@pytest.mark.parametrize("text", ["1_000", "inf", "1e999", "0x1", "١", "1,5", "--1"])
def test_what_python_would_take_for_a_number_may_still_be_none(text):
    with pytest.raises(ValueError, match="is not a number"):
        cells.read_number(text)


def test_a_memo_shares_what_it_read_and_stays_bounded(monkeypatch):
    monkeypatch.setattr(cells, "_MEMO_LIMIT", 2)
    memo = Memo(lambda text: [text])
    assert memo["a"] is memo["a"]
    assert [memo[text] for text in "abc"] == [["a"], ["b"], ["c"]]
    assert len(memo) <= 2


def test_a_message_quotes_no_control_characters_and_no_long_text():
    assert shown("a\x1b[31m\ud800" + "x" * 100).encode().isascii() is False
    assert "\x1b" not in shown("a\x1b[31m")
    assert len(shown("x" * 1000)) == 43

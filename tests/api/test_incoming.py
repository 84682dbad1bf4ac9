"""From JSON to what the services take: the same match by every way, times as RFC 3339 has them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.bodies import Body, members_of, pointer
from app.api.incoming import columns_of, match_of
from app.api.schemas import NewBatch, NewMatch
from app.errors import BadInput
from app.ratings.matches import MAX_WEIGHT, SCORES, format_time
from app.services.moments import parse_moment

keys = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=8)
moments = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(UTC)).map(lambda moment: moment.isoformat())  # noqa: DTZ001
finite = st.floats(allow_nan=False, allow_infinity=False)
matches = st.fixed_dictionaries(
    {"first": keys, "second": keys, "outcome": st.sampled_from(sorted(SCORES))},
    optional={
        "match_id": st.none() | keys,
        "played_at": st.none() | moments,
        "weight": st.floats(min_value=0, max_value=MAX_WEIGHT, exclude_min=True),
        "neutral": st.booleans(),
        "first_score": st.none() | finite,
        "second_score": st.none() | finite,
        "context": st.none() | st.dictionaries(keys, st.none() | st.booleans() | finite | keys, max_size=3),
    },
)


def one_by_one(rows):
    """The matches as single bodies would have them, or the rows at fault."""
    made, bad = [], set()
    for number, row in enumerate(rows):
        try:
            made.append(match_of(row))
        except BadInput:
            bad.add(number)
    return made, bad


def batch_faults(batch, row_part):
    with pytest.raises(BadInput) as refused:
        columns_of(batch)
    return {int(fault.pointer.split("/")[row_part]) for fault in refused.value.faults}


@given(st.lists(matches, min_size=1, max_size=6))
def test_a_match_is_the_same_alone_in_rows_and_in_columns(rows):
    made, bad = one_by_one(rows)
    names = {name for row in rows for name in row}
    defaults = {"weight": 1.0, "neutral": False}
    columns = {"columns": {name: [row.get(name, defaults.get(name)) for row in rows] for name in names}}
    if bad:
        assert batch_faults({"matches": rows}, 2) == bad
        assert batch_faults(columns, 3) == bad
        return
    by_row, by_column = columns_of({"matches": rows}), columns_of(columns)
    assert by_row == by_column
    for name in by_row.__dataclass_fields__:
        assert getattr(by_row, name) == [getattr(match, name) for match in made]


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),  # noqa: DTZ001
    st.integers(min_value=-1439, max_value=1439),
    st.sampled_from("Tt "),
)
def test_a_time_is_the_instant_that_it_names(moment, minutes, separator):
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert datetime.fromisoformat(format_time(parse_moment(aware.isoformat(separator)))) == aware


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-20t18:00:00z", "2026-11-20T18:00:00Z"),
        ("2026-11-20T18:00:00.5+01:00", "2026-11-20T17:00:00.500000Z"),
        ("2026-11-20T18:00:00-00:00", "2026-11-20T18:00:00Z"),
    ],
)
def test_times_are_shown_in_utc(text, shown):
    assert format_time(parse_moment(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-20",
        "20261120T180000Z",
        "2026-11-20T18:00:00",
        "2026-11-20T18:00:60Z",
        "2026-13-01T00:00:00Z",
        "٢٠٢٦-11-20T18:00:00Z",
        "2026-11-20T18:00:00Z ",
    ],
)
def test_what_is_no_rfc_3339_time_is_refused(text):
    with pytest.raises(ValueError, match=r"must be a time|is no time"):
        parse_moment(text)


def test_values_that_only_python_thinks_equal_stay_apart():
    contexts = [{"a": True}, {"a": 1.0}, {"a": 0.0}, {"a": -0.0}, {"a": False}, {"a": "1.0"}]
    made = columns_of({"matches": [{"first": "A", "second": "B", "outcome": "draw", "context": context} for context in contexts]})
    assert made.context == ['{"a":true}', '{"a":1.0}', '{"a":0.0}', '{"a":-0.0}', '{"a":false}', '{"a":"1.0"}']


def test_a_pointer_is_escaped():
    assert pointer(("a/b", 3, "~")) == "/a~1b/3/~0"


def test_members_are_known_at_every_depth():
    known = members_of(NewBatch)
    assert known[()] == ("matches", "columns")
    assert known["matches",] == members_of(NewMatch)[()]
    assert "first" in known["columns",]


def test_what_python_would_guess_is_not_guessed():
    body = Body(NewMatch)
    for sent in (b'{"first": "A", "second": "B", "outcome": "draw", "weight": "1"}', b'{"first": 1, "second": "B", "outcome": "draw"}'):
        with pytest.raises(BadInput):
            body.parse(sent)

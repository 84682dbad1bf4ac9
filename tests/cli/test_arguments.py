import pytest

from app.cli.arguments import assignments, checked, json_or_text, moment
from app.errors import BadInput


def test_an_assignment_is_split_at_its_first_equals_sign():
    assert assignments("--map", ["first=winner=1", "second="]) == {"first": "winner=1", "second": ""}


@pytest.mark.parametrize("texts", [["k"], ["=24"], [""], ["k=1", "k=2"]])
def test_what_is_no_assignment_or_given_twice_is_refused(texts):
    with pytest.raises(BadInput) as caught:
        assignments("--set", texts)
    assert caught.value.faults[0].pointer == "--set"


@pytest.mark.parametrize(("text", "value"), [("24", 24), ("null", None), ("true", True), ('{"a": 1}', {"a": 1}), ("davidson", "davidson"), ("", "")])
def test_a_value_is_json_where_it_can_be(text, value):
    assert json_or_text(text) == value


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [("1970-01-02", 86_400_000_000), ("1970-01-01T00:00:01Z", 1_000_000), ("1970-01-01T02:00:00.5+02:00", 500_000)],
)
def test_a_time_is_microseconds_since_the_epoch(text, microseconds):
    assert moment(text) == microseconds


@pytest.mark.parametrize("text", ["yesterday", "2026-11-20T18:00:00", "2026-13-01", "2026-11-20 "])
def test_a_time_without_its_offset_or_its_sense_is_refused_by_name(text):
    with pytest.raises(BadInput) as caught:
        checked("--expires", moment, text)
    assert caught.value.faults[0].pointer == "--expires"

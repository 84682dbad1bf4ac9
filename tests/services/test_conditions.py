"""How the conditions of a segment are written, and which contexts meet them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadInput
from app.ratings.matches import canonical_context
from app.services.conditions import MAX_CONDITIONS, WHOLE, Conditions, of_details, written

_names = st.text(st.characters(codec="ascii", exclude_categories=("Cc", "Zs")), min_size=1, max_size=8)
_values = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=8),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**53), 2**53),
)


@given(context=st.dictionaries(_names, _values, min_size=1, max_size=5))
def test_every_context_meets_the_conditions_that_it_spells(context):
    stored = canonical_context(context)
    conditions = Conditions.of_values(context)
    assert conditions.met_by(stored)
    assert Conditions.stored(conditions.text) == conditions == of_details({"where": json.loads(conditions.text)})
    nameable = {name: value for name, value in context.items() if "=" not in name}
    assert Conditions.of_texts(f"{name}={written(value)}" for name, value in nameable.items()).met_by(stored)


@given(values=st.dictionaries(_names, _values | st.sampled_from(["NaN", "Infinity", "1e999", "3.0", "007", "-0", "true", "null", "[1]"]), max_size=5))
def test_the_context_that_is_offered_for_conditions_meets_them(values):
    conditions = Conditions.of_values(values)
    assert conditions.met_by(canonical_context(conditions.context))
    assert Conditions.of_values(conditions.context) == conditions


def test_numbers_and_truth_are_offered_as_such_where_they_are_written_so():
    offered = Conditions.of_texts(["sets=3", "indoor=true", "version=3.10", "surface=Clay", "far=Infinity", "digits=12345678901234567890"]).context
    assert offered == {"sets": 3.0, "indoor": True, "version": "3.10", "surface": "Clay", "far": "Infinity", "digits": "12345678901234567890"}


@pytest.mark.parametrize(
    ("condition", "context", "meets"),
    [
        ("surface=Clay", {"surface": "Clay"}, True),
        ("surface=Clay", {"surface": "clay"}, False),
        ("surface=Clay", {"surface": "Clay ", "level": "Clay"}, False),
        ("surface=Clay", {}, False),
        ("surface=null", {"surface": None}, False),
        ("surface=", {"surface": ""}, True),
        ("sets=3", {"sets": 3}, True),
        ("sets=3", {"sets": "3"}, True),
        ("sets=3.0", {"sets": 3}, True),
        ("sets=3.0", {"sets": "3"}, False),
        ("version=3.10", {"version": "3.1"}, False),
        ("sets=1", {"sets": True}, False),
        ("indoor=true", {"indoor": True}, True),
        ("indoor=true", {"indoor": "true"}, True),
        ("indoor=true", {"indoor": 1}, False),
        ("formula=a=b", {"formula": "a=b"}, True),
        ("sets=[3]", {"sets": 3}, False),
        ("sets=NaN", {"sets": 3}, False),
        ("place=Zu\u0308rich", {"place": "Zürich"}, True),
    ],
    ids=str,
)
def test_a_value_is_compared_as_it_is_written(condition, context, meets):
    assert Conditions.of_texts([condition]).met_by(canonical_context(context)) is meets


def test_all_conditions_have_to_hold_in_whatever_order_they_come():
    one, other = Conditions.of_texts(["surface=Clay", "level=G"]), Conditions.of_texts(["level=G", "surface=Clay"])
    assert one == other
    assert one.text == '{"level":"G","surface":"Clay"}'
    assert str(one) == "level = G and surface = Clay"
    assert one.met_by('{"level":"G","surface":"Clay"}')
    assert not one.met_by('{"surface":"Clay"}')


def test_no_conditions_are_met_by_everything():
    assert not WHOLE
    assert WHOLE.text == ""
    assert Conditions.stored("") == WHOLE == Conditions.of_texts([]) == of_details({"fit": 1})
    assert WHOLE.met_by(None)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["surface"], "field=value"),
        (["=Clay"], "field=value"),
        (["surface=Clay", "surface=Hard"], "twice"),
        ([" surface=Clay"], "white space"),
        (["surface=a\nb"], "control"),
        (["s" * 201 + "=Clay"], "200"),
        (["surface=" + "c" * 201], "200"),
        ([f"field{n}=" + "é" * 200 for n in range(6)], "2,000 bytes"),
        ([f"field{n}=1" for n in range(MAX_CONDITIONS + 1)], "at most 8"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_condition_is_refused_by_the_name_of_the_parameter(texts, words):
    with pytest.raises(BadInput) as caught:
        Conditions.of_texts(texts, "--where")
    (fault,) = caught.value.faults
    assert fault.pointer == "--where"
    assert words in fault.detail


def test_a_field_without_a_value_is_refused():
    with pytest.raises(BadInput) as caught:
        Conditions.of_values({"surface": None})
    assert caught.value.faults[0].pointer == "/where/surface"

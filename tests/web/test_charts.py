"""The laws of the drawings: one scale holds every mark, keeps their order, and names the same values as the text."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web import charts
from app.web.charts import Marks, axis, common_scale, interval

POINTS = st.floats(-1e6, 1e6)
MARKS = st.builds(
    lambda live, fit, reach, by: Marks(by, live, fit, None if fit is None else fit - reach, None if fit is None else fit + reach),
    POINTS, st.none() | POINTS, st.floats(0, 1000), st.sampled_from(["live", "fit"]),
)  # fmt: skip


@given(st.lists(MARKS, min_size=1, max_size=20))
def test_the_common_scale_holds_every_mark_inside_the_drawing(marks):
    scale = common_scale(marks)
    for mark in marks:
        assert all(charts.INSET <= scale.x(value) <= charts.WIDTH - charts.INSET for value in mark.extent())


@given(st.lists(MARKS, min_size=1, max_size=20))
def test_the_scale_keeps_order_and_ratios(marks):
    scale = common_scale(marks)
    middle = (scale.low + scale.high) / 2
    assert scale.x(scale.low) < scale.x(middle) < scale.x(scale.high)
    assert scale.x(middle) == pytest.approx(charts.WIDTH / 2)


@given(st.lists(MARKS, min_size=1, max_size=20))
def test_an_axis_names_one_to_six_round_values_within_the_scale(marks):
    scale = common_scale(marks)
    assert 1 <= len(scale.ticks) <= 6
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks)
    assert len({later - earlier for earlier, later in zip(scale.ticks, scale.ticks[1:], strict=False)}) <= 1


@given(st.lists(MARKS, min_size=1, max_size=5))
def test_drawings_are_well_formed_and_carry_no_style(marks):
    scale = common_scale(marks)
    for drawing in (axis(scale, "g1"), *(interval(mark, scale, "g1", "title", "description") for mark in marks)):
        names = {name for element in ET.fromstring(drawing).iter() for name in element.attrib}
        assert not names & {"style", "fill", "stroke", "onload"}


def test_the_whisker_ends_where_the_interval_ends():
    marks = Marks("fit", 1500.0, 1600.0, 1550.0, 1650.0)
    scale = common_scale([marks])
    whisker = re.search(r'class="w" d="M([\d.]+) \d+v8m0-4H([\d.]+)', interval(marks, scale, "g", "", ""))
    assert whisker is not None
    assert [float(end) for end in whisker.groups()] == pytest.approx([scale.x(1550.0), scale.x(1650.0)], abs=0.051)


@pytest.mark.parametrize(("by", "last"), [("fit", "<circle"), ("live", "<path")])
def test_the_rating_that_ranks_is_filled_and_drawn_on_top(by, last):
    marks = Marks(by, 1500.0, 1510.0, 1490.0, 1530.0)
    drawing = interval(marks, common_scale([marks]), "g", "", "")
    assert drawing.count('class="on"') == drawing.count('class="off"') == 1
    assert f'{last} class="on"' in drawing
    assert drawing.index('"off"') < drawing.index('"on"')


def test_without_a_fit_only_the_live_rating_is_drawn():
    marks = Marks("live", 1500.0)
    drawing = interval(marks, common_scale([marks]), "g", "", "")
    assert "circle" not in drawing
    assert 'class="w"' not in drawing


def test_words_are_escaped():
    marks = Marks("live", 1500.0)
    assert "<b>" not in interval(marks, common_scale([marks]), "g", "<b>", "<b>")

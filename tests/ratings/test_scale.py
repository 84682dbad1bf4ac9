"""Points and natural units."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ratings.scale import expected_score, learning_rate, natural_unit, to_natural_units, to_points


def test_400_points_are_odds_of_ten_to_one():
    assert expected_score(400.0, 400.0) == pytest.approx(10 / 11, rel=1e-15)


def test_200_points_as_published():
    assert round(expected_score(200.0, 400.0), 6) == 0.759747


@given(st.floats(-3000.0, 3000.0), st.floats(50.0, 2000.0))
def test_expected_score_is_elos_formula(difference, scale):
    assert expected_score(difference, scale) == pytest.approx(1 / (1 + 10 ** (-difference / scale)), rel=1e-11)


def test_one_natural_unit_at_scale_400():
    assert natural_unit(400.0) == pytest.approx(173.7178, abs=5e-5)
    assert natural_unit(400.0) == pytest.approx(400.0 / math.log(10.0))


def test_the_rate_of_k_32():
    assert round(learning_rate(32.0, 400.0), 6) == 0.184207


@given(st.floats(-10.0, 10.0), st.floats(50.0, 2000.0), st.floats(0.0, 3000.0))
def test_points_and_natural_units_are_inverse(theta, scale, offset):
    assert to_natural_units(to_points(theta, scale, offset), scale, offset) == pytest.approx(theta, abs=1e-9)


def test_arrays_convert_as_numbers_do():
    assert to_points(np.array([0.0, 1.0])).tolist() == [1500.0, to_points(1.0)]

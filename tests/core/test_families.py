"""Losses of canonical families: their derivatives, and their behaviour far out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.families import Logistic, Softmax

ETA = st.floats(-800.0, 800.0)


@given(ETA, st.floats(0.0, 1.0))
def test_logistic_is_finite_and_consistent_everywhere(eta, y):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        terms = Logistic().terms(np.array([eta]), np.array([y]))
    mean = Logistic().mean(np.array([eta]))
    assert terms.residual == pytest.approx(mean - y, abs=1e-15)
    assert terms.curvature == pytest.approx(mean * (1 - mean), abs=1e-15)
    assert terms.value == pytest.approx(np.logaddexp(0.0, eta) - y * eta, rel=1e-12, abs=1e-12)


def test_a_residual_keeps_its_digits_where_the_mean_rounds_to_one():
    assert Logistic().terms(np.array([40.0]), np.array([1.0])).residual[0] == pytest.approx(-np.exp(-40.0), rel=1e-12, abs=0.0)


@given(st.lists(st.floats(-800.0, 800.0), min_size=3, max_size=3))
def test_softmax_is_finite_everywhere(eta):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        terms = Softmax().terms(np.array([eta]), np.array([[0.2, 0.5, 0.3]]))
    assert np.isfinite(terms.value).all()
    assert Softmax().mean(np.array([eta])).sum() == pytest.approx(1.0)
    assert terms.residual.sum() == pytest.approx(0.0, abs=1e-12)


@given(ETA, st.floats(0.0, 1.0))
def test_two_classes_with_a_reference_are_logistic(eta, y):
    binary = Softmax(reference=True).terms(np.array([[eta]]), np.array([[y, 1.0 - y]]))
    logistic = Logistic().terms(np.array([eta]), np.array([y]))
    assert binary.value == pytest.approx(logistic.value, rel=1e-12, abs=1e-12)
    assert binary.residual.ravel() == pytest.approx(logistic.residual, abs=1e-12)
    assert binary.curvature.ravel() == pytest.approx(logistic.curvature, abs=1e-12)

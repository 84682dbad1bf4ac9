"""Estimated standard errors of large leagues: close where everyone is joined to everyone by short ways, and where not, the fit says so."""

import numpy as np
import pytest

from app.core import inference
from app.ratings import bradley_terry
from tests.benchmarks.accuracy import HIGH, MEDIAN, divisions, relative_errors, simulated

N = 600


@pytest.fixture(autouse=True)
def nobody_is_few(monkeypatch):
    """Six hundred competitors are estimated as tens of thousands are."""
    monkeypatch.setattr(inference, "DENSE_LIMIT", 100)


def _fit(games, covariance):
    return bradley_terry(games.first, games.second, games.score, n_competitors=games.n, covariance=covariance)


@pytest.mark.parametrize("covariance", ["model", "robust"])
@pytest.mark.parametrize(("matches_each", "ties"), [(6, 0.0), (20, 0.0), (20, 0.7)])
def test_in_random_pairs_the_median_is_within_two_per_cent_and_nearly_all_within_five(covariance, matches_each, ties):
    errors = relative_errors(_fit(simulated(matches_each, ties, N), covariance))
    assert len(errors) == 200
    assert np.median(errors) <= MEDIAN
    assert np.quantile(errors, 0.99) <= HIGH


@pytest.mark.parametrize("covariance", ["model", "robust"])
def test_a_few_divisions_that_hardly_meet_are_no_obstacle(covariance):
    """The slow modes are as many as the divisions less one, and fewer than those that are computed."""
    errors = relative_errors(_fit(divisions(4, 0.005, 20, N), covariance))
    assert np.median(errors) <= MEDIAN
    assert np.quantile(errors, 0.99) <= HIGH


@pytest.mark.parametrize("covariance", ["model", "robust"])
def test_a_fit_of_divisions_that_hardly_meet_states_an_accuracy_no_better_than_it_is(covariance):
    fit = _fit(divisions(20, 0.01, 20, N), covariance)
    assert fit.standard_error_accuracy >= np.median(relative_errors(fit))

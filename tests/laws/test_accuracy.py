"""Standard errors of large leagues: within the contract by estimate or by elimination, and where neither helps, the fit says so."""

import numpy as np
import pytest

from app.core import inference, selected_inverses
from app.ratings import bradley_terry
from tests.benchmarks.accuracy import HIGH, MEDIAN, divisions, ladder, neighbours, relative_errors, simulated

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
@pytest.mark.parametrize("league", ["divisions", "ladder", "map"])
def test_leagues_with_more_slow_modes_than_are_computed_are_within_the_contract(covariance, league):
    played = {"divisions": divisions(20, 0.01, 20, N), "ladder": ladder(5, 20, N), "map": neighbours(24, 20)}
    fit = _fit(played[league], covariance)
    errors = relative_errors(fit)
    assert np.median(errors) <= MEDIAN
    assert np.quantile(errors, 0.99) <= HIGH


@pytest.mark.parametrize("covariance", ["model", "robust"])
def test_where_nothing_exact_is_affordable_a_fit_states_an_accuracy_no_better_than_it_is(monkeypatch, covariance):
    monkeypatch.setattr(selected_inverses, "MOST_ENTRIES", 100)
    fit = _fit(divisions(20, 0.01, 20, N), covariance)
    assert fit.standard_error_accuracy >= np.median(relative_errors(fit)) > MEDIAN

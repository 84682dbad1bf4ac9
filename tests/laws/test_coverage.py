"""Intervals hold what they are about, on sixty seeded leagues of every kind; five hundred are the business of `python -m tests.benchmarks coverage`."""

from itertools import pairwise

import numpy as np
import pytest

from tests.benchmarks.coverage import CASES, FEW, PRIOR_SD, measure

LEAGUES, TOLERANCE = 60, 0.01
every_case = pytest.mark.parametrize("case", CASES, ids=[f"{case.name}, {'few' if case.games == FEW else 'many'} games" for case in CASES])


@pytest.fixture(scope="module")
def measured():
    """Each case is played once."""
    seen = {}

    def of(case):
        key = case.name, case.games
        if key not in seen:
            seen[key] = measure(case, LEAGUES)
        return seen[key]

    return of


@every_case
def test_differences_are_covered_as_the_contract_asks(measured, case):
    low, high = case.target
    assert low - TOLERANCE <= measured(case).differences <= high + TOLERANCE


@every_case
def test_ranks_are_covered(measured, case):
    assert measured(case).ranks >= 0.93


@pytest.mark.parametrize("case", [case for case in CASES if case.spread == PRIOR_SD or case.games != FEW], ids=lambda case: case.name)
def test_those_called_first_are_first_as_often_as_said(measured, case):
    """With few games that holds where strengths are as the prior has them."""
    of = measured(case)
    for lower, upper in pairwise((0.0, 0.05, 0.25, 0.6, 1.01)):
        band = (of.called >= lower) & (of.called < upper)
        error = np.sqrt(0.25 / band.sum())
        assert of.was_first[band].mean() == pytest.approx(of.called[band].mean(), abs=3.0 * error)

"""Other libraries as oracles: where they are right we agree, and where they are wrong the test says how.

statsmodels, choix and evalica are in the development environment. Agreement on ordinary leagues stands with the fits; here are the published tables,
where every library finds the same, and the undefeated, of whom no maximum likelihood estimate exists.
"""

import warnings

import choix
import evalica
import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from app.ratings import MaximumLikelihoodDoesNotExist, bradley_terry
from tests.reference import tables

TABLES = {"baseball": tables.baseball(), "citations": tables.citations()}
every_table = pytest.mark.parametrize("counts", TABLES.values(), ids=list(TABLES))


def _centred(values):
    return np.asarray(values) - np.mean(values)


def _games(counts):
    """Winner and loser of every single game."""
    winners = np.concatenate([np.repeat(counts.first, counts.won), np.repeat(counts.second, counts.lost)])
    losers = np.concatenate([np.repeat(counts.second, counts.won), np.repeat(counts.first, counts.lost)])
    return winners.tolist(), losers.tolist()


@every_table
def test_binomial_regression_of_statsmodels(counts):
    n = len(counts.names)
    X = (np.eye(n)[counts.first] - np.eye(n)[counts.second])[:, 1:]
    X = np.column_stack([X, counts.side]) if counts.side.any() else X
    oracle = sm.GLM(np.column_stack([counts.won, counts.lost]), X, family=sm.families.Binomial()).fit(tol=1e-12)
    side = counts.sides if counts.side.any() else None
    fit = bradley_terry(**counts.columns, side=side, prior_sd=None, covariance="model")
    for other in range(1, n):
        assert fit.difference(other, 0)[:2] == pytest.approx((oracle.params[other - 1], oracle.bse[other - 1]), abs=1e-8)
    if side is not None:
        assert (fit.side_advantage, fit.side_advantage_standard_error) == pytest.approx((oracle.params[-1], oracle.bse[-1]), abs=1e-8)


CHOIX = {
    "minorisation–maximisation": lambda n, data: choix.mm_pairwise(n, data, tol=1e-12),
    "iterated spectral ranking": lambda n, data: choix.ilsr_pairwise(n, data, tol=1e-12),
    "Newton": lambda n, data: choix.opt_pairwise(n, data, tol=1e-12),
}


@every_table
@pytest.mark.parametrize("solve", CHOIX.values(), ids=list(CHOIX))
def test_every_algorithm_of_choix(counts, solve):
    oracle = solve(len(counts.names), list(zip(*_games(counts), strict=True)))
    assert bradley_terry(**counts.columns, prior_sd=None).theta == pytest.approx(_centred(oracle), abs=1e-5)


@every_table
def test_evalica(counts):
    winners, losers = ([counts.names[number] for number in side] for side in _games(counts))
    oracle = evalica.bradley_terry(winners, losers, [evalica.Winner.X] * len(winners), tolerance=1e-12, limit=100_000)
    logs = np.log([oracle.scores[name] for name in counts.names])
    assert bradley_terry(**counts.columns, prior_sd=None).theta == pytest.approx(_centred(logs), abs=1e-8)


WINNERS, LOSERS = [0] * 5 + [1] * 3 + [2] * 2, [1] * 5 + [2] * 3 + [1] * 2
"""Competitor 0 is undefeated; 1 beat 2 by 3 to 2."""


def test_of_the_undefeated_we_say_that_there_is_no_estimate_and_with_a_prior_how_little_is_known():
    with pytest.raises(MaximumLikelihoodDoesNotExist) as refused:
        bradley_terry(WINNERS, LOSERS, np.ones(10), prior_sd=None)
    assert refused.value.classes.tolist() == [1, 0, 0]
    fit = bradley_terry(WINNERS, LOSERS, np.ones(10))
    assert fit.difference(0, 1).estimate > 1.0
    assert fit.difference(0, 1).standard_error > 1.0
    assert [fit.difference(0, 1).comparable, fit.difference(1, 2).comparable] == ["ordered-only", "yes"]


def test_of_the_undefeated_evalica_says_that_all_are_equal():
    names = "ABC"
    for solve in (evalica.bradley_terry, evalica.newman):
        oracle = solve([names[i] for i in WINNERS], [names[i] for i in LOSERS], [evalica.Winner.X] * 10, limit=1_000)
        assert len(set(oracle.scores)) == 1


def test_of_the_undefeated_choix_reports_where_it_stopped_or_gives_up():
    data = list(zip(WINNERS, LOSERS, strict=True))
    stopped = choix.opt_pairwise(3, data)
    assert 5.0 < stopped[0] - stopped[1] < 100.0
    with pytest.raises(ValueError, match="absorbing"):
        choix.ilsr_pairwise(3, data)
    with pytest.raises(RuntimeError, match="converge"):
        choix.mm_pairwise(3, data, max_iter=100)


def test_of_the_undefeated_statsmodels_warns_and_answers_all_the_same():
    X, won = (np.eye(3)[WINNERS] - np.eye(3)[LOSERS])[:, 1:], np.ones(10)
    X[::2], won[::2] = -X[::2], 0.0
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        oracle = sm.Logit(won, X).fit(disp=0)
    assert any(issubclass(warning.category, ConvergenceWarning) for warning in seen)
    assert not oracle.mle_retvals["converged"]
    assert abs(oracle.params[0]) > 10.0
    assert oracle.bse[0] > 1e3

"""Simulated tournaments against what can be reckoned by hand."""

import itertools

import numpy as np
import pytest
from scipy.special import expit

from app.ratings.tournaments import Entrants, drawn_strengths, fixed_strengths, knock_out, listed_bracket, round_robin, standard_bracket

RUNS = 20_000
THETA = np.array([1.2, 0.5, 0.0, -0.4])
"""Four standard errors of a share of 20,000 are at most 0.0142."""
NEAR = 0.0145


def generator():
    return np.random.default_rng(3)


def win(theta):
    return expit(theta[:, None] - theta[None, :])


def knock_out_by_hand(theta, bracket):
    """P(through round) of a bracket of two pairs."""
    p = win(theta)
    (a, b), (c, d) = bracket
    first = np.zeros(4)
    for one, other in ((a, b), (b, a), (c, d), (d, c)):
        first[one] = p[one, other]
    title = np.zeros(4)
    for one, others in ((a, (c, d)), (b, (c, d)), (c, (a, b)), (d, (a, b))):
        title[one] = first[one] * sum(first[other] * p[one, other] for other in others)
    return np.stack([first, title], axis=1)


@pytest.mark.parametrize("bracket", [standard_bracket(4), listed_bracket(4), [(3, 1), (2, 0)]])
def test_a_knock_out_is_its_product_of_chances(bracket):
    found = knock_out(fixed_strengths(THETA, RUNS), bracket, generator())
    assert found == pytest.approx(knock_out_by_hand(THETA, bracket), abs=NEAR)
    assert found[:, 0].sum() == pytest.approx(2.0)
    assert found[:, 1].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("k", range(2, 40))
def test_a_standard_bracket_keeps_the_strongest_apart(k):
    bracket = standard_bracket(k)
    size = 2 * len(bracket)
    assert size // 2 < k <= size
    entrants = [one for pair in bracket for one in pair if one is not None]
    assert sorted(entrants) == list(range(k))
    assert {one for one, other in bracket if other is None} == set(range(size - k))
    places = {one: place for place, pair in enumerate(bracket) for one in pair if one is not None}
    if k >= 4:
        assert places[0] // (len(bracket) // 2) != places[1] // (len(bracket) // 2)


def test_byes_are_won():
    found = knock_out(fixed_strengths(THETA[:3], RUNS), standard_bracket(3), generator())
    p = win(THETA)
    assert found[0].tolist()[0] == 1.0
    assert found[0, 1] == pytest.approx(p[1, 2] * p[0, 1] + p[2, 1] * p[0, 2], abs=NEAR)


@pytest.mark.parametrize("k", [1, 3, 6, 100])
def test_a_listed_bracket_has_no_byes(k):
    with pytest.raises(ValueError, match="must be"):
        listed_bracket(k)


@pytest.mark.parametrize("ties", [False, True])
def test_a_round_robin_is_its_sum_over_outcomes(ties):
    theta, nu, k = THETA[:3], 0.7, 3
    log_tie = np.full(RUNS, np.log(nu)) if ties else None
    title, points = round_robin(Entrants(np.broadcast_to(theta, (RUNS, k)), log_tie), 1, generator())
    expected_title, expected_points = np.zeros(k), np.zeros(k)
    pairs = list(itertools.combinations(range(k), 2))
    for outcome in itertools.product((1.0, 0.5, 0.0), repeat=len(pairs)):
        chance, own = 1.0, np.zeros(k)
        for (i, j), score in zip(pairs, outcome, strict=True):
            half = (theta[i] - theta[j]) / 2
            odds = {1.0: np.exp(half), 0.5: nu if ties else 0.0, 0.0: np.exp(-half)}
            chance *= odds[score] / sum(odds.values())
            own[i] += score
            own[j] += 1.0 - score
        best = own == own.max()
        expected_title += chance * best / best.sum()
        expected_points += chance * own
    assert title == pytest.approx(expected_title, abs=NEAR)
    assert points == pytest.approx(expected_points, abs=2 * NEAR)


def test_legs_add_up():
    _, once = round_robin(fixed_strengths(THETA, RUNS), 1, generator())
    _, thrice = round_robin(fixed_strengths(THETA, RUNS), 3, generator())
    assert thrice == pytest.approx(3 * once, abs=6 * NEAR)
    assert thrice.sum() == pytest.approx(18.0)


def test_doubt_about_strengths_makes_titles_more_even():
    covariance = np.diag(np.full(4, 4.0))
    sure = knock_out(fixed_strengths(THETA, RUNS), standard_bracket(4), generator())[:, -1]
    doubtful = knock_out(drawn_strengths(THETA, covariance, RUNS, generator(), with_ties=False), standard_bracket(4), generator())[:, -1]
    assert sure[0] > doubtful[0] + NEAR
    assert sure[3] < doubtful[3] - NEAR


def test_strengths_are_drawn_from_their_joint_distribution():
    root = np.array([[1.0, 0.0, 0.0], [0.9, 0.3, 0.0], [0.1, 0.0, 0.2]])
    drawn = drawn_strengths(np.array([1.0, 2.0, -1.0]), root @ root.T, 200_000, generator(), with_ties=True)
    assert drawn.log_tie is not None
    both = np.column_stack([drawn.theta, drawn.log_tie])
    assert both.mean(axis=0) == pytest.approx([1.0, 2.0, -1.0], abs=0.01)
    assert np.cov(both.T) == pytest.approx(root @ root.T, abs=0.02)


def test_a_draw_of_a_knock_out_is_decided_evenly():
    theta, nu = THETA[:2], 1.5
    found = knock_out(Entrants(np.broadcast_to(theta, (RUNS, 2)), np.full(RUNS, np.log(nu))), [(0, 1)], generator())
    odds = np.array([np.exp(0.35), nu, np.exp(-0.35)])
    assert found[0, 0] == pytest.approx((odds[0] + odds[1] / 2) / odds.sum(), abs=NEAR)


def test_enormous_differences_are_certain():
    for log_tie in (None, np.zeros(10)):
        entrants = Entrants(np.broadcast_to(np.array([1e5, -1e5]), (10, 2)), log_tie)
        assert knock_out(entrants, [(0, 1)], generator())[:, 0].tolist() == [1.0, 0.0]
        assert round_robin(entrants, 1, generator())[0].tolist() == [1.0, 0.0]

"""Totals are the buckets of the matches, whatever was added, taken away or renamed on the way; and a fit from them is the fit from the matches."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.ratings import bradley_terry
from app.ratings.buckets import Buckets
from app.ratings.comparisons import Comparisons
from app.ratings.fits import bradley_terry_of_totals
from app.ratings.totals import PairTotals

N = 9
WEIGHTS = {"one": [1.0], "whole": [1.0, 3.0], "dyadic": [0.5, 1.0, 2.25, 2.0**-10]}


def season(seed: int, size: int, weights: list[float], *, sided: bool) -> Comparisons:
    chance = np.random.default_rng(seed)
    first = chance.integers(0, N, size)
    second = (first + chance.integers(1, N, size)) % N
    side = chance.integers(0, 2, size).astype(float) if sided else None
    weight = None if weights == [1.0] else chance.choice(weights, size)
    return Comparisons(first, second, chance.choice([0.0, 0.5, 1.0], size), N, weight, side)


def part(games: Comparisons, rows: slice) -> Comparisons:
    weight, side = (None if column is None else column[rows] for column in (games.weight, games.side))
    return Comparisons(games.first[rows], games.second[rows], games.score[rows], N, weight, side)


def totals(games: Comparisons) -> PairTotals:
    found = PairTotals.of(games)
    assert found is not None
    return found


def same(one: PairTotals, other: PairTotals) -> bool:
    columns = zip(told(one.buckets), told(other.buckets), strict=True)
    assert all(column.flags.c_contiguous for totals in (one, other) for column in told(totals.buckets))
    return one.matches == other.matches and all(np.array_equal(*pair) and not (np.signbit(pair[0]) != np.signbit(pair[1])).any() for pair in columns)


def told(buckets: Buckets) -> list[np.ndarray]:
    return [buckets.first, buckets.second, buckets.columns, buckets.moments, buckets.squared]


seasons = st.tuples(st.integers(0, 999), st.integers(2, 60), st.sampled_from(sorted(WEIGHTS)), st.booleans())


@pytest.mark.parametrize("few", [0, 10_000])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(about=seasons, data=st.data())
def test_adding_taking_away_and_renaming_is_counting_anew(monkeypatch, few, about, data):
    monkeypatch.setattr("app.ratings.totals.FEW_PLACES", few)
    seed, size, weights, sided = about
    games = season(seed, size, WEIGHTS[weights], sided=sided)
    cut = data.draw(st.integers(1, size - 1))
    head, tail = totals(part(games, slice(cut))), totals(part(games, slice(cut, None)))
    whole = totals(games)
    assert same(head.plus(tail), whole)
    assert same(whole.minus(tail), head)
    one, into = data.draw(st.permutations(range(N)))[:2]
    numbers = np.arange(N)
    numbers[one] = into
    moved = Comparisons(numbers[games.first], numbers[games.second], games.score, N, games.weight, games.side)
    if (moved.first == moved.second).any():
        with pytest.raises(ValueError, match="against themselves"):
            whole.relabelled(numbers)
    else:
        assert same(whole.relabelled(numbers), totals(moved))


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("draws", ["half", "davidson"])
@pytest.mark.parametrize("side", ["off", "estimate", "known"])
@pytest.mark.parametrize("decisive", [True, False], ids=["decisive", "with draws"])
@pytest.mark.parametrize("prior_sd", [2.0, None])
def test_the_fit_is_that_of_the_matches_bit_for_bit(weights, draws, side, decisive, prior_sd):
    games = season(5, 300, weights, sided=side != "off")
    if decisive:
        games = Comparisons(games.first, games.second, np.round(games.score + 0.1), N, games.weight, games.side)
    known = 0.2 if side == "known" else None
    by_rows = bradley_terry(
        games.first, games.second, games.score, games.weight, N, draws, prior_sd, games.side, coefficient_prior_sd=2.0, side_advantage=known
    )
    by_totals = bradley_terry_of_totals(totals(games), draws, prior_sd, coefficient_prior_sd=2.0, side_advantage=known)
    assert by_totals.theta.tobytes() == by_rows.theta.tobytes()
    assert by_totals.standard_error.tobytes() == by_rows.standard_error.tobytes()
    assert (by_totals.covariance, by_totals.side_advantage, by_totals.tie_parameter) == (
        by_rows.covariance,
        by_rows.side_advantage,
        by_rows.tie_parameter,
    )
    assert by_totals.certificate.condition == by_rows.certificate.condition


@pytest.mark.parametrize(
    "column",
    [{"weight": [0.1, 1.0]}, {"weight": [1.0, 2.0**-11]}, {"weight": [2.0**40, 1.0]}, {"importance": [1.0, 0.5]}, {"covariates": [[1.0], [0.5]]}],
)
def test_what_does_not_sum_exactly_has_none(column):
    columns = {name: np.array(values) for name, values in column.items()}
    assert PairTotals.of(Comparisons(np.array([0, 1]), np.array([1, 2]), np.array([1.0, 0.5]), 3, **columns)) is None


def test_other_scores_have_none():
    assert PairTotals.of(Comparisons(np.array([0]), np.array([1]), np.array([0.3]), 2)) is None


def test_a_sum_that_would_round_is_none():
    heavy = PairTotals.of(Comparisons(np.array([0]), np.array([1]), np.array([1.0]), 2, np.array([2.0**39])))
    assert heavy.plus(heavy) is None


def test_what_was_never_there_cannot_be_taken_away():
    one, other = (totals(Comparisons(np.array([0]), np.array([who]), np.array([1.0]), 3)) for who in (1, 2))
    with pytest.raises(ValueError, match="not among"):
        one.minus(other)

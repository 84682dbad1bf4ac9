"""Elo: the closed forms, the laws of one update, and published replays."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ratings.online import EloRules, KByGames, elo, rate, replay
from app.ratings.scale import learning_rate, natural_unit
from tests.reference.shared import matches, published

POINTS = st.floats(0.0, 3000.0)
SCORES = st.floats(0.0, 1.0)
WEIGHTS = st.floats(0.0, 10.0)
SIDES = st.sampled_from([-1.0, 0.0, 1.0])
KS = st.floats(1.0, 64.0)
OTHERS = {"initial": POINTS, "scale": st.floats(100.0, 800.0), "side_advantage": st.floats(-200.0, 200.0)}
RULES = st.builds(EloRules, k=KS, **OTHERS)
RULES_BY_GAMES = st.builds(EloRules, k=st.builds(KByGames, KS, st.integers(0, 4), KS), **OTHERS)


@st.composite
def games(draw, n_competitors=5):
    pairs = st.tuples(st.integers(0, n_competitors - 1), st.integers(0, n_competitors - 1)).filter(lambda pair: pair[0] != pair[1])
    rows = draw(st.lists(st.tuples(pairs, SCORES, WEIGHTS, SIDES), max_size=30))
    return [[first for (first, _), *_ in rows], [second for (_, second), *_ in rows], *([row[i] for row in rows] for i in (1, 2, 3))]


def test_the_expected_score_at_400_points():
    assert rate(EloRules(), 1900.0, 1500.0, 1.0, 1.0, 0.0)[0] == pytest.approx(10 / 11, rel=1e-15)


def test_a_win_between_equals_moves_half_of_k():
    assert rate(EloRules(k=32.0), 1500.0, 1500.0, 1.0, 1.0, 0.0) == (0.5, 1516.0, 1484.0)


@given(RULES, POINTS, POINTS, SCORES, WEIGHTS, SIDES)
def test_one_gains_what_the_other_loses(rules, first, second, score, weight, side):
    _, first_after, second_after = rate(rules, first, second, score, weight, side)
    assert first_after + second_after == pytest.approx(first + second, abs=1e-9)


@given(RULES, POINTS, POINTS, SCORES, WEIGHTS, SIDES)
def test_swapping_the_sides_changes_nothing(rules, first, second, score, weight, side):
    expected, first_after, second_after = rate(rules, first, second, score, weight, side)
    swapped, second_swapped, first_swapped = rate(rules, second, first, 1.0 - score, weight, -side)
    assert (1.0 - swapped, first_swapped, second_swapped) == pytest.approx((expected, first_after, second_after), abs=1e-9)


@given(RULES, POINTS, POINTS, SCORES, WEIGHTS, SIDES)
def test_the_step_is_k_times_the_weight_times_the_surprise(rules, first, second, score, weight, side):
    expected, first_after, _ = rate(rules, first, second, score, weight, side)
    assert first_after == first + rules.k * weight * (score - expected)


@given(RULES_BY_GAMES, POINTS, POINTS, SCORES, WEIGHTS, SIDES, st.tuples(st.integers(0, 5), st.integers(0, 5)))
def test_either_side_moves_by_the_k_of_its_own_games(rules, first, second, score, weight, side, games):
    after = rate(rules, first, second, score, weight, side, games)
    ks = [rules.k.newcomer if played < rules.k.matches else rules.k.then for played in games]
    alone = [rate(replace(rules, k=k), first, second, score, weight, side) for k in ks]
    assert after == (alone[0][0], alone[0][1], alone[1][2])


@given(RULES, POINTS, POINTS, SCORES, SIDES)
def test_the_update_is_a_gradient_step_on_the_logistic_loss(rules, first, second, score, side):
    unit = natural_unit(rules.scale)
    eta = (first - second + rules.side_advantage * side) / unit
    gradient = 1.0 / (1.0 + np.exp(-eta)) - score
    theta_after = first / unit - learning_rate(rules.k, rules.scale) * gradient
    assert rate(rules, first, second, score, 1.0, side)[1] / unit == pytest.approx(theta_after, rel=1e-12, abs=1e-12)


@given(RULES | RULES_BY_GAMES, games())
def test_a_replay_is_one_rating_after_the_other_bit_for_bit(rules, columns):
    ratings, single = [rules.initial] * 5, [rules.initial] * 5
    counted, played = [1, 0, 2, 0, 0], [1, 0, 2, 0, 0]
    log = replay(rules, *columns, ratings, counted)
    seen = []
    for first, second, *rest in zip(*columns, strict=True):
        before = single[first], single[second]
        so_far = played[first], played[second]
        expected, single[first], single[second] = rate(rules, *before, *rest, so_far)
        seen.append((expected, before[0], single[first], before[1], single[second], *map(rules.k_after, so_far)))
        played[first], played[second] = so_far[0] + 1, so_far[1] + 1
    assert ratings == single
    assert counted == (played if isinstance(rules.k, KByGames) else [1, 0, 2, 0, 0])
    assert list(zip(*log, strict=True)) == seen


def test_a_replay_refuses_columns_of_different_length():
    with pytest.raises(ValueError, match="differ in length"):
        replay(EloRules(), [0, 0], [1], [1.0], [1.0], [0.0], [1500.0, 1500.0])


@given(games())
def test_elo_reports_ratings_and_what_the_first_side_gained(columns):
    first, second, score, weight, side = columns
    online = elo(first, second, score, weight, n_competitors=5, side=side, side_advantage=50.0)
    log = replay(EloRules(side_advantage=50.0), *columns, ratings := [1500.0] * 5)
    assert online.rating.tolist() == ratings
    assert online.probability.tolist() == log.expected
    assert online.delta == pytest.approx(np.array(log.first_after) - np.array(log.first_before), abs=1e-9)


def test_without_matches_everyone_has_the_initial_rating():
    online = elo([], [], [], n_competitors=2, initial=1200.0)
    assert (online.rating.tolist(), online.probability.shape, online.delta.shape) == ([1200.0, 1200.0], (0,), (0,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": [0.5]}, "first must hold integers"),
        ({"first": [-1]}, r"first must not be negative \(row 0\)"),
        ({"first": [[0]]}, "first must have 1 dimension, not 2"),
        ({"second": [0]}, r"second is the same competitor as first \(row 0\)"),
        ({"second": [1, 2]}, "second must have 1 rows"),
        ({"score": [1.5]}, "score must lie between 0 and 1"),
        ({"score": [np.nan]}, "score must be finite"),
        ({"score": ["won"]}, "score must hold numbers"),
        ({"weight": [-1.0]}, "weight must not be negative"),
        ({"side": [0.5]}, "side must be"),
        ({"n_competitors": 1}, "n_competitors is 1, but competitor 1 has a match"),
        ({"k": np.inf}, "k must be a finite number"),
        ({"initial": np.nan}, "initial must be"),
        ({"side_advantage": np.nan}, "side_advantage must be"),
    ],
)
def test_what_cannot_be_rated_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        elo(**({"first": [0], "second": [1], "score": [1.0]} | arguments))


def test_the_published_season_replays():
    table = matches("tiny_elo_tournament.csv")
    final = published("tiny_elo_tournament.json")["elo_k20_init1500"]["sequential_final"]
    rating = elo(table.first, table.second, table.score, k=20.0).rating
    assert {name: round(value, 3) for name, value in zip(table.names, rating.tolist(), strict=True)} == final


def test_the_published_elo_of_language_models():
    table = matches("llm_llmfao_crowd.csv")
    golden = published("llm_llmfao_evalica.json")["scores"]["elo"]
    rating = elo(table.first, table.second, table.score, k=4.0, initial=1000.0).rating
    assert dict(zip(table.names, rating.tolist(), strict=True)) == pytest.approx(golden, abs=1e-8)

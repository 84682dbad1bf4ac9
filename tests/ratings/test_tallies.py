"""The fast count of plain matches finds what the general one finds, bit by bit."""

import numpy as np
import pytest

from app.ratings.buckets import collapse
from app.ratings.comparisons import check_comparisons
from app.ratings.tallies import tally

SCORES = {"decided": [0.0, 1.0], "with draws": [0.0, 0.5, 1.0], "draws alone": [0.5], "first wins": [1.0]}
SIZES = [(2, 1), (2, 50), (9, 500), (40, 300), (400, 900), (30_000, 900)]


def _columns(scores, competitors, n):
    rng = np.random.default_rng(competitors + n)
    first = rng.integers(0, competitors, n)
    return {"first": first, "second": (first + rng.integers(1, competitors, n)) % competitors, "score": rng.choice(scores, n)}


@pytest.mark.parametrize(("competitors", "n"), SIZES)
@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES)
def test_a_tally_is_what_unit_weights_collapse_to(scores, competitors, n):
    columns = _columns(scores, competitors, n)
    found = tally(check_comparisons(**columns, n_competitors=competitors))
    general = collapse(check_comparisons(**columns, n_competitors=competitors, weight=np.ones(n)))
    for name in ("first", "second", "moments"):
        assert np.array_equal(getattr(found, name), getattr(general, name)), name
        assert getattr(found, name).dtype == getattr(general, name).dtype


@pytest.mark.parametrize("column", ["weight", "importance", "side"])
def test_rows_that_carry_more_are_left_to_the_general_way(column):
    assert tally(check_comparisons(**_columns([0.0, 1.0], 5, 20), **{column: np.ones(20)})) is None


def test_scores_between_are_left_to_the_general_way():
    assert tally(check_comparisons([0, 1], [1, 0], [1.0, 0.25])) is None


def test_no_match_and_too_many_competitors_are_left_to_the_general_way():
    assert tally(check_comparisons([], [], [], 3)) is None
    assert tally(check_comparisons([0], [1], [1.0], 2**31)) is None

"""When there is no maximum: who is to blame, over a catalogue of columns, and Davidson's own condition against a search of all closed walks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ratings import MaximumLikelihoodDoesNotExist, bradley_terry
from tests.ratings.seasons import season

COLUMNS = season(draws=True)
FIRST, SECOND, SCORE = COLUMNS["first"], COLUMNS["second"], COLUMNS["score"]
NOISE = np.random.default_rng(3).standard_normal(600)
OTHER = np.random.default_rng(4).standard_normal(600)
STRENGTH = np.linspace(0.0, 1.0, 12)
TALL = (FIRST == 3).astype(float) - (SECOND == 3)
DECISIVE = SCORE != 0.5
SEPARATING = np.where(DECISIVE, (2.0 * SCORE - 1.0) * (1.0 + np.abs(NOISE)), 0.0)
QUASI = np.where(np.arange(600) == 7, 2.0 * SCORE - 1.0, 0.0)
FREE = {"prior_sd": None}

BLAMED = {
    "a column of zeros": ({"covariates": [NOISE, 0.0 * NOISE]}, 1, {}),
    "a column that strengths can replace": ({"covariates": [NOISE, TALL]}, 1, FREE),
    "a rating given as a column": ({"covariates": [STRENGTH[FIRST] - STRENGTH[SECOND], NOISE]}, 0, FREE),
    "the same column again": ({"covariates": [NOISE, OTHER, NOISE]}, 2, {}),
    "a sum of two others": ({"covariates": [NOISE, OTHER, NOISE + OTHER]}, 2, {}),
    "a tiny multiple": ({"covariates": [NOISE, OTHER, 1e-8 * NOISE]}, 2, {}),
    "separated": ({"covariates": [SEPARATING]}, 0, {}),
    "separated, after others": ({"covariates": [NOISE, OTHER, SEPARATING]}, 2, {}),
    "separated, before others": ({"covariates": [SEPARATING, NOISE, OTHER]}, 0, FREE),
    "separated the other way": ({"covariates": [NOISE, -SEPARATING]}, 1, FREE),
    "separated on a scale of millions": ({"covariates": [NOISE, 1e6 * SEPARATING]}, 1, {}),
    "separated on a scale of millionths": ({"covariates": [NOISE, 1e-6 * SEPARATING]}, 1, {}),
    "separated by one match alone": ({"covariates": [NOISE, QUASI]}, 1, {}),
    "a side that nobody has": ({"side": 0.0 * NOISE}, "side", {}),
    "a side that always takes all": ({"side": np.sign(SEPARATING)}, "side", {}),
    "a side that never takes anything": ({"side": -np.sign(SEPARATING)}, "side", FREE),
    "the side again as a column": ({"side": np.where(NOISE > 0, 1.0, -1.0), "covariates": [np.where(NOISE > 0, 1.0, -1.0)]}, 0, {}),
    "beside a side that is determined": ({"side": np.where(NOISE > 0, 1.0, -1.0), "covariates": [OTHER, SEPARATING]}, 1, {}),
}
every_blamed = pytest.mark.parametrize(("columns", "blamed", "options"), BLAMED.values(), ids=list(BLAMED))


def _columns(columns):
    return {name: np.column_stack(value) if name == "covariates" else value for name, value in columns.items()}


def _name(blamed):
    return blamed if isinstance(blamed, str) else f"covariates[:, {blamed}]"


@every_blamed
@pytest.mark.parametrize("draws", ["half", "davidson"])
def test_the_column_to_blame_is_named(columns, blamed, options, draws):
    with pytest.raises(MaximumLikelihoodDoesNotExist) as refused:
        bradley_terry(FIRST, SECOND, SCORE, **_columns(columns), **options, draws=draws)
    assert refused.value.column == _name(blamed)
    assert f"do not determine {_name(blamed)};" in str(refused.value)


@every_blamed
@pytest.mark.parametrize("draws", ["half", "davidson"])
def test_without_it_there_is_a_maximum(columns, blamed, options, draws):
    left = dict(columns)
    if isinstance(blamed, str):
        left.pop(blamed)
    else:
        left["covariates"] = [column for index, column in enumerate(columns["covariates"]) if index != blamed]
        left = left if left["covariates"] else {}
    fit = bradley_terry(FIRST, SECOND, SCORE, **_columns(left), **options, draws=draws)
    assert fit.certificate.status == "converged"


@every_blamed
def test_a_prior_ends_it(columns, blamed, options):
    fit = bradley_terry(FIRST, SECOND, SCORE, **_columns(columns), **options, coefficient_prior_sd=2.0)
    assert fit.certificate.status == "converged"
    assert np.isfinite(fit.coefficients).all()


def test_a_side_that_only_one_of_each_pair_has_is_a_strength():
    """On a tree of pairs the hosts' advantage and their strength are one; a round of three pairs tells them apart."""
    with pytest.raises(MaximumLikelihoodDoesNotExist) as refused:
        bradley_terry([0, 0, 1, 1], [1, 1, 2, 2], [1, 0, 1, 0], side=[1, 1, 1, 1], prior_sd=None)
    assert refused.value.column == "side"
    fit = bradley_terry([0, 0, 1, 1, 2, 2], [1, 1, 2, 2, 0, 0], [1, 0, 1, 0, 1, 0], side=np.ones(6), prior_sd=None)
    assert fit.side_advantage == pytest.approx(0.0, abs=1e-9)


GAMES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from([0.0, 0.5, 1.0])).filter(lambda game: game[0] != game[1]), min_size=1, max_size=14
)


def _longest(games, n=5):
    """Max-plus shortest paths: for every two the largest (wins − draws) of a walk with up to n steps, on the diagonal of a closed one."""
    gain = np.full((n, n), -np.inf)
    for first, second, score in games:
        for tail, head in [(first, second)] * (score > 0.0) + [(second, first)] * (score < 1.0):
            gain[tail, head] = max(gain[tail, head], -1.0 if score == 0.5 else 1.0)
    best = gain.copy()
    for _ in range(n):
        best = np.maximum(best, (best[:, :, None] + gain[None]).max(axis=1))
    return best


@given(GAMES)
def test_davidson_exists_iff_a_closed_walk_has_more_wins_than_draws(games):
    first, second, score = (np.array(column) for column in zip(*games, strict=True))
    if not (score == 0.5).any():
        return
    exists = bool(np.diagonal(_longest(games)).max() > 0.0)
    refused = _refusal(first, second, score)
    if refused is None:
        assert exists
    elif refused.classes.max() == refused.components.max():
        assert (refused.column, exists) == ("tie_parameter", False)
    else:
        assert refused.column is None


def _refusal(first, second, score):
    try:
        fit = bradley_terry(first, second, score, n_competitors=5, draws="davidson", prior_sd=None)
    except MaximumLikelihoodDoesNotExist as refused:
        return refused
    assert fit.certificate.status == "converged"
    return None


@pytest.mark.parametrize(
    ("first", "second", "score", "exists"),
    [
        ([0, 0], [1, 1], [1.0, 0.5], False),
        ([0, 0, 0], [1, 1, 1], [1.0, 0.5, 0.0], True),
        ([0, 1, 2], [1, 2, 0], [1.0, 1.0, 0.5], True),
        ([0, 1, 2, 3], [1, 2, 3, 0], [1.0, 0.5, 1.0, 0.5], False),
        ([0, 1, 2, 3], [1, 2, 3, 0], [1.0, 1.0, 1.0, 0.5], True),
        ([0, 1], [1, 0], [0.5, 0.5], False),
    ],
    ids=["a win and a draw", "a win each and a draw", "two wins and a draw round", "two wins, two draws", "three wins and a draw", "draws alone"],
)
def test_davidsons_condition_by_example(first, second, score, exists):
    if exists:
        assert bradley_terry(first, second, score, draws="davidson", prior_sd=None).certificate.status == "converged"
        return
    with pytest.raises(MaximumLikelihoodDoesNotExist) as refused:
        bradley_terry(first, second, score, draws="davidson", prior_sd=None)
    assert refused.value.column == "tie_parameter"

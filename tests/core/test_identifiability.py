"""Components, classes and comparability, against a plain search of the same graph."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from app.core import identifiability
from app.core.identifiability import centre, identify, undetermined_column

GAMES = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7), st.sampled_from([0.0, 0.5, 1.0])).filter(lambda game: game[0] != game[1]), max_size=16
)


def _identify(games, n=8):
    first, second = (np.array([game[side] for game in games], dtype=np.int64) for side in (0, 1))
    score = np.array([game[2] for game in games])
    return identify(first, second, score > 0.0, score < 1.0, n)


def _reach(games, n=8):
    reach = np.eye(n, dtype=bool)
    for first, second, score in games:
        reach[first, second] |= score > 0.0
        reach[second, first] |= score < 1.0
    for middle in range(n):
        reach |= reach[:, [middle]] & reach[[middle], :]
    return reach


@given(GAMES)
def test_comparability_is_what_a_search_of_the_graph_finds(games):
    structure, reach = _identify(games), _reach(games)
    words = {2: "yes", 1: "ordered-only", 0: "no"}
    for i in range(8):
        for j in range(8):
            assert structure.comparable(i, j) == words[int(reach[i, j]) + int(reach[j, i])]
    assert np.array_equal(structure.comparable_pairs(), reach | reach.T)


@given(GAMES)
def test_a_maximum_exists_iff_whoever_is_joined_is_joined_both_ways(games):
    reach = _reach(games)
    assert _identify(games).likelihood_has_maximum == np.array_equal(reach, reach.T)


@given(GAMES)
def test_components_and_classes_are_numbered_from_the_largest(games):
    structure = _identify(games)
    for labels in (structure.components, structure.classes):
        sizes = np.bincount(labels)
        first_members = [int(np.argmax(labels == label)) for label in range(len(sizes))]
        keys = list(zip(-sizes, first_members, strict=True))
        assert keys == sorted(keys)


@given(GAMES, st.permutations(range(16)))
def test_the_order_of_matches_does_not_matter(games, order):
    one, other = _identify(games), _identify([games[index] for index in order if index < len(games)])
    assert np.array_equal(one.components, other.components)
    assert np.array_equal(one.classes, other.classes)


@given(GAMES, st.lists(st.floats(-5.0, 5.0), min_size=8, max_size=8))
def test_centred_values_sum_to_zero_in_every_component(games, values):
    components = _identify(games).components
    centred = centre(np.array(values), components)
    assert np.bincount(components, centred) == pytest.approx(np.zeros(components.max() + 1), abs=1e-9)


NEVER_WORSE = {
    "bounded": ([[1, 1], [1, -1], [-1, 1], [-1, -1]], None),
    "the second makes up for the first": ([[1, 1], [1, -1], [-1, 1]], 1),
    "nothing limits the first": ([[1, 0], [0, 1], [0, -1]], 0),
    "nothing limits the second": ([[1, 0], [-1, 0], [0, -1]], 1),
    "a column of zeros": ([[1, 0], [-1, 0]], 1),
    "beside a separating column, the one before it is not to blame": ([[1, 3], [-1, 2]], 1),
    "the same": ([[1, 1], [-1, -1]], 1),
    "small entries limit as well": ([[1, 1e-9], [-1, 1e-9], [0, -1e-9]], None),
    "large entries do not hide a column": ([[1e9, 0], [-1e9, 0], [0, 1e-3]], 1),
    "no observation": (np.zeros((0, 2)), 0),
}


@pytest.mark.parametrize(("rows", "column"), NEVER_WORSE.values(), ids=list(NEVER_WORSE))
def test_the_column_to_blame_is_found(rows, column):
    assert undetermined_column(sparse.csr_array(np.array(rows, dtype=float)), range(2)) == column


def test_nobody_is_no_component():
    structure = _identify([], 0)
    assert (structure.n_components, structure.n_classes) == (0, 0)


@pytest.mark.parametrize("n", [2, 5, 40])
@pytest.mark.parametrize("split", [False, True], ids=["one class", "two classes"])
def test_a_sample_that_suffices_changes_nothing(n, split, monkeypatch):
    generator = np.random.default_rng(n)
    first = generator.integers(0, n, 1000 * n)
    second = (first + generator.integers(1, n, 1000 * n)) % n
    took = generator.random(1000 * n) < 0.5
    if split:
        # Nobody ever takes a point from the last.
        took = np.where(second == n - 1, False, np.where(first == n - 1, True, took))
    found = identify(first, second, took, ~took, n)
    monkeypatch.setattr(identifiability, "SAMPLED", 10**9)
    whole = identify(first, second, took, ~took, n)
    assert found.classes.tolist() == whole.classes.tolist()
    assert found.components.tolist() == whole.components.tolist()
    assert found.class_edges.toarray().tolist() == whole.class_edges.toarray().tolist()


@pytest.mark.parametrize("seed", range(30))
def test_what_a_sample_leaves_apart_the_others_join(seed, monkeypatch):
    """Most matches are among two groups; a few, which a sample may miss, join them one way, both ways, or not at all, beside some who never met anybody."""
    generator, n, inside = np.random.default_rng(seed), 12, 400
    base = 5 * generator.integers(0, 2, inside)
    first = base + generator.integers(0, 5, inside)
    second = base + (first - base + generator.integers(1, 5, inside)) % 5
    across = generator.integers(0, 4)
    first = np.concatenate([first, generator.integers(0, 5, across)])
    second = np.concatenate([second, 5 + generator.integers(0, 6, across)])
    order = np.lexsort((second, first))
    first, second, took = first[order], second[order], generator.random(inside + across) < 0.5
    monkeypatch.setattr(identifiability, "SAMPLED", 10**9)
    whole = identify(first, second, took, ~took, n)
    monkeypatch.setattr(identifiability, "SAMPLED", 6)
    sampled = identify(first, second, took, ~took, n)
    assert sampled.classes.tolist() == whole.classes.tolist()
    assert sampled.components.tolist() == whole.components.tolist()
    assert sampled.class_edges.toarray().tolist() == whole.class_edges.toarray().tolist()

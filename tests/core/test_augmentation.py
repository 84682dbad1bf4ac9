"""The fewest edges that make an acyclic graph strongly connected: as many as the theorem says, and they do it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from app.core.augmentation import paths_among, strong_augmentation


def graph(n, edges):
    tail, head = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    return sparse.csr_array((np.ones(len(tail)), (tail, head)), shape=(n, n))


@st.composite
def acyclic(draw, most=12):
    """Edges lead from a lower to a higher number, under a shuffled name."""
    n = draw(st.integers(2, most))
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=2 * n))
    names = draw(st.permutations(range(n)))
    return n, [(names[i], names[j]) for i, j in chosen]


def is_strong(n, edges):
    return connected_components(graph(n, edges), directed=True, connection="strong")[0] == 1


def needed(n, edges):
    into, out = {head for _, head in edges}, {tail for tail, _ in edges}
    isolated = n - len(into | out)
    return max(len(out - into), len(into - out)) + isolated


@given(acyclic())
def test_the_edges_suffice_and_are_as_few_as_the_theorem_says(case):
    n, edges = case
    added = strong_augmentation(graph(n, edges), np.arange(n))
    assert len(added) == needed(n, edges)
    assert all(tail != head for tail, head in added)
    assert is_strong(n, [*edges, *added])


@given(acyclic(most=4))
def test_no_fewer_edges_would_do(case):
    n, edges = case
    fewer = len(strong_augmentation(graph(n, edges), np.arange(n))) - 1
    every = [(i, j) for i in range(n) for j in range(n) if i != j]
    assert not any(is_strong(n, [*edges, *added]) for added in itertools.combinations(every, fewer))


@pytest.mark.parametrize(
    ("n", "edges", "count"),
    [
        (1, [], 0),
        (2, [], 2),
        (2, [(0, 1)], 1),
        (3, [(0, 1), (1, 2)], 1),
        (4, [(0, 3), (1, 3), (2, 3)], 3),
        (4, [(3, 0), (3, 1), (3, 2)], 3),
        (3, [(0, 1)], 2),
    ],
)
def test_small_graphs(n, edges, count):
    assert len(strong_augmentation(graph(n, edges), np.arange(n))) == count


def test_other_nodes_are_left_alone():
    edges = [(0, 1), (2, 3), (3, 4)]
    assert strong_augmentation(graph(5, edges), np.array([2, 3, 4])) == [(4, 2)]
    assert strong_augmentation(graph(5, edges), np.array([1])) == []


@given(acyclic(), st.data())
def test_paths_are_those_of_the_closure(case, data):
    n, edges = case
    reach = np.eye(n, dtype=bool)
    for _ in range(n):
        for tail, head in edges:
            reach[:, head] |= reach[:, tail]
    nodes = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=6)))
    assert (paths_among(graph(n, edges), nodes) == reach[np.ix_(nodes, nodes)]).all()

"""Selected inverses against plain ones, over sparse graphs of every shape."""

import numpy as np
import pytest
from scipy import sparse

from app.core import selected_inverses
from app.core.selected_inverses import Elimination

SHAPES = {
    "nobody joined": [],
    "one pair": [(3, 17)],
    "a chain": [(i, i + 1) for i in range(39)],
    "a star": [(20, i) for i in range(40) if i != 20],
    "a ring": [(i, (i + 1) % 40) for i in range(40)],
    "a map": [(i, j) for i in range(40) for j in (i + 1, i + 8) if j < 40 and (j != i + 1 or j % 8)],
    "two islands, everyone with everyone": [(i, j) for i in range(40) for j in range(i) if (i < 15) == (j < 15)],
    "random": [(i, j) for i in range(40) for j in range(i) if np.random.default_rng(40 * i + j).random() < 0.1],
}
every_shape = pytest.mark.parametrize("shape", list(SHAPES))


def _matrix(shape, n=40, seed=1):
    rng, ends = np.random.default_rng(seed), np.array(SHAPES[shape], dtype=int).reshape(-1, 2)
    weight = rng.uniform(0.1, 2.0, len(ends))
    head = np.bincount(ends[:, 0], weight, n) + np.bincount(ends[:, 1], weight, n) + rng.uniform(0.01, 0.5, n)
    pairs = sparse.csc_array((weight, (ends[:, 0], ends[:, 1])), shape=(n, n))
    return sparse.csc_array(sparse.diags_array(head) - pairs - pairs.T)


@every_shape
def test_the_diagonal_is_that_of_the_inverse(shape):
    matrix = _matrix(shape)
    found = Elimination.planned(matrix).inverse_diagonal(matrix)
    assert found == pytest.approx(np.linalg.inv(matrix.toarray()).diagonal(), rel=1e-12)


@every_shape
def test_of_a_complex_matrix_as_well(shape):
    matrix = _matrix(shape) + 0.3j * _matrix(shape, seed=2)
    found = Elimination.planned(_matrix(shape)).inverse_diagonal(matrix)
    assert found == pytest.approx(np.linalg.inv(matrix.toarray()).diagonal(), rel=1e-12)


@every_shape
def test_every_column_is_eliminated_once_and_parents_come_first(shape):
    blocks = Elimination.planned(_matrix(shape)).blocks
    assert sorted(column for block in blocks for column in block.columns) == list(range(40))
    place = {id(block): index for index, block in enumerate(blocks)}
    for block in blocks:
        for child in block.children:
            assert place[id(child)] > place[id(block)]
            assert np.isin(child.rows, block.index).all()


def test_a_chain_and_a_star_fill_nothing_in():
    for shape in ("a chain", "a star"):
        assert max(len(block.rows) for block in Elimination.planned(_matrix(shape)).blocks) <= 1


@pytest.mark.parametrize("limit", ["MOST_PAIRS", "MOST_ENTRIES", "MOST_WORK"])
def test_what_takes_too_much_is_declined_before_it_is_done(monkeypatch, limit):
    monkeypatch.setattr(selected_inverses, limit, 10)
    assert Elimination.planned(_matrix("random")) is None

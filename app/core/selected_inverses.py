"""The exact diagonal of the inverse of a sparse matrix, where elimination fills in little: the selected inverse of Takahashi.

The competitors are eliminated one by one, those with the fewest neighbours first; who is eliminated joins all neighbours with one another. Where
everyone meets those nearby alone, in a ladder, in divisions or on a map, few joins are added. Columns whose neighbours agree make a block:

    up the tree      F_JJ⁻¹ and Y = F_RJ F_JJ⁻¹ of each block J with neighbours R; F_RR − Y F_JR goes to the parent
    down the tree    Z_RR is part of the parent's; Z_RJ = −Z_RR Y, Z_JJ = F_JJ⁻¹ − Yᵀ Z_RJ

Takahashi, Fagan and Chin (1973); in blocks, Campbell and Davis (1995). `Elimination.planned` counts what is coming before any of it is done,
and declines where it is too much. Nothing here pivots: the real part must be positive definite.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from app.core.grams import PairGram

MOST_PAIRS = 1_000_000
"""Beyond, even looking for an order takes too long."""
MOST_ENTRIES = 30_000_000
MOST_WORK = 2e10
"""Σ |R|² over the columns, about a third of the multiplications."""

Integers = NDArray[np.int64]
Values = NDArray[Any]
"""Real or complex."""
Columns = sparse.csc_array[Any]


@dataclass(slots=True, eq=False)
class _Block:
    """Columns that are eliminated together, their later neighbours, and the blocks that hang on it; all in the order of elimination."""

    columns: list[int]
    rows: Integers
    children: "list[_Block]"

    @property
    def index(self) -> Integers:
        return np.concatenate([np.array(self.columns, dtype=np.int64), self.rows])


@dataclass(frozen=True, slots=True, eq=False)
class Elimination:
    """An order of elimination, and the tree of blocks that comes of it, parents before children."""

    order: Integers
    blocks: list[_Block]

    @classmethod
    def planned(cls, matrix: Columns) -> Self | None:
        """Of a symmetric matrix, shape (n, n); None where it would take too much time or memory."""
        if matrix.nnz > 2 * MOST_PAIRS:
            return None
        order = _fewest_neighbours_first(matrix)
        below = _permuted(matrix, order)
        tree = _tree(below)
        return None if tree is None else cls(order, _parents_first(tree))

    def inverse_diagonal(self, matrix: Columns) -> Values:
        """diag(A⁻¹), shape (n,), of a matrix with the pattern that was planned for; complex where A is.

        O(Σ|R|²) time, one division of blocks for every column or more.
        """
        below = _permuted(matrix, self.order)
        factors = _eliminated(below, self.blocks)
        diagonal = np.empty(matrix.shape[0], dtype=matrix.dtype)
        inverses: dict[int, Values] = {}
        for block in self.blocks:
            pivot, y = factors.pop(id(block))
            rest = inverses.pop(id(block), np.zeros((len(block.rows),) * 2, dtype=matrix.dtype))
            across = -rest @ y
            front = np.block([[pivot - y.T @ across, across.T], [across, rest]])
            diagonal[block.columns] = front.diagonal()[: len(block.columns)]
            index = block.index
            for child in block.children:
                at = np.searchsorted(index, child.rows)
                inverses[id(child)] = front[np.ix_(at, at)]
        result = np.empty_like(diagonal)
        result[self.order] = diagonal
        return result


def graph_matrix(gram: PairGram) -> Columns:
    """The matrix of a gram without its border, shape (n, n)."""
    return sparse.csc_array(sparse.diags_array(gram.head) - gram.pairs - gram.pairs.T)


def _fewest_neighbours_first(matrix: Columns) -> Integers:
    """The order of SuperLU, of which the pattern alone is wanted here: of its incomplete factor next to nothing is kept."""
    from scipy.sparse.linalg import spilu  # noqa: PLC0415 - for large leagues alone

    pattern = sparse.csc_array((np.full(matrix.nnz, -1.0), matrix.indices, matrix.indptr), shape=matrix.shape)
    dominant = sparse.csc_array(pattern + sparse.diags_array(np.full(matrix.shape[0], 2.0 * matrix.shape[0])))
    incomplete = spilu(dominant, drop_tol=1.0, fill_factor=1.0, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return np.argsort(incomplete.perm_c).astype(np.int64)


def _permuted(matrix: Columns, order: Integers) -> Columns:
    """The lower triangle in the order of elimination, rows sorted within columns."""
    below: Columns = sparse.csc_array(sparse.tril(matrix[order][:, order], format="csc"))
    below.sort_indices()
    return below


def _tree(below: Columns) -> list[_Block] | None:
    """All blocks, each after its children, by merging neighbours upward; None where there is too much."""
    n = below.shape[0]
    hanging: list[list[_Block]] = [[] for _ in range(n)]
    blocks, entries, work = [], 0, 0.0
    for column in range(n):
        children = hanging[column]
        own = below.indices[below.indptr[column] : below.indptr[column + 1]]
        rows = np.unique(np.concatenate([own, *(child.rows for child in children)])).astype(np.int64)[1:]
        entries, work = entries + len(rows) + 1, work + float(len(rows)) ** 2
        if entries > MOST_ENTRIES or work > MOST_WORK:
            return None
        block = next((child for child in children if len(child.rows) == len(rows) + 1), None)
        if block is None:
            block = _Block([], rows, [])
        block.columns.append(column)
        block.children.extend(child for child in children if child is not block)
        block.rows = rows
        hanging[column] = []
        if len(rows):
            hanging[rows[0]].append(block)
        else:
            blocks.append(block)
    return blocks


def _parents_first(roots: list[_Block]) -> list[_Block]:
    waiting, ordered = list(roots), []
    while waiting:
        ordered.append(waiting.pop())
        waiting.extend(ordered[-1].children)
    return ordered


def _eliminated(below: Columns, blocks: list[_Block]) -> dict[int, tuple[Values, Values]]:
    """F_JJ⁻¹ and Y of every block."""
    factors: dict[int, tuple[Values, Values]] = {}
    updates: dict[int, Values] = {}
    for block in reversed(blocks):
        index, k = block.index, len(block.columns)
        front = np.zeros((len(index),) * 2, dtype=below.dtype)
        for local, column in enumerate(block.columns):
            entries = slice(below.indptr[column], below.indptr[column + 1])
            front[np.searchsorted(index, below.indices[entries]), local] = below.data[entries]
        front[:k, :k] += np.tril(front[:k, :k], -1).T
        for child in block.children:
            at = np.searchsorted(index, child.rows)
            front[np.ix_(at, at)] += updates.pop(id(child))
        pivot = np.linalg.inv(front[:k, :k])
        y = front[k:, :k] @ pivot
        updates[id(block)] = front[k:, k:] - y @ front[k:, :k].T
        factors[id(block)] = pivot, y
    return factors

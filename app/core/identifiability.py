"""What comparisons can and cannot tell: which competitors are joined, which can be compared, and whether a maximum of the likelihood exists.

An edge i → j says that i took points from j; a draw is an edge both ways.
- Components (weak): competitors joined by any matches. Between components nothing is known.
- Classes (strong): competitors joined by points both ways. Within a class everything is comparable.
- Two classes of a component may be joined by directed paths in one direction ("ordered-only") or by none at all ("no").
The pure maximum likelihood estimate exists iff every component is one class (Ford 1957). Whether that is required is decided by the caller.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components

from app.core.grams import Floats, Sparse

Labels = NDArray[np.int64]
Integers = NDArray[np.integer[Any]]
Comparable = Literal["yes", "ordered-only", "no"]

SAMPLED = 32
"""Comparisons per competitor from which a sample of half as many is looked at first."""


@dataclass(frozen=True)
class Identifiability:
    """The structure of a comparison graph. Components and classes are numbered from the largest; of equal ones, the one with the first member leads.

    Parameters
    ----------
    components, classes : array of int, shape (n,)
        The component and the class of each competitor.
    class_edges : csr_array, shape (classes, classes)
        Which class took points from which other.
    """

    components: Labels
    classes: Labels
    class_edges: Sparse

    @property
    def n_components(self) -> int:
        return int(self.components.max(initial=-1)) + 1

    @property
    def n_classes(self) -> int:
        return int(self.classes.max(initial=-1)) + 1

    @property
    def likelihood_has_maximum(self) -> bool:
        """Ford's condition: every component is a single class."""
        return self.n_components == self.n_classes

    @cached_property
    def component_sizes(self) -> Labels:
        return np.bincount(self.components)

    def comparable(self, i: int, j: int) -> Comparable:
        """How far data compare i with j. O(edges between classes)."""
        a, b = int(self.classes[i]), int(self.classes[j])
        if a == b:
            return "yes"
        if self.components[i] != self.components[j]:
            return "no"
        return "ordered-only" if self._reaches(a, b) or self._reaches(b, a) else "no"

    def _reaches(self, a: int, b: int) -> bool:
        return bool(np.any(breadth_first_order(self.class_edges, a, directed=True, return_predecessors=False) == b))

    def comparable_pairs(self) -> NDArray[np.bool_]:
        """Shape (n, n): True where a directed path joins two competitors, in either direction or in both. O(n²) memory."""
        reach = self._closure
        either = reach | reach.T
        return either[np.ix_(self.classes, self.classes)]

    @cached_property
    def _closure(self) -> NDArray[np.bool_]:
        """Which class reaches which, itself included: bit rows joined from the last class of a topological order to the first."""
        n = self.n_classes
        reach = np.packbits(np.eye(n, dtype=np.bool_), axis=1)
        edges = self.class_edges
        for index in self._topological_order()[::-1]:
            below = edges.indices[edges.indptr[index] : edges.indptr[index + 1]]
            if len(below):
                reach[index] |= np.bitwise_or.reduce(reach[below], axis=0)
        return np.unpackbits(reach, axis=1, count=n).astype(np.bool_)

    def _topological_order(self) -> list[int]:
        """Kahn (1962)."""
        edges = self.class_edges
        waiting_for = np.bincount(edges.indices, minlength=self.n_classes)
        order = np.flatnonzero(waiting_for == 0).tolist()
        for index in order:
            below = edges.indices[edges.indptr[index] : edges.indptr[index + 1]]
            waiting_for[below] -= 1
            order.extend(below[waiting_for[below] == 0].tolist())
        return order


def identify(first: Integers, second: Integers, first_took: NDArray[np.bool_], second_took: NDArray[np.bool_], n: int) -> Identifiability:
    """The structure of n competitors' comparisons.

    Parameters
    ----------
    first, second : array of int, shape (m,)
        The competitors of each comparison or pair.
    first_took, second_took : array of bool, shape (m,)
        Whether that side took any points there; rows where neither did are ignored.
    n : int
        How many competitors there are, seen or not.

    Returns
    -------
    Identifiability
        O(n + m).
    """
    if len(first) > SAMPLED * n:
        return _from_sample(first, second, first_took, second_took, n)
    return _found(*_edges(first, second, first_took, second_took), n)


def _from_sample(first: Integers, second: Integers, first_took: NDArray[np.bool_], second_took: NDArray[np.bool_], n: int) -> Identifiability:
    """Classes that some of the comparisons make no others can part again: of all of them only those between such classes are looked at."""
    some = slice(None, None, 2 * len(first) // (SAMPLED * n))
    known = _found(*_edges(first[some], second[some], first_took[some], second_took[some]), n)
    if known.n_classes == 1:
        return known
    apart = np.flatnonzero(known.classes[first] != known.classes[second])
    return extended(known, *_edges(first[apart], second[apart], first_took[apart], second_took[apart]), n)


def _found(tail: Integers, head: Integers, n: int) -> Identifiability:
    edges = sparse.csr_array((np.ones(len(tail)), (tail, head)), shape=(n, n))
    classes = _largest_first(connected_components(edges, directed=True, connection="strong")[1])
    n_classes = int(classes.max(initial=-1)) + 1
    components = classes if n_classes == 1 else _largest_first(connected_components(edges, directed=False)[1])
    return Identifiability(components, classes, _between(classes[tail], classes[head], n_classes))


def extended(known: Identifiability, tail: Integers, head: Integers, n: int) -> Identifiability:
    """The structure after more edges i → j, among n competitors of whom the known ones come first: the same as if it were found anew.

    Classes only ever grow together, so that a graph whose vertices are the known classes and the newcomers tells all. O(n + edges between classes).
    """
    newcomers = n - len(known.classes)
    vertex = np.concatenate([known.classes, known.n_classes + np.arange(newcomers)])
    size = known.n_classes + newcomers
    above, below = known.class_edges.nonzero()
    tails, heads = np.concatenate([above, vertex[tail]]), np.concatenate([below, vertex[head]])
    edges = sparse.csr_array((np.ones(len(tails)), (tails, heads)), shape=(size, size))
    classes = _largest_first(connected_components(edges, directed=True, connection="strong")[1][vertex])
    components = _largest_first(connected_components(edges, directed=False)[1][vertex])
    label = np.empty(size, dtype=np.int64)
    label[vertex] = classes
    return Identifiability(components, classes, _between(label[tails], label[heads], int(classes.max(initial=-1)) + 1))


def _between(above: Labels, below: Labels, n_classes: int) -> Sparse:
    """The distinct edges between different classes."""
    apart = above != below
    above, below = np.divmod(np.unique(above[apart] * n_classes + below[apart]), max(n_classes, 1))
    return sparse.csr_array((np.ones(len(above)), (above, below)), shape=(n_classes, n_classes))


def _edges(first: Integers, second: Integers, first_took: NDArray[np.bool_], second_took: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    tail = np.concatenate([first[first_took], second[second_took]])
    return tail, np.concatenate([second[first_took], first[second_took]])


def _largest_first(labels: NDArray[np.int32]) -> Labels:
    if not len(labels):
        return labels.astype(np.int64)
    _, first_member, inverse, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.lexsort((first_member, -sizes))] = np.arange(len(sizes))
    return rank[inverse]


def component_means(values: Floats, components: Labels) -> Floats:
    """The mean over its component, for each competitor; values have shape (n,)."""
    sizes = np.bincount(components)
    return (np.bincount(components, values) / np.maximum(sizes, 1))[components]


def centre(values: Floats, components: Labels) -> Floats:
    """Values with the mean of their component taken away, shape (n,) or (n, k)."""
    if values.ndim == 1:
        return values - component_means(values, components)
    gauge = gauge_directions(components)
    return values - gauge @ (gauge.T @ values)


def gauge_directions(components: Labels, extra: int = 0) -> Sparse:
    """Shape (n + extra, components): the unit vectors along which no likelihood changes, one per component; `extra` coefficients take no part."""
    n = len(components)
    sizes = np.bincount(components)
    return sparse.csr_array((1.0 / np.sqrt(sizes[components]), (np.arange(n), components)), shape=(n + extra, len(sizes)))


def undetermined_column(never_worse: Sparse, columns: range) -> int | None:
    """The first of `columns` that, with those before it, can grow for ever without lowering the likelihood; None if there is none.

    A direction δ ≠ 0 along which no observation becomes less likely is a direction of recession: the maximum does not exist, or it is not unique
    (Albert and Anderson 1984). Each column and sign is one linear programme, in which the columns that follow are held at zero: beside a column
    that separates, every other could grow as well, and it is not the one to blame.

    Parameters
    ----------
    never_worse : csr_array, shape (m, p)
        A, such that Aδ ≥ 0 holds for exactly the directions along which no observation becomes less likely.
    columns : range
        Which coefficients to examine, the last of the p.
    """
    from scipy.optimize import linprog  # noqa: PLC0415 - a third of the start-up time, for the rarest of fits

    limits: Any = _of_unit_columns(never_worse) * -1.0
    for column in columns:
        for sign in (-1.0, 1.0):
            cost = np.zeros(column + 1)
            cost[column] = sign
            found: Any = linprog(cost, A_ub=limits[:, : column + 1], b_ub=np.zeros(limits.shape[0]), bounds=(-1.0, 1.0), method="highs")
            if found.status == 0 and -found.fun > 1e-7:
                return column
    return None


def _of_unit_columns(matrix: Sparse) -> Sparse:
    """Columns divided by their largest entry, because a linear programme knows absolute tolerances only."""
    largest = np.zeros(matrix.shape[1])
    np.maximum.at(largest, matrix.indices, np.abs(matrix.data))
    return Sparse(matrix @ sparse.diags_array(1.0 / np.where(largest > 0.0, largest, 1.0)))

"""The fewest edges that would make a directed graph without cycles strongly connected, and paths among a few of its nodes.

The nodes are the strong classes of a comparison graph (`identifiability`). With p sources, q sinks and r isolated nodes, max(p, q) + r edges are
needed and enough, if there is more than one node: Eswaran and Tarjan (1976), with the search as corrected by Raghavan (2005).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order

from app.core.grams import Sparse

Nodes = NDArray[np.int64]
Edge = tuple[int, int]


def strong_augmentation(edges: Sparse, nodes: Nodes) -> list[Edge]:
    """The fewest edges (from, to) that make the chosen nodes of an acyclic graph one strong class.

    Parameters
    ----------
    edges : csr_array, shape (n, n)
        Acyclic; edges between chosen nodes and others are not looked at.
    nodes : array of int, shape (k,)
        Which nodes shall be joined; among equals those that come first are joined first.

    Returns
    -------
    list of (int, int)
        Empty for k < 2, else max(sources, sinks) + isolated of them. O(nodes + edges).
    """
    if len(nodes) < 2:
        return []
    chosen: Sparse = Sparse(edges[nodes][:, nodes])
    found = _augmented(chosen)
    return [(int(nodes[tail]), int(nodes[head])) for tail, head in found]


def _augmented(edges: Sparse) -> list[Edge]:
    into, out = np.bincount(edges.indices, minlength=edges.shape[0]), np.diff(edges.indptr)
    sources, sinks = np.flatnonzero((into == 0) & (out > 0)), np.flatnonzero((out == 0) & (into > 0))
    isolated = np.flatnonzero((into == 0) & (out == 0)).tolist()
    if len(sources) > len(sinks):
        # The other way round it is the same question.
        reversed_: Sparse = sparse.csr_array(edges.T)
        return [(head, tail) for tail, head in _joined(reversed_, sinks, sources, isolated)]
    return _joined(edges, sources, sinks, isolated)


def _joined(edges: Sparse, sources: Nodes, sinks: Nodes, isolated: list[int]) -> list[Edge]:
    """As many matched pairs as the search finds become one cycle; the sources left over hang on sinks left over, the rest is threaded in."""
    matched = list(_matched(edges, sources))
    taken = {source for source, _ in matched}, {sink for _, sink in matched}
    free_sources = [source for source in sources.tolist() if source not in taken[0]]
    free_sinks = [sink for sink in sinks.tolist() if sink not in taken[1]]
    hanging, threaded = list(zip(free_sinks, free_sources, strict=False)), free_sinks[len(free_sources) :]
    cycle = [(matched[place][1], matched[place + 1][0]) for place in range(len(matched) - 1)]
    chain = [*([matched[-1][1]] if matched else []), *threaded, *isolated]
    closing = matched[0][0] if matched else chain[0]
    return [*cycle, *hanging, *zip(chain, [*chain[1:], closing], strict=True)]


def _matched(edges: Sparse, sources: Nodes) -> Iterator[Edge]:
    """A source and a sink that it reaches, by paths that share no node."""
    marked = np.zeros(edges.shape[0], dtype=np.bool_)
    for source in sources.tolist():
        sink = _first_sink(edges, source, marked)
        if sink is not None:
            yield source, sink


def _first_sink(edges: Sparse, source: int, marked: NDArray[np.bool_]) -> int | None:
    """The first sink that a depth-first search comes upon; whatever it visits is marked for good."""
    waiting = [source]
    while waiting:
        node = waiting.pop()
        if marked[node]:
            continue
        marked[node] = True
        below = edges.indices[edges.indptr[node] : edges.indptr[node + 1]]
        if not len(below):
            return node
        waiting.extend(below[::-1].tolist())
    return None


def paths_among(edges: Sparse, nodes: Nodes) -> NDArray[np.bool_]:
    """Which of k nodes reach which, themselves included: shape (k, k). One search per distinct node: O(distinct nodes · edges)."""
    distinct, place = np.unique(nodes, return_inverse=True)
    if len(distinct) == 1:
        return np.ones((len(nodes), len(nodes)), dtype=np.bool_)
    reached = np.zeros((len(distinct), len(distinct)), dtype=np.bool_)
    for row, node in enumerate(distinct.tolist()):
        seen = np.zeros(edges.shape[0], dtype=np.bool_)
        seen[breadth_first_order(edges, node, directed=True, return_predecessors=False)] = True
        reached[row] = seen[distinct]
    return reached[np.ix_(place, place)]

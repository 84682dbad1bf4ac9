"""Comparisons that come in clusters: the votes of one rater, the games of one evening. They are not independent of each other.

Their scores are summed within the cluster before the robust covariance squares them. A weight of c is c rows of the same cluster, so that it
remains a repetition: what those rows tell adds up c times over before it is squared. Where every row has a cluster of its own and weight 1, all
is as without clusters. There is no correction for few clusters; a competitor with few effective ones keeps the model-based floor instead.
"""

import numpy as np
from scipy import sparse

from app.core.designs import PairDesign, TiedDesign
from app.core.families import Logistic, Softmax
from app.core.grams import Sparse
from app.ratings.buckets import Oriented, orient
from app.ratings.comparisons import Comparisons, Floats, Integers


def cluster_scores(games: Comparisons, theta: Floats, *, ties: bool) -> Sparse:
    """The score of every cluster at θ, Σ c a Dᵀ(μ − y), shape (p, clusters).

    Parameters
    ----------
    games : Comparisons
        With a cluster per row.
    theta : array, shape (p,)
        Competitors, then the coefficients.
    ties : bool
        Whether the last coefficient is ln ν.
    """
    rows, cluster = _sorted(games)
    design = PairDesign(rows.first, rows.second, games.n_competitors, rows.columns)
    difference: Sparse = design.tosparse().T.tocsr()
    into = _member(rows.frequency * rows.importance, cluster)
    if not ties:
        return Sparse(difference @ (_diagonal(Logistic().terms(design.predict(theta), rows.score).residual) @ into))
    outcome = np.eye(3)[np.rint(2.0 - 2.0 * rows.score).astype(np.int64)]
    first, draw, second = Softmax().terms(TiedDesign(design).predict(theta), outcome).residual.T
    of_ties = sparse.csr_array((into.T @ draw)[None, :])
    return Sparse(sparse.vstack([difference @ (_diagonal(0.5 * (first - second)) @ into), of_ties]))


def effective_clusters(games: Comparisons) -> Floats:
    """(Σca)² / Σ_g(Σ_{n in g} ca)² per competitor, shape (n_competitors,): effective games where every game is a cluster."""
    rows, cluster = _sorted(games)
    counted = np.tile(rows.frequency * rows.importance, 2)
    played: Sparse = Sparse((counted, (np.concatenate([rows.first, rows.second]), np.tile(cluster, 2))), shape=_shape(games.n_competitors, cluster))
    total: Floats = np.asarray(played.sum(axis=1)).ravel()
    squares: Floats = np.asarray(played.power(2).sum(axis=1)).ravel()
    return np.asarray(np.divide(total * total, squares, out=np.zeros(len(total)), where=squares > 0.0))


def _sorted(games: Comparisons) -> tuple[Oriented, Integers]:
    """The rows that count, in an order of their own, so that sums do not depend on the order given."""
    if games.cluster is None:
        raise ValueError("cluster must be given")
    rows, cluster = orient(games), np.unique(games.cluster, return_inverse=True)[1].astype(np.int64)
    order = np.lexsort((rows.importance, rows.frequency, rows.score, rows.key, cluster))
    order = order[(rows.frequency * rows.importance)[order] > 0.0]
    return Oriented(*(getattr(rows, name)[order] for name in Oriented.__slots__)), cluster[order]


def _member(values: Floats, cluster: Integers) -> Sparse:
    return Sparse((values, (np.arange(len(cluster)), cluster)), shape=_shape(len(cluster), cluster))


def _shape(height: int, cluster: Integers) -> tuple[int, int]:
    return height, int(cluster.max(initial=-1)) + 1


def _diagonal(values: Floats) -> Sparse:
    return Sparse(sparse.diags_array(values))

"""Rankings as chains of choices: first place is chosen among all, the next among those left, and so on to the last two.

    P(ranking) = Π_j e^{η_j} / Σ_{k ≥ j} e^{η_k} = Π_j σ(η_j − ln Σ_{k > j} e^{η_k}),      η_j the strength of who is at place j

So every choice is a logistic one, of one against all that remain: h_j is the chance that place j was chosen there, and q_j = 1 − h_j. From these
two numbers, each with all of its digits, follow the gradient (O(K) per ranking) and the Hessian (O(K²)), and nothing overflows. The Hessian is
the Laplacian of a graph with positive weights, so the fit of rankings is one of weighted pairs:

    ∂ℓ/∂η_j = h_j B_j − q_j,                     B_0 = 0,  B_{j+1} = q_j (1 + B_j)
    −∂²ℓ/∂η_j∂η_k = h_j R_j q_j ⋯ q_{k−1} h_k    for j < k,  R_0 = 1,  R_{j+1} = 1 + q_j² R_j

The Hessian depends on who was left at each choice, hence on the outcome: it is the observed information, not its mean as for the other families.
Plackett (1975); Luce (1959); Hunter (2004), section 5.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.families import Logistic, Terms
from app.core.grams import Floats, PairGram, Sparse

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class ChainedChoices:
    """A ranking as a row of η in the order of places; its y is 1 for a place and 0 beyond the last one.

    The curvature of a row has shape (K, 2): h and q of every place, of which `RankedDesign.gram` makes second derivatives.
    """

    def mean(self, eta: Floats) -> Floats:
        """The number of choices each place was expected to take, of those it took part in; all K places are taken for present."""
        taken = np.ones_like(eta)
        taken[:, -1:] = 0.0
        return self.terms(eta, np.ones_like(eta)).residual + taken

    def terms(self, eta: Floats, y: Floats) -> Terms:
        ahead = eta - _log_sum_of_lower_places(eta, y)
        chosen, passed = Logistic().mean(ahead) * y, Logistic().mean(-ahead) * y
        value: Floats = np.logaddexp(0.0, -ahead).sum(axis=1)
        return Terms(value, chosen * _expected_before(passed) - passed, np.stack([chosen, passed], axis=-1))


def _log_sum_of_lower_places(eta: Floats, present: Floats) -> Floats:
    """−∞ from the last place on."""
    counted = np.where(present > 0.0, eta, -np.inf)
    rest = np.full_like(eta, -np.inf)
    rest[:, :-1] = np.logaddexp.accumulate(counted[:, :0:-1], axis=1)[:, ::-1]
    return rest


def _expected_before(passed: Floats) -> Floats:
    """B."""
    before = np.zeros_like(passed)
    for place in range(1, passed.shape[1]):
        before[:, place] = passed[:, place - 1] * (1.0 + before[:, place - 1])
    return before


class _Meetings(NamedTuple):
    """The graph of who was in one ranking with whom, as a CSR pattern, and the edge of each meeting in the order of `_by_place`."""

    edge: Integers
    low: Integers
    high: Integers
    indptr: Integers


@dataclass(frozen=True, eq=False)
class RankedDesign:
    """η_j = θ of the competitor at place j.

    Parameters
    ----------
    places : array of int, shape (n, K)
        Per ranking the competitors, best first, each at most once; −1 beyond the last.
    n_competitors : int
        How many there are.
    """

    places: Integers
    n_competitors: int

    @property
    def width(self) -> int:
        return self.n_competitors

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Which places are taken, shape (n, K)."""
        return self.places >= 0

    @property
    def n_pairs(self) -> int:
        """How many pairs were in one ranking."""
        return len(self._meetings.low)

    def predict(self, theta: Floats) -> Floats:
        eta = np.zeros(self.places.shape)
        eta[self.present] = theta[self.places[self.present]]
        return eta

    def pullback(self, u: Floats) -> Floats:
        return np.bincount(self.places[self.present], u[self.present], self.n_competitors).astype(np.float64)

    def gram(self, w: Floats) -> PairGram:
        """The information; w (n, K, 2) is the curvature of `ChainedChoices` times a weight per ranking."""
        n, meetings = self.n_competitors, self._meetings
        each = np.concatenate([np.zeros(0), *(block.ravel() for block in self._by_place(w))])
        edges = np.bincount(meetings.edge, each, self.n_pairs).astype(np.float64)
        head = np.bincount(meetings.low, edges, n) + np.bincount(meetings.high, edges, n)
        pairs: Sparse = Sparse((edges, meetings.high, meetings.indptr), shape=(n, n))
        return PairGram(pairs, head.astype(np.float64), np.zeros((n, 0)), np.zeros((0, 0)))

    def rows(self, index: Integers) -> "RankedDesign":
        return RankedDesign(self.places[index], self.n_competitors)

    def _by_place(self, w: Floats) -> Iterator[Floats]:
        """For each place k from the second: the weight of the edge to every place j above it, shape (k, rankings that reach place k)."""
        weight = w.sum(axis=2)
        chance = np.divide(w, weight[:, :, None], out=np.zeros_like(w), where=weight[:, :, None] > 0.0)
        chosen, passed = chance[:, :, 0], chance[:, :, 1]
        alive, spread = np.arange(len(w)), np.ones(len(w))
        share = np.zeros((0, len(w)))
        for place in range(1, w.shape[1]):
            still = passed[alive, place - 1]
            share = np.vstack([share, chosen[alive, place - 1] * spread]) * still
            spread = 1.0 + still * still * spread
            reach = self.present[alive, place]
            alive, share, spread = alive[reach], share[:, reach], spread[reach]
            yield share * (chosen[alive, place] * weight[alive, place])

    @cached_property
    def _meetings(self) -> _Meetings:
        n = max(self.n_competitors, 1)
        keys = [np.zeros(0, dtype=np.int64)]
        for place in range(1, self.places.shape[1]):
            ranked = self.places[self.present[:, place]].astype(np.int64)
            one, other = ranked[:, :place].T, ranked[:, place]
            keys.append((np.minimum(one, other) * n + np.maximum(one, other)).ravel())
        key, edge = np.unique(np.concatenate(keys), return_inverse=True)
        low, high = np.divmod(key, n)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(low, minlength=self.n_competitors))])
        return _Meetings(edge, low, high.astype(np.int32), indptr.astype(np.int32))

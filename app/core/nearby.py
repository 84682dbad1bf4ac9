"""The covariance among a few competitors of a large league, kept ready: what `inference` solves for anew, from `neighbourhoods`.

Columns that were solved for are kept, up to a bound. Components that are small are solved exactly and whole.
"""

from collections import OrderedDict
from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from app.core import inference
from app.core.grams import Floats, PairGram, Sparse
from app.core.inference import SOLVE_ACCURACY, Uncertainty, upper_bound
from app.core.marginals import Modes, counting_modes
from app.core.neighbourhoods import Column, Labels, Neighbourhoods
from app.core.solvers import conjugate_gradients

KEPT_NUMBERS = 4_000_000
"""Of all columns kept together: some 60 MB."""

QUICK_MODE = 0.6
"""Modes as quick as that cost a column hardly a step."""

HALF = 0.5
"""Of the norm of a mode: less is left only of the constant."""


def can_be_near(of: Uncertainty) -> bool:
    """Whether this is for it: a large league whose meat is of pairs."""
    return of.approximate and isinstance(of.meat, PairGram)


class Nearby:
    """As `Uncertainty` for a few, with the accuracy of `neighbourhoods`. Safe between threads."""

    def __init__(self, of: Uncertainty) -> None:
        self._of = of
        self._columns: OrderedDict[int, Column] = OrderedDict()
        self._numbers = 0
        self._lock = Lock()

    @property
    def few(self) -> NDArray[np.bool_]:
        """Whose robust variance has a floor, shape (n,)."""
        return self._of.few

    @property
    def width(self) -> int:
        """How many competitors and coefficients there are."""
        return self._of.width

    def covariances(self, chosen: Labels) -> tuple[Floats, Floats | None]:
        """The model-based one and, where that is reported, the robust one, up to what is common to all of a component."""
        competitors = chosen[chosen < len(self._of.components)]
        return self._neighbourhoods.covariances(chosen, [self._column(number) for number in competitors.tolist()])

    def contrasts(self, indices: list[int], values: Floats) -> Floats:
        """The covariance of weighted sums, whose weights, the columns of `values`, are differences of competitors."""
        chosen = np.asarray(indices, dtype=np.int64)
        model, robust = (None if known is None else values.T @ known @ values for known in self.covariances(chosen))
        return self._reported(chosen, model, robust)

    def joint(self, indices: list[int]) -> Floats:
        """The covariance among a few, relative to the mean of the competitors among them."""
        chosen = np.asarray(indices, dtype=np.int64)
        among = int(np.count_nonzero(chosen < len(self.few)))
        centring = np.eye(len(chosen))
        centring[:among, :among] -= 1.0 / among if among else 0.0
        model, robust = (None if known is None else centring @ known @ centring for known in self.covariances(chosen))
        return self._reported(chosen, model, robust)

    def _reported(self, chosen: Labels, model: Floats | None, robust: Floats | None) -> Floats:
        if robust is None or model is None:
            return np.zeros((0, 0)) if model is None else model
        floor = self.few[chosen[chosen < len(self.few)]].any()
        return upper_bound(model, robust) if floor else robust

    def _column(self, number: int) -> Column:
        with self._lock:
            if number in self._columns:
                self._columns.move_to_end(number)
                return self._columns[number]
        column = self._neighbourhoods.column(number) if self._is_large[self._of.components[number]] else self._exact(number)
        with self._lock:
            if number not in self._columns:
                self._columns[number] = column
                self._numbers += column.size
            while self._numbers > KEPT_NUMBERS and len(self._columns) > 1:
                self._numbers -= self._columns.popitem(last=False)[1].size
        return column

    @cached_property
    def _is_large(self) -> NDArray[np.bool_]:
        """Of each component."""
        return np.bincount(self._of.components) > inference.DENSE_LIMIT

    @cached_property
    def _neighbourhoods(self) -> Neighbourhoods:
        of, n = self._of, len(self._of.components)
        values, vectors, flat = [np.zeros(0)], [np.zeros((n, 0))], np.zeros(n)
        for component in np.flatnonzero(self._is_large).tolist():
            members = np.flatnonzero(of.components == component)
            modes = counting_modes((of.part(members) if len(members) < n else of).hessian, QUICK_MODE)
            if not of.precision[members].any():
                flat[members] = 1.0 / np.sqrt(of.hessian.head[members].sum())
                modes = _beside(modes, flat[members], of.hessian.head[members])
            placed = np.zeros((n, len(modes.values)))
            placed[members] = modes.vectors
            values.append(modes.values)
            vectors.append(placed)
        bread = of.bread if of.covariance == "robust" and isinstance(of.bread, PairGram) else None
        return Neighbourhoods.of(of.hessian, bread, Modes(np.concatenate(values), np.hstack(vectors)), flat)

    def _exact(self, number: int) -> Column:
        """In a small component, of all its members."""
        of = self._of
        members = np.flatnonzero(of.components == of.components[number])
        hessian, m = of.hessian, self._neighbourhoods.modes.shape[1]
        bare = PairGram(Sparse(hessian.pairs[members][:, members]), hessian.head[members], np.zeros((len(members), 0)), np.zeros((0, 0)))
        unit = (members == number).astype(np.float64)
        if not of.precision[members].any():
            unit -= 1.0 / len(members)
        x = conjugate_gradients(bare, unit, SOLVE_ACCURACY)[0]
        carried = np.concatenate([np.zeros(m), -self._neighbourhoods.influence[number]])
        return Column(members, x, members[:0], x[:0], carried)


def _beside(modes: Modes, flat: Floats, diagonal: Floats) -> Modes:
    """The modes without what they have of the constant, which costs nothing: one may be nothing else."""
    vectors = modes.vectors - flat[:, None] * ((flat * diagonal) @ modes.vectors)
    kept = diagonal @ np.square(vectors) > HALF
    return Modes(modes.values[kept], vectors[:, kept])

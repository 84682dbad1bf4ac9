"""Plackett–Luce: strengths from rankings of any length, each a chain of softmax choices among those that remain.

Rankings of two are Bradley–Terry comparisons, and the fit is then the same in every figure. What a ranking contributes is in `core.choices`,
minimising is the business of `core.solvers`; gauge, prior and existence are those of STATISTICS §4, and so is what comes back, a `Fit`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from app.core.choices import ChainedChoices, RankedDesign
from app.core.grams import PairGram
from app.core.identifiability import Identifiability, centre, gauge_directions, identify
from app.core.inference import Uncertainty
from app.core.objective import Objective, Point
from app.core.solvers import Solution, cholesky_direction, krylov_direction, newton
from app.ratings.comparisons import Floats, Integers
from app.ratings.existence import MaximumLikelihoodDoesNotExist
from app.ratings.fitted import Certificate, Fit

CHOLESKY_LIMIT = 2_000


def plackett_luce(
    rankings: Sequence[ArrayLike] | Integers,
    weight: ArrayLike | None = None,
    n_competitors: int | None = None,
    prior_sd: float | None = 2.0,
) -> Fit:
    """Strengths from rankings: P(ranking) = Π_j e^{θ_j} / Σ_{k at j or lower} e^{θ_k}, over its places j.

    Parameters
    ----------
    rankings : sequence of n sequences of int, or array of int, shape (n, K)
        The numbers of the competitors, best first; lengths may differ, and a ranking of one says nothing. Shared places are refused.
    weight : array of float, shape (n,), optional
        Frequencies: c equal rankings.
    n_competitors : int, optional
        How many there are; by default as many as the largest number tells.
    prior_sd : float or None
        The prior standard deviation of each strength in natural units. None asks for the pure maximum likelihood, which may not exist.

    Returns
    -------
    Fit
        As of `bradley_terry`, with model-based errors from the observed information; `win_probability` is the chance that one is placed
        above the other, with any others beside them.

    Raises
    ------
    MaximumLikelihoodDoesNotExist
        Without a prior, unless in every group of competitors joined by rankings each is placed above each other, directly or through others.
    ValueError
        Naming the argument at fault.

    Notes
    -----
    Newton's method; equal rankings count once. Memory and time per step are O(Σ K²) over the rankings, and O(competitors³) up to 2,000 of them,
    conjugate gradients above. Plackett (1975); Luce (1959); Hunter (2004), assumption 3 on existence.
    """
    if prior_sd is not None and not 0.0 < prior_sd < float("inf"):
        raise ValueError(f"prior_sd must be a positive number or None, not {prior_sd}")
    places = _places(rankings)
    count = _count(places, n_competitors)
    places, frequency = _collapsed(places, _frequency(weight, len(places)))
    structure = _placed_above(places, count)
    if prior_sd is None and not structure.likelihood_has_maximum:
        raise MaximumLikelihoodDoesNotExist(
            f"The maximum likelihood estimate does not exist: the {structure.n_components} group(s) of competitors joined by rankings fall into "
            f"{structure.n_classes} classes, and between two classes of a group all rankings agree. Give prior_sd, or leave classes out.",
            structure,
        )
    return _fit(RankedDesign(places, count), frequency, structure, prior_sd)


def _places(rankings: Sequence[ArrayLike] | Integers) -> Integers:
    """Shape (n, longest), −1 beyond the end of a ranking."""
    rows = [_ranking(number, ranking) for number, ranking in enumerate(rankings)]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    places = np.full((len(rows), int(lengths.max(initial=1))), -1, dtype=np.int64)
    places[np.arange(places.shape[1]) < lengths[:, None]] = np.concatenate([np.zeros(0, dtype=np.int64), *rows])
    ordered = np.sort(places, axis=1)
    twice = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(axis=1)
    if twice.any():
        raise ValueError(f"rankings must not name a competitor twice (row {int(np.argmax(twice))})")
    return places


def _ranking(number: int, ranking: ArrayLike) -> Integers:
    try:
        row = np.asarray(ranking)
    except ValueError:  # NumPy's word for rows of different lengths
        row = np.zeros((0, 0))
    if not row.size and row.ndim == 1:
        return row.astype(np.int64)
    if row.ndim == 2:
        raise ValueError(f"rankings must give every competitor a place of its own: draws, as shared places, are not supported (row {number})")
    if row.ndim != 1 or row.dtype.kind not in "iu" or np.any(row < 0):
        raise ValueError(f"rankings must hold sequences of integers from 0, the numbers of the competitors, best first (row {number})")
    return row.astype(np.int64)


def _count(places: Integers, n_competitors: int | None) -> int:
    seen = 1 + int(places.max(initial=-1))
    if n_competitors is not None and n_competitors < seen:
        raise ValueError(f"n_competitors is {n_competitors}, but competitor {seen - 1} has a ranking")
    return seen if n_competitors is None else int(n_competitors)


def _frequency(weight: ArrayLike | None, n: int) -> Floats:
    frequency = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
    if frequency.shape != (n,):
        raise ValueError(f"weight must have shape ({n},), one for each ranking, not {frequency.shape}")
    if not np.isfinite(frequency).all() or np.any(frequency < 0.0):
        raise ValueError("weight must be finite and not negative")
    return frequency


def _collapsed(places: Integers, frequency: Floats) -> tuple[Integers, Floats]:
    """Each ranking that counts once, in an order of its own, so that sums do not depend on the order given."""
    places, frequency = places[frequency > 0.0], frequency[frequency > 0.0]
    distinct, number = np.unique(places, axis=0, return_inverse=True)
    number = number.ravel()
    order = np.lexsort((frequency, number))
    return distinct, np.bincount(number[order], frequency[order], len(distinct)).astype(np.float64)


def _placed_above(places: Integers, n_competitors: int) -> Identifiability:
    """Neighbours in a ranking are enough: who is placed above whom beyond them follows by paths."""
    above, below = places[:, :-1][places[:, 1:] >= 0], places[:, 1:][places[:, 1:] >= 0]
    return identify(above, below, np.ones(len(above), dtype=np.bool_), np.zeros(len(above), dtype=np.bool_), n_competitors)


def _fit(design: RankedDesign, frequency: Floats, structure: Identifiability, prior_sd: float | None) -> Fit:
    n = design.n_competitors
    precision = np.full(n, 0.0 if prior_sd is None else 1.0 / prior_sd**2)
    flat = None if prior_sd is not None else gauge_directions(structure.components)
    present = design.present.astype(np.float64)
    objective = Objective(design, ChainedChoices(), present, frequency, precision, np.zeros(n), flat)
    solution = newton(objective, np.zeros(n), cholesky_direction if n <= CHOLESKY_LIMIT else krylov_direction)
    second_order = _SecondOrder(objective, solution.point, structure)
    return Fit(
        theta=centre(solution.theta, structure.components),
        structure=structure,
        draws="half",
        covariance="model",
        prior_sd=prior_sd,
        side_advantage=None,
        tie_parameter=None,
        coefficients=np.zeros(0),
        certificate=_certificate(design, second_order, solution),
        second_order=second_order,
    )


@dataclass(frozen=True, eq=False)
class _SecondOrder:
    """The point of the minimum, and the uncertainty there."""

    objective: Objective
    point: Point
    structure: Identifiability

    @property
    def among_few(self) -> Uncertainty:
        """Exact, and solved for anew each time."""
        return self.uncertainty

    @cached_property
    def uncertainty(self) -> Uncertainty:
        information = self.objective.fisher(self.point)
        if not isinstance(information, PairGram):
            raise TypeError("a ranked design has a paired gram")
        nobody = np.zeros(len(self.structure.components), dtype=np.bool_)
        # Model-based errors never look at the meat; where the model holds it is the information, in the mean.
        return Uncertainty(information, information, self.objective.precision, self.structure.components, nobody, "model")

    def profile_interval(self, column: str) -> tuple[float, float]:
        """There is no column."""
        raise ValueError(f"column {column!r} was not fitted: rankings have strengths alone")


def _certificate(design: RankedDesign, second_order: _SecondOrder, solution: Solution) -> Certificate:
    objective, point, structure = second_order.objective, second_order.point, second_order.structure
    gradient = objective.gradient(point)
    residual = float(np.abs(gradient).max(initial=0.0))
    total = float(objective.weight.sum())
    return Certificate(
        status=str(solution.status),
        iterations=solution.iterations,
        gradient_norm=residual / total if total else 0.0,
        score_residual=residual,
        shrinkage=float(np.abs(gradient - objective.precision * point.theta).max(initial=0.0)),
        log_likelihood=objective.log_likelihood(point),
        pairs=design.n_pairs,
        components=structure.n_components,
        classes=structure.n_classes,
        trace=solution.trace,
        second_order=second_order,
    )

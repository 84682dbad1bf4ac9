"""Ranks within components, and how much of an order the data support.

    rank        1 + how many of the component are rated higher; ties share
    rank_low    1 + how many are significantly better, rank_high  size − how many are significantly worse:
                for each competitor the two-sided tests against every comparable other of its component, at 95 % after Holm (1979)
    p_top       the probability of being the strongest of the component, by draws from the joint distribution of the strengths
    tier        walking down, a tier opens at the first competitor who is significantly below the tier's leader (two-sided, 95 %)
    rank_ub     1 + how many have a 95 % interval wholly above (the convention of LMArena)

Pairs that no directed path joins are not tested and stay undecided. Nothing here compares components.
"""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from app.ratings.comparisons import Floats, Integers
from app.ratings.fitted import NORMAL_95, Fit

LEVEL = 0.95
RESOLUTION = 1e-9
"""Fitted strengths that differ by less are equal: solvers agree to this."""
ROWS_AT_ONCE = 256
DRAWS = 10_000
DRAWN_AT_ONCE = 1_000
NEGLIGIBLE = 4.5
"""Standard errors behind the leader beyond which nobody is drawn: 3 in a million to be ahead of the leader alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Shape (n,) per field. The interval is None above 3,000 competitors, where the joint covariance is not computed."""

    rank: Integers
    rank_low: Integers | None
    rank_high: Integers | None
    rank_ub: Integers


def rank_fit(fit: Fit) -> Ranks:
    """All ranks of a fit. O(n² log n) up to 3,000 competitors, O(n log n) above."""
    margin = NORMAL_95 * np.nan_to_num(fit.centred_error)
    above = rank_upper_bounds(fit.theta - margin, fit.theta + margin, fit.components)
    order = ranks(fit.theta, fit.components, RESOLUTION)
    if fit.approximate:
        return Ranks(order, None, None, above)
    low, high = rank_intervals(fit.theta, fit.uncertainty.difference_variances(), fit.components, fit.structure.comparable_pairs())
    return Ranks(order, low, high, above)


def top_probabilities(fit: Fit, draws: int = DRAWS, seed: int = 0) -> Floats | None:
    """The probability of being the strongest of one's component, shape (n,), by seeded draws from the joint normal distribution.

    None above 3,000 competitors, where the joint covariance is not computed. Who is a negligible chance away from the leader gets exactly 0.

    Parameters
    ----------
    fit : Fit
        With its uncertainty.
    draws : int
        The standard error of a probability p is √(p(1 − p) / draws).
    seed : int
        The same seed gives the same figures.

    Notes
    -----
    As right as the prior is. After 5 to 10 games each much is left to it: with a prior sd of 2 in leagues whose strengths have an sd of 1,
    those said to be first with about 57 % were so in 47 %; with a prior sd of 1 there, or from 40 games on, what is said is what happens.
    Weighing the draws by the exact posterior, skewness and all, brought no improvement (59 % said, 43 % happened).
    """
    if fit.approximate:
        return None
    result, variances, generator = np.zeros(len(fit.theta)), fit.uncertainty.difference_variances(), np.random.default_rng(seed)
    for members in _members(fit.components):
        leader = members[np.argmax(fit.theta[members])]
        behind = fit.theta[leader] - fit.theta[members]
        rivals = members[(behind <= NEGLIGIBLE * np.sqrt(variances[leader, members])) & (members != leader)]
        root = root_of(_relative_to(leader, rivals, variances))
        for begin in range(0, draws, DRAWN_AT_ONCE):
            size = min(DRAWN_AT_ONCE, draws - begin)
            ahead = fit.theta[rivals] - fit.theta[leader] + generator.standard_normal((size, len(rivals))) @ root.T
            first = np.argmax(np.column_stack([np.zeros(size), ahead]), axis=1)
            result[np.concatenate([[leader], rivals])] += np.bincount(first, minlength=len(rivals) + 1)
    return result / draws


def tiers(fit: Fit) -> Integers | None:
    """The tier of each within its component, numbered from 1, shape (n,); None above 3,000 competitors, as `top_probabilities`.

    Who is not comparable with the tier's leader stays in the tier: nothing is known against it.
    """
    if fit.approximate:
        return None
    result, variances, comparable = np.ones(len(fit.theta), dtype=np.int64), fit.uncertainty.difference_variances(), fit.structure.comparable_pairs()
    for members in _members(fit.components):
        order = members[np.argsort(-fit.theta[members], kind="stable")]
        begin, tier = 0, 1
        while begin < len(order):
            leader, rest = order[begin], order[begin:]
            behind = fit.theta[leader] - fit.theta[rest] > NORMAL_95 * np.sqrt(variances[leader, rest]) + RESOLUTION
            below = np.flatnonzero(behind & comparable[leader, rest])
            end = begin + int(below[0]) if len(below) else len(order)
            result[order[begin:end]] = tier
            begin, tier = end, tier + 1
    return result


def _relative_to(leader: np.int64, rivals: Integers, variances: Floats) -> Floats:
    """The covariance of θ_rival − θ_leader, from the variances of differences alone."""
    own = variances[rivals, leader]
    return np.asarray(0.5 * (own[:, None] + own[None, :] - variances[np.ix_(rivals, rivals)]))


def root_of(covariance: Floats) -> Floats:
    """R with RRᵀ = covariance. Floors under single variances may leave it slightly indefinite; what is below zero is cut."""
    with suppress(np.linalg.LinAlgError):
        return np.asarray(np.linalg.cholesky(covariance))
    values, vectors = np.linalg.eigh(covariance)
    root: Floats = vectors * np.sqrt(np.maximum(values, 0.0))
    return root


def ranks(values: Floats, components: Integers, resolution: float = 0.0) -> Integers:
    """The rank of each within its component, the highest value first; values equal to within the resolution share a rank."""
    result = np.empty(len(values), dtype=np.int64)
    comparable = np.rint(values / resolution) if resolution else values
    for members in _members(components):
        own = comparable[members]
        result[members] = 1 + len(own) - np.searchsorted(np.sort(own), own, side="right")
    return result


def rank_upper_bounds(lower: Floats, upper: Floats, components: Integers) -> Integers:
    """1 + how many others of the component have their lower bound above one's upper bound."""
    result = np.empty(len(lower), dtype=np.int64)
    for members in _members(components):
        result[members] = 1 + len(members) - np.searchsorted(np.sort(lower[members]), upper[members], side="right")
    return result


def rank_intervals(
    theta: Floats, difference_variances: Floats, components: Integers, comparable: NDArray[np.bool_], level: float = LEVEL
) -> tuple[Integers, Integers]:
    """The range of ranks that Holm's tests leave to each competitor, every competitor for itself at the level.

    Parameters
    ----------
    theta : array, shape (n,)
        Strengths.
    difference_variances : array, shape (n, n)
        The variance of θ_i − θ_j.
    components : array of int, shape (n,)
        The component of each.
    comparable : array of bool, shape (n, n)
        Which pairs data compare at all, directly or through others.
    level : float
        Of the tests of one competitor together.

    Returns
    -------
    rank_low, rank_high : arrays of int, shape (n,)
        1 ≤ low ≤ high ≤ size of the component.
    """
    low, high = np.empty(len(theta), dtype=np.int64), np.empty(len(theta), dtype=np.int64)
    for members in _members(components):
        size = len(members)
        critical = -ndtri((1.0 - level) / (2.0 * np.arange(1, size + 1)))
        for start in range(0, size, ROWS_AT_ONCE):
            rows = members[start : start + ROWS_AT_ONCE]
            block = np.ix_(rows, members)
            gap = theta[members] - theta[rows, None]
            tested = comparable[block] & (rows[:, None] != members)
            error = np.sqrt(np.where(tested, difference_variances[block], 1.0))
            significant = _holm(np.where(tested, np.abs(gap) / error, 0.0), tested.sum(axis=1), critical)
            low[rows] = 1 + (significant & (gap > 0.0)).sum(axis=1)
            high[rows] = size - (significant & (gap < 0.0)).sum(axis=1)
    return low, high


def _holm(z: Floats, tests: Integers, critical: Floats) -> NDArray[np.bool_]:
    """Which of each row's statistics are significant: the largest against all tests, the next against one fewer, until one fails."""
    descending = -np.sort(-z, axis=1)
    left = np.maximum(tests[:, None] - np.arange(z.shape[1]), 1)
    passed = np.logical_and.accumulate((descending > critical[left - 1]) & (descending > 0.0), axis=1).sum(axis=1)
    smallest = np.where(passed > 0, descending[np.arange(len(z)), np.maximum(passed, 1) - 1], np.inf)
    return z >= smallest[:, None]


def _members(components: Integers) -> list[Integers]:
    order = np.argsort(components, kind="stable")
    return np.split(order, np.cumsum(np.bincount(components))[:-1]) if len(order) else []

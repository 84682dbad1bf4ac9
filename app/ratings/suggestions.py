"""Which match to play next: what a match is expected to tell, and a draw among candidates with probabilities that are known.

A match of a and b adds the information w c cᵀ, c = e_a − e_b, w = p(1 − p). The variance of a difference x then falls by
    w (xᵀVc)² / (1 + w cᵀVc),        for x = c:  p(1 − p) Var(d)² / (1 + p(1 − p) Var(d))
(Sherman and Morrison 1950). V is taken as it is: the estimate itself will move, and that is not foreseen.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from app.ratings.comparisons import Floats, Integers
from app.ratings.fitted import NORMAL_95

EXPLORED = 0.1
"""The share of the draw that falls on all candidates alike, so that every one of them has a chance that is not negligible."""


def own_gains(difference: Floats, variance: Floats) -> Floats:
    """By how much one match between two lowers the variance of their difference, shape as given; natural units squared."""
    weight = expit(difference) * expit(-difference)
    return np.asarray(weight * variance**2 / (1.0 + weight * variance))


def separating_gains(theta: Floats, covariance: Floats, top: int, first: Integers, second: Integers) -> Floats:
    """By how much each candidate match lowers the variances of the differences across the border of the top, shape (candidates,).

    Parameters
    ----------
    theta : array, shape (m,)
        Strengths, the highest first.
    covariance : array, shape (m, m)
        Of the strengths.
    top : int
        How many are inside; a difference across the border counts by the probability that its order is wrong.
    first, second : arrays of int, shape (candidates,)
        Places of those who would play.
    """
    inside, outside = np.repeat(np.arange(top), len(theta) - top), np.tile(np.arange(top, len(theta)), top)
    spread = covariance[inside, inside] + covariance[outside, outside] - 2.0 * covariance[inside, outside]
    importance = ndtr(-np.abs(theta[inside] - theta[outside]) / np.sqrt(np.maximum(spread, 1e-300)))
    moved = covariance[:, first] - covariance[:, second]
    variance = moved[first, np.arange(len(first))] - moved[second, np.arange(len(second))]
    weight = expit(theta[first] - theta[second]) * expit(theta[second] - theta[first])
    shared = (moved[inside] - moved[outside]) ** 2
    return np.asarray(weight * (importance @ shared) / (1.0 + weight * variance))


def propensities(gains: Floats, count: int) -> Floats:
    """The probability of each candidate to be among `count` that are drawn: in proportion to its gain but for a tenth, none above 1."""
    if count >= len(gains):
        return np.ones(len(gains))
    share = gains / gains.sum() if gains.sum() > 0.0 else np.full(len(gains), 1.0 / len(gains))
    wanted = (1.0 - EXPLORED) * share + EXPLORED / len(gains)
    certain = np.zeros(len(gains), dtype=np.bool_)
    while True:
        rest = (count - certain.sum()) * wanted / wanted[~certain].sum()
        more = ~certain & (rest >= 1.0)
        if not more.any():
            return np.where(certain, 1.0, rest)
        certain |= more


def drawn(probabilities: Floats, generator: np.random.Generator) -> NDArray[np.int64]:
    """Places drawn without repetition so that each has exactly its probability: systematic sampling in random order (Madow 1949).

    The probabilities add up to a whole number, which is how many are drawn.
    """
    order = generator.permutation(len(probabilities))
    ends = np.cumsum(probabilities[order])
    count = round(float(ends[-1]))
    points = generator.random() + np.arange(count)
    places = np.minimum(np.searchsorted(ends, points, side="right"), len(order) - 1)
    return np.asarray(order[places], dtype=np.int64)


def matches_to_separate(difference: float, variance: float) -> int | None:
    """About how many matches between two until their difference is significant at 95 %, if the estimate stays; None where it is zero.

    1 / Var' = 1 / Var + n p(1 − p), and Var' = (difference / 1.96)².
    """
    if difference == 0.0:
        return None
    needed = 1.0 / (difference / NORMAL_95) ** 2 - 1.0 / variance
    weight = float(expit(difference) * expit(-difference))
    return max(0, math.ceil(needed / weight - 1e-9))

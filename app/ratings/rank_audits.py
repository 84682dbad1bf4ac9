"""What a fit says of an order, reckoned anew: rank intervals, tiers, the probability of being first. Of `ratings.ranking` nothing is used.

Tests are judged by their probabilities where the fit has critical values, and chances by draws of their own. Where the last digit of a statistic
decides, whoever asks can make the tests a hair stricter or less strict.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SIGNIFICANT = 0.05
EQUAL = 1e-9
"""Strengths that differ by less are equal."""
DRAWS = 10_000
DRAWN_AT_ONCE = 500
OUT_OF_REACH = 6.0
"""Standard errors behind the leader beyond which nobody is drawn."""


def rank_intervals(theta: Floats, variances: Floats, comparable: NDArray[np.bool_], strictness: float) -> tuple[Integers, Integers]:
    """rank_low and rank_high in one island, shape (n,): Holm (1979) within each competitor; statistics are divided by the strictness."""
    low, high = np.ones(len(theta), dtype=np.int64), np.full(len(theta), len(theta))
    for one in range(len(theta)):
        others = np.flatnonzero(comparable[one] & (np.arange(len(theta)) != one))
        ahead = theta[others] - theta[one]
        chance = 2.0 * ndtr(-np.abs(ahead) / np.sqrt(variances[one, others]) / strictness)
        order = np.argsort(chance, kind="stable")
        passed = np.cumprod(chance[order] <= SIGNIFICANT / np.arange(len(order), 0, -1)).astype(bool)
        sure = ahead[order[passed]]
        low[one] += int((sure > 0.0).sum())
        high[one] -= int((sure < 0.0).sum())
    return low, high


def upper_bounds(theta: Floats, error: Floats, slack: float) -> Integers:
    """rank_ub in one island, shape (n,), from intervals of 1.96 errors; `slack` moves them apart."""
    half = 1.959963984540054 * np.nan_to_num(error)
    return np.asarray([1 + int((theta - half > top + slack).sum()) for top in theta + half])


def tiers(theta: Floats, variances: Floats, comparable: NDArray[np.bool_], strictness: float) -> Integers:
    """From 1 on, in one island, shape (n,): walking down, the next opens at whom its leader is significantly above."""
    found, leader, tier = np.ones(len(theta), dtype=np.int64), -1, 0
    for one in np.argsort(-theta, kind="stable"):
        gap = theta[leader] - theta[one] if tier else np.inf
        is_below = not tier or (comparable[leader, one] and gap > 1.959963984540054 * strictness * np.sqrt(variances[leader, one]) + EQUAL)
        if is_below:
            leader, tier = one, tier + 1
        found[one] = tier
    return found


def top_probabilities(theta: Floats, variances: Floats) -> Floats:
    """The chance of being the strongest of one island, shape (n,), from draws; each within √(p(1 − p) / DRAWS) of what is meant."""
    leader, chance, generator = int(np.argmax(theta)), np.zeros(len(theta)), np.random.default_rng(20_260)
    near = np.flatnonzero(theta[leader] - theta <= OUT_OF_REACH * np.sqrt(variances[leader]))
    own = variances[near, leader]
    values, vectors = np.linalg.eigh(0.5 * (np.add.outer(own, own) - variances[np.ix_(near, near)]))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    for _ in range(DRAWS // DRAWN_AT_ONCE):
        drawn = theta[near] + generator.standard_normal((DRAWN_AT_ONCE, len(near))) @ root.T
        chance[near] += np.bincount(np.argmax(drawn, axis=1), minlength=len(near))
    return chance / (DRAWS // DRAWN_AT_ONCE * DRAWN_AT_ONCE)

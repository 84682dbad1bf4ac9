"""Who would win a tournament: simulated knock-outs and round robins, their strengths drawn anew for each run.

A match is Davidson's: P(i) : P(draw) : P(j) = e^(d/2) : ν : e^(−d/2), d = θ_i − θ_j. Without ν an expected score is played as the chance to win.
A drawn match of a knock-out is decided by an even chance. In a round robin a win is one point and a draw half a point, and who share the most
points share the title.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from app.ratings.comparisons import Floats, Integers
from app.ratings.ranking import root_of

Bracket = list[tuple[int, int | None]]

LARGEST = 600.0
"""A difference at which nothing is left to chance."""


@dataclass(frozen=True, slots=True, eq=False)
class Entrants:
    """Strengths of k competitors in each of r runs, natural units, shape (r, k), and ln ν of each run, shape (r,); None without draws."""

    theta: Floats
    log_tie: Floats | None


def fixed_strengths(theta: Floats, runs: int) -> Entrants:
    """The same in every run, as they are given."""
    return Entrants(np.broadcast_to(theta, (runs, len(theta))), None)


def drawn_strengths(mean: Floats, covariance: Floats, runs: int, generator: np.random.Generator, *, with_ties: bool) -> Entrants:
    """From their joint normal distribution; with ties the last coordinate is ln ν.

    Parameters
    ----------
    mean, covariance : arrays, shape (k,) and (k, k)
        Natural units.
    """
    drawn = mean + generator.standard_normal((runs, len(mean))) @ root_of(covariance).T
    return Entrants(drawn[:, :-1], drawn[:, -1]) if with_ties else Entrants(drawn, None)


def standard_bracket(k: int) -> Bracket:
    """The first round among k ≥ 2 in order of strength: first against last, the strongest apart for as long as possible.

    Where k is no power of two, those that come first have no opponent in the first round (None).
    """
    order = [0]
    while len(order) < k:
        size = 2 * len(order)
        order = [place for seed in order for place in (seed, size - 1 - seed)]
    pairs = zip(order[::2], order[1::2], strict=True)
    return [(min(one, other), max(one, other) if max(one, other) < k else None) for one, other in pairs]


def listed_bracket(k: int) -> Bracket:
    """First against second, third against fourth. A ValueError unless k is a power of two."""
    if k < 2 or k & (k - 1):
        raise ValueError(f"must be 2, 4, 8, 16, 32, 64 or 128 in number, not {k}")
    return [(place, place + 1) for place in range(0, k, 2)]


def knock_out(strengths: Entrants, bracket: Sequence[tuple[int, int | None]], generator: np.random.Generator) -> Floats:
    """The probability of each competitor to come through each round: shape (k, rounds), the last column is the title.

    Parameters
    ----------
    strengths : Entrants
        Of k competitors in r runs.
    bracket : sequence of (int, int or None)
        The pairs of the first round, 2^m of them; their winners meet in this order.
    generator : Generator
        Draws the outcomes. O(r · k).
    """
    runs, k = strengths.theta.shape
    rounds = list[Floats]()
    first = np.array([one for one, _ in bracket])
    second = np.array([one if other is None else other for one, other in bracket])
    one, other = np.broadcast_to(first, (runs, len(first))), np.broadcast_to(second, (runs, len(second)))
    while True:
        winner = np.where(_first_advances(strengths, one, other, generator), one, other)
        rounds.append(np.bincount(winner.ravel(), minlength=k) / runs)
        if winner.shape[1] == 1:
            return np.stack(rounds, axis=1)
        one, other = winner[:, ::2], winner[:, 1::2]


def _first_advances(strengths: Entrants, one: Integers, other: Integers, generator: np.random.Generator) -> NDArray[np.bool_]:
    d = np.take_along_axis(strengths.theta, one, 1) - np.take_along_axis(strengths.theta, other, 1)
    score = _win(d) if strengths.log_tie is None else _score(d, strengths.log_tie[:, None])
    return np.asarray(generator.random(d.shape) < score)


def round_robin(strengths: Entrants, legs: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """The share of the title and the mean points of each competitor, shape (k,) each, when everyone meets everyone `legs` times. O(r · k² · legs)."""
    runs, k = strengths.theta.shape
    points = np.zeros((runs, k))
    for _ in range(legs):
        for place in range(k - 1):
            taken = _points(strengths.theta[:, place, None] - strengths.theta[:, place + 1 :], strengths.log_tie, generator)
            points[:, place] += taken.sum(axis=1)
            points[:, place + 1 :] += 1.0 - taken
    best = points == points.max(axis=1, keepdims=True)
    return (best / best.sum(axis=1, keepdims=True)).mean(axis=0), points.mean(axis=0)


def _points(d: Floats, log_tie: Floats | None, generator: np.random.Generator) -> Floats:
    drawn = generator.random(d.shape)
    if log_tie is None:
        return np.where(drawn < _win(d), 1.0, 0.0)
    win, tie = _odds(d), np.exp(log_tie)[:, None]
    drawn *= win + tie + 1.0 / win
    return np.where(drawn < win, 1.0, np.where(drawn < win + tie, 0.5, 0.0))


def _win(d: Floats) -> Floats:
    return np.asarray(expit(d))


def _score(d: Floats, log_tie: Floats) -> Floats:
    win, tie = _odds(d), np.exp(log_tie)
    return np.asarray((win + 0.5 * tie) / (win + tie + 1.0 / win))


def _odds(d: Floats) -> Floats:
    """e^(d/2), within what a float holds."""
    return np.asarray(np.exp(0.5 * np.clip(d, -LARGEST, LARGEST)))

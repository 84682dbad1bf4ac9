"""Leagues with known strengths, for the demo, tests and benchmarks. Everything follows from the seed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from app.ratings.matches import to_microseconds

SEASON_START = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Season:
    """Simulated matches in order of play, shape (n,) each, and the strengths θ (competitors,) that made them, in natural units."""

    first: list[int]
    second: list[int]
    score: list[float]
    played_at: list[int]
    strength: NDArray[np.float64]


def simulate_season(
    n_competitors: int, n_matches: int, seed: int, *, spread: float = 1.0, tie_parameter: float = 0.35, side_advantage: float = 0.15
) -> Season:
    """Matches between random pairs under Davidson's model: P(first) : P(draw) : P(second) = e^(d/2) : ν : e^(−d/2).

    Parameters
    ----------
    n_competitors, n_matches : int
        How many; at least two competitors.
    seed : int
        The same seed gives the same season.
    spread : float
        Standard deviation of the strengths, natural units.
    tie_parameter : float
        ν; 0 for no draws.
    side_advantage : float
        Added to the first side's strength, natural units.
    """
    generator = np.random.default_rng(seed)
    strength = generator.normal(0.0, spread, n_competitors)
    strength -= strength.mean()
    first = generator.integers(0, n_competitors, n_matches)
    second = (first + generator.integers(1, n_competitors, n_matches)) % n_competitors
    half = 0.5 * (strength[first] - strength[second] + side_advantage)
    odds = np.stack([np.exp(half), np.full(n_matches, tie_parameter), np.exp(-half)])
    drawn = generator.random(n_matches) * odds.sum(axis=0)
    score = np.where(drawn < odds[0], 1.0, np.where(drawn < odds[0] + odds[1], 0.5, 0.0))
    start, step = to_microseconds(SEASON_START), timedelta(minutes=60) // timedelta(microseconds=1)
    return Season(first.tolist(), second.tolist(), score.tolist(), [start + step * index for index in range(n_matches)], strength)

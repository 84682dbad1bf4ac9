"""How close the estimated standard errors of large leagues are to the exact ones, which nobody could afford there.

At 3,000 competitors everything is exact; the estimate is made all the same and held against it. Above, a random sample of competitors is solved for.
"""

from collections.abc import Iterator

import numpy as np

from app.core import inference
from app.ratings import bradley_terry
from app.ratings.fitted import Fit
from app.ratings.simulate import simulate_season
from tests.benchmarks.inputs import ATP, CHALLENGERS, Games, is_there, real
from tests.benchmarks.tables import Table

COMPETITORS, SAMPLE, AT_ONCE, SEED = 3_000, 200, 50, 0
MEDIAN, HIGH = 0.02, 0.05
"""What the contract allows: of the median and of the 99th percentile."""


def simulated(matches_each: int, ties: float, n: int = COMPETITORS) -> Games:
    """Random pairs, strengths N(0, 1)."""
    season = simulate_season(n, n * matches_each // 2, SEED, tie_parameter=ties, side_advantage=0.0)
    return Games(np.array(season.first), np.array(season.second), np.array(season.score), n)


def divisions(number: int, across: float, matches_each: int, n: int = COMPETITORS) -> Games:
    """Equal divisions, random pairs within them, and a share of the matches across."""
    generator = np.random.default_rng(SEED)
    m, size = n * matches_each // 2, n // number
    first = generator.integers(0, n, m)
    home = first // size * size + (first % size + generator.integers(1, size, m)) % size
    anywhere = (first + generator.integers(1, n, m)) % n
    return _played(first, np.where(generator.random(m) < across, anywhere, home), generator.normal(size=n))


def ladder(reach: int, matches_each: int, n: int = COMPETITORS) -> Games:
    """Everyone plays only those within so many places, strengths from −3 to 3."""
    generator = np.random.default_rng(SEED)
    m = n * matches_each // 2
    first = generator.integers(0, n - reach, m)
    return _played(first, first + generator.integers(1, reach + 1, m), np.linspace(-3.0, 3.0, n))


def neighbours(side: int, matches_each: int) -> Games:
    """A map of side × side places, everyone against the next to the east and to the north, strengths N(0, 1)."""
    generator, n = np.random.default_rng(SEED), side * side
    first = generator.integers(0, n, n * matches_each // 2)
    x, y, north = first % side, first // side, generator.random(len(first)) < 0.5
    second = np.where(north, (y + 1) % side * side + x, y * side + (x + 1) % side)
    return _played(first, second, generator.normal(size=n))


def _played(first: np.ndarray, second: np.ndarray, strength: np.ndarray) -> Games:
    won = np.random.default_rng(SEED + 1).random(len(first)) < 1.0 / (1.0 + np.exp(strength[second] - strength[first]))
    return Games(first, second, won.astype(float), len(strength))


def most_active(games: Games) -> Games:
    """The 3,000 with the most matches, and what they played among themselves."""
    played = np.bincount(np.concatenate([games.first, games.second]), minlength=games.n)
    member = np.zeros(games.n, dtype=bool)
    member[np.argsort(-played, kind="stable")[:COMPETITORS]] = True
    kept, number = member[games.first] & member[games.second], np.cumsum(member) - 1
    return Games(number[games.first[kept]], number[games.second[kept]], games.score[kept], int(member.sum()))


def leagues() -> Iterator[tuple[str, Games]]:
    """Small enough for exact figures first, then whole files, as far as they lie beside the repository."""
    for matches_each in (6, 20, 100):
        yield f"simulated, {matches_each} games each", simulated(matches_each, 0.0)
    yield "simulated, 20 games each, draws", simulated(20, 0.7)
    yield "ladder of ±200 places, 20 games each", ladder(200, 20)
    yield "ladder of ±20 places, 20 games each", ladder(20, 20)
    yield "10 divisions, 1 % across, 20 games each", divisions(10, 0.01, 20)
    yield "100 divisions, 1 % across, 20 games each", divisions(100, 0.01, 20)
    yield "map of 50 × 50, 20 games each", neighbours(50, 20)
    yield "random pairs, 9,000, 20 games each", simulated(20, 0.0, 9_000)
    yield "ladder of ±20 places, 9,000, 20 games each", ladder(20, 20, 9_000)
    yield "100 divisions, 1 % across, 9,000, 20 games each", divisions(100, 0.01, 20, 9_000)
    yield "map of 100 × 100, 20 games each", neighbours(100, 20)
    for name, label in (("ATP core", ATP), ("challengers", CHALLENGERS)):
        if is_there(name):
            games = real(label)
            yield f"{label.partition('.')[0]}, the most active", most_active(games)
            yield f"{label.partition('.')[0]}, all", games


def relative_errors(fit: Fit, seed: int = SEED) -> np.ndarray:
    """|estimated / exact − 1| of standard errors: of everyone where the exact ones are affordable, else of a random sample, solved for."""
    uncertainty, exact, estimated = fit.uncertainty, fit.standard_error, fit.standard_error
    joined = np.flatnonzero(np.isfinite(fit.standard_error))
    if uncertainty.approximate:
        joined = np.random.default_rng(seed).choice(joined, min(SAMPLE, len(joined)), replace=False)
        parts = np.array_split(joined, max(len(joined) // AT_ONCE, 1))
        exact = np.zeros(len(exact))
        exact[joined] = np.sqrt(np.concatenate([uncertainty.joint(part).diagonal() for part in parts]))
    else:
        estimated = np.sqrt(as_if_large(uncertainty).variance)
    errors: np.ndarray = np.abs(estimated[joined] / exact[joined] - 1.0)
    return errors


def as_if_large(uncertainty: inference.Uncertainty) -> inference.Marginal:
    """What would be said of a league too large for a dense inverse."""
    limit, inference.DENSE_LIMIT = inference.DENSE_LIMIT, min(inference.DENSE_LIMIT, 100)
    try:
        return inference._estimated(uncertainty)
    finally:
        inference.DENSE_LIMIT = limit


def compare() -> Table:
    """All leagues, with both covariances."""
    table = Table(
        [
            "league",
            ">competitors",
            ">matches",
            "covariance",
            "held against",
            ">median, %",
            ">99th percentile, %",
            ">worst, %",
            ">stated, %",
            "≤ 2 % and ≤ 5 %",
        ]
    )
    for name, games in leagues():
        for covariance in ("model", "robust"):
            fit = bradley_terry(games.first, games.second, games.score, n_competitors=games.n, covariance=covariance)
            errors, stated = relative_errors(fit), as_if_large(fit.uncertainty).relative_error
            median, high, worst = np.quantile(errors, [0.5, 0.99, 1.0])
            figures = (f"{100 * median:.3f}", f"{100 * high:.3f}", f"{100 * worst:.3f}", f"{100 * stated:.3f}")
            held = "yes" if median <= MEDIAN and high <= HIGH else "NO"
            table.add(
                name,
                games.n,
                len(games.score),
                covariance,
                f"{len(errors)} solved for" if fit.uncertainty.approximate else "everyone",
                *figures,
                held,
            )
    return table

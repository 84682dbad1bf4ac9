"""How often intervals hold what they are about: simulated leagues whose strengths are known, fitted as the service would.

A 95 % interval of a difference θ_i − θ_j is held against the θ that made the matches where there are no draws, and under Davidson's model. Where a
draw counts as half a win, θ means something else: there it is held against the pseudo-true θ, what the same fit would find if every one of these
matches had been played for ever. A pair counts where both have so many games as the row says. Everything follows from the seed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

import numpy as np

from app.ratings import bradley_terry
from app.ratings.fitted import NORMAL_95, Fit
from app.ratings.ranking import rank_fit, ranks, top_probabilities
from app.ratings.simulate import Season, simulate_season
from tests.benchmarks.tables import Table

LEAGUES, COMPETITORS, SPREAD, PRIOR_SD = 500, 20, 1.0, 2.0
MANY, FEW = (40, 1_000), (5, 10)
TIES, SIDE = 0.7, 0.3
DRAWS_OF_TOP = 2_000
LEAST_IN_BAND = 50
BANDS = (0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 1.01)


@dataclass(frozen=True)
class Case:
    """What is simulated, how it is fitted, and the coverage that the contract asks for."""

    name: str
    games: tuple[int, int]
    """Pairs count where both played so many."""
    target: tuple[float, float]
    ties: float = 0.0
    side: float = 0.0
    spread: float = SPREAD
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def matches(self) -> int:
        """Of a league, so that most competitors lie in the band."""
        mean = 50.0 if self.games == MANY else 7.5
        return round(COMPETITORS * mean / 2.0)


def _cases() -> Iterator[Case]:
    for games, exact, above in ((MANY, (0.93, 0.97), (0.95, 1.0)), (FEW, (0.93, 1.0), (0.93, 1.0))):
        yield Case("no draws", games, exact)
        yield Case("no draws, strengths as the prior has them", games, exact, spread=PRIOR_SD)
        yield Case("no draws, robust", games, exact, options={"covariance": "robust"})
        yield Case("no draws, a side advantage fitted", games, exact, side=SIDE)
        yield Case("Davidson", games, exact, TIES, options={"draws": "davidson"})
        yield Case("Davidson, a side advantage fitted", games, exact, TIES, SIDE, options={"draws": "davidson"})
        yield Case("half-wins, auto", games, exact, TIES)
        yield Case("half-wins, model-based", games, above, TIES, options={"covariance": "model"})


CASES = list(_cases())


@dataclass(frozen=True, eq=False)
class League:
    """One simulated league: per counted pair whether its interval held, per competitor whether its rank interval did, and who was called first."""

    pairs: np.ndarray
    ranks: np.ndarray
    called: np.ndarray
    was_first: np.ndarray


def play(case: Case, seed: int) -> League | None:
    """None where no two competitors have games in the band, or the matches do not join everyone."""
    season = simulate_season(COMPETITORS, case.matches, seed, spread=case.spread, tie_parameter=case.ties, side_advantage=case.side)
    first, second = np.array(season.first), np.array(season.second)
    side = np.ones(len(first)) if case.side else None
    fit = bradley_terry(first, second, season.score, n_competitors=COMPETITORS, side=side, prior_sd=PRIOR_SD, **_with_prior(case))
    games = np.bincount(np.concatenate([first, second]), minlength=COMPETITORS)
    members = np.flatnonzero((games >= case.games[0]) & (games <= case.games[1]))
    if len(members) < 2 or fit.structure.n_components > 1:
        return None
    truth = _truth(case, season, first, second)
    pairs = _held(fit, truth)[np.ix_(members, members)][np.triu_indices(len(members), 1)]
    order, true_rank = rank_fit(fit), ranks(truth, fit.components)
    called = top_probabilities(fit, draws=DRAWS_OF_TOP, seed=seed)
    if order.rank_low is None or order.rank_high is None or called is None:
        raise ValueError(f"a league of {COMPETITORS} is small enough for everything")
    inside = (order.rank_low <= true_rank) & (true_rank <= order.rank_high)
    return League(pairs, inside[members], called, true_rank == 1)


def _with_prior(case: Case) -> dict[str, Any]:
    return {"coefficient_prior_sd": PRIOR_SD, **case.options}


def _truth(case: Case, season: Season, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    if not case.ties or case.options.get("draws") == "davidson":
        return season.strength
    half = 0.5 * (season.strength[first] - season.strength[second] + case.side)
    odds = np.stack([np.exp(half), np.full(len(half), case.ties), np.exp(-half)])
    expected = (odds[0] + 0.5 * odds[1]) / odds.sum(axis=0)
    side = np.ones(len(first)) if case.side else None
    return bradley_terry(first, second, expected, n_competitors=COMPETITORS, side=side, prior_sd=None).theta


def _held(fit: Fit, truth: np.ndarray) -> np.ndarray:
    gap = (fit.theta[:, None] - fit.theta) - (truth[:, None] - truth)
    held: np.ndarray = np.abs(gap) <= NORMAL_95 * np.sqrt(fit.uncertainty.difference_variances())
    return held


@dataclass(frozen=True, eq=False)
class Measured:
    """Shares over all leagues of a case. `error` is the standard error of the share of differences, by leagues, which are independent."""

    case: Case
    leagues: int
    differences: float
    error: float
    ranks: float
    called: np.ndarray
    was_first: np.ndarray

    @property
    def as_asked(self) -> bool:
        """Whether differences and ranks are covered as the contract asks."""
        return self.case.target[0] <= self.differences <= self.case.target[1] and self.ranks >= 0.93


def measure(case: Case, leagues: int = LEAGUES, seed: int = 0) -> Measured:
    """Play so many leagues of a case."""
    generator = np.random.default_rng([seed, *case.name.encode(), *case.games])
    played = [league for number in generator.integers(0, 2**31, leagues).tolist() if (league := play(case, number)) is not None]
    held, sizes = np.array([league.pairs.sum() for league in played]), np.array([len(league.pairs) for league in played])
    share = held.sum() / sizes.sum()
    error = np.sqrt(((held - share * sizes) ** 2).sum()) / sizes.sum()
    inside, called, first = (np.concatenate([getattr(league, name) for league in played]) for name in ("ranks", "called", "was_first"))
    return Measured(case, len(played), float(share), float(error), float(inside.mean()), called, first)


@dataclass(frozen=True)
class Report:
    """Both tables, and above them what they were made from."""

    coverage: Table
    calibration: Table
    leagues: int

    def __str__(self) -> str:
        heading = (
            f"{self.leagues} leagues a row of {COMPETITORS} competitors, random pairs, strengths N(0, {SPREAD:g}²) unless said, under Davidson's model with ν = {TIES:g} "
            f"(0 without draws), a side advantage of {SIDE:g} where there is one; prior sd {PRIOR_SD:g} for everything; nominal 95 %."
        )
        return f"{heading}\n\n{self.coverage}\n\nProbability of being first, against how often it was so:\n\n{self.calibration}"


def compare(leagues: int = LEAGUES, seed: int = 0) -> Report:
    """All cases."""
    measured = [measure(case, leagues, seed) for case in CASES]
    coverage = Table(["league", "games each", ">leagues", ">differences, %", ">± se", ">rank intervals, %", ">asked, %", "held"])
    for row in measured:
        asked = f"{100 * row.case.target[0]:.0f}–{100 * row.case.target[1]:.0f}"
        figures = (f"{100 * row.differences:.2f}", f"{100 * row.error:.2f}", f"{100 * row.ranks:.2f}")
        coverage.add(row.case.name, _games(row.case.games), row.leagues, *figures, asked, "yes" if row.as_asked else "NO")
    return Report(coverage, _calibration(measured), leagues)


def _calibration(measured: list[Measured]) -> Table:
    table = Table(["strengths", "games each", "said, %", ">competitors", ">mean said, %", ">were first, %"])
    for games, spread in product((MANY, FEW), (SPREAD, PRIOR_SD)):
        rows = [row for row in measured if row.case.games == games and row.case.spread == spread]
        said, first = (np.concatenate([getattr(row, name) for row in rows]) for name in ("called", "was_first"))
        for lower, upper in pairwise(BANDS):
            band = (said >= lower) & (said < upper)
            if band.sum() >= LEAST_IN_BAND:
                figures = (int(band.sum()), f"{100 * said[band].mean():.1f}", f"{100 * first[band].mean():.1f}")
                table.add(f"sd {spread:g}", _games(games), f"{100 * lower:.0f}–{min(100 * upper, 100):.0f}", *figures)
    return table


def _games(band: tuple[int, int]) -> str:
    return f"≥ {band[0]}" if band == MANY else f"{band[0]}–{band[1]}"

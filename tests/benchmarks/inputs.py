"""The columns that fits are measured on: generated from a fixed seed, or real matches that lie beside the repository."""

import csv
import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ATP, CHALLENGERS, LLMFAO = "tennis_atp.csv.gz", "tennis_atp_challenger_futures.csv.gz", "llm_llmfao_crowd.csv"
SCORES = {"a": 1.0, "draw": 0.5, "b": 0.0}


@dataclass(frozen=True, slots=True, eq=False)
class Games:
    """Matches in order of play: the numbers of the competitors, and what the first side scored."""

    first: np.ndarray
    second: np.ndarray
    score: np.ndarray
    n: int

    @property
    def pairs(self) -> int:
        """How many pairs have met."""
        low, high = np.minimum(self.first, self.second), np.maximum(self.first, self.second)
        return len(np.unique(low * self.n + high))

    def loss(self, theta: np.ndarray, ties: float | None = None) -> float:
        """The negative log-likelihood: Σ softplus(η) − yη, a draw as half a win; with Davidson's ν, of the three outcomes."""
        eta = theta[self.first] - theta[self.second]
        if ties is not None:
            drawn = self.score == 0.5
            logits = np.stack([0.5 * eta, np.full_like(eta, np.log(ties)), -0.5 * eta])
            seen = np.where(drawn, logits[1], (2.0 * self.score - 1.0) * 0.5 * eta)
            return float((np.log(np.exp(logits).sum(axis=0)) - seen).sum())
        return float((np.maximum(eta, 0.0) + np.log1p(np.exp(-np.abs(eta))) - self.score * eta).sum())

    def gradient_norm(self, theta: np.ndarray, ties: float | None = None) -> float:
        """The largest |actual − expected points| of a competitor, per match; and |actual − expected draws| where ν says how many to expect."""
        eta = theta[self.first] - theta[self.second]
        expected, drawn = 1.0 / (1.0 + np.exp(-eta)), 0.0
        if ties is not None:
            odds = np.exp(np.stack([0.5 * eta, np.full_like(eta, np.log(ties)), -0.5 * eta]))
            shares = odds / odds.sum(axis=0)
            expected, drawn = shares[0] + 0.5 * shares[1], float(abs(shares[1].sum() - (self.score == 0.5).sum()))
        residual = expected - self.score
        gradient = np.bincount(self.first, residual, self.n) - np.bincount(self.second, residual, self.n)
        return float(max(np.abs(gradient).max(), drawn) / len(self.score))

    def save(self, path: Path) -> None:
        """Plain arrays, from which `load` makes the same."""
        np.savez(path, first=self.first, second=self.second, score=self.score, n=self.n)

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path) as arrays:
            return cls(arrays["first"], arrays["second"], arrays["score"], int(arrays["n"]))


def synthetic(competitors: int, matches: int) -> Games:
    """Random matches; those competitors of whom no maximum likelihood estimate exists are left out."""
    return core(random_pairs(competitors, matches))


def random_pairs(competitors: int, matches: int) -> Games:
    """Random pairs without draws, strengths N(0, 1)."""
    generator = np.random.default_rng(1)
    strength = generator.normal(0.0, 1.0, competitors)
    first = generator.integers(0, competitors, matches)
    second = (first + generator.integers(1, competitors, matches)) % competitors
    won = generator.random(matches) < 1.0 / (1.0 + np.exp(strength[second] - strength[first]))
    return Games(first, second, won.astype(np.float64), competitors)


def real(*files: str) -> Games:
    """The matches of these files together, ordered by day; every other one is seen from the second's side, as the winner stands first in some."""
    rows = sorted((row for file in files for row in _rows(SHARED / file)), key=lambda row: row[0])
    names = sorted({name for row in rows for name in row[1:3]})
    number = {name: index for index, name in enumerate(names)}
    ends = np.array([[number[row[1]], number[row[2]]] for row in rows])
    score = np.array([row[3] for row in rows])
    ends[1::2], score[1::2] = ends[1::2, ::-1].copy(), 1.0 - score[1::2]
    return Games(ends[:, 0].copy(), ends[:, 1].copy(), score, len(names))


def _rows(path: Path) -> Iterator[tuple[str, str, str, float]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield row["played_at"], row["player_a"], row["player_b"], SCORES[row["outcome"]]


def core(games: Games) -> Games:
    """The largest group in which everybody is joined to everybody by a chain of points taken: there the maximum likelihood estimate exists."""
    took, gave = games.score > 0.0, games.score < 1.0
    winners = np.concatenate([games.first[took], games.second[gave]])
    losers = np.concatenate([games.second[took], games.first[gave]])
    graph = sparse.csr_array((np.ones(len(winners)), (winners, losers)), shape=(games.n, games.n))
    _, labels = connected_components(graph, connection="strong")
    member = labels == np.bincount(labels).argmax()
    kept = member[games.first] & member[games.second]
    number = np.cumsum(member) - 1
    return Games(number[games.first[kept]], number[games.second[kept]], games.score[kept], int(member.sum()))


def shortened(games: Games, scale: float) -> Games:
    """The first matches, for a trial of the benchmark itself."""
    if scale >= 1.0:
        return games
    end = max(int(len(games.score) * scale), 500)
    names, numbers = np.unique(np.concatenate([games.first[:end], games.second[:end]]), return_inverse=True)
    return Games(numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :], games.score[:end], len(names))


GRID = tuple((competitors, matches) for competitors in (100, 1_000, 10_000, 100_000) for matches in (100_000, 1_000_000, 10_000_000))


def grid_name(competitors: int, matches: int) -> str:
    """As which an input of the grid is known."""
    return f"{competitors:,} × {matches:,}"


def _on_grid(competitors: int, matches: int) -> Callable[[float], Games]:
    return lambda scale: random_pairs(competitors, max(int(matches * scale), 500))


INPUTS: dict[str, tuple[tuple[str, ...], Callable[[float], Games]]] = {
    "100, short": ((), lambda scale: synthetic(100, max(int(10_000 * scale), 2_000))),
    "100": ((), lambda scale: synthetic(100, int(1_000_000 * scale))),
    "2,000": ((), lambda scale: synthetic(max(int(2_000 * scale), 50), int(1_000_000 * scale))),
    "20,000": ((), lambda scale: synthetic(max(int(20_000 * scale), 50), int(1_000_000 * scale))),
    "200,000": ((), lambda scale: synthetic(max(int(200_000 * scale), 50), int(10_000_000 * scale))),
    "ATP core": ((ATP,), lambda scale: core(shortened(real(ATP), scale))),
    "ATP + challengers core": ((ATP, CHALLENGERS), lambda scale: core(shortened(real(ATP, CHALLENGERS), scale))),
    "ATP + challengers": ((ATP, CHALLENGERS), lambda scale: shortened(real(ATP, CHALLENGERS), scale)),
    "challengers": ((CHALLENGERS,), lambda scale: shortened(real(CHALLENGERS), scale)),
    "llmfao": ((LLMFAO,), lambda scale: shortened(real(LLMFAO), scale)),
    **{grid_name(*sizes): ((), _on_grid(*sizes)) for sizes in GRID},
}


def is_there(name: str) -> bool:
    """Whether the files of this input lie beside the repository."""
    return all((SHARED / file).exists() for file in INPUTS[name][0])

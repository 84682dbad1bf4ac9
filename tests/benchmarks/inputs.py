"""The columns that fits are measured on: generated from a fixed seed, or real matches that lie beside the repository."""

import csv
import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

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

    def loss(self, theta: np.ndarray) -> float:
        """Σ softplus(η) − yη: the negative log-likelihood, a draw as half a win."""
        eta = theta[self.first] - theta[self.second]
        return float((np.maximum(eta, 0.0) + np.log1p(np.exp(-np.abs(eta))) - self.score * eta).sum())

    def gradient_norm(self, theta: np.ndarray) -> float:
        """The largest |actual − expected points| of a competitor, per match."""
        residual = 1.0 / (1.0 + np.exp(theta[self.second] - theta[self.first])) - self.score
        gradient = np.bincount(self.first, residual, self.n) - np.bincount(self.second, residual, self.n)
        return float(np.abs(gradient).max() / len(self.score))


def synthetic(competitors: int, matches: int) -> Games:
    """Random pairs without draws, strengths N(0, 1); those of whom no maximum likelihood estimate exists are left out."""
    generator = np.random.default_rng(1)
    strength = generator.normal(0.0, 1.0, competitors)
    first = generator.integers(0, competitors, matches)
    second = (first + generator.integers(1, competitors, matches)) % competitors
    won = generator.random(matches) < 1.0 / (1.0 + np.exp(strength[second] - strength[first]))
    return core(Games(first, second, won.astype(np.float64), competitors))


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


INPUTS: dict[str, tuple[tuple[str, ...], Callable[[float], Games]]] = {
    "100": ((), lambda scale: synthetic(100, int(1_000_000 * scale))),
    "2,000": ((), lambda scale: synthetic(max(int(2_000 * scale), 50), int(1_000_000 * scale))),
    "20,000": ((), lambda scale: synthetic(max(int(20_000 * scale), 50), int(1_000_000 * scale))),
    "200,000": ((), lambda scale: synthetic(max(int(200_000 * scale), 50), int(10_000_000 * scale))),
    "ATP core": ((ATP,), lambda scale: core(shortened(real(ATP), scale))),
    "ATP + challengers core": ((ATP, CHALLENGERS), lambda scale: core(shortened(real(ATP, CHALLENGERS), scale))),
    "ATP + challengers": ((ATP, CHALLENGERS), lambda scale: shortened(real(ATP, CHALLENGERS), scale)),
    "challengers": ((CHALLENGERS,), lambda scale: shortened(real(CHALLENGERS), scale)),
    "llmfao": ((LLMFAO,), lambda scale: shortened(real(LLMFAO), scale)),
}


def is_there(name: str) -> bool:
    """Whether the files of this input lie beside the repository."""
    return all((SHARED / file).exists() for file in INPUTS[name][0])

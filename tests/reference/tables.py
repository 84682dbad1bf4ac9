"""Small published tables of results and of estimates, so that the most important figures are checked wherever the tests run."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np


@dataclass(frozen=True, eq=False)
class Counts:
    """Results as counts: in each row the first won so often and the second so often; `side` is +1 where the first was at home."""

    names: list[str]
    first: np.ndarray
    second: np.ndarray
    won: np.ndarray
    lost: np.ndarray
    side: np.ndarray

    @property
    def columns(self):
        """What `bradley_terry` takes: a row per outcome, its count as the weight."""
        m = len(self.first)
        return {
            "first": np.tile(self.first, 2),
            "second": np.tile(self.second, 2),
            "score": np.repeat([1.0, 0.0], m),
            "weight": np.concatenate([self.won, self.lost]),
        }

    @property
    def sides(self):
        """The side of those rows."""
        return np.tile(self.side, 2)


TEAMS = ["Baltimore", "Boston", "Cleveland", "Detroit", "Milwaukee", "New York", "Toronto"]
# Row at home, column away: games that the home team won and lost. Agresti, Categorical Data Analysis (2002), table 10.10.
_AT_HOME = """
--- 1-6 3-4 1-5 2-5 2-4 1-6
6-0 --- 5-2 2-5 5-1 4-2 3-3
2-4 4-2 --- 3-3 2-5 4-3 3-4
4-3 6-0 6-1 --- 3-3 4-3 4-2
6-0 6-1 4-2 4-3 --- 4-3 4-2
6-1 4-3 4-2 5-1 3-3 --- 2-5
6-0 4-3 4-2 4-3 2-5 2-4 ---
"""


def baseball() -> Counts:
    """The American League of 1987, eastern division: 273 games in 42 rows."""
    rows = [line.split() for line in _AT_HOME.split("\n") if line]
    cells = [(i, j, *map(int, cell.split("-"))) for i, row in enumerate(rows) for j, cell in enumerate(row) if i != j]
    home, away, won, lost = np.array(cells).T
    return Counts(TEAMS, home, away, won, lost, np.ones(len(home)))


BASEBALL = {
    # Abilities relative to Baltimore with standard errors, to four decimals: Agresti (2002), section 10.6.1; Firth (2005), BradleyTerry2.
    "without": {
        "Boston": (1.1077, 0.3339),
        "Cleveland": (0.6839, 0.3319),
        "Detroit": (1.4364, 0.3396),
        "Milwaukee": (1.5814, 0.3433),
        "New York": (1.2476, 0.3359),
        "Toronto": (1.2945, 0.3367),
    },
    "with": {
        "Boston": (1.1438, 0.3378),
        "Cleveland": (0.7047, 0.3350),
        "Detroit": (1.4754, 0.3446),
        "Milwaukee": (1.6196, 0.3474),
        "New York": (1.2813, 0.3404),
        "Toronto": (1.3271, 0.3403),
    },
    "at home": (0.3023, 0.1309),
}

JOURNALS = ["Biometrika", "Comm Statist", "JASA", "JRSS-B"]
# Of each pair in this order: how often the first was cited by the second, and the second by the first. Stigler (1994); Agresti (2002), p. 448.
_CITED = [(730, 33), (498, 320), (221, 284), (68, 813), (17, 276), (142, 325)]


def citations() -> Counts:
    """Citations among four journals of statistics, 1987 to 1989; who is cited wins."""
    first, second = np.array(list(combinations(range(4), 2))).T
    won, lost = np.array(_CITED).T
    return Counts(JOURNALS, first, second, won, lost, np.zeros(6))


CITATIONS = {
    "Biometrika": {"Comm Statist": -2.9491, "JASA": -0.4796, "JRSS-B": 0.2690},
    "JASA": {"Biometrika": 0.4796, "Comm Statist": -2.4695, "JRSS-B": 0.7485},
}
"""Relative to the journal named."""

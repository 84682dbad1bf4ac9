"""A fixed history, replayed as machine code, and the digest of every bit of it: `python -m tests.laws.replayed`, for a process with other features."""

import hashlib
import struct

from app.core.kernels import exponential, logistic
from app.ratings import folds
from app.ratings.online import EloRules, Replay, replay

COMPETITORS, MATCHES = 40, 20_000
RULES = EloRules(k=31.7, initial=1500.0, side_advantage=43.21)


def history() -> tuple[list[int], list[int], list[float], list[float], list[float]]:
    """From integer arithmetic alone (Lehmer's generator), so that it is the same wherever it is made."""
    state, drawn = 20_261_121, []
    for _ in range(5 * MATCHES):
        state = state * 48_271 % 2_147_483_647
        drawn.append(state)
    rows = [drawn[start : start + 5] for start in range(0, len(drawn), 5)]
    first = [row[0] % COMPETITORS for row in rows]
    second = [(i + 1 + row[1] % (COMPETITORS - 1)) % COMPETITORS for i, row in zip(first, rows, strict=True)]
    score, side = [(row[2] % 3) / 2.0 for row in rows], [float(row[3] % 3 - 1) for row in rows]
    return first, second, score, [row[4] % 1_000 / 250.0 for row in rows], side


def replayed() -> tuple[list[float], Replay]:
    """Ratings, and the log of every match."""
    ratings = [RULES.initial] * COMPETITORS
    log = replay(RULES, *history(), ratings)
    return ratings, log


def digest() -> str:
    """Of all bits of the ratings, and of what every match saw and did."""
    ratings, log = replayed()
    values = [*ratings, *(value for column in log[:5] for value in column)]
    return hashlib.sha256(struct.pack(f"<{len(values)}d", *values)).hexdigest()


def sweep() -> list[float]:
    """The kernel at many points, for whoever writes it in another language."""
    points = [number / 64.0 for number in range(-48_000, 48_001)] + [number * 0.01 for number in range(-2_000, 2_001)]
    return [value for x in points for value in (x, exponential(x), logistic(x))]


if __name__ == "__main__":
    folds.LONG = 0
    print(folds.machine_fold() is not None, digest())

"""The course of a league: the matches that count at a position, in the order in which they are rated, and what each of them saw and did.

A course is rated through the same kernel as the write path, so that its ratings equal the live ones in every bit. Two courses that begin with
the same matches need to be rated only from where they part.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from app.ratings.folds import Values
from app.ratings.online import ALGORITHM, EloRules, Replay, replay_columns
from app.services.league_settings import LeagueSettings
from app.services.match_log import MatchLog
from app.services.writing import Standing

BLOCK: Final = 8_192
"""Matches between two checkpoints."""
SEEN: Final = Replay._fields
Order = Literal["log", "played_at"]
Changes = Sequence[tuple[int, Mapping[str, Any]]]
Floats = NDArray[np.float64]
_RATED_BY: Final = ("position", "first", "second", "score", "weight")


@dataclass(frozen=True, eq=False)
class Course:
    """The matches in the order in which they are rated. `changes`: (position, settings from there on), the creation first."""

    log: MatchLog
    changes: Changes
    n_competitors: int

    @classmethod
    def of(cls, counting: MatchLog, changes: Changes, n_competitors: int) -> "Course":
        """The course of the matches that count, given in the order of the log."""
        order: Order = changes[0][1].get("order", "log")
        return cls(in_order_of_play(counting) if order == "played_at" else counting, changes, n_competitors)

    def __len__(self) -> int:
        return len(self.log)

    @cached_property
    def rules(self) -> list[EloRules]:
        """The rules of every stretch of settings."""
        return [LeagueSettings.model_validate(settings).rules() for _, settings in self.changes]

    @property
    def initial(self) -> float:
        return self.rules[0].initial

    @cached_property
    def rule(self) -> NDArray[np.int64]:
        """By which rules each match is rated; a settings entry counts from the next position on."""
        distinct = {rules: index for index, rules in reversed(list(enumerate(self.rules)))}
        starts = np.array([position for position, _ in self.changes])
        return np.array([distinct[rules] for rules in self.rules])[np.searchsorted(starts, self.log.position) - 1]

    def stretches(self, start: int) -> Iterator[tuple[slice, EloRules]]:
        """The stretches from a match on that are rated by the same rules."""
        cuts = start + 1 + np.flatnonzero(np.diff(self.rule[start:]))
        for begin, end in pairwise([start, *cuts.tolist(), len(self)]):
            if begin < end:
                yield slice(begin, end), self.rules[self.rule[begin]]

    def games(self, count: int) -> list[int]:
        """How many of the first `count` matches each competitor has played."""
        played = np.concatenate([self.log.first[:count], self.log.second[:count]])
        return list(np.bincount(played, minlength=self.n_competitors).tolist())

    @cached_property
    def digests(self) -> list[bytes]:
        """Of the first 1, 2, … blocks of matches and everything that rates them: equal digests, equal ratings."""
        head = hashlib.blake2b(f"{ALGORITHM} {self.initial!r}".encode(), digest_size=20).digest()
        digests: list[bytes] = []
        for begin in range(0, len(self) - BLOCK + 1, BLOCK):
            block = slice(begin, begin + BLOCK)
            digest = hashlib.blake2b(head, digest_size=20)
            for name in _RATED_BY:
                digest.update(np.ascontiguousarray(getattr(self.log, name)[block]).tobytes())
            rules = [self.rules[index] for index in np.unique(self.rule[block])]
            if any(one.side_advantage for one in rules):
                digest.update(np.ascontiguousarray(self.log.neutral[block]).tobytes())
            digest.update(repr(rules).encode() + (self.rule[block].tobytes() if len(rules) > 1 else b""))
            head = digest.digest()
            digests.append(head)
        return digests

    def parting(self, other: "Course") -> int:
        """The first match that differs from the other course's, or the length of the shorter."""
        n = min(len(self), len(other))
        differs = np.zeros(n, dtype=np.bool_)
        for name in (*_RATED_BY, "neutral"):
            differs |= getattr(self.log, name)[:n] != getattr(other.log, name)[:n]
        if self.rules != other.rules:
            kinds = {rules: index for index, rules in enumerate({*self.rules, *other.rules})}
            mine, theirs = (np.array([kinds[rules] for rules in one.rules])[one.rule[:n]] for one in (self, other))
            differs |= mine != theirs
        return int(differs.argmax()) if differs.any() else n


@dataclass(frozen=True, eq=False)
class Rated:
    """A course from one of its matches on: the ratings before that match, and columns of shape (len(course) − start,) of what each saw and did."""

    course: Course
    start: int
    before: Floats
    """Shape (n_competitors,)."""
    seen: Mapping[str, Floats]

    def ratings(self, count: int | None = None) -> Floats:
        """The ratings after the first `count` matches of the course (all by default), shape (n_competitors,)."""
        stop = len(self.course) if count is None else count
        part = slice(self.start, stop)
        sides = np.stack([self.course.log.first[part], self.course.log.second[part]], axis=1).ravel()
        values = np.stack([self.seen["first_after"][: stop - self.start], self.seen["second_after"][: stop - self.start]], axis=1).ravel()
        after = self.before.copy()
        after[sides] = values  # where somebody stands more than once, the last assignment is the one that stays
        return after

    def of(self, place: int) -> tuple[float, ...]:
        """What one match of the course saw and did, in the order of `SEEN`."""
        return tuple(float(self.seen[name][place - self.start]) for name in SEEN)


def rate(course: Course, start: int = 0, before: Floats | None = None) -> Rated:
    """Rate a course from a match on; `before` are the ratings there. O(matches)."""
    base = np.full(course.n_competitors, course.initial) if before is None else grown(before, course)
    ratings: Values = base
    log = course.log
    columns: dict[str, list[Floats]] = {name: [np.empty(0)] for name in SEEN}
    for part, rules in course.stretches(start):
        sent = (log.first[part], log.second[part], log.score[part], log.weight[part], np.where(log.neutral[part], 0.0, 1.0))
        ratings, seen = replay_columns(rules, sent, ratings, course.games(part.start) if rules.counts_games else [])
        for column, values in zip(columns.values(), seen, strict=True):
            column.append(np.asarray(values))
    return Rated(course, start, base, {name: np.concatenate(column) for name, column in columns.items()})


def rate_again(course: Course, known: Rated) -> Rated:
    """Rate a course that shares its beginning with one that was rated; only what follows is."""
    parting = course.parting(known.course)
    if parting < known.start:
        return rate(course)
    rest = rate(course, parting, known.ratings(parting))
    kept = parting - known.start
    return Rated(
        course, known.start, grown(known.before, course), {name: np.concatenate([known.seen[name][:kept], rest.seen[name]]) for name in SEEN}
    )


def grown(ratings: Floats, course: Course) -> Floats:
    """The ratings with those who came later, who start where everyone starts."""
    missing = course.n_competitors - len(ratings)
    return np.concatenate([ratings, np.full(missing, course.initial)]) if missing > 0 else ratings[: course.n_competitors]


def in_order_of_play(log: MatchLog) -> MatchLog:
    """Sorted by time of play, then by match id by code point."""
    order = np.argsort(log.played_at, kind="stable")
    edges = np.concatenate([[0], np.flatnonzero(np.diff(log.played_at[order])) + 1, [len(log)]])
    for group in np.flatnonzero(np.diff(edges) > 1).tolist():
        part = slice(edges[group], edges[group + 1])
        order[part] = sorted(order[part].tolist(), key=log.match_id.__getitem__)
    return log.take(order)


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The standings that a course leads to, by competitor's number."""

    rating: list[float]
    matches: list[int]
    wins: list[int]
    draws: list[int]
    losses: list[int]
    last_played_at: list[int | None]

    def standing(self, number: int, key: str) -> Standing:
        """One competitor as the write path knows it."""
        counts = (self.matches[number], self.wins[number], self.draws[number], self.losses[number])
        return Standing(number, key, self.rating[number], *counts, self.last_played_at[number])


def reckoned(course: Course, ratings: Floats) -> Reckoning:
    """The standings after a course; who has no match in it stands where everyone starts."""
    log, n = course.log, course.n_competitors

    def count(of_first: NDArray[np.bool_], of_second: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(log.first[of_first], minlength=n) + np.bincount(log.second[of_second], minlength=n)

    first_won, second_won = log.score == 1.0, log.score == 0.0
    drawn = ~(first_won | second_won)
    wins, draws, losses = count(first_won, second_won), count(drawn, drawn), count(second_won, first_won)
    matches = wins + draws + losses
    latest = np.full(n, np.iinfo(np.int64).min)
    when = log.when
    np.maximum.at(latest, log.first, when)
    np.maximum.at(latest, log.second, when)
    last: list[int | None] = [when if played else None for when, played in zip(latest.tolist(), matches.tolist(), strict=True)]
    rating = np.where(matches > 0, ratings, course.initial)
    return Reckoning(rating.tolist(), matches.tolist(), wins.tolist(), draws.tolist(), losses.tolist(), last)

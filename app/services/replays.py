"""The log as columns, and the ratings that it leads to when it is replayed.

A replay goes through the same kernel as the write path, in the order of the log and with the settings of each stretch, so that its ratings equal
the live ones in every bit. Which matches are void is part of the log.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.ratings.online import EloRules, replay
from app.services.league_settings import LeagueSettings
from app.services.writing import Standing
from app.storage.unit_of_work import ReadUnit

MATCH_COLUMNS: Final = ("position", "recorded_at", "first", "second", "score", "played_at", "weight", "neutral")


@dataclass(frozen=True, eq=False)
class MatchLog:
    """The matches of a league in the order of its log, shape (n,) each. `when` is the time of play, or of recording where that is unknown."""

    position: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    score: NDArray[np.float64]
    weight: NDArray[np.float64]
    neutral: NDArray[np.bool_]
    when: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.position)

    @classmethod
    def of_columns(cls, columns: Mapping[str, Sequence[Any]]) -> "MatchLog":
        """From columns as they are stored, at least those of `MATCH_COLUMNS`."""
        when = [recorded if played is None else played for recorded, played in zip(columns["recorded_at"], columns["played_at"], strict=True)]
        return cls(
            np.array(columns["position"], np.int64),
            np.array(columns["first"], np.int64),
            np.array(columns["second"], np.int64),
            np.array(columns["score"], np.float64),
            np.array(columns["weight"], np.float64),
            np.array(columns["neutral"], np.bool_),
            np.array(when, np.int64),
        )

    @classmethod
    def empty(cls) -> "MatchLog":
        return cls.of_columns(dict.fromkeys(MATCH_COLUMNS, ()))

    @classmethod
    def joined(cls, logs: Sequence["MatchLog"]) -> "MatchLog":
        """One after the other."""
        return cls(*(np.concatenate([getattr(log, name) for log in logs]) for name in cls.__dataclass_fields__))

    def where(self, keep: NDArray[np.bool_]) -> "MatchLog":
        """The matches at which `keep` is true."""
        return MatchLog(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    def without(self, positions: set[int]) -> "MatchLog":
        """The log without the matches at these positions."""
        return self.where(~np.isin(self.position, np.fromiter(positions, np.int64, len(positions)))) if positions else self

    def up_to(self, position: int) -> "MatchLog":
        return self.where(self.position <= position)


def read_matches(unit: ReadUnit, league_id: int, up_to: int, *, after: int = -1) -> MatchLog:
    """Every match after one position and up to another, void ones too."""
    blocks = unit.entries.stream(league_id, up_to, MATCH_COLUMNS, after=after, matches_only=True)
    logs = [MatchLog.of_columns(dict(zip(MATCH_COLUMNS, zip(*rows, strict=True), strict=True))) for rows in blocks]
    return MatchLog.joined([MatchLog.empty(), *logs])


def counted_matches(unit: ReadUnit, league_id: int, up_to: int) -> MatchLog:
    """The matches that count at a position: those that no void has taken away."""
    voids = {target for _, target in unit.entries.voids(league_id, up_to)}
    return read_matches(unit, league_id, up_to).without(voids)


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The standings that a log leads to, by competitor's number, and what each of its matches saw and did."""

    rating: list[float]
    matches: list[int]
    wins: list[int]
    draws: list[int]
    losses: list[int]
    last_played_at: list[int | None]
    expected: list[float]
    first_before: list[float]
    first_after: list[float]
    second_before: list[float]
    second_after: list[float]
    k: list[float]

    def standing(self, number: int, key: str) -> Standing:
        """One competitor as the write path knows it."""
        counts = (self.matches[number], self.wins[number], self.draws[number], self.losses[number])
        return Standing(number, key, self.rating[number], *counts, self.last_played_at[number])


def rules_by_stretch(changes: Sequence[tuple[int, dict[str, Any]]], positions: NDArray[np.int64]) -> Iterator[tuple[slice, EloRules]]:
    """The stretches of the log that were rated by the same rules; a settings entry counts from the next position on."""
    starts = [int(np.searchsorted(positions, position)) for position, _ in changes] + [len(positions)]
    for (_, settings), start, stop in zip(changes, starts, starts[1:], strict=False):
        if stop > start:
            yield slice(start, stop), LeagueSettings.model_validate(settings).rules()


def reckon(log: MatchLog, changes: Sequence[tuple[int, dict[str, Any]]], n_competitors: int) -> Reckoning:
    """Replay a log from nothing. O(matches)."""
    initial = LeagueSettings.model_validate(changes[0][1]).initial
    ratings = [initial] * n_competitors
    seen: tuple[list[float], ...] = ([], [], [], [], [])
    gains: list[float] = []
    for part, rules in rules_by_stretch(changes, log.position):
        for column, values in zip(seen, _replayed(log, part, rules, ratings), strict=True):
            column.extend(values)
        gains.extend([rules.k] * (part.stop - part.start))
    matches, wins, draws, losses, last = _counts(log, n_competitors)
    expected, first_before, first_after, second_before, second_after = seen
    return Reckoning(ratings, matches, wins, draws, losses, last, expected, first_before, first_after, second_before, second_after, gains)


def _counts(log: MatchLog, n: int) -> tuple[list[int], list[int], list[int], list[int], list[int | None]]:
    def count(of_first: NDArray[np.bool_], of_second: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(log.first[of_first], minlength=n) + np.bincount(log.second[of_second], minlength=n)

    first_won, second_won = log.score == 1.0, log.score == 0.0
    drawn = ~(first_won | second_won)
    wins, draws, losses = count(first_won, second_won), count(drawn, drawn), count(second_won, first_won)
    matches = wins + draws + losses
    latest = np.full(n, np.iinfo(np.int64).min)
    np.maximum.at(latest, log.first, log.when)
    np.maximum.at(latest, log.second, log.when)
    last: list[int | None] = [when if played else None for when, played in zip(latest.tolist(), matches.tolist(), strict=True)]
    return matches.tolist(), wins.tolist(), draws.tolist(), losses.tolist(), last


@dataclass(frozen=True, slots=True)
class Receipts:
    """What every match of a log, void ones too, saw and did when it was recorded: a list per value."""

    expected: list[float]
    first_before: list[float]
    first_after: list[float]
    second_before: list[float]
    second_after: list[float]
    k: list[float]


def receipts_when_recorded(
    log: MatchLog, voids: Sequence[tuple[int, int]], changes: Sequence[tuple[int, dict[str, Any]]], n_competitors: int
) -> Receipts:
    """Replay a log with its voids as they came: up to each void with the matches that counted then. O(matches) per stretch between voids."""
    initial = LeagueSettings.model_validate(changes[0][1]).initial
    ratings = [initial] * n_competitors
    columns: tuple[list[float], ...] = ([], [], [], [], [])
    gains: list[float] = []
    starts = [0, *(int(np.searchsorted(log.position, position)) for position, _ in voids)]
    stops = [*starts[1:], len(log)]
    for count, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        if stop == start:
            continue
        if count:
            before = log.where(np.arange(len(log)) < start).without({target for _, target in voids[:count]})
            ratings = reckon(before, changes, n_competitors).rating
        for part, rules in rules_by_stretch(changes, log.position):
            begin, end = max(part.start, start), min(part.stop, stop)
            if begin < end:
                rated = _replayed(log, slice(begin, end), rules, ratings)
                for column, values in zip(columns, rated, strict=True):
                    column.extend(values)
                gains.extend([rules.k] * (end - begin))
    expected, first_before, first_after, second_before, second_after = columns
    return Receipts(expected, first_before, first_after, second_before, second_after, gains)


def _replayed(log: MatchLog, part: slice, rules: EloRules, ratings: list[float]) -> Sequence[list[float]]:
    columns = (log.first[part].tolist(), log.second[part].tolist(), log.score[part].tolist(), log.weight[part].tolist())
    return replay(rules, *columns, [0.0] * (part.stop - part.start), ratings)

"""The matches of a league as columns, in the order of its log.

Whether they count is decided in `amendments`, in which order they are rated in `courses`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.storage.unit_of_work import ReadUnit

MATCH_COLUMNS: Final = ("position", "recorded_at", "first", "second", "score", "played_at", "weight", "neutral", "match_id")
UNKNOWN_TIME: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class MatchLog:
    """A column of shape (n,) per value. `played_at` is `UNKNOWN_TIME` where nobody told; `match_id` holds strings."""

    position: NDArray[np.int64]
    recorded_at: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    score: NDArray[np.float64]
    played_at: NDArray[np.int64]
    weight: NDArray[np.float64]
    neutral: NDArray[np.bool_]
    match_id: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.position)

    @classmethod
    def of_columns(cls, columns: Mapping[str, Sequence[Any]]) -> "MatchLog":
        """From columns as they are stored, at least those of `MATCH_COLUMNS`."""
        played_at = [UNKNOWN_TIME if played is None else played for played in columns["played_at"]]
        match_id = np.empty(len(played_at), np.object_)
        match_id[:] = columns["match_id"]
        return cls(
            np.array(columns["position"], np.int64),
            np.array(columns["recorded_at"], np.int64),
            np.array(columns["first"], np.int64),
            np.array(columns["second"], np.int64),
            np.array(columns["score"], np.float64),
            np.array(played_at, np.int64),
            np.array(columns["weight"], np.float64),
            np.array(columns["neutral"], np.bool_),
            match_id,
        )

    @classmethod
    def empty(cls) -> "MatchLog":
        return cls.of_columns(dict.fromkeys(MATCH_COLUMNS, ()))

    @classmethod
    def joined(cls, logs: Sequence["MatchLog"]) -> "MatchLog":
        """One after the other."""
        some = [log for log in logs if len(log)] or [cls.empty()]
        return some[0] if len(some) == 1 else cls(*(np.concatenate([getattr(log, name.name) for log in some]) for name in fields(cls)))

    @property
    def when(self) -> NDArray[np.int64]:
        """The time of play, or of recording where that is unknown."""
        return np.where(self.played_at == UNKNOWN_TIME, self.recorded_at, self.played_at)

    @property
    def n_competitors(self) -> int:
        """One more than the largest number."""
        return 1 + max(int(self.first.max()), int(self.second.max())) if len(self) else 0

    @property
    def playing(self) -> int:
        """How many competitors have a match."""
        return len(np.unique(np.concatenate([self.first, self.second])))

    def take(self, places: NDArray[Any] | slice) -> "MatchLog":
        """The matches at these places, or at which a mask is true."""
        return MatchLog(*(getattr(self, name.name)[places] for name in fields(self)))

    def up_to(self, position: int) -> "MatchLog":
        """The matches up to a position of the log."""
        stop = int(np.searchsorted(self.position, position, "right"))
        return self if stop == len(self) else self.take(slice(stop))

    def after(self, position: int) -> "MatchLog":
        """The matches after a position of the log."""
        return self.take(slice(int(np.searchsorted(self.position, position, "right")), None))

    def with_sides(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> "MatchLog":
        return replace(self, first=first, second=second)


def read_rows(unit: ReadUnit, league_id: int, after: int, up_to: int, *, with_ids: bool = True) -> MatchLog:
    """Every match after one position and up to another, void ones too, from the rows of the log."""
    names = MATCH_COLUMNS if with_ids else MATCH_COLUMNS[:-1]
    blocks = unit.entries.stream(league_id, up_to, names, after=after, matches_only=True)
    return MatchLog.joined([MatchLog.of_columns(_columns(names, rows)) for rows in blocks])


def read_rows_at(unit: ReadUnit, league_id: int, positions: Sequence[int]) -> MatchLog:
    """The matches at these positions, without their ids."""
    names = MATCH_COLUMNS[:-1]
    rows = unit.entries.matches_at(league_id, positions, names)
    return MatchLog.of_columns(_columns(names, rows)) if rows else MatchLog.empty()


def _columns(names: Sequence[str], rows: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """The columns of some rows; the ids are None where they were not asked for."""
    return {"match_id": [None] * len(rows), **dict(zip(names, zip(*rows, strict=True), strict=True))}

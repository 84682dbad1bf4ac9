"""What voids, corrections and merges make of the matches of a log.

An entry counts unless a counting void takes it back, so that voiding a void restores. Of several corrections of one match the last that counts
holds. While a merge counts, every match of the one competitor, before it and after it, is the other's.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.services.match_log import UNKNOWN_TIME, MatchLog
from app.storage.tables import Kind
from app.storage.unit_of_work import ReadUnit

CORRECTED = ("first", "second", "score", "played_at", "weight", "neutral")


@dataclass(frozen=True, slots=True)
class Amendment:
    """An entry that changes which matches count, or how."""

    position: int
    kind: Kind
    target: int | None = None
    """Of a void: any amendment or match. Of a correction: a match."""
    match: Mapping[str, Any] | None = None
    """Of a correction: the match as it should have been, in the columns of an entry."""
    merged: tuple[int, int] | None = None
    """Of a merge: whose matches become whose."""

    @classmethod
    def of_row(cls, row: Any) -> "Amendment":  # noqa: ANN401  a row of the log, whatever read it
        kind = Kind(row.kind)
        details = json.loads(row.details) if kind == Kind.MERGE else {}
        match = {name: getattr(row, name) for name in (*CORRECTED, "first_score", "second_score", "context")} if kind == Kind.CORRECT else None
        return cls(row.position, kind, row.target, match, (details["from"], details["into"]) if details else None)


@dataclass(frozen=True)
class Amendments:
    """The amendments of a log up to a position, in order."""

    entries: tuple[Amendment, ...] = ()

    @classmethod
    def read(cls, unit: ReadUnit, league_id: int, up_to: int) -> "Amendments":
        return cls(tuple(Amendment.of_row(row) for row in unit.entries.amendments(league_id, up_to)))

    def __bool__(self) -> bool:
        return bool(self.entries)

    def up_to(self, position: int) -> "Amendments":
        return Amendments(tuple(one for one in self.entries if one.position <= position))

    def and_then(self, amendment: Amendment) -> "Amendments":
        """With one more at the end."""
        return Amendments((*self.entries, amendment))

    @cached_property
    def voided(self) -> Mapping[int, int]:
        """Position of what does not count → position of the void that took it back."""
        voided: dict[int, int] = {}
        for one in reversed(self.entries):
            if one.kind == Kind.VOID and one.position not in voided and one.target is not None:
                voided[one.target] = one.position
        return voided

    @cached_property
    def corrections(self) -> Mapping[int, Amendment]:
        """Position of a match → the correction that holds."""
        return {one.target: one for one in self._counting(Kind.CORRECT) if one.target is not None}

    @cached_property
    def merged(self) -> Mapping[int, int]:
        """Number of a competitor → the one into whom they were merged, who may have been merged too."""
        return dict(one.merged for one in self._counting(Kind.MERGE) if one.merged is not None)

    @cached_property
    def merges(self) -> Mapping[int, int]:
        """Number of a competitor → whose matches theirs are counted as."""
        return {number: root(self.merged, number) for number in self.merged}

    def contradiction(self) -> str | None:
        """What two entries that count both say of one thing, in words; None if all agree."""
        voids = [one.target for one in self._counting(Kind.VOID)]
        if len(set(voids)) < len(voids):
            twice = next(target for target in voids if voids.count(target) > 1)
            return f"The entry at position {twice} would be taken back twice."
        merges = {one.position: one.merged[0] for one in self._counting(Kind.MERGE) if one.merged is not None}
        numbers = list(merges.values())
        astray = [position for position, number in merges.items() if numbers.count(number) > 1 or _is_circular(self.merged, number)]
        if astray:
            return f"A competitor would be merged into two others, or into themselves, by the merges at positions {', '.join(map(str, astray))}."
        return None

    def _counting(self, kind: Kind) -> Iterable[Amendment]:
        return (one for one in self.entries if one.kind == kind and one.position not in self.voided)

    def find(self, position: int) -> Amendment | None:
        return next((one for one in self.entries if one.position == position), None)

    def applied(self, log: MatchLog) -> MatchLog:
        """The matches of a part of the log that count, as they count, in its order; void ones are left out."""
        if not self.entries or not len(log):
            return log
        counting = self._merged(self._corrected(log))
        dropped = np.fromiter(self.voided, np.int64, len(self.voided))
        return counting.take(~np.isin(counting.position, dropped)) if len(dropped) else counting

    def _corrected(self, log: MatchLog) -> MatchLog:
        targets = np.array(sorted(self.corrections), np.int64)
        targets = targets[np.isin(targets, log.position)]
        if not len(targets):
            return log
        columns: dict[str, NDArray[Any]] = {name: getattr(log, name).copy() for name in CORRECTED}
        for target, place in zip(targets.tolist(), np.searchsorted(log.position, targets).tolist(), strict=True):
            match = self.corrections[target].match or {}
            for name in CORRECTED:
                columns[name][place] = UNKNOWN_TIME if match[name] is None else match[name]
        return MatchLog(**{**vars(log), **columns})

    def renumbered(self, n_competitors: int) -> NDArray[np.int64]:
        """Under which number the matches of each competitor count, shape (n,) with room for everyone who is merged."""
        numbers = np.arange(max([n_competitors, *(1 + number for pair in self.merges.items() for number in pair)]))
        for number, into in self.merges.items():
            numbers[number] = into
        return numbers

    def _merged(self, log: MatchLog) -> MatchLog:
        if not self.merges:
            return log
        numbers = self.renumbered(log.n_competitors)
        return log.with_sides(numbers[log.first], numbers[log.second])


def root(into: Mapping[int, int], number: int) -> int:
    """Where a chain of merges ends. Raises ValueError for one that is a circle, as only a damaged log has it."""
    for _ in range(len(into) + 1):
        if number not in into:
            return number
        number = into[number]
    raise ValueError("Competitors are merged in a circle.")


def _is_circular(into: Mapping[int, int], number: int) -> bool:
    place = number
    for _ in into:
        place = into.get(place, -1)
        if place == number:
            return True
    return False


def matches_of(amendments: Amendments, numbers: Sequence[int]) -> tuple[list[int], list[int]]:
    """Under which numbers, and by which corrections, somebody's matches may stand in the log: numbers, positions."""
    own = {*numbers, *(number for number, into in amendments.merges.items() if into in numbers)}
    positions = [target for target, one in amendments.corrections.items() if one.match and {one.match["first"], one.match["second"]} & own]
    return sorted(own), positions

"""From rows under an understood header to matches, many rows at a time and column by column.

A draw is never guessed: a winner that is neither a slot's word nor the name of one of the two sides is refused. What one line cannot settle (a winner whose
name is also a slot's word, a date like 5/11/2024) stays open in a `Draft` until the whole file has been read; `settling` closes it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from operator import eq
from typing import TypeVar

from app.ratings.matches import ContextValue, canonical_context, clean_key
from app.services import cells
from app.services.cells import DayMonth, Memo, Reading, shown
from app.services.file_text import not_understood
from app.services.header_names import say_outcome
from app.services.headers import CONTEXT_PREFIX, Plan

T = TypeVar("T")
Table = Sequence[Sequence[str]]

_CODES = frozenset({"0", "-1", "0.0", "1.0", "-1.0", "2.0"})  # 0 is a loss beside 0.5, and a draw beside 2 or -1


class BadCell(ValueError):
    """A cell, or a row as a whole, that cannot be read."""

    def __init__(self, detail: str, column: str | None = None, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.column = column
        self.field = field


@dataclass(slots=True)
class Draft:
    """Matches as columns, some outcomes and dates still open."""

    lines: list[int] = field(default_factory=list)
    match_id: list[str | None] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    second: list[str] = field(default_factory=list)
    score: list[float | Reading] = field(default_factory=list)
    played_at: list[int | DayMonth | None] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    neutral: list[bool] = field(default_factory=list)
    first_score: list[float | None] = field(default_factory=list)
    second_score: list[float | None] = field(default_factory=list)
    context: list[str | None] = field(default_factory=list)

    def extend(self, other: "Draft") -> None:
        for each in fields(self):
            getattr(self, each.name).extend(getattr(other, each.name))


@dataclass(slots=True)
class Evidence:
    """How the outcome column names the winner, seen on lines that leave no doubt."""

    by_name: bool = False
    by_slot: bool = False


class RowReader:
    """Reads rows of one plan; equal texts are read once and share one object."""

    def __init__(self, plan: Plan, evidence: Evidence) -> None:
        self._plan = plan
        self._evidence = evidence
        self._keys = Memo(cells.read_key)
        self._moments = Memo(cells.read_moment)
        self._weights = Memo(cells.read_weight)
        self._numbers = Memo(cells.read_number)
        self._flags = Memo(cells.read_flag)
        self._scores = Memo(cells.read_score)
        self._told = Memo(self._tell)
        self._contexts = Memo(self._read_context)
        self._context_fields = [name for name in plan.fields if name == "context" or name.startswith(CONTEXT_PREFIX)]

    def read(self, lines: Sequence[int], rows: Table) -> Draft:
        """The matches of these rows. Raises BadCell for the first thing that cannot be read; then nothing of them was kept."""
        table = self._columns(rows)
        first, second = self._sides(table)
        first_score, second_score = (self._read(table, name, self._numbers.__getitem__, None) for name in ("first_score", "second_score"))
        return Draft(
            lines=list(lines),
            match_id=self._read(table, "match_id", cells.read_match_id, None),
            first=first,
            second=second,
            score=self._score(table, first, second, first_score, second_score),
            played_at=self._read(table, "played_at", self._moments.__getitem__, None),
            weight=self._read(table, "weight", self._weights.__getitem__, 1.0),
            neutral=self._neutral(table),
            first_score=first_score,
            second_score=second_score,
            context=self._context(table),
        )

    def _columns(self, rows: Table) -> Table:
        width = len(self._plan.header)
        if {*map(len, rows)} != {width}:
            rows = [row[:width] if len(row) > width and not any(map(str.strip, row[width:])) else row for row in rows]
        for row in rows:
            if len(row) != width:
                raise BadCell(f"has {len(row)} values where the header has {width} columns; put a value that contains the delimiter in quotes")
        return list(zip(*rows, strict=True))

    def _read(self, table: Table, name: str, read: Callable[[str], T], missing: T) -> list[T]:
        position = self._plan.fields.get(name)
        if position is None:
            return [missing] * len(table[0])
        try:
            return [*map(read, table[position])]
        except ValueError as error:
            raise self._bad(name, str(error)) from error

    def _bad(self, name: str, detail: str) -> BadCell:
        return BadCell(detail, self._plan.header[self._plan.fields[name]], name)

    def _sides(self, table: Table) -> tuple[list[str], list[str]]:
        names = ("winner", "loser") if self._plan.kind == "result" else ("first", "second")
        first, second = (self._read(table, name, self._keys.__getitem__, "") for name in names)
        if any(map(eq, first, second)):
            twice = next(one for one, two in zip(first, second, strict=True) if one == two)
            raise self._bad(names[1], f"{shown(twice)} is on both sides; a match has two competitors")
        return first, second

    def _neutral(self, table: Table) -> list[bool]:
        """Winner and loser are no sides: such a file says nothing about who was at home."""
        read = self._flags.__getitem__
        if "home" in self._plan.fields:
            return [flag is False for flag in self._read(table, "home", read, None)]
        return [flag is True for flag in self._read(table, "neutral", read, True if self._plan.kind == "result" else None)]

    def _score(
        self, table: Table, first: list[str], second: list[str], first_score: list[float | None], second_score: list[float | None]
    ) -> list[float | Reading]:
        if self._plan.kind == "result":
            return [1.0] * len(first)
        if "outcome" in self._plan.fields:
            return self._outcomes(self._read(table, "outcome", self._told.__getitem__, ("", None)), first, second)
        if "score" in self._plan.fields:
            return [*self._read(table, "score", self._scores.__getitem__, 0.5)]
        return [self._compare(one, two) for one, two in zip(first_score, second_score, strict=True)]

    def _compare(self, one: float | None, two: float | None) -> float:
        if one is None or two is None:
            raise self._bad(
                "first_score" if one is None else "second_score", "is empty; without an outcome both scores are needed: write them or drop the line"
            )
        return 1.0 if one > two else 0.0 if one < two else 0.5

    def _tell(self, text: str) -> tuple[str, float | None]:
        """What an outcome cell says as a name, and as a word."""
        if not (text := text.strip()):
            raise ValueError("is empty; write first, second or draw, or the winner's name")
        try:
            name = clean_key(text)
        except ValueError:
            name = text
        return name, say_outcome(self._plan.words, text)

    def _outcomes(self, told: list[tuple[str, float | None]], first: list[str], second: list[str]) -> list[float | Reading]:
        outcomes: list[float | Reading] = []
        for (name, slot), one, two in zip(told, first, second, strict=True):
            if slot is None or name in (one, two):
                outcomes.append(self._named_outcome(name, slot, one, two))
            else:
                outcomes.append(slot)
                if slot != 0.5:
                    self._evidence.by_slot = True
        return outcomes

    def _named_outcome(self, name: str, slot: float | None, one: str, two: str) -> float | Reading:
        if name not in {one, two}:
            raise self._unknown_outcome(name, one, two)
        by_name = 1.0 if name == one else 0.0
        if slot is None:
            self._evidence.by_name = True
        return by_name if slot in {None, by_name} else Reading(name, by_name, slot or 0.0)

    def _unknown_outcome(self, name: str, one: str, two: str) -> BadCell:
        column = self._plan.mapping["outcome"]
        if name in _CODES and not self._evidence.by_name:
            detail = f"The column “{column}” holds {name}, which may mean a draw or a side."
            remedy = f"Write first, second or draw; where it holds 1, 0.5 and 0 for the first side, say --map score={column}"
            raise not_understood(detail, remedy, pointer="outcome")
        return self._bad("outcome", f"{shown(name)} is neither first, second or draw nor the name of a side ({shown(one)}, {shown(two)}); correct it")

    def _context(self, table: Table) -> list[str | None]:
        if not self._context_fields:
            return [None] * len(table[0])
        columns = [table[self._plan.fields[name]] for name in self._context_fields]
        return [self._contexts[values] for values in zip(*columns, strict=True)]

    def _read_context(self, values: tuple[str, ...]) -> str | None:
        context: dict[str, ContextValue] = {}
        for name, value in zip(self._context_fields, values, strict=True):
            try:
                if name == "context":
                    context |= cells.read_context(value)
                elif (read := cells.read_context_value(value)) is not None:
                    context[name.removeprefix(CONTEXT_PREFIX)] = read
            except ValueError as error:
                raise self._bad(name, str(error)) from error
        try:
            return canonical_context(context)
        except (ValueError, OverflowError) as error:
            raise self._bad(self._context_fields[0], f"{error}; shorten or correct the context") from error

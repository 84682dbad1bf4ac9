"""What only the whole file can settle: the order of day and month, and whether a winner is given by name or by slot.

An order of day and month that the file does not make certain refuses the file; a winner that stays in doubt refuses its line.
"""

from collections.abc import Callable, Sequence
from itertools import compress
from typing import TypeVar

from app.ratings.matches import MatchColumns
from app.services.cells import DayMonth, Reading, shown
from app.services.file_text import not_understood
from app.services.match_rows import Draft, Evidence

T = TypeVar("T")
_REMEDY = "Write dates as 2024-12-31, or map played_at to a column that does: --map played_at=…"


def settle(draft: Draft, evidence: Evidence, report: Callable[[int, str], None]) -> tuple[MatchColumns, list[int]]:
    """The matches with nothing open, and the line of each; a line in doubt is reported and left out. Raises FileNotUnderstood for dates in doubt."""
    scores = [_settled_score(score, evidence) if isinstance(score, Reading) else score for score in draft.score]
    for line, score, settled in zip(draft.lines, draft.score, scores, strict=True) if None in scores else ():
        if settled is None and isinstance(score, Reading):
            report(line, f"{shown(score.text)} is the name of a side and also a word for an outcome; write first, second or draw on every line")
    kept = [score is not None for score in scores]
    columns = MatchColumns(
        match_id=_kept(draft.match_id, kept),
        first=_kept(draft.first, kept),
        second=_kept(draft.second, kept),
        score=[score for score in scores if score is not None],
        played_at=_kept(_settled_dates(draft.played_at, draft.lines), kept),
        weight=_kept(draft.weight, kept),
        neutral=_kept(draft.neutral, kept),
        first_score=_kept(draft.first_score, kept),
        second_score=_kept(draft.second_score, kept),
        context=_kept(draft.context, kept),
    )
    return columns, _kept(draft.lines, kept)


def _kept(values: list[T], kept: Sequence[bool]) -> list[T]:
    return values if all(kept) else [*compress(values, kept)]


def _settled_score(reading: Reading, evidence: Evidence) -> float | None:
    """A word for a draw stays in doubt where winners go by name: it may still be the word."""
    if evidence.by_slot and not evidence.by_name:
        return reading.by_slot
    if evidence.by_name and not evidence.by_slot and reading.by_slot != 0.5:
        return reading.by_name
    return None


def _settled_dates(played_at: list[int | DayMonth | None], lines: Sequence[int]) -> list[int | None]:
    first_lines: dict[DayMonth, int] = {}
    for moment, line in zip(played_at, lines, strict=True):
        if isinstance(moment, DayMonth):
            first_lines.setdefault(moment, line)
    day_first = _is_day_first(first_lines)
    return [(moment.day_first if day_first else moment.month_first) if isinstance(moment, DayMonth) else moment for moment in played_at]


def _is_day_first(dates: dict[DayMonth, int]) -> bool:
    """Whether the day comes first in all of them. Raises FileNotUnderstood where they do not tell, or contradict one another."""
    only_day_first = next((date for date in dates if date.month_first is None), None)
    only_month_first = next((date for date in dates if date.day_first is None), None)
    doubtful = next((date for date in dates if date.day_first != date.month_first), None)
    if only_day_first and only_month_first:
        one, other = (f"{shown(date.text)} (line {dates[date]})" for date in (only_day_first, only_month_first))
        raise not_understood(f"The dates {one} and {other} cannot both be in one order of day and month.", _REMEDY, pointer="played_at")
    if doubtful and not (only_day_first or only_month_first):
        detail = (
            f"The date {shown(doubtful.text)} (line {dates[doubtful]}) may begin with the day or with the month, and no other date of the file tells."
        )
        raise not_understood(detail, _REMEDY, pointer="played_at")
    return only_day_first is not None

"""The shapes of answers about what changes a log or explains it: amendments, previews, competitors' entries, explanations. See `shapes`."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from app.services.shapes import ListedMatchShape, MatchShape

AmendmentKind = Literal["void", "correct", "merge"]
Undone = Literal["match", "void", "correct", "merge"]
"""What a void takes back; a void of a void restores."""


class Movement(TypedDict):
    """How an entry moves one competitor: None where they are, or come to be, without a counted match."""

    competitor: str
    before: float | None
    after: float | None
    rank_before: int | None
    rank_after: int | None


class AmendmentShape(TypedDict):
    """An entry that changes what counts (or, for a dry run, the entry that it would be: `position` is then None) and who moves by it."""

    kind: AmendmentKind
    target: int | None
    match_id: str | None
    dry_run: bool
    expected_position: int
    position: int | None
    recorded_at: str | None
    reason: str
    author: str | None
    moved: list[Movement]
    moved_count: int


class PreviewShape(TypedDict):
    """What matches would do if they were recorded now."""

    dry_run: bool
    expected_position: int
    moved: list[Movement]
    moved_count: int


class RosterShape(TypedDict):
    """An entry about a competitor: renamed, retired or returned, forgotten. `position` is None where nothing had to be changed."""

    competitor: str
    name: str
    retired: bool
    position: int | None


class AmendedShape(TypedDict):
    """An amendment of a match, with what it says: newest last."""

    position: int
    kind: AmendmentKind
    undoes: Undone | None
    counts: bool
    reason: str
    recorded_at: str
    author: NotRequired[str | None]
    match: MatchShape | None


class MatchDetailShape(ListedMatchShape):
    """A match with every entry about it, in order, where there are any."""

    amendments: NotRequired[list[AmendedShape]]


class ExplainedRow(TypedDict):
    """One change of a rating. What the ratings were before and after each line follows on from the line before it."""

    position: int | None
    kind: Literal["match", "void", "correct", "merge", "rerated"]
    undoes: Undone | None
    match_id: str | None
    opponent: str | None
    before: float
    expected: float | None
    score: float | None
    k: float | None
    weight: float | None
    after: float
    reason: str | None


class ExplainedShape(TypedDict):
    """Why a rating moved between two positions of the log; null where the competitor had no match then."""

    league: str
    competitor: str
    position: int
    from_position: int
    before: float | None
    after: float | None
    rows: list[ExplainedRow]

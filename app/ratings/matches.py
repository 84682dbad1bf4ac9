"""What a match is: its outcome, the rules for the strings that name competitors and matches, and the columns that carry many matches.

Whether a match is known already, and what it does to the ratings, is decided elsewhere (`services.recording`, `ratings.online`).
Times are integers: microseconds since 1970-01-01T00:00:00Z.
"""

import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

Outcome = Literal["first", "second", "draw"]
ContextValue = str | float | bool | None

SCORES: Mapping[str, float] = {"first": 1.0, "draw": 0.5, "second": 0.0}
OUTCOMES: Mapping[float, Outcome] = {1.0: "first", 0.5: "draw", 0.0: "second"}

MAX_KEY_LENGTH = 200
MAX_WEIGHT = 1_000_000.0
MAX_CONTEXT_FIELDS = 32
MAX_CONTEXT_TEXT = 200
LARGEST_INTEGER = 2**53
"""Beyond it a float does not tell one integer from the next."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def clean_key(value: str) -> str:
    """The string as Arpad keeps it: NFC. Raises ValueError that says what is wrong with it."""
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    if not 1 <= len(value) <= MAX_KEY_LENGTH:
        raise ValueError(f"must have 1 to {MAX_KEY_LENGTH} characters, not {len(value)}")
    if has_control_characters(value):
        raise ValueError("must not contain control characters or lone surrogates")
    if value[0].isspace() or value[-1].isspace():
        raise ValueError("must not begin or end with white space")
    return value


def has_control_characters(text: str) -> bool:
    """Whether a text holds what no line of a log, a terminal or a table takes well: controls, line separators, lone surrogates."""
    return not text.isprintable() and any(unicodedata.category(character) in _FORBIDDEN_CATEGORIES for character in text)


def canonical_context(context: Mapping[str, ContextValue]) -> str | None:
    """The context as sorted JSON text, None for an empty one. Raises ValueError naming the field."""
    if not context:
        return None
    if len(context) > MAX_CONTEXT_FIELDS:
        raise ValueError(f"may hold at most {MAX_CONTEXT_FIELDS} fields, not {len(context)}")
    cleaned: dict[str, ContextValue] = {}
    for name, value in context.items():
        clean_name = clean_key(name)
        cleaned[clean_name] = _clean_context_value(clean_name, value)
    return json.dumps(cleaned, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _clean_context_value(name: str, value: ContextValue) -> ContextValue:
    if isinstance(value, str):
        if len(value) > MAX_CONTEXT_TEXT:
            raise ValueError(f"“{name}” has more than {MAX_CONTEXT_TEXT} characters")
        if any(unicodedata.category(character) in _FORBIDDEN_CATEGORIES for character in value):
            raise ValueError(f"“{name}” contains control characters")
        return unicodedata.normalize("NFC", value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise ValueError(f"“{name}” is beyond 2**53, where numbers lose digits; send it as text")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"“{name}” must be a finite number")
    return number


def to_microseconds(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_microseconds(microseconds: int) -> datetime:
    """The UTC datetime of a count of microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=microseconds)


def format_time(microseconds: int) -> str:
    """RFC 3339 in UTC with a `Z`; the fraction only where there is one."""
    return from_microseconds(microseconds).isoformat().removesuffix("+00:00") + "Z"


@dataclass(slots=True)
class MatchColumns:
    """Many matches, a list per field, all of one length. Values are clean: keys by `clean_key`, context by `canonical_context`."""

    match_id: list[str | None] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    second: list[str] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    played_at: list[int | None] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    neutral: list[bool] = field(default_factory=list)
    first_score: list[float | None] = field(default_factory=list)
    second_score: list[float | None] = field(default_factory=list)
    context: list[str | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.first)

"""Which segment of a league is meant: the matches whose context meets every one of a few conditions, each a field and a value.

How conditions are written and when a context meets them is decided here alone. A value is compared as it is written, so that nobody has to know
whether an import took it for a number: `sets=3` is met by the number 3 and by the text “3”, `indoor=true` by true and by the text “true”.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from app.errors import BadInput, Fault
from app.ratings.matches import ContextValue, canonical_context, clean_key

MAX_CONDITIONS: Final = 8
MAX_BYTES: Final = 2_000
"""Of all conditions as they are stored: an index holds them."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions that must all hold, by field; none for a whole league."""

    pairs: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def __str__(self) -> str:
        """For sentences."""
        return " and ".join(f"{name} = {value}" for name, value in self.pairs)

    @property
    def text(self) -> str:
        """As they are stored, the same for the same conditions: sorted JSON, empty for a whole league."""
        return canonical_context(dict(self.pairs)) or ""

    @property
    def texts(self) -> list[str]:
        """As `of_texts` reads them."""
        return [f"{name}={value}" for name, value in self.pairs]

    @property
    def shape(self) -> dict[str, str]:
        """As they are answered."""
        return dict(self.pairs)

    @property
    def context(self) -> dict[str, str | float | bool]:
        """A context that meets them, with numbers and truth values where they are written like that, as imports read them."""
        return {name: _value(text) for name, text in self.pairs}

    @classmethod
    def stored(cls, text: str) -> "Conditions":
        """From `text`, or from the object that an entry of the log holds."""
        return _stored(text)

    @classmethod
    def of_texts(cls, texts: Iterable[str], name: str = "where") -> "Conditions":
        """From texts like `surface=Clay`, of which the first “=” separates. Raises BadInput, naming the parameter."""
        pairs = []
        for text in texts:
            field, equals, value = text.partition("=")
            if not (field and equals):
                raise _refusal(name, f"“{text[:100]}” must have the form field=value, such as surface=Clay")
            pairs.append((field, value))
        return cls._of_pairs(pairs, name)

    @classmethod
    def of_values(cls, values: Mapping[str, ContextValue], place: str = "/where") -> "Conditions":
        """From the values of an object. Raises BadInput, naming the place."""
        unset = [name for name, value in values.items() if value is None]
        if unset:
            raise _refusal(f"{place}/{unset[0]}", "must have a value: text, a number, true or false")
        return cls._of_pairs([(name, written(value)) for name, value in values.items()], place)

    @classmethod
    def _of_pairs(cls, pairs: Sequence[tuple[str, str]], place: str) -> "Conditions":
        if len(pairs) > MAX_CONDITIONS:
            raise _refusal(place, f"may hold at most {MAX_CONDITIONS} conditions, not {len(pairs)}")
        try:
            cleaned = [(clean_key(name), json.loads(canonical_context({"value": value}) or "")["value"]) for name, value in pairs]
        except ValueError as error:
            raise _refusal(place, f"{error}; write the value as the contexts of the matches have it") from None
        if len(dict(cleaned)) < len(cleaned):
            raise _refusal(place, "names a field twice; a match has one value of it, so name each field once")
        found = cls(tuple(sorted(cleaned)))
        if len(found.text.encode()) > MAX_BYTES:
            raise _refusal(place, f"may have at most {MAX_BYTES:,} bytes in all; name fewer or shorter conditions")
        return found

    def met_by(self, context: str | None) -> bool:
        """Whether a context, as it is stored, meets them all."""
        if not self.pairs:
            return True
        found: dict[str, Any] = {} if context is None else json.loads(context)
        return all(name in found and _reads(found[name], value) for name, value in self.pairs)


WHOLE: Final = Conditions()


@lru_cache(maxsize=1024)
def _stored(text: str) -> Conditions:
    return Conditions(tuple(sorted(json.loads(text).items()))) if text else WHOLE


def of_details(details: Mapping[str, Any]) -> Conditions:
    """Of which segment an entry of the log tells."""
    return Conditions(tuple(sorted(details.get("where", {}).items())))


def written(value: ContextValue) -> str:
    """A value as people write it: true, 3, 2.5, Clay."""
    if isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else json.dumps(value)


def _reads(found: object, value: str) -> bool:
    """Whether a value of a context is the one that was written."""
    if isinstance(found, str) or found is None:
        return found == value
    if isinstance(found, bool):
        return value == ("true" if found else "false")
    return _number(value) == found


def _value(text: str) -> str | float | bool:
    number = _number(text)
    if text in {"true", "false"}:
        return text == "true"
    return text if number is None or written(number) != text else number


@lru_cache(maxsize=1024)
def _number(text: str) -> float | None:
    try:
        value = json.loads(text)
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        return number if number is not None and isfinite(number) else None
    except (ValueError, OverflowError, RecursionError):
        return None


def _refusal(place: str, remedy: str) -> BadInput:
    return BadInput("The conditions of the segment cannot be accepted.", [Fault(place, remedy)])

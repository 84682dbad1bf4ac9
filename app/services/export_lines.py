"""Reading the lines of an export, each of which has to be, byte for byte, what the lines before it lead to."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from app.errors import ExportDamaged
from app.ratings.matches import MAX_WEIGHT, SCORES, clean_key, to_microseconds
from app.services import ledger
from app.services.league_settings import LeagueSettings
from app.storage.tables import AMENDING, Kind

_COMMON: Final = frozenset({"position", "kind", "recorded_at", "author", "target", "hash", "commitments"})
_PLAYED: Final = ("first", "second", "outcome", "played_at", "weight", "neutral", "first_score", "second_score", "context")
_TYPES: Final = {"league": str, "name": str, "public": bool, "fit": int, "reason": str, "retired": bool, "where": dict}
_ABOUT: Final = ("competitor", "from", "into")


@dataclass(slots=True)
class Contents:
    """What an export holds, read and checked."""

    head: bytes = ledger.NO_HEAD
    count: int = 0
    recorded_at: int = 0
    who: dict[int, dict[str, Any]] = field(default_factory=dict)
    created: dict[int, int] = field(default_factory=dict)
    matches: list[dict[str, Any]] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    amendable: set[int] = field(default_factory=set)
    """The positions of entries that a void can take back."""
    played: set[int] = field(default_factory=set)
    """The positions of matches."""
    is_complete: bool = False


def read_export(lines: Iterable[bytes]) -> Contents:
    """Read and check an export. Raises ExportDamaged, naming the line."""
    contents = Contents()
    for number, line in enumerate(lines, start=1):
        if contents.is_complete:
            raise ExportDamaged(f"Line {number} follows the last line of the export.")
        try:
            _take(contents, line)
        except ExportDamaged as error:
            raise ExportDamaged(f"Line {number}: {error.detail}") from None
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
            raise ExportDamaged(f"Line {number} is not a line of an export.") from None
    if not contents.is_complete or not contents.others:
        raise ExportDamaged("The export ends before its last line, which tells count and head: it was cut.")
    return contents


def _take(contents: Contents, line: bytes) -> None:
    """One more line, which has to be, byte for byte, what would be exported there. Raises ExportDamaged, or whatever reading nonsense leads to."""
    value = json.loads(line)
    if "hash" in value:
        written = _take_entry(contents, value)
    elif "competitor" in value:
        written = _take_competitor(contents, value)
    else:
        written = ledger.last_line(contents.count, contents.head)
        contents.is_complete = len(contents.created) == len(contents.who)
    if line.rstrip(b"\r\n") != written.rstrip(b"\n"):
        raise ExportDamaged("it is not what the lines before lead to: something was changed, left out or added.")


def _take_competitor(contents: Contents, value: dict[str, Any]) -> bytes:
    number = len(contents.who)
    contents.who[number] = value
    name = None if value["name"] is None else clean_key(value["name"])
    if value["salt"] is None:
        return ledger.competitor_line(number, clean_key(value["key"]), name, b"", bytes.fromhex(value["commitment"]).hex())
    return ledger.competitor_line(number, clean_key(value["key"]), name, bytes.fromhex(value["salt"]))


def _take_entry(contents: Contents, value: dict[str, Any]) -> bytes:
    if recorded_at(value) < contents.recorded_at:
        raise ExportDamaged("it was recorded before the entry that it follows.")
    kind, new = ledger.KINDS[value["kind"]], range(len(contents.created), len(contents.who))
    body = {Kind.MATCH: _match_body, Kind.CORRECT: _correct_body}.get(kind, _other_body)(contents, value, new)
    if kind in {Kind.MATCH, *AMENDING}:
        contents.amendable.add(contents.count)
    contents.created.update(dict.fromkeys(new, contents.count))
    contents.head, contents.count, contents.recorded_at = ledger.chain(contents.head, body), contents.count + 1, recorded_at(value)
    return ledger.exported(body, contents.head)


def _match_body(contents: Contents, value: dict[str, Any], new: range) -> str:
    match_id = clean_key(value["match_id"])
    if not contents.count or match_id in contents.ids:
        raise ExportDamaged("no such match can have been recorded there.")
    contents.ids.add(match_id)
    contents.played.add(contents.count)
    contents.matches.append(value)
    return ledger.match_body(contents.count, recorded_at(value), value["author"], match_id, *_played(contents, value, new))


def _correct_body(contents: Contents, value: dict[str, Any], new: range) -> str:
    if value["target"] not in contents.played:
        raise ExportDamaged("it corrects no match of this log.")
    contents.others.append(value)
    played = _played(contents, value, new)
    told = (contents.count, recorded_at(value), value["author"], value["target"])
    return ledger.correct_body(*told, *played, _checked_details(contents, value))  # type: ignore[call-arg]  # ten of them


def _played(contents: Contents, value: dict[str, Any], new: range) -> tuple[Any, ...]:
    """The fields of a match in the order of the line, and the commitments of those whom it brings into being."""
    sides, weight = {value["first"], value["second"]}, float(value["weight"])
    if len(sides) < 2 or not sides <= contents.who.keys() or not sides.issuperset(new):
        raise ExportDamaged("its sides are not two of the competitors told before, the new ones among them.")
    if not 0.0 < weight <= MAX_WEIGHT:
        raise ExportDamaged("no match can have such a weight.")
    scores = (_number(value["first_score"]), _number(value["second_score"]))
    told = (value["first"], value["second"], SCORES[value["outcome"]], microseconds(value["played_at"]), weight, value["neutral"])
    return (*told, *scores, context_text(value["context"]), {number: _commitment(contents.who[number]) for number in new})


def _commitment(who: Mapping[str, Any]) -> str:
    return str(who["commitment"]) if who["salt"] is None else ledger.commitment(bytes.fromhex(who["salt"]), who["key"])


def _number(value: float | None) -> float | None:
    return None if value is None else float(value) + 0.0


def _other_body(contents: Contents, value: dict[str, Any], new: range) -> str:
    kind, target = ledger.KINDS[value["kind"]], value.get("target")
    if (kind == Kind.CREATE) != (contents.count == 0) or (kind == Kind.VOID) != (target is not None) or new:
        raise ExportDamaged(f"no entry of the kind “{value['kind']}” can stand there.")
    if target is not None and target not in contents.amendable:
        raise ExportDamaged("it takes back an entry that cannot be taken back.")
    if kind == Kind.CREATE or "settings" in value:
        LeagueSettings.model_validate(value["settings"])
    contents.others.append(value)
    return ledger.other_body(contents.count, kind, recorded_at(value), value["author"], target, _checked_details(contents, value))


def _checked_details(contents: Contents, value: dict[str, Any]) -> str:
    if any(type(value[name]) is not expected for name, expected in _TYPES.items() if name in value):
        raise ExportDamaged("a name, a reason, a visibility or the number of a fit is none.")
    if any(value[name] not in contents.who for name in _ABOUT if name in value) or value.get("from", -1) == value.get("into"):
        raise ExportDamaged("it is about a competitor who is not told before.")
    if any(type(each) is not str for each in value.get("where", {}).values()):
        raise ExportDamaged("the conditions of a segment are none.")
    return details_of(value)


@lru_cache(maxsize=4096)
def microseconds(text: str | None) -> int | None:
    """The time that a line tells."""
    return None if text is None else to_microseconds(datetime.fromisoformat(text))


def recorded_at(value: Mapping[str, Any]) -> int:
    """When an entry was recorded."""
    return microseconds(value["recorded_at"]) or 0


def details_of(value: Mapping[str, Any]) -> str:
    """The members of an entry that have no column of their own, as they are stored."""
    columns = _COMMON | set(_PLAYED) if value["kind"] == "correct" else _COMMON
    return ledger.canonical({name: member for name, member in value.items() if name not in columns})


def context_text(value: Mapping[str, Any]) -> str | None:
    """A context as it is stored."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")) if value else None

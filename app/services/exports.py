"""The log as a file that proves itself, and a league rebuilt from such a file.

An export is NDJSON: unchained lines that tell who a number is, the chained entries, and a last line with count and head. A restore checks every
hash before it writes, rebuilds receipts and standings by replay, and writes all in one transaction; state hash and log head are those of the origin.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import numpy as np

from app.errors import DatabaseNotEmpty, ExportDamaged
from app.ratings.matches import MAX_WEIGHT, SCORES, clean_key, to_microseconds
from app.services import ledger
from app.services.keys import Caller, permit_globally, require_league
from app.services.league_settings import LeagueSettings
from app.services.leagues import check_league_id, insert_league
from app.services.replays import MatchLog, Receipts, Reckoning, receipts_when_recorded, reckon
from app.services.shapes import RestoreShape
from app.storage.bulk import append_rows
from app.storage.tables import Kind, competitor, entry
from app.storage.unit_of_work import Database, WriteUnit

_KINDS: Final = {name: kind for kind, name in ledger.KIND_NAMES.items()}
_COMMON: Final = frozenset({"position", "kind", "recorded_at", "author", "target", "hash"})


def export_league(database: Database, caller: Caller, league: str) -> Iterator[bytes]:
    """The lines of the export, each with its line feed, of one snapshot. Raises LeagueNotFound, KeyRequired before the first line."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league, even_if_public=True)
        created = ledger.created_at_position(unit.competitors.all(row.id))
    head, position = ledger.NO_HEAD, -1
    while position < row.position:
        # A part at a time, so that a slow reader of the export holds neither a connection nor a snapshot. The log only grows.
        with database.read() as unit:
            columns = unit.entries.part(row.id, position, row.position)
        for position, body in zip(columns["position"], ledger.bodies(columns, created), strict=True):
            for who in created.get(position, ()):
                yield ledger.competitor_line(who.number, who.key, who.name, who.salt)
            head = ledger.chain(head, body)
            yield ledger.exported(body, head)
    yield ledger.last_line(row.position + 1, head)


@dataclass(slots=True)
class _Contents:
    """What an export holds, read and checked."""

    head: bytes = ledger.NO_HEAD
    count: int = 0
    recorded_at: int = 0
    who: dict[int, dict[str, Any]] = field(default_factory=dict)
    created: dict[int, int] = field(default_factory=dict)
    matches: list[dict[str, Any]] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    counted: set[int] = field(default_factory=set)
    """The positions of matches that no void has taken away yet."""
    is_complete: bool = False


def restore_league(database: Database, caller: Caller, lines: Iterable[bytes], *, league: str | None = None) -> RestoreShape:
    """Rebuild a league from its export, under its own id or another. Raises ExportDamaged, DatabaseNotEmpty, BadInput; then nothing is written."""
    contents = _read(lines)
    creation = contents.others[0]
    key = league or str(creation["league"])
    check_league_id(key)
    log, voids, changes = _log(contents), _voids(contents), _changes(contents)
    numbers = len(contents.who)
    receipts = receipts_when_recorded(log, voids, changes, numbers)
    counted = log.without({target for _, target in voids})
    reckoned = reckon(counted, changes, numbers)
    with database.write() as unit:
        permit_globally(unit, caller, "admin")
        if unit.leagues.by_key(key) is not None:
            raise DatabaseNotEmpty(f"There is a league “{key}” already. Restore under another id with --as, or into an empty database.")
        _write(unit, key, contents, receipts, reckoned, len(counted), len(voids))
        unit.commit()
    people = sorted(contents.who.items())
    columns = (reckoned.rating, reckoned.matches, reckoned.wins, reckoned.draws, reckoned.losses)
    return {
        "league": key,
        "position": contents.count - 1,
        "matches": len(counted),
        "competitors": sum(matches > 0 for matches in reckoned.matches),
        "state_hash": ledger.state_hash(zip((who["key"] for _, who in people), *columns, strict=True)),
        "log_head": contents.head.hex(),
    }


def _read(lines: Iterable[bytes]) -> _Contents:
    contents = _Contents()
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


def _take(contents: _Contents, line: bytes) -> None:
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


def _take_competitor(contents: _Contents, value: dict[str, Any]) -> bytes:
    number = len(contents.who)
    contents.who[number] = value
    return ledger.competitor_line(number, clean_key(value["key"]), None, bytes.fromhex(value["salt"]))


def _take_entry(contents: _Contents, value: dict[str, Any]) -> bytes:
    recorded_at = _time(value)
    if recorded_at < contents.recorded_at:
        raise ExportDamaged("it was recorded before the entry that it follows.")
    new = range(len(contents.created), len(contents.who))
    body = _match_body(contents, value, new) if value["kind"] == "match" else _other_body(contents, value, new)
    contents.created.update(dict.fromkeys(new, contents.count))
    contents.head, contents.count, contents.recorded_at = ledger.chain(contents.head, body), contents.count + 1, recorded_at
    return ledger.exported(body, contents.head)


def _match_body(contents: _Contents, value: dict[str, Any], new: range) -> str:
    sides, match_id, weight = {value["first"], value["second"]}, clean_key(value["match_id"]), float(value["weight"])
    if len(sides) < 2 or not sides <= contents.who.keys() or not sides.issuperset(new):
        raise ExportDamaged("its sides are not two of the competitors told before, the new ones among them.")
    if not contents.count or match_id in contents.ids or not 0.0 < weight <= MAX_WEIGHT:
        raise ExportDamaged("no such match can have been recorded there.")
    contents.ids.add(match_id)
    contents.counted.add(contents.count)
    contents.matches.append(value)
    return ledger.match_body(
        contents.count,
        _time(value),
        value["author"],
        match_id,
        value["first"],
        value["second"],
        SCORES[value["outcome"]],
        _microseconds(value["played_at"]),
        weight,
        value["neutral"],
        _number(value["first_score"]),
        _number(value["second_score"]),
        _context(value["context"]),
        {number: ledger.commitment(bytes.fromhex(contents.who[number]["salt"]), contents.who[number]["key"]) for number in new},
    )


def _number(value: float | None) -> float | None:
    return None if value is None else float(value) + 0.0


def _other_body(contents: _Contents, value: dict[str, Any], new: range) -> str:
    kind, target = _KINDS[value["kind"]], value.get("target")
    if (kind == Kind.CREATE) != (contents.count == 0) or (kind == Kind.VOID) != (target is not None) or new:
        raise ExportDamaged(f"no entry of the kind “{value['kind']}” can stand there.")
    if target is not None:
        contents.counted.remove(target)
    if kind == Kind.CREATE or "settings" in value:
        LeagueSettings.model_validate(value["settings"])
    types = {"league": str, "name": str, "public": bool, "fit": int}
    if any(type(value[name]) is not expected for name, expected in types.items() if name in value):
        raise ExportDamaged("a name, a visibility or the number of a fit is none.")
    contents.others.append(value)
    return ledger.other_body(contents.count, kind, _time(value), value["author"], target, _details(value))


@lru_cache(maxsize=4096)
def _microseconds(text: str | None) -> int | None:
    return None if text is None else to_microseconds(datetime.fromisoformat(text))


def _log(contents: _Contents) -> MatchLog:
    matches = contents.matches
    return MatchLog(
        np.array([match["position"] for match in matches], np.int64),
        np.array([match["first"] for match in matches], np.int64),
        np.array([match["second"] for match in matches], np.int64),
        np.array([SCORES[match["outcome"]] for match in matches], np.float64),
        np.array([match["weight"] for match in matches], np.float64),
        np.array([match["neutral"] for match in matches], np.bool_),
        np.array([_microseconds(match["played_at"] or match["recorded_at"]) for match in matches], np.int64),
    )


def _voids(contents: _Contents) -> list[tuple[int, int]]:
    return [(one["position"], one["target"]) for one in contents.others if one["kind"] == "void"]


def _changes(contents: _Contents) -> list[tuple[int, dict[str, Any]]]:
    return [(one["position"], one["settings"]) for one in contents.others if one["kind"] in {"create", "settings"} and "settings" in one]


def _write(unit: WriteUnit, key: str, contents: _Contents, receipts: Receipts, reckoned: Reckoning, counted: int, voids: int) -> None:
    creation = contents.others[0]
    state = _settled(contents)
    insert_league(unit, key, state["name"], state["public"], _time(creation), creation["author"], _details(creation))
    row = unit.leagues.by_key(key)
    if row is None or row.log_head.hex() != creation["hash"]:
        raise ExportDamaged("Line 1: the league's creation is not written as this version writes it.")
    for one in contents.others[1:]:
        unit.entries.add(row.id, one["position"], Kind(_KINDS[one["kind"]]), _time(one), one["author"], _details(one), one.get("target"))
    append_rows(unit.connection, entry, _entry_columns(row.id, contents.matches, receipts))
    append_rows(unit.connection, competitor, _competitor_columns(row.id, contents, reckoned))
    counters = {"competitors": len(contents.who), "matches": counted, "results": len(contents.matches) + voids}
    head = {"position": contents.count - 1, "recorded_at": contents.recorded_at, "log_head": contents.head, "fits": state["fits"]}
    unit.leagues.change(row.id, {**counters, **head, "settings": ledger.canonical(state["settings"])})


def _settled(contents: _Contents) -> dict[str, Any]:
    """Name, visibility, settings and the number of fits after all entries."""
    state: dict[str, Any] = {"fits": 0}
    for one in contents.others:
        state.update({name: one[name] for name in ("name", "public", "settings") if name in one and one["kind"] in {"create", "settings"}})
        state["fits"] = max(state["fits"], one.get("fit", 0))
    return state


def _time(value: Mapping[str, Any]) -> int:
    return _microseconds(value["recorded_at"]) or 0


def _details(value: Mapping[str, Any]) -> str:
    return ledger.canonical({name: member for name, member in value.items() if name not in _COMMON})


def _entry_columns(league_id: int, matches: list[dict[str, Any]], receipts: Receipts) -> dict[str, list[Any]]:
    count = len(matches)
    sent = ("position", "author", "match_id", "first", "second", "weight", "neutral", "first_score", "second_score")
    return {
        "league_id": [league_id] * count,
        "kind": [int(Kind.MATCH)] * count,
        **{name: [match[name] for match in matches] for name in sent},
        "recorded_at": [_time(match) for match in matches],
        "score": [SCORES[match["outcome"]] for match in matches],
        "played_at": [_microseconds(match["played_at"]) for match in matches],
        "context": [_context(match["context"]) for match in matches],
        "expected": receipts.expected,
        "first_k": receipts.k,
        "second_k": receipts.k,
        "first_before": receipts.first_before,
        "first_after": receipts.first_after,
        "second_before": receipts.second_before,
        "second_after": receipts.second_after,
    }


def _context(value: Mapping[str, Any]) -> str | None:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")) if value else None


def _competitor_columns(league_id: int, contents: _Contents, reckoned: Reckoning) -> dict[str, list[Any]]:
    people = [contents.who[number] for number in range(len(contents.who))]
    count = len(people)
    return {
        "league_id": [league_id] * count,
        "number": list(range(count)),
        "key": [who["key"] for who in people],
        "name": [who["name"] for who in people],
        "salt": [bytes.fromhex(who["salt"]) for who in people],
        "created_position": [contents.created[number] for number in range(count)],
        "rating": reckoned.rating,
        "matches": reckoned.matches,
        "wins": reckoned.wins,
        "draws": reckoned.draws,
        "losses": reckoned.losses,
        "last_played_at": reckoned.last_played_at,
        "retired": [False] * count,
    }

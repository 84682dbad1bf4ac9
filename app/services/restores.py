"""A league rebuilt from its export.

A restore checks every hash before it writes, rebuilds receipts and standings by replay, and writes all in one transaction; state hash and log
head are those of the origin. What a line may be is decided in `export_lines`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from app.errors import DatabaseNotEmpty, ExportDamaged
from app.ratings.matches import SCORES
from app.services import ledger
from app.services.amending import latest
from app.services.amendments import Amendment, Amendments
from app.services.courses import Changes, Reckoning, reckoned
from app.services.export_lines import Contents, context_text, details_of, microseconds, read_export, recorded_at
from app.services.inspections import Told
from app.services.keys import Caller, permit_globally
from app.services.leagues import check_league_id, insert_league
from app.services.match_log import MatchLog
from app.services.replays import Replayed, replay_as_recorded
from app.services.shapes import RestoreShape
from app.storage.bulk import append_rows
from app.storage.tables import AMENDING, Kind, competitor, entry
from app.storage.unit_of_work import Database, WriteUnit


def restore_league(database: Database, caller: Caller, lines: Iterable[bytes], *, league: str | None = None) -> RestoreShape:
    """Rebuild a league from its export, under its own id or another. Raises ExportDamaged, DatabaseNotEmpty, BadInput; then nothing is written."""
    contents = read_export(lines)
    creation = contents.others[0]
    key = league or str(creation["league"])
    check_league_id(key)
    amendments = _amendments(contents)
    replayed = replay_as_recorded(_log(contents), amendments, _changes(contents), len(contents.who))
    standings = reckoned(replayed.last.course, replayed.last.ratings())
    with database.write() as unit:
        permit_globally(unit, caller, "admin")
        if unit.leagues.by_key(key) is not None:
            raise DatabaseNotEmpty(f"There is a league “{key}” already. Restore under another id with --as, or into an empty database.")
        _write(unit, key, contents, replayed, standings, amendments)
        unit.commit()
    people = sorted(contents.who.items())
    columns = (standings.rating, standings.matches, standings.wins, standings.draws, standings.losses)
    return {
        "league": key,
        "position": contents.count - 1,
        "matches": len(replayed.last.course),
        "competitors": sum(matches > 0 for matches in standings.matches),
        "state_hash": ledger.state_hash(zip((who["key"] for _, who in people), *columns, strict=True)),
        "log_head": contents.head.hex(),
    }


def _amendments(contents: Contents) -> Amendments:
    entries = tuple(_amendment(one) for one in contents.others if ledger.KINDS[one["kind"]] in AMENDING)
    amendments = Amendments(entries)
    if (contradiction := amendments.contradiction()) is not None:
        raise ExportDamaged(f"Its entries contradict each other: {contradiction}")
    return amendments


def _amendment(one: Mapping[str, Any]) -> Amendment:
    kind = ledger.KINDS[one["kind"]]
    match = _columns_of(one) if kind == Kind.CORRECT else None
    return Amendment(one["position"], kind, one.get("target"), match, (one["from"], one["into"]) if kind == Kind.MERGE else None)


def _columns_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """A match as it stands in a line, in the columns of an entry."""
    sent = {name: one[name] for name in ("first", "second", "weight", "neutral", "first_score", "second_score")}
    return {**sent, "score": SCORES[one["outcome"]], "played_at": microseconds(one["played_at"]), "context": context_text(one["context"])}


def _log(contents: Contents) -> MatchLog:
    matches = contents.matches
    same: dict[str, list[Any]] = {
        name: [match[name] for match in matches] for name in ("position", "match_id", "first", "second", "weight", "neutral")
    }
    own: dict[str, list[Any]] = {
        "score": [SCORES[match["outcome"]] for match in matches],
        "played_at": [microseconds(match["played_at"]) for match in matches],
    }
    return MatchLog.of_columns({**same, **own, "recorded_at": [recorded_at(match) for match in matches]})


def _changes(contents: Contents) -> Changes:
    return [(one["position"], one["settings"]) for one in contents.others if one["kind"] in {"create", "settings"} and "settings" in one]


def _write(unit: WriteUnit, key: str, contents: Contents, replayed: Replayed, standings: Reckoning, amendments: Amendments) -> None:
    creation = contents.others[0]
    told = Told.by((one["position"], ledger.KINDS[one["kind"]], one) for one in contents.others)
    state = told.settled
    insert_league(unit, key, state["name"], state["public"], recorded_at(creation), creation["author"], details_of(creation))
    row = unit.leagues.by_key(key)
    if row is None or row.log_head.hex() != creation["hash"]:
        raise ExportDamaged("Line 1: the league's creation is not written as this version writes it.")
    for one in contents.others[1:]:
        kind = ledger.KINDS[one["kind"]]
        columns = _columns_of(one) if kind == Kind.CORRECT else {}
        unit.entries.add(row.id, one["position"], kind, recorded_at(one), one["author"], details_of(one), target=one.get("target"), **columns)
    append_rows(unit.connection, entry, _entry_columns(row.id, contents.matches, replayed))
    append_rows(unit.connection, competitor, _competitor_columns(row.id, contents, standings, amendments, told.retired))
    counted, results = len(replayed.last.course), len(contents.matches) + len(amendments.entries)
    counters = {"competitors": len(contents.who), "matches": counted, "results": results, "fits": told.fits}
    head = {"position": contents.count - 1, "recorded_at": contents.recorded_at, "log_head": contents.head}
    marks = {"amended_position": replayed.amended_position, "named_position": told.named_position, **latest(replayed.last.course)}
    unit.leagues.change(row.id, {**counters, **head, **marks, "settings": ledger.canonical(state["settings"])})


def _entry_columns(league_id: int, matches: list[dict[str, Any]], replayed: Replayed) -> dict[str, list[Any]]:
    count = len(matches)
    seen: dict[str, list[Any]] = {name: column.tolist() for name, column in replayed.receipts.items()}
    played = [_columns_of(match) for match in matches]
    sent = [{name: match[name] for name in ("position", "author", "match_id")} for match in matches]
    constant: dict[str, list[Any]] = {"league_id": [league_id] * count, "kind": [int(Kind.MATCH)] * count}
    recorded: dict[str, list[Any]] = {"recorded_at": [recorded_at(match) for match in matches]}
    return constant | recorded | _transposed(sent) | _transposed(played) | seen


def _transposed(played: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [match[name] for match in played] for name in (played[0] if played else ())}


def _competitor_columns(
    league_id: int, contents: Contents, standings: Reckoning, amendments: Amendments, retired: Mapping[int, bool]
) -> dict[str, list[Any]]:
    numbers = range(len(contents.who))
    people = [contents.who[number] for number in numbers]
    return {
        "league_id": [league_id] * len(people),
        "number": list(numbers),
        "key": [who["key"] for who in people],
        "name": [who["name"] for who in people],
        "salt": [bytes.fromhex(who["salt"] or "") for who in people],
        "commitment": [who.get("commitment") for who in people],
        "created_position": [contents.created[number] for number in numbers],
        "rating": standings.rating,
        "matches": standings.matches,
        "wins": standings.wins,
        "draws": standings.draws,
        "losses": standings.losses,
        "last_played_at": standings.last_played_at,
        "retired": [retired.get(number, False) for number in numbers],
        "merged_into": [amendments.merged.get(number) for number in numbers],
    }

"""Writing matches into a locked league, in four steps that every way of recording shares.

`plan` sorts them into fresh ones, repetitions and contradictions; `record` rates the fresh ones (`ratings.online`), seals their lines of the
log, and writes entries, competitors and the league's head. Locking before and committing after is the caller's.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.errors import ArpadError, MatchIdTaken
from app.ratings.matches import MatchColumns
from app.ratings.online import Replay, replay
from app.services import ledger
from app.services.league_settings import LeagueSettings, read_settings
from app.services.receipts import match_fields
from app.services.shapes import ReceiptShape
from app.storage.bulk import append_rows, update_rows
from app.storage.tables import Kind, Stored, competitor, entry
from app.storage.unit_of_work import ReadUnit, WriteUnit


@dataclass(slots=True)
class Standing:
    """One competitor while a batch is rated."""

    number: int
    key: str
    rating: float
    matches: int = 0
    wins: int = 0
    draws: int = 0
    losses: int = 0
    last_played_at: int | None = None
    salt: bytes | None = None
    """Only for a competitor that the batch brings into being."""
    created_position: int = -1


@dataclass(slots=True)
class Plan:
    """What is to be done with each match of a batch, by its index."""

    fresh: list[int] = field(default_factory=list)
    replayed: dict[int, Any] = field(default_factory=dict)
    """Index → the stored row, or the index of the same match earlier in this batch."""
    refused: dict[int, ArpadError] = field(default_factory=dict)


@dataclass(slots=True)
class Written:
    """The matches of a batch as they stand in the log: a list per value, in the order of the log."""

    first_position: int
    recorded_at: int
    matches: MatchColumns
    authors: list[str | None]
    numbers: tuple[list[int], list[int]]
    rated: Replay
    k: float
    created: dict[int, list[str]]
    """Position → the keys that it brought into being."""

    def receipt(self, index: int) -> ReceiptShape:
        """The receipt of the match at this place."""
        position = self.first_position + index
        rated = self.rated
        expected = rated.expected[index]
        return {
            **match_fields(self.matches, index),
            "position": position,
            "recorded_at": ledger.time_text(self.recorded_at),
            "status": "counted",
            "ratings": {
                "first": {"before": rated.first_before[index], "expected": expected, "k": self.k, "after": rated.first_after[index]},
                "second": {"before": rated.second_before[index], "expected": 1.0 - expected, "k": self.k, "after": rated.second_after[index]},
            },
            "created": self.created.get(position, []),
            "author": self.authors[index],
        }


def plan(unit: ReadUnit, league_id: int, matches: MatchColumns, *, ids_are_new: bool = False) -> Plan:
    """Sort the matches into fresh ones, repetitions and contradictions. Every match has an id by now."""
    ids: list[str] = matches.match_id  # type: ignore[assignment]  # ids were given to all
    stored = {} if ids_are_new else unit.entries.matches_by_id(league_id, ids)
    names = _names_of(unit, league_id, stored)
    decided = Plan()
    earlier: dict[str, int] = {}
    for index, match_id in enumerate(ids):
        if match_id in stored:
            differing = _differing(matches, index, stored[match_id], names)
            known: Any = stored[match_id]
        elif match_id in earlier:
            differing = _differing_here(matches, index, earlier[match_id])
            known = earlier[match_id]
        else:
            earlier[match_id] = index
            decided.fresh.append(index)
            continue
        if differing:
            decided.refused[index] = MatchIdTaken(match_id, differing)
        else:
            decided.replayed[index] = known
    return decided


def _names_of(unit: ReadUnit, league_id: int, stored: Mapping[str, Any]) -> dict[int, str]:
    numbers = {number for row in stored.values() for number in (row.first, row.second)}
    return {number: row.key for number, row in unit.competitors.by_numbers(league_id, numbers).items()} if numbers else {}


_COMPARED: Final = ("score", "played_at", "weight", "neutral", "first_score", "second_score", "context")
_SHOWN_AS: Final = {"score": "outcome"}


def _differing(matches: MatchColumns, index: int, row: Stored, names: Mapping[int, str]) -> list[str]:
    sides = [side for side, number in (("first", row.first), ("second", row.second)) if getattr(matches, side)[index] != names[number]]
    return sides + [_SHOWN_AS.get(name, name) for name in _COMPARED if getattr(matches, name)[index] != getattr(row, name)]


def _differing_here(matches: MatchColumns, index: int, other: int) -> list[str]:
    return [_SHOWN_AS.get(name, name) for name in ("first", "second", *_COMPARED) if getattr(matches, name)[index] != getattr(matches, name)[other]]


def take(matches: MatchColumns, indices: Sequence[int]) -> MatchColumns:
    """The matches at these indices; the same object where that is all of them."""
    if len(indices) == len(matches):
        return matches
    return MatchColumns(**{name: [getattr(matches, name)[index] for index in indices] for name in MatchColumns.__dataclass_fields__})


def load_standings(unit: ReadUnit, row: Stored, matches: MatchColumns, initial: float) -> dict[str, Standing]:
    """The competitors of these matches by key; those not seen before get the next numbers in order of first use."""
    keys = list(dict.fromkeys(key for pair in zip(matches.first, matches.second, strict=True) for key in pair))
    known = unit.competitors.by_keys(row.id, keys)
    standings: dict[str, Standing] = {}
    number = row.competitors
    for key in keys:
        old = known.get(key)
        if old is None:
            standings[key] = Standing(number, key, initial, salt=os.urandom(16))
            number += 1
        else:
            standings[key] = Standing(old.number, key, old.rating, old.matches, old.wins, old.draws, old.losses, old.last_played_at)
            if old.matches == 0:
                standings[key].rating = initial
    return standings


def record(unit: WriteUnit, row: Stored, matches: MatchColumns, authors: list[str | None]) -> Written:
    """Rate, seal and write fresh matches into a locked league. The caller commits."""
    settings = read_settings(row.settings)
    matches = _as_kept(matches)
    standings = load_standings(unit, row, matches, settings.initial)
    recorded_at = max(row.now, row.recorded_at)
    rated = _rate(settings, standings, matches)
    _count(standings, matches, recorded_at)
    first_position = row.position + 1
    created = _created_at(standings, matches, first_position)
    numbers = ([standings[key].number for key in matches.first], [standings[key].number for key in matches.second])
    written = Written(
        first_position,
        recorded_at,
        matches,
        authors,
        numbers,
        rated,
        settings.k,
        {position: [standing.key for standing in group] for position, group in created.items()},
    )
    head = _seal(row.log_head, written, created)
    _write(unit, row, written, standings, head)
    return written


def _as_kept(matches: MatchColumns) -> MatchColumns:
    """The matches with numbers as a column of floats gives them back: an int is a float, and SQLite knows no −0.0. What is sealed is what is read."""
    return replace(
        matches,
        weight=[weight + 0.0 for weight in matches.weight],
        first_score=[None if score is None else score + 0.0 for score in matches.first_score],
        second_score=[None if score is None else score + 0.0 for score in matches.second_score],
    )


def _rate(settings: LeagueSettings, standings: Mapping[str, Standing], matches: MatchColumns) -> Replay:
    places = {key: place for place, key in enumerate(standings)}
    ratings = [standing.rating for standing in standings.values()]
    first, second = [places[key] for key in matches.first], [places[key] for key in matches.second]
    rated = replay(settings.rules(), first, second, matches.score, matches.weight, [0.0] * len(matches), ratings)
    for standing, rating in zip(standings.values(), ratings, strict=True):
        standing.rating = rating
    return rated


def _count(standings: Mapping[str, Standing], matches: MatchColumns, recorded_at: int) -> None:
    for first_key, second_key, score, played_at in zip(matches.first, matches.second, matches.score, matches.played_at, strict=True):
        when = recorded_at if played_at is None else played_at
        for standing, own in ((standings[first_key], score), (standings[second_key], 1.0 - score)):
            standing.matches += 1
            if own == 1.0:
                standing.wins += 1
            elif own == 0.0:
                standing.losses += 1
            else:
                standing.draws += 1
            if standing.last_played_at is None or when > standing.last_played_at:
                standing.last_played_at = when


def _created_at(standings: Mapping[str, Standing], matches: MatchColumns, first_position: int) -> dict[int, list[Standing]]:
    created: dict[int, list[Standing]] = {}
    waiting = {key for key, standing in standings.items() if standing.salt is not None}
    for offset, pair in enumerate(zip(matches.first, matches.second, strict=True)):
        if not waiting:
            break
        for key in pair:
            if key in waiting:
                waiting.discard(key)
                standings[key].created_position = first_position + offset
                created.setdefault(first_position + offset, []).append(standings[key])
    return created


def _seal(head: bytes, written: Written, created: Mapping[int, list[Standing]]) -> bytes:
    matches, (first, second) = written.matches, written.numbers
    columns = (
        written.authors,
        matches.match_id,
        first,
        second,
        matches.score,
        matches.played_at,
        matches.weight,
        matches.neutral,
        matches.first_score,
        matches.second_score,
        matches.context,
    )
    chain, match_body, nothing, recorded_at = ledger.chain, ledger.match_body, dict[int, str](), written.recorded_at
    for position, fields in enumerate(zip(*columns, strict=True), start=written.first_position):
        commitments = {new.number: ledger.commitment(new.salt or b"", new.key) for new in created[position]} if position in created else nothing
        head = chain(head, match_body(position, recorded_at, *fields, commitments))  # type: ignore[call-arg]  # eleven columns, whose number a zip does not tell
    return head


def _write(unit: WriteUnit, row: Stored, written: Written, standings: Mapping[str, Standing], head: bytes) -> None:
    count = len(written.matches)
    append_rows(unit.connection, entry, _entry_columns(row.id, written))
    new = [standing for standing in standings.values() if standing.salt is not None]
    old = [standing for standing in standings.values() if standing.salt is None]
    append_rows(unit.connection, competitor, _new_competitors(row.id, new))
    key = {"league_id": [row.id] * len(old), "number": [standing.number for standing in old]}
    update_rows(unit.connection, competitor, key, standing_columns(old))
    unit.leagues.change(
        row.id,
        {
            "position": row.position + count,
            "recorded_at": written.recorded_at,
            "log_head": head,
            "competitors": row.competitors + len(new),
            "matches": row.matches + count,
            "results": row.results + count,
        },
    )


def _entry_columns(league_id: int, written: Written) -> dict[str, Sequence[Any]]:
    matches, rated, count = written.matches, written.rated, len(written.matches)
    return {
        "league_id": [league_id] * count,
        "position": range(written.first_position, written.first_position + count),
        "kind": [int(Kind.MATCH)] * count,
        "recorded_at": [written.recorded_at] * count,
        "author": written.authors,
        "match_id": matches.match_id,
        "first": written.numbers[0],
        "second": written.numbers[1],
        "score": matches.score,
        "played_at": matches.played_at,
        "weight": matches.weight,
        "neutral": matches.neutral,
        "first_score": matches.first_score,
        "second_score": matches.second_score,
        "context": matches.context,
        "expected": rated.expected,
        "first_k": [written.k] * count,
        "second_k": [written.k] * count,
        "first_before": rated.first_before,
        "first_after": rated.first_after,
        "second_before": rated.second_before,
        "second_after": rated.second_after,
    }


def standing_columns(standings: Sequence[Standing]) -> dict[str, list[Any]]:
    """What a match changes about its competitors, as columns."""
    names = ("rating", "matches", "wins", "draws", "losses", "last_played_at")
    return {name: [getattr(standing, name) for standing in standings] for name in names}


def _new_competitors(league_id: int, new: Sequence[Standing]) -> dict[str, Sequence[Any]]:
    return {
        "league_id": [league_id] * len(new),
        "number": [standing.number for standing in new],
        "key": [standing.key for standing in new],
        "salt": [standing.salt for standing in new],
        "created_position": [standing.created_position for standing in new],
        "retired": [False] * len(new),
        **standing_columns(new),
    }

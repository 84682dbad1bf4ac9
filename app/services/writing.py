"""Writing fresh matches into a locked league, in three steps that every way of recording shares.

`prepare` rates them (`ratings.online`) and seals their lines of the log; `append_matches` writes their entries; `move_head` their competitors and
the league's head. Which are fresh is decided before, in `repetitions`; locking before and committing after is the caller's.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.errors import Conflict
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
class Written:
    """The matches of a batch as they stand in the log: a list per value, in the order of the log."""

    first_position: int
    recorded_at: int
    matches: MatchColumns
    authors: list[str | None]
    numbers: tuple[list[int], list[int]]
    rated: Replay
    created: dict[int, list[str]]
    """Position → the keys that it brought into being."""

    def receipt(self, index: int) -> ReceiptShape:
        """The receipt of the match at this place."""
        position = self.first_position + index
        expected, first_before, first_after, second_before, second_after, first_k, second_k = (column[index] for column in self.rated)
        return {
            **match_fields(self.matches, index),
            "position": position,
            "recorded_at": ledger.time_text(self.recorded_at),
            "status": "counted",
            "ratings": {
                "first": {"before": first_before, "expected": expected, "k": first_k, "after": first_after},
                "second": {"before": second_before, "expected": 1.0 - expected, "k": second_k, "after": second_after},
            },
            "created": self.created.get(position, []),
            "author": self.authors[index],
        }


@dataclass(frozen=True, slots=True)
class Prepared:
    """Matches that are rated and sealed: the league as it was before them, what is written of them, and their competitors and log's head afterwards."""

    league: Stored
    written: Written
    standings: list[Standing]
    head: bytes
    changes: Mapping[str, object] = field(default_factory=dict)
    """What else the league's row will say."""


@dataclass(slots=True)
class Sides:
    """The competitors of a batch by key: under which number a match of theirs is recorded, and whose standing it moves.

    The two differ for one who was merged into another.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)

    def distinct(self) -> list[Standing]:
        """Every standing once, in order of first use."""
        return list({standing.number: standing for standing in self.standings.values()}.values())


def load_sides(unit: ReadUnit, row: Stored, matches: MatchColumns, initial: float) -> Sides:
    """The competitors of these matches; those not seen before get the next numbers in order of first use. Raises Conflict for a merged pair."""
    keys = list(dict.fromkeys(key for pair in zip(matches.first, matches.second, strict=True) for key in pair))
    known = unit.competitors.by_keys(row.id, keys)
    sides, number = Sides(), row.competitors
    for key in keys:
        old = known.get(key)
        if old is None:
            sides.standings[key] = Standing(number, key, initial, salt=os.urandom(16))
            number += 1
        else:
            sides.standings[key] = _standing(old, initial)
        sides.numbers[key] = sides.standings[key].number
    if any(old.merged_into is not None for old in known.values()):
        _follow_merges(unit, row, matches, sides, known, initial)
    return sides


def _standing(old: Stored, initial: float) -> Standing:
    rating = old.rating if old.matches else initial
    return Standing(old.number, old.key, rating, old.matches, old.wins, old.draws, old.losses, old.last_played_at)


def _follow_merges(unit: ReadUnit, row: Stored, matches: MatchColumns, sides: Sides, known: Mapping[str, Stored], initial: float) -> None:
    by_number = {standing.number: standing for standing in sides.standings.values()}
    for key, old in known.items():
        place = old
        while place.merged_into is not None:
            place = unit.competitors.by_numbers(row.id, [place.merged_into])[place.merged_into]
        if place is not old:
            sides.standings[key] = by_number.setdefault(place.number, _standing(place, initial))
    for index, (first, second) in enumerate(zip(matches.first, matches.second, strict=True)):
        if sides.standings[first] is sides.standings[second]:
            raise Conflict(f"“{first}” and “{second}” were merged; they cannot play each other.", match_id=matches.match_id[index])


def record(unit: WriteUnit, row: Stored, matches: MatchColumns, authors: list[str | None]) -> Written:
    """Rate, seal and write fresh matches at the end of a locked league's log and of its course. The caller commits."""
    return write(unit, prepare(unit, row, matches, authors, row.now))


def write(unit: WriteUnit, prepared: Prepared) -> Written:
    """Write prepared matches as a whole."""
    append_matches(unit, prepared, slice(0, len(prepared.written.matches)))
    move_head(unit, prepared)
    return prepared.written


def prepare(unit: ReadUnit, row: Stored, matches: MatchColumns, authors: list[str | None], now: int) -> Prepared:
    """Rate and seal fresh matches: what they are to be written as, as long as the league stays where `row` has it."""
    settings = read_settings(row.settings)
    matches = as_kept(matches)
    sides = load_sides(unit, row, matches, settings.initial)
    recorded_at = max(now, row.recorded_at)
    rated = _rate(settings, sides, matches)
    _count(sides.standings, matches, recorded_at)
    return sealed(row, matches, authors, sides, rated, recorded_at, sides.distinct())


def sealed(
    row: Stored,
    matches: MatchColumns,
    authors: list[str | None],
    sides: Sides,
    rated: Replay,
    recorded_at: int,
    moved: list[Standing],
    **changes: object,
) -> Prepared:
    """Seal rated matches; `moved` are the standings afterwards, `changes` what else the league's row will say."""
    first_position = row.position + 1
    created = _created_at(sides.standings, matches, first_position)
    numbers = ([sides.numbers[key] for key in matches.first], [sides.numbers[key] for key in matches.second])
    keys = {position: [standing.key for standing in group] for position, group in created.items()}
    written = Written(first_position, recorded_at, matches, authors, numbers, rated, keys)
    return Prepared(row, written, moved, _seal(row.log_head, written, created), changes)


def as_kept(matches: MatchColumns) -> MatchColumns:
    """The matches with numbers as a column of floats gives them back: an int is a float, and SQLite knows no −0.0. What is sealed is what is read."""
    return replace(
        matches,
        weight=[weight + 0.0 for weight in matches.weight],
        first_score=[None if score is None else score + 0.0 for score in matches.first_score],
        second_score=[None if score is None else score + 0.0 for score in matches.second_score],
    )


def _rate(settings: LeagueSettings, sides: Sides, matches: MatchColumns) -> Replay:
    standings = sides.distinct()
    places = {standing.number: place for place, standing in enumerate(standings)}
    own = {key: places[standing.number] for key, standing in sides.standings.items()}
    ratings, games = [standing.rating for standing in standings], [standing.matches for standing in standings]
    first, second = [own[key] for key in matches.first], [own[key] for key in matches.second]
    side = [0.0 if neutral else 1.0 for neutral in matches.neutral]
    rated = replay(settings.rules(), first, second, matches.score, matches.weight, side, ratings, games)
    for standing, rating in zip(standings, ratings, strict=True):
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


def append_matches(unit: WriteUnit, prepared: Prepared, part: slice) -> None:
    """Write the entries of a part of the prepared matches. Nobody sees them before the head is moved."""
    append_rows(unit.connection, entry, _entry_columns(prepared.league.id, prepared.written, part))


def move_head(unit: WriteUnit, prepared: Prepared) -> None:
    """Write the competitors and move the league's head: from the commit on, all the prepared matches are there."""
    league, written, count = prepared.league, prepared.written, len(prepared.written.matches)
    new = [standing for standing in prepared.standings if standing.salt is not None]
    append_rows(unit.connection, competitor, new_competitors(league.id, new))
    store_standings(unit, league.id, [standing for standing in prepared.standings if standing.salt is None])
    unit.leagues.change(
        league.id,
        {
            "position": league.position + count,
            "recorded_at": written.recorded_at,
            "log_head": prepared.head,
            "competitors": league.competitors + len(new),
            "matches": league.matches + count,
            "results": league.results + count,
            **prepared.changes,
        },
    )


def store_standings(unit: WriteUnit, league_id: int, standings: Sequence[Standing]) -> None:
    """Write the standings of competitors that exist."""
    key = {"league_id": [league_id] * len(standings), "number": [standing.number for standing in standings]}
    update_rows(unit.connection, competitor, key, standing_columns(standings))


def _entry_columns(league_id: int, written: Written, part: slice) -> dict[str, Sequence[Any]]:
    matches, rated = written.matches, written.rated
    positions = range(written.first_position, written.first_position + len(matches))[part]
    count = len(positions)
    return {
        "league_id": [league_id] * count,
        "position": positions,
        "kind": [int(Kind.MATCH)] * count,
        "recorded_at": [written.recorded_at] * count,
        "author": written.authors[part],
        "match_id": matches.match_id[part],
        "first": written.numbers[0][part],
        "second": written.numbers[1][part],
        "score": matches.score[part],
        "played_at": matches.played_at[part],
        "weight": matches.weight[part],
        "neutral": matches.neutral[part],
        "first_score": matches.first_score[part],
        "second_score": matches.second_score[part],
        "context": matches.context[part],
        **{name: column[part] for name, column in zip(Replay._fields, rated, strict=True)},
    }


def standing_columns(standings: Sequence[Standing]) -> dict[str, list[Any]]:
    """What a match changes about its competitors, as columns."""
    names = ("rating", "matches", "wins", "draws", "losses", "last_played_at")
    return {name: [getattr(standing, name) for standing in standings] for name in names}


def new_competitors(league_id: int, new: Sequence[Standing]) -> dict[str, Sequence[Any]]:
    """The rows of competitors that come into being."""
    return {
        "league_id": [league_id] * len(new),
        "number": [standing.number for standing in new],
        "key": [standing.key for standing in new],
        "salt": [standing.salt for standing in new],
        "created_position": [standing.created_position for standing in new],
        "retired": [False] * len(new),
        **standing_columns(new),
    }

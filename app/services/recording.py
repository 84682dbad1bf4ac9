"""Recording matches: one, a batch, or what many requests of one moment brought together (group commit, see `app.recorder`).

Each is one transaction under the league's lock; what happens in it is in `writing`. Files come in through `imports`.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from app.errors import ArpadError, BadInput, DatabaseLocked, Fault, LeagueBusy, LeagueNotFound, Unavailable
from app.ratings.matches import MatchColumns
from app.services.amending import require_position
from app.services.keys import Caller, known_keys, lock_league, permit, require_valid
from app.services.locking import hold_league
from app.services.matches import receipts_of
from app.services.placing import is_in_order_of_play, order_of_play, record_placed, require_places, unplaceable
from app.services.repetitions import Plan, plan, refusal_of, take
from app.services.shapes import BatchShape, ReceiptShape
from app.services.writing import Written
from app.storage.tables import Stored
from app.storage.unit_of_work import LOCK_TIMEOUT_SECONDS, Database, ReadUnit, WriteUnit

MAX_RECEIPTS: Final = 1_000
MAX_BATCH: Final = 100_000


@dataclass(frozen=True, slots=True)
class MatchIn:
    """One validated match, as sent."""

    first: str
    second: str
    score: float
    match_id: str | None = None
    played_at: int | None = None
    weight: float = 1.0
    neutral: bool = False
    first_score: float | None = None
    second_score: float | None = None
    context: str | None = None
    id_is_ours: bool = False
    """Whether the id was minted here because none was sent."""

    def with_id(self) -> "MatchIn":
        """The match with an id, a new one if it came without."""
        return self if self.match_id else replace(self, match_id=new_match_id(), id_is_ours=True)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The receipt of a match, and whether it was recorded before."""

    receipt: ReceiptShape
    replayed: bool


def new_match_id() -> str:
    """An id for a match that came without one: time-ordered, 74 random bits (the layout of UUID version 7)."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def as_columns(matches: Sequence[MatchIn]) -> MatchColumns:
    """Matches as columns, with an id for each that has none."""
    return MatchColumns(
        match_id=[match.match_id or new_match_id() for match in matches],
        first=[match.first for match in matches],
        second=[match.second for match in matches],
        score=[match.score for match in matches],
        played_at=[match.played_at for match in matches],
        weight=[match.weight for match in matches],
        neutral=[match.neutral for match in matches],
        first_score=[match.first_score for match in matches],
        second_score=[match.second_score for match in matches],
        context=[match.context for match in matches],
    )


def record_group(
    database: Database,
    league: str,
    group: Sequence[tuple[Caller, MatchIn]],
    *,
    patience_seconds: float = 0.0,
    expected_position: int | None = None,
) -> list[Recorded | ArpadError]:
    """Record the matches of many requests in one transaction; an answer for each, and what is wrong with one harms no other.

    Raises LeagueBusy if an import writes to the league for longer than `patience_seconds`, and PositionMoved.
    """
    with database.write() as unit:
        row = hold_league(unit, league, patience_seconds=patience_seconds)
        keys = known_keys(unit, [caller for caller, _ in group], unit.now() if row is None else row.now)
        if row is None:
            return [_no_league(caller, league, keys) for caller, _ in group]
        answers: list[Recorded | ArpadError | None] = [None] * len(group)
        authors: dict[int, str | None] = {}
        for index, (caller, _) in enumerate(group):
            try:
                authors[index] = permit(caller, row, "report", keys)
            except ArpadError as error:
                answers[index] = error
        allowed = list(authors)
        if is_in_order_of_play(row):
            answers, allowed = _placeable(group, answers, allowed)
        matches = as_columns([group[index][1] for index in allowed])
        decided = plan(unit, row, matches)
        _require_position(unit, row, decided, expected_position)
        written = _record_fresh(database, unit, row, matches, decided, [authors[index] for index in allowed])
        for index, answer in _answers(unit, row, decided, written).items():
            answers[allowed[index]] = answer
        if written is not None:
            unit.commit()
        return [answer for answer in answers if answer is not None]


def _placeable(
    group: Sequence[tuple[Caller, MatchIn]], answers: list[Recorded | ArpadError | None], allowed: list[int]
) -> tuple[list[Recorded | ArpadError | None], list[int]]:
    """The answers and the matches left, without those that cannot be put in the order of play."""
    left = list[int]()
    for index in allowed:
        match = group[index][1]
        missing = unplaceable(match.played_at, id_is_given=not match.id_is_ours)
        if missing:
            answers[index] = BadInput("The match cannot be put in the order of play.", [Fault(f"/{name}", remedy) for name, remedy in missing])
        else:
            left.append(index)
    return answers, left


def _record_fresh(
    database: Database, unit: WriteUnit, row: Stored, matches: MatchColumns, decided: Plan, authors: Sequence[str | None]
) -> Written | None:
    """Record what is fresh; in the order of play the plan is brought into that order first."""
    if not decided.fresh:
        return None
    if is_in_order_of_play(row):
        fresh = take(matches, decided.fresh)
        decided.fresh = [decided.fresh[place] for place in order_of_play(fresh)]
    return record_placed(database, unit, row, take(matches, decided.fresh), [authors[index] for index in decided.fresh])


def _no_league(caller: Caller, league: str, keys: Mapping[bytes, Any]) -> ArpadError:
    """The same answer as for a league that the caller may not know of."""
    try:
        require_valid(caller, keys)
    except ArpadError as error:
        return error
    return LeagueNotFound(league)


def _answers(unit: ReadUnit, league: Stored, decided: Plan, written: Written | None, most: int | None = None) -> dict[int, Recorded | ArpadError]:
    """The answer to each match by its index; only to the first so many where that is said."""

    def is_answered(index: int) -> bool:
        return most is None or index < most

    answers: dict[int, Recorded | ArpadError] = dict(decided.refused)
    if written is not None:
        for place, index in enumerate(decided.fresh):
            if is_answered(index):
                answers[index] = Recorded(written.receipt(place), replayed=False)
    replayed = {index: row for index, row in decided.replayed.items() if is_answered(index)}
    stored = {index: row for index, row in replayed.items() if not isinstance(row, int)}
    receipts = receipts_of(unit, league, list(stored.values()))
    for index, receipt in zip(stored, receipts, strict=True):
        answers[index] = Recorded(receipt, replayed=True)
    for index, earlier in replayed.items():
        if isinstance(earlier, int):
            answer = answers[earlier]
            answers[index] = Recorded(answer.receipt, replayed=True) if isinstance(answer, Recorded) else answer
    return answers


def _require_position(unit: ReadUnit, row: Stored, decided: Plan, expected: int | None) -> None:
    """What is recorded already is answered wherever the league stands. Raises PositionMoved."""
    if expected is not None and decided.fresh:
        require_position(unit, row, expected)


def record_match(database: Database, caller: Caller, league: str, match: MatchIn, *, expected_position: int | None = None) -> Recorded:
    """Record one match in a transaction of its own. Raises LeagueNotFound, KeyRequired, ScopeMissing, MatchIdTaken, PositionMoved."""
    group = [(caller, match.with_id())]
    answer = record_group(database, league, group, patience_seconds=LOCK_TIMEOUT_SECONDS, expected_position=expected_position)[0]
    if isinstance(answer, ArpadError):
        raise answer
    return answer


def record_batch(database: Database, caller: Caller, league: str, matches: MatchColumns, *, expected_position: int | None = None) -> BatchShape:
    """Record all of these matches or none. Raises BadInput with a fault for every match whose id belongs to another, and PositionMoved."""
    if len(matches) > MAX_BATCH:
        raise BadInput("The batch is too large.", [Fault("/matches", f"Send at most {MAX_BATCH} matches in one batch, or import a file.")])
    given = [match_id is not None for match_id in matches.match_id]
    matches.match_id = [match_id or new_match_id() for match_id in matches.match_id]
    try:
        return _record_batch(database, caller, league, matches, given, expected_position)
    except (DatabaseLocked, LeagueBusy):
        raise
    except Unavailable:
        # Whether the commit came through is not known; with the ids given above, recording once more is safe.
        return _record_batch(database, caller, league, matches, given, expected_position)


def _record_batch(
    database: Database, caller: Caller, league: str, matches: MatchColumns, given: Sequence[bool], expected_position: int | None
) -> BatchShape:
    with database.write() as unit:
        row, author = lock_league(unit, caller, league, "report")
        require_places(row, matches, given)
        decided = plan(unit, row, matches)
        if decided.refused:
            raise refusal_of(decided)
        _require_position(unit, row, decided, expected_position)
        written = _record_fresh(database, unit, row, matches, decided, [author] * len(matches))
        answers = _answers(unit, row, decided, written, MAX_RECEIPTS)
        unit.commit()
    receipts = [answer.receipt for _, answer in sorted(answers.items()) if isinstance(answer, Recorded)]
    return {
        "recorded": len(decided.fresh),
        "replayed": len(decided.replayed),
        "first_position": written.first_position if written else None,
        "last_position": written.first_position + len(decided.fresh) - 1 if written else None,
        "receipts": receipts,
    }

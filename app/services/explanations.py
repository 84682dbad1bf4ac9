"""Why a rating moved: every change between two positions of the log, each line following on from the one before.

A match is a line with what its receipt says. An amendment is a line where it moved the competitor. In the order of play, what was rated again
because of results that arrived late stands as one line before what follows.
"""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from app.errors import BadInput, Fault
from app.services.amendment_shapes import ExplainedRow, ExplainedShape
from app.services.amendments import Amendments
from app.services.as_of import AsOf, position_at
from app.services.courses import Course, Rated, rate, rate_again
from app.services.histories import find
from app.services.keys import Caller
from app.services.match_log import MatchLog
from app.services.segments import amendments_at, read_log
from app.storage.tables import Kind
from app.storage.unit_of_work import Database, ReadUnit

MAX_LINES: Final = 1_000


def explain(database: Database, caller: Caller, league: str, key: str, *, since: AsOf = 0, as_of: AsOf = None) -> ExplainedShape:
    """The changes of a competitor's rating after one position (or time) up to another, oldest first.

    Raises LeagueNotFound, CompetitorNotFound, BadInput for a span that is none or that has more than 1,000 changes.
    """
    with database.read() as unit:
        table, found = find(database, unit, caller, league, key, as_of)
        then = table.league
        start = 0 if since is None else position_at(unit, then, since, "since")
        if start > then.position:
            raise BadInput("The span ends before it begins.", [Fault("since", f"Use a position from 0 to {then.position}.")])
        story = _Story(database, unit, then, found.number, start)
        rows = story.told()
    _refuse_too_many(len(rows))
    return {
        "league": then.key,
        "competitor": found.key,
        "position": then.position,
        "from_position": start,
        "before": story.first,
        "after": found.rating,
        "rows": rows,
    }


def _refuse_too_many(changes: int) -> None:
    if changes > MAX_LINES:
        raise BadInput(f"There are {changes:,} changes.", [Fault("since", f"Ask for a span with at most {MAX_LINES:,}.")])


class _Story:
    """One competitor's changes, found by going along the log with the course as it was after every amendment."""

    def __init__(self, database: Database, unit: ReadUnit, league: Any, number: int, start: int) -> None:  # noqa: ANN401  a row or LeagueAt
        self._unit, self._league, self._number, self._start = unit, league, number, start
        self._log: MatchLog = read_log(database, unit, league, league.position)
        self._amendments: Amendments = amendments_at(unit, league, league.position)
        self._changes = unit.entries.settings_changes(league.id, league.position)
        self._n = max(league.competitors, self._log.n_competitors)
        self._known: Rated = rate(self._course(start))
        self.first = self._rating(start)
        self._current = self._known.course.initial if self.first is None else self.first
        self._rows: list[ExplainedRow] = []
        self._merges: dict[int, Mapping[int, int]] = {}

    def told(self) -> list[ExplainedRow]:
        """Every line, oldest first."""
        matches = {row.position: row for row in self._own_entries()}
        _refuse_too_many(len(matches))
        amending = {row.position: row for row in self._unit.entries.amendments(self._league.id, self._league.position) if row.position > self._start}
        names = self._unit.competitors.by_numbers(self._league.id, {number for row in matches.values() for number in (row.first, row.second)})
        for position in sorted({*matches, *amending}):
            if position in matches:
                self._add_match(matches[position], names)
            else:
                self._add_amendment(amending[position])
        last = self._rating(self._league.position)
        self._move(self._current if last is None else last, "rerated")
        return self._rows

    def _course(self, position: int) -> Course:
        counting = self._amendments.up_to(position).applied(self._log.up_to(position))
        return Course.of(counting, self._changes, self._n)

    def _rating(self, position: int) -> float | None:
        """The competitor's rating at a position, None without a counted match."""
        self._known = rate_again(self._course(position), self._known)
        log = self._known.course.log
        plays = bool((log.first == self._number).any() or (log.second == self._number).any())
        return float(self._known.ratings()[self._number]) if plays else None

    def _own_entries(self) -> Sequence[Any]:
        """The matches recorded after the start that were theirs when they were recorded, under their own number or under a merged one."""
        numbers = {self._number, *(one.merged[0] for one in self._amendments.entries if one.merged is not None)}
        rows = self._unit.entries.of_competitors(self._league.id, sorted(numbers), self._league.position)
        return [row for row in rows if row.position > self._start and self._side(row) is not None]

    def _merges_at(self, position: int) -> Mapping[int, int]:
        """Whose matches counted as whose at a position; the same until the next amendment."""
        count = bisect_right(self._amendments.entries, position, key=lambda one: one.position)
        if count not in self._merges:
            self._merges[count] = Amendments(self._amendments.entries[:count]).merges
        return self._merges[count]

    def _side(self, row: Any) -> str | None:  # noqa: ANN401  a row
        merges = self._merges_at(row.position)
        return next((side for side in ("first", "second") if merges.get(getattr(row, side), getattr(row, side)) == self._number), None)

    def _add_match(self, row: Any, names: dict[int, Any]) -> None:  # noqa: ANN401  a row
        is_first = self._side(row) == "first"
        before, after = (row.first_before, row.first_after) if is_first else (row.second_before, row.second_after)
        self._move(before, "rerated")
        self._current = after
        self._rows.append(
            {
                "position": row.position,
                "kind": "match",
                "undoes": None,
                "match_id": row.match_id,
                "opponent": names[row.second if is_first else row.first].key,
                "before": before,
                "expected": row.expected if is_first else 1.0 - row.expected,
                "score": row.score if is_first else 1.0 - row.score,
                "k": row.first_k if is_first else row.second_k,
                "weight": row.weight,
                "after": after,
                "reason": None,
            }
        )

    def _add_amendment(self, row: Any) -> None:  # noqa: ANN401  a row
        if self._known.course.changes[0][1].get("order") == "played_at":
            # Otherwise the line before told the rating: nothing is rated again but by amendments.
            rating = self._rating(row.position - 1)
            self._move(self._known.course.initial if rating is None else rating, "rerated")
        rating = self._rating(row.position)
        self._move(self._known.course.initial if rating is None else rating, Kind(row.kind).name.lower(), row)

    def _match_of(self, target: int | None) -> str | None:
        """The match that an amendment is about, directly or through others; None for a merge."""
        while target is not None and (other := self._amendments.find(target)) is not None:
            target = other.target
        return None if target is None else str(self._log.match_id[np.searchsorted(self._log.position, target)])

    def _kind_of(self, target: int) -> Any:  # noqa: ANN401  a word
        amendment = self._amendments.find(target)
        return "match" if amendment is None else amendment.kind.name.lower()

    def _move(self, after: float, kind: Any, row: Any = None) -> None:  # noqa: ANN401  a word, a row
        """A line for a change that is not a match; none where nothing changed."""
        if after == self._current:
            return
        details = {} if row is None else json.loads(row.details)
        self._rows.append(
            {
                "position": None if row is None else row.position,
                "kind": kind,
                "undoes": None if row is None or row.kind != Kind.VOID else self._kind_of(row.target),
                "match_id": None if row is None else self._match_of(row.target),
                "opponent": None,
                "before": self._current,
                "expected": None,
                "score": None,
                "k": None,
                "weight": None,
                "after": after,
                "reason": details.get("reason"),
            }
        )
        self._current = after

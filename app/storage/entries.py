"""Queries of the log, bound to the connection of one transaction. Rows come back as SQLAlchemy rows, large reads in blocks."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, func, insert, literal_column, or_, select

from app.storage.lookups import found
from app.storage.tables import AMENDING, Kind, entry

STREAM_ROWS = 20_000
LOOKED_UP = 1_000

_NO_MATCH: ColumnElement[bool] = literal_column("entry.kind <> 1")  # written out, or no database would see that its partial index serves

_MATCH_COLUMNS: Sequence[Column[Any]] = (
    entry.c.position,
    entry.c.recorded_at,
    entry.c.author,
    entry.c.match_id,
    entry.c.first,
    entry.c.second,
    entry.c.score,
    entry.c.played_at,
    entry.c.weight,
    entry.c.neutral,
    entry.c.first_score,
    entry.c.second_score,
    entry.c.context,
    entry.c.expected,
    entry.c.first_k,
    entry.c.second_k,
    entry.c.first_before,
    entry.c.first_after,
    entry.c.second_before,
    entry.c.second_after,
)

_AMENDMENT_COLUMNS: Sequence[Column[Any]] = (
    entry.c.position,
    entry.c.kind,
    entry.c.recorded_at,
    entry.c.author,
    entry.c.target,
    entry.c.first,
    entry.c.second,
    entry.c.score,
    entry.c.played_at,
    entry.c.weight,
    entry.c.neutral,
    entry.c.first_score,
    entry.c.second_score,
    entry.c.context,
    entry.c.details,
)


class Entries:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def matches_by_id(self, league_id: int, match_ids: Sequence[str]) -> dict[str, Row[Any]]:
        if not match_ids:
            return {}
        return {row.match_id: row for row in found(self._connection, entry, league_id, "match_id", match_ids, _MATCH_COLUMNS)}

    def amendments(self, league_id: int, up_to: int) -> Sequence[Row[Any]]:
        """Voids, corrections and merges up to a position, in order."""
        query = select(*_AMENDMENT_COLUMNS).where(entry.c.league_id == league_id, entry.c.position <= up_to, _NO_MATCH)
        return self._connection.execute(query.where(entry.c.kind.in_(AMENDING)).order_by(entry.c.position)).all()

    def of_kind(self, league_id: int, kind: Kind, up_to: int) -> Sequence[Any]:
        """(position, details) of the entries of one kind, which is not that of matches, in order."""
        query = select(entry.c.position, entry.c.details).where(entry.c.league_id == league_id, entry.c.position <= up_to, _NO_MATCH)
        return self._connection.execute(query.where(entry.c.kind == kind).order_by(entry.c.position)).all()

    def last_of_kind(self, league_id: int, kind: Kind, up_to: int, limit: int) -> Sequence[Any]:
        """As `of_kind`, the last ones, from the end."""
        query = select(entry.c.position, entry.c.details).where(entry.c.league_id == league_id, entry.c.position <= up_to, _NO_MATCH)
        return self._connection.execute(query.where(entry.c.kind == kind).order_by(entry.c.position.desc()).limit(limit)).all()

    def last_amended(self, league_id: int, up_to: int) -> int:
        """The position of the last amendment up to a position, 0 for none."""
        query = select(func.coalesce(func.max(entry.c.position), 0)).where(entry.c.league_id == league_id, entry.c.position <= up_to, _NO_MATCH)
        return int(self._connection.execute(query.where(entry.c.kind.in_(AMENDING))).scalar_one())

    def at(self, league_id: int, position: int) -> Row[Any] | None:
        return self._connection.execute(select(entry).where(entry.c.league_id == league_id, entry.c.position == position)).one_or_none()

    def time_of(self, league_id: int, position: int) -> int | None:
        """When the entry at a position was recorded."""
        query = select(entry.c.recorded_at).where(entry.c.league_id == league_id, entry.c.position == position)
        return self._connection.execute(query).scalar_one_or_none()

    def settings_changes(self, league_id: int, up_to: int) -> list[tuple[int, dict[str, Any]]]:
        """(position, settings as they are from there on): the creation and every change."""
        query = select(entry.c.position, entry.c.details).where(
            entry.c.league_id == league_id, entry.c.kind.in_((Kind.CREATE, Kind.SETTINGS)), entry.c.position <= up_to, _NO_MATCH
        )
        rows = self._connection.execute(query.order_by(entry.c.position))
        changes = [(row.position, json.loads(row.details)) for row in rows]
        return [(position, details["settings"]) for position, details in changes if "settings" in details]

    def others(self, league_id: int, up_to: int) -> Sequence[Any]:
        """(position, kind, details) of the entries that are no match, in order."""
        query = select(entry.c.position, entry.c.kind, entry.c.details).where(entry.c.league_id == league_id, entry.c.position <= up_to, _NO_MATCH)
        return self._connection.execute(query.order_by(entry.c.position)).all()

    def matches_at(self, league_id: int, positions: Sequence[int], columns: Sequence[str]) -> list[Row[Any]]:
        """The matches among the entries at these positions, in order."""
        query = select(*(entry.c[name] for name in columns)).where(entry.c.league_id == league_id, entry.c.kind == Kind.MATCH)
        ordered = sorted(positions)
        parts = (ordered[begin : begin + LOOKED_UP] for begin in range(0, len(ordered), LOOKED_UP))
        return [row for part in parts for row in self._connection.execute(query.where(entry.c.position.in_(part)).order_by(entry.c.position))]

    def matches_page(
        self, league_id: int, before: int, limit: int, numbers: Sequence[int] | None = None, positions: Sequence[int] = ()
    ) -> Sequence[Row[Any]]:
        """Matches below position `before`, newest first; of these competitors, or at these positions, if numbers are given."""
        query = select(*_MATCH_COLUMNS).where(entry.c.league_id == league_id, entry.c.position < before, entry.c.kind == Kind.MATCH)
        if numbers is not None:
            query = query.where(or_(entry.c.first.in_(numbers), entry.c.second.in_(numbers), entry.c.position.in_(positions)))
        return self._connection.execute(query.order_by(entry.c.position.desc()).limit(limit)).all()

    def of_competitors(self, league_id: int, numbers: Sequence[int], up_to: int) -> Sequence[Row[Any]]:
        """Every match of these competitors, oldest first."""
        found_rows: dict[int, Row[Any]] = {}
        for side in (entry.c.first, entry.c.second):
            query = select(*_MATCH_COLUMNS).where(entry.c.league_id == league_id, side.in_(numbers), entry.c.position <= up_to)
            found_rows.update((row.position, row) for row in self._connection.execute(query.where(entry.c.kind == Kind.MATCH)))
        return [found_rows[position] for position in sorted(found_rows)]

    def dated_matches(self, league_id: int, up_to: int, since: int, until: int) -> Iterator[Row[int, int, float, int]]:
        """(first, second, score, played_at) of the matches played in a span of time."""
        columns = (entry.c.first, entry.c.second, entry.c.score, entry.c.played_at)
        query = select(*columns).where(entry.c.league_id == league_id, entry.c.position <= up_to, entry.c.played_at.between(since, until))
        result = self._connection.execute(query, execution_options={"stream_results": True, "yield_per": STREAM_ROWS})
        yield from (row for rows in result.partitions() for row in rows)

    def games_between(self, league_id: int, numbers: Sequence[int], up_to: int) -> Sequence[Row[Any]]:
        """(first, second, games) of the matches among a few competitors, in a log without amendments."""
        # As an expression, or SQLite would go through the whole log by its primary key.
        query = select(entry.c.first, entry.c.second, func.count().label("games")).where(
            entry.c.league_id == league_id, entry.c.first.in_(numbers), entry.c.second.in_(numbers), entry.c.position + 0 <= up_to
        )
        return self._connection.execute(query.group_by(entry.c.first, entry.c.second)).all()

    def stream(
        self, league_id: int, up_to: int, columns: Sequence[str] | None = None, *, after: int = -1, matches_only: bool = False
    ) -> Iterator[Sequence[Row[Any]]]:
        """Entries after a position in order, in blocks; `columns` restricts what is read."""
        chosen = [entry.c[name] for name in columns] if columns else list(entry.c)
        query = select(*chosen).where(entry.c.league_id == league_id, entry.c.position > after, entry.c.position <= up_to)
        if matches_only:
            query = query.where(entry.c.kind == Kind.MATCH)
        options = {"stream_results": True, "yield_per": STREAM_ROWS}
        with self._connection.execute(query.order_by(entry.c.position), execution_options=options) as result:
            yield from result.partitions(STREAM_ROWS)

    def part(self, league_id: int, after: int, up_to: int) -> dict[str, Sequence[Any]]:
        """The entries that follow a position, up to a few thousand of them, a tuple of values per column."""
        query = select(entry).where(entry.c.league_id == league_id, entry.c.position > after, entry.c.position <= up_to)
        rows = self._connection.execute(query.order_by(entry.c.position).limit(STREAM_ROWS)).all()
        return dict(zip(entry.c.keys(), zip(*rows, strict=True), strict=True))

    def stream_columns(self, league_id: int, up_to: int) -> Iterator[dict[str, Sequence[Any]]]:
        """Whole entries up to a position in order, in blocks, a tuple of values per column."""
        for rows in self.stream(league_id, up_to):
            yield dict(zip(entry.c.keys(), zip(*rows, strict=True), strict=True))

    def add(self, league_id: int, position: int, kind: Kind, recorded_at: int, author: str | None, details: str, **columns: object) -> None:
        """Write an entry that is not a match; `columns` are those of its own that it fills."""
        values = {"league_id": league_id, "position": position, "kind": int(kind), "recorded_at": recorded_at, "author": author, "details": details}
        self._connection.execute(insert(entry).values(**values, **columns))

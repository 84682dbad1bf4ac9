"""All queries, one class per thing that is stored, each bound to the connection of one transaction.

Rows come back as SQLAlchemy rows; large reads as arrays (`arrays`). Large writes are in `bulk`. Nothing here decides or commits.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Table,
    Update,
    and_,
    any_,
    bindparam,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.expression import text

from app.storage.tables import Kind, api_key, competitor, entry, import_, league

STREAM_ROWS = 20_000


def _found(
    connection: Connection, table: Table, league_id: int, column: str, values: Sequence[str], shown: Sequence[Column[Any]]
) -> Sequence[Row[Any]]:
    """The league's rows with one of these values in a column whose unique index begins with it: one parameter, however many values.

    PostgreSQL is left no other plan than one look-up per value in that index. For a table without statistics it takes any index that begins
    with league_id, keeps that plan, and compares every row of the league with every value: minutes for 100,000 ids.
    """
    if connection.dialect.name == "sqlite":
        return connection.execute(_found_in_json(table, column, tuple(shown)), {"league": league_id, "wanted": json.dumps(values)}).all()
    return connection.execute(_found_in_array(table, column, tuple(shown)), {"league": league_id, "wanted": list(values)}).all()


# What every recorded match asks is composed once: composing a statement costs several times what running it does.
@cache
def _found_in_json(table: Table, column: str, shown: tuple[Column[Any], ...]) -> Select[Any]:
    wanted_here = text("SELECT value FROM json_each(:wanted)")
    return select(*shown).where(table.c.league_id == bindparam("league"), table.c[column].in_(wanted_here))


@cache
def _found_in_array(table: Table, column: str, shown: tuple[Column[Any], ...]) -> Select[Any]:
    wanted = func.unnest(bindparam("wanted", type_=postgresql.ARRAY(postgresql.TEXT))).table_valued("value", name="wanted").render_derived()
    here = table.c.league_id + 0 == bindparam("league", type_=BigInteger)
    each = select(*shown).where(table.c[column] == wanted.c.value, here).offset(0).lateral("each")
    return select(each).select_from(wanted.join(each, true()))


class Leagues:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def by_key(self, key: str) -> Row[Any] | None:
        return self._connection.execute(select(league).where(league.c.key == key)).one_or_none()

    def by_id(self, league_id: int) -> Row[Any]:
        return self._connection.execute(select(league).where(league.c.id == league_id)).one()

    def lock(self, key: str) -> Row[Any] | None:
        """The league's row, locked until the end of the transaction, and the database's clock as `now`."""
        return self._connection.execute(_locked(self._connection.dialect.name), {"key": key}).one_or_none()

    def existing(self, key: str) -> Row[Any]:
        return self._connection.execute(select(league).where(league.c.key == key)).one()

    def page(self, after: str, limit: int, *, only_public: bool, only_id: int | None) -> Sequence[Row[Any]]:
        query = select(league).where(league.c.key > after).order_by(league.c.key).limit(limit)
        if only_public:
            query = query.where(or_(league.c.public, league.c.id == only_id) if only_id is not None else league.c.public)
        return self._connection.execute(query).all()

    def add(self, values: Mapping[str, Any]) -> int | None:
        """The id of the new league, None where its key is taken: on PostgreSQL by somebody who committed since we looked."""
        on_postgresql = self._connection.dialect.name == "postgresql"
        query = postgresql.insert(league).on_conflict_do_nothing(index_elements=["key"]) if on_postgresql else insert(league)
        return self._connection.execute(query.values(**values).returning(league.c.id)).scalar_one_or_none()

    def change(self, league_id: int, values: Mapping[str, Any]) -> None:
        self._connection.execute(_changed(tuple(values)), {**values, "changed": league_id})

    def with_news(self) -> Sequence[Row[Any]]:
        """Leagues in which something happened since the last refit was asked for."""
        return self._connection.execute(select(league).where(league.c.results > league.c.fitted_results).order_by(league.c.id)).all()


@cache
def _locked(dialect: str) -> Select[Any]:
    if dialect == "sqlite":
        clock: ColumnElement[Any] = text("CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000 AS now")  # type: ignore[assignment]  # a literal column
        return select(league, clock).where(league.c.key == bindparam("key"))
    clock = text("(extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now")  # type: ignore[assignment]  # a literal column
    return select(league, clock).where(league.c.key == bindparam("key")).with_for_update(key_share=True)


@cache
def _changed(names: tuple[str, ...]) -> Update:
    return update(league).where(league.c.id == bindparam("changed")).values({name: bindparam(name) for name in names})


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


class Entries:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def matches_by_id(self, league_id: int, match_ids: Sequence[str]) -> dict[str, Row[Any]]:
        if not match_ids:
            return {}
        return {row.match_id: row for row in _found(self._connection, entry, league_id, "match_id", match_ids, _MATCH_COLUMNS)}

    def voids_of(self, league_id: int, targets: Sequence[int]) -> set[int]:
        """Which of these positions are void."""
        if not targets:
            return set()
        query = select(entry.c.target).where(entry.c.league_id == league_id, entry.c.target.in_(targets), entry.c.kind == Kind.VOID)
        return {row.target for row in self._connection.execute(query)}

    def voids(self, league_id: int, up_to: int) -> list[tuple[int, int]]:
        """All voids up to a position as (position of the void, position of the match), in order."""
        query = select(entry.c.position, entry.c.target).where(entry.c.league_id == league_id, entry.c.target.is_not(None), entry.c.position <= up_to)
        return [(row.position, row.target) for row in self._connection.execute(query.where(entry.c.kind == Kind.VOID).order_by(entry.c.position))]

    def settings_changes(self, league_id: int, up_to: int) -> list[tuple[int, dict[str, Any]]]:
        """(position, settings as they are from there on): the creation and every change."""
        query = select(entry.c.position, entry.c.details).where(
            entry.c.league_id == league_id, entry.c.kind.in_((Kind.CREATE, Kind.SETTINGS)), entry.c.position <= up_to
        )
        rows = self._connection.execute(query.order_by(entry.c.position))
        changes = [(row.position, json.loads(row.details)) for row in rows]
        return [(position, details["settings"]) for position, details in changes if "settings" in details]

    def others(self, league_id: int, up_to: int) -> Sequence[Any]:
        """(position, kind, details) of the entries that are no match, in order."""
        query = select(entry.c.position, entry.c.kind, entry.c.details).where(
            entry.c.league_id == league_id, entry.c.position <= up_to, entry.c.kind != Kind.MATCH
        )
        return self._connection.execute(query.order_by(entry.c.position)).all()

    def matches_page(self, league_id: int, before: int, up_to: int, limit: int, number: int | None) -> Sequence[Row[Any]]:
        """Matches below position `before`, newest first; of one competitor if a number is given."""
        query = select(*_MATCH_COLUMNS).where(
            entry.c.league_id == league_id, entry.c.position < before, entry.c.position <= up_to, entry.c.kind == Kind.MATCH
        )
        if number is not None:
            query = query.where(or_(entry.c.first == number, entry.c.second == number))
        return self._connection.execute(query.order_by(entry.c.position.desc()).limit(limit)).all()

    def of_competitor(self, league_id: int, number: int, up_to: int) -> Sequence[Row[Any]]:
        """Every match of one competitor, oldest first."""
        either = [
            select(*_MATCH_COLUMNS).where(entry.c.league_id == league_id, side == number, entry.c.position <= up_to)
            for side in (entry.c.first, entry.c.second)
        ]
        rows = [row for query in either for row in self._connection.execute(query)]
        return sorted(rows, key=lambda row: row.position)

    def dated_matches(self, league_id: int, up_to: int, since: int, until: int) -> Iterator[Row[int, int, float, int]]:
        """(first, second, score, played_at) of the matches played in a span of time."""
        columns = (entry.c.first, entry.c.second, entry.c.score, entry.c.played_at)
        query = select(*columns).where(entry.c.league_id == league_id, entry.c.position <= up_to, entry.c.played_at.between(since, until))
        result = self._connection.execute(query, execution_options={"stream_results": True, "yield_per": STREAM_ROWS})
        yield from (row for rows in result.partitions() for row in rows)

    def games_between(self, league_id: int, numbers: Sequence[int], up_to: int) -> Sequence[Row[Any]]:
        """(first, second, games) of the counted matches among a few competitors."""
        void = entry.alias("void")
        voided = select(void.c.target).where(void.c.league_id == league_id, void.c.target.is_not(None), void.c.kind == Kind.VOID)
        query = select(entry.c.first, entry.c.second, func.count().label("games")).where(
            entry.c.league_id == league_id,
            entry.c.first.in_(numbers),
            entry.c.second.in_(numbers),
            entry.c.position <= up_to,
            entry.c.position.not_in(voided),
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

    def add(self, league_id: int, position: int, kind: Kind, recorded_at: int, author: str | None, details: str, target: int | None = None) -> None:
        """Write an entry that is not a match."""
        self._connection.execute(
            insert(entry).values(
                league_id=league_id, position=position, kind=int(kind), recorded_at=recorded_at, author=author, details=details, target=target
            )
        )


class Competitors:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def by_keys(self, league_id: int, keys: Sequence[str]) -> dict[str, Row[Any]]:
        return {row.key: row for row in _found(self._connection, competitor, league_id, "key", keys, list(competitor.c))}

    def by_key(self, league_id: int, key: str) -> Row[Any] | None:
        return self._connection.execute(select(competitor).where(competitor.c.league_id == league_id, competitor.c.key == key)).one_or_none()

    def by_numbers(self, league_id: int, numbers: Iterable[int]) -> dict[int, Row[Any]]:
        """One parameter, however many numbers: a season has more opponents than a statement has places."""
        query = select(competitor).where(competitor.c.league_id == league_id)
        wanted: list[int] | str = sorted(set(numbers))
        if self._connection.dialect.name == "sqlite":
            query, wanted = query.where(competitor.c.number.in_(text("SELECT value FROM json_each(:wanted)"))), json.dumps(wanted)
        else:
            query = query.where(competitor.c.number == any_(bindparam("wanted", type_=postgresql.ARRAY(Integer))))
        rows = self._connection.execute(query, {"wanted": wanted})
        return {row.number: row for row in rows}

    def all(self, league_id: int) -> Sequence[Row[Any]]:
        """Every competitor in order of number."""
        return self._connection.execute(select(competitor).where(competitor.c.league_id == league_id).order_by(competitor.c.number)).all()

    def keys(self, league_id: int) -> list[str]:
        """Every key in order of number."""
        return list(self._connection.scalars(select(competitor.c.key).where(competitor.c.league_id == league_id).order_by(competitor.c.number)))

    def playing(self, league_id: int) -> int:
        """How many have a counted match."""
        query = select(func.count()).select_from(competitor).where(competitor.c.league_id == league_id, competitor.c.matches > 0)
        return self._connection.execute(query).scalar_one()

    def page(self, league_id: int, after: str, limit: int) -> Sequence[Row[Any]]:
        """Competitors with a counted match, by key."""
        query = select(competitor).where(competitor.c.league_id == league_id, competitor.c.key > after, competitor.c.matches > 0)
        return self._connection.execute(query.order_by(competitor.c.key).limit(limit)).all()


class Imports:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def by_id(self, league_id: int, import_id: str) -> Row[Any] | None:
        return self._connection.execute(select(import_).where(import_.c.league_id == league_id, import_.c.import_id == import_id)).one_or_none()

    def add(self, league_id: int, import_id: str, digest: str, recorded_at: int, report: str) -> None:
        self._connection.execute(
            insert(import_).values(league_id=league_id, import_id=import_id, digest=digest, recorded_at=recorded_at, report=report)
        )


_VALID_KEYS: Select[Any] = select(api_key).where(api_key.c.hash.in_(bindparam("digests", expanding=True)), api_key.c.revoked_at.is_(None))


class Keys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def valid(self, digests: Sequence[bytes], now: int) -> dict[bytes, Row[Any]]:
        """The keys with these hashes that are neither revoked nor expired."""
        rows = self._connection.execute(_VALID_KEYS, {"digests": list(digests)})
        return {row.hash: row for row in rows if row.expires_at is None or row.expires_at > now}

    def lock(self) -> None:
        """Keep everybody else from making keys until the end of the transaction. SQLite has one writer as it is."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("LOCK TABLE api_key IN SHARE ROW EXCLUSIVE MODE"))

    def any_admin(self, now: int) -> bool:
        """Whether there is a key that may do everything everywhere."""
        lasting = or_(api_key.c.expires_at.is_(None), api_key.c.expires_at > now)
        everything = and_(api_key.c.scope == "admin", api_key.c.league_id.is_(None), api_key.c.revoked_at.is_(None), lasting)
        return self._connection.execute(select(api_key.c.id).where(everything).limit(1)).first() is not None

    def by_prefix(self, prefix: str) -> Row[Any] | None:
        return self._connection.execute(_with_league().where(api_key.c.prefix == prefix)).one_or_none()

    def all(self) -> Sequence[Row[Any]]:
        return self._connection.execute(_with_league().order_by(api_key.c.id)).all()

    def add(self, values: Mapping[str, Any]) -> None:
        self._connection.execute(insert(api_key).values(**values))

    def revoke(self, prefix: str, revoked_at: int) -> None:
        self._connection.execute(update(api_key).where(api_key.c.prefix == prefix, api_key.c.revoked_at.is_(None)).values(revoked_at=revoked_at))


def _with_league() -> Select[Any]:
    return select(api_key, league.c.key.label("league")).outerjoin(league, api_key.c.league_id == league.c.id)

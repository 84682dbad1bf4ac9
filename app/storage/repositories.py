"""All queries, one class per thing that is stored, each bound to the connection of one transaction.

Rows come back as SQLAlchemy rows; large reads as arrays (`arrays`). Large writes are in `bulk`. Nothing here decides or commits.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Update,
    and_,
    any_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.expression import text

from app.storage.lookups import found
from app.storage.tables import api_key, competitor, import_, league

# What every read asks is composed once: composing a statement costs several times what running it does.
_LEAGUE_BY_KEY: Select[Any] = select(league).where(league.c.key == bindparam("key"))
_LEAGUE_BY_ID: Select[Any] = select(league).where(league.c.id == bindparam("id"))
_COMPETITOR_BY_KEY: Select[Any] = select(competitor).where(competitor.c.league_id == bindparam("league"), competitor.c.key == bindparam("key"))


class Leagues:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def by_key(self, key: str) -> Row[Any] | None:
        return self._connection.execute(_LEAGUE_BY_KEY, {"key": key}).one_or_none()

    def by_id(self, league_id: int) -> Row[Any]:
        return self._connection.execute(_LEAGUE_BY_ID, {"id": league_id}).one()

    def lock(self, key: str) -> Row[Any] | None:
        """The league's row, locked until the end of the transaction, and the database's clock as `now`."""
        return self._connection.execute(_locked(self._connection.dialect.name), {"key": key}).one_or_none()

    def hold(self, league_id: int) -> None:
        """Lock the league's row until the end of the transaction. SQLite has one writer as it is."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(select(league.c.id).where(league.c.id == league_id).with_for_update(key_share=True))

    def existing(self, key: str) -> Row[Any]:
        return self._connection.execute(_LEAGUE_BY_KEY, {"key": key}).one()

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


class Competitors:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def by_keys(self, league_id: int, keys: Sequence[str]) -> dict[str, Row[Any]]:
        return {row.key: row for row in found(self._connection, competitor, league_id, "key", keys, list(competitor.c))}

    def by_key(self, league_id: int, key: str) -> Row[Any] | None:
        return self._connection.execute(_COMPETITOR_BY_KEY, {"league": league_id, "key": key}).one_or_none()

    def by_numbers(self, league_id: int, numbers: Iterable[int]) -> dict[int, Row[Any]]:
        """One parameter, however many numbers: a season has more opponents than a statement has places."""
        wanted = sorted(set(numbers))
        on_sqlite = self._connection.dialect.name == "sqlite"
        sent = {"league": league_id, "wanted": json.dumps(wanted) if on_sqlite else wanted}
        return {row.number: row for row in self._connection.execute(_by_numbers(self._connection.dialect.name), sent)}

    def all(self, league_id: int) -> Sequence[Row[Any]]:
        """Every competitor in order of number."""
        return self._connection.execute(select(competitor).where(competitor.c.league_id == league_id).order_by(competitor.c.number)).all()

    def names(self, league_id: int, position: int) -> Sequence[Any]:
        """(number, key, name, created_position) of those who had come into being by a position, in order of number."""
        columns = (competitor.c.number, competitor.c.key, competitor.c.name, competitor.c.created_position)
        query = select(*columns).where(competitor.c.league_id == league_id, competitor.c.created_position <= position)
        return self._connection.execute(query.order_by(competitor.c.number)).all()

    def keys(self, league_id: int) -> list[str]:
        """Every key in order of number."""
        return list(self._connection.scalars(select(competitor.c.key).where(competitor.c.league_id == league_id).order_by(competitor.c.number)))

    def change(self, league_id: int, number: int, values: Mapping[str, Any]) -> None:
        self._connection.execute(update(competitor).where(competitor.c.league_id == league_id, competitor.c.number == number).values(**values))

    def created_by(self, league_id: int, position: int) -> int:
        """How many had come into being by a position."""
        query = select(func.count()).select_from(competitor).where(competitor.c.league_id == league_id, competitor.c.created_position <= position)
        return self._connection.execute(query).scalar_one()

    def playing(self, league_id: int) -> int:
        """How many have a counted match."""
        query = select(func.count()).select_from(competitor).where(competitor.c.league_id == league_id, competitor.c.matches > 0)
        return self._connection.execute(query).scalar_one()

    def page(self, league_id: int, after: str, limit: int) -> Sequence[Row[Any]]:
        """Competitors with a counted match, by key."""
        query = select(competitor).where(competitor.c.league_id == league_id, competitor.c.key > after, competitor.c.matches > 0)
        return self._connection.execute(query.order_by(competitor.c.key).limit(limit)).all()


@cache
def _by_numbers(dialect: str) -> Select[Any]:
    query = select(competitor).where(competitor.c.league_id == bindparam("league"))
    if dialect == "sqlite":
        return query.where(competitor.c.number.in_(text("SELECT value FROM json_each(:wanted)")))
    return query.where(competitor.c.number == any_(bindparam("wanted", type_=postgresql.ARRAY(Integer))))


class Imports:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def by_id(self, league_id: int, import_id: str) -> Row[Any] | None:
        return self._connection.execute(select(import_).where(import_.c.league_id == league_id, import_.c.import_id == import_id)).one_or_none()

    def all(self, league_id: int) -> Sequence[Row[Any]]:
        return self._connection.execute(select(import_).where(import_.c.league_id == league_id)).all()

    def change(self, league_id: int, import_id: str, report: str) -> None:
        here = import_.c.league_id == league_id, import_.c.import_id == import_id
        self._connection.execute(update(import_).where(*here).values(report=report))

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

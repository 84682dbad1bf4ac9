"""Writing many rows with a constant number of statements, in the fastest way that each driver has (FINDINGS › Bulk).

SQLite: one `executemany` of tuples. PostgreSQL: `unnest` of one array per column for batches, COPY for imports. Values only ever
travel as parameters; the names in the SQL are those of our own tables.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

COPY_FROM: Final = 2_000


def append_rows(connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert rows given as columns of one length; the order of the rows is kept."""
    names = tuple(columns)
    count = len(columns[names[0]])
    if count == 0:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_insert_values(table, names), list(zip(*columns.values(), strict=True)))
    elif count < COPY_FROM:
        connection.exec_driver_sql(_insert_unnest(table, names), tuple(list(column) for column in columns.values()))
    else:
        _copy(connection, table, columns)


def update_rows(connection: Connection, table: Table, key: Mapping[str, Sequence[Any]], columns: Mapping[str, Sequence[Any]]) -> None:
    """Update rows found by the columns of `key`, one value per row in every column."""
    keys, names = tuple(key), tuple(columns)
    values = [*columns.values(), *key.values()]
    if not values[0]:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_update_values(table, keys, names), list(zip(*values, strict=True)))
    else:
        connection.exec_driver_sql(_update_unnest(table, keys, names), tuple(list(column) for column in values))


@cache
def _insert_values(table: Table, names: tuple[str, ...]) -> str:
    return f'INSERT INTO "{table.name}" ({_listed(names)}) VALUES ({", ".join("?" for _ in names)})'  # noqa: S608  names of our own tables


@cache
def _insert_unnest(table: Table, names: tuple[str, ...]) -> str:
    return f'INSERT INTO "{table.name}" ({_listed(names)}) SELECT * FROM unnest({_arrays(table, names)})'  # noqa: S608  names of our own tables


@cache
def _update_values(table: Table, keys: tuple[str, ...], names: tuple[str, ...]) -> str:
    assignments = ", ".join(f'"{name}" = ?' for name in names)
    return f'UPDATE "{table.name}" SET {assignments} WHERE {" AND ".join(f"{key} = ?" for key in keys)}'  # noqa: S608  names of our own tables


@cache
def _update_unnest(table: Table, keys: tuple[str, ...], names: tuple[str, ...]) -> str:
    everything = (*names, *keys)
    assignments = ", ".join(f'"{name}" = new."{name}"' for name in names)
    found = " AND ".join(f'old."{key}" = new."{key}"' for key in keys)
    source = f"unnest({_arrays(table, everything)}) AS new ({_listed(everything)})"
    return f'UPDATE "{table.name}" AS old SET {assignments} FROM {source} WHERE {found}'  # noqa: S608  names of our own tables


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _arrays(table: Table, names: Sequence[str]) -> str:
    return ", ".join(f"%s::{_postgresql_type(table, name)}[]" for name in names)


def _postgresql_type(table: Table, name: str) -> str:
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  only on PostgreSQL

    return str(table.c[name].type.compile(dialect=postgresql.dialect())).partition(" COLLATE")[0]  # type: ignore[no-untyped-call]  # SQLAlchemy leaves dialects untyped


def _copy(connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
    if not connection.in_transaction():
        connection.begin()  # or nothing would tell SQLAlchemy, which begins with its own first statement, that there is something to commit
    driver: Any = connection.connection.driver_connection
    statement = f'COPY "{table.name}" ({_listed(tuple(columns))}) FROM STDIN (FORMAT BINARY)'
    with _errors_of_sqlalchemy(connection, statement), driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([_copy_type(table, name) for name in columns])
        for row in zip(*columns.values(), strict=True):
            copy.write_row(row)


@contextmanager
def _errors_of_sqlalchemy(connection: Connection, statement: str) -> Iterator[None]:
    """Make the errors of the driver, which SQLAlchemy does not see here, what it would have made of them."""
    dialect: Any = connection.dialect
    kind: type[Exception] = dialect.dbapi.Error
    try:
        yield
    except kind as error:
        is_gone = bool(dialect.is_disconnect(error, connection.connection.driver_connection, None))
        if is_gone:
            connection.invalidate()
        raise DBAPIError.instance(statement, None, error, kind, hide_parameters=True, connection_invalidated=is_gone, dialect=dialect) from error


def _copy_type(table: Table, name: str) -> str:
    return _postgresql_type(table, name).lower()

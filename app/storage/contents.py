"""A whole database, table by table, as blocks of columns that mean the same on SQLite and on PostgreSQL.

What stands beyond a league's head is an import that has not happened yet: it is left out, and so is the lease of whoever writes it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, LargeBinary, Select, Table, exists, func, null, select, text
from sqlalchemy.exc import DataError, IntegrityError

from app.storage.bulk import append_rows
from app.storage.tables import entry, league, metadata

BLOCK_ROWS: Final = 10_000
_SHORT_BYTES: Final = frozenset({"salt", "hash", "log_head", "digest"})
"""The columns of bytes that are no longer than a hash. Rows with longer ones, megabytes each, are a block of their own."""
_LEASE: Final = ("import_token", "import_until")

Columns = Mapping[str, Sequence[Any]]


class Block(NamedTuple):
    """Some rows of a table, a sequence of values per column."""

    table: str
    columns: Columns


def read_contents(connection: Connection) -> Iterator[Block]:
    """Every row of every table in one snapshot, in an order in which they can be written. A table without rows has no block."""
    for table in metadata.sorted_tables:
        size = 1 if _byte_columns(table) - _SHORT_BYTES else BLOCK_ROWS
        with connection.execute(_rows_of(table), execution_options={"stream_results": True, "yield_per": size}) as result:
            for rows in result.partitions(size):
                yield Block(table.name, dict(zip(table.c.keys(), zip(*rows, strict=True), strict=True)))


def _rows_of(table: Table) -> Select[Any]:
    shown = [null().label(column.name) if table is league and column.name in _LEASE else column for column in table.c]
    query = select(*shown).order_by(*table.primary_key.columns)
    if table is entry:
        # From the league's row to its entries: a database that has just been filled has no statistics to find that way by itself.
        head = select(league.c.position).where(league.c.id == entry.c.league_id).scalar_subquery()
        query = query.where(entry.c.position <= head)
    return query


def is_vacant(connection: Connection) -> bool:
    """Whether no table has a row."""
    return not any(connection.scalar(select(exists().select_from(table))) for table in metadata.sorted_tables)


def keep_others_out(connection: Connection) -> None:
    """Nobody else makes a league or a key until the transaction ends. SQLite has one writer anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(text("LOCK TABLE league, api_key IN SHARE ROW EXCLUSIVE MODE"))


def write_block(connection: Connection, block: Block) -> None:
    """Write rows as they were read. Raises KeyError, ValueError for a table, columns or values that cannot be ours."""
    table = metadata.tables[block.table]
    if set(block.columns) != set(table.c.keys()) or len({len(values) for values in block.columns.values()}) != 1:
        raise ValueError(f"the columns of {block.table} are not those of this schema")
    try:
        append_rows(connection, table, block.columns)
    except (IntegrityError, DataError) as error:
        raise ValueError(f"a row of {block.table} cannot be") from error


def continue_numbering(connection: Connection) -> None:
    """The next league and the next key get numbers after those that were written. SQLite does that by itself."""
    if connection.dialect.name == "sqlite":
        return
    for table in metadata.sorted_tables:
        for column in table.primary_key.columns:
            sequence = connection.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
            if sequence is not None:
                connection.execute(select(func.setval(sequence, select(func.coalesce(func.max(column), 0) + 1).scalar_subquery(), False)))


def byte_columns(table: str) -> set[str]:
    """The names of the columns that hold bytes and not text or numbers. Raises KeyError for no table of ours."""
    return _byte_columns(metadata.tables[table])


def _byte_columns(table: Table) -> set[str]:
    return {column.name for column in table.c if isinstance(column.type, LargeBinary)}

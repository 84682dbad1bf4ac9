"""Looking up many rows by one column with one parameter, however many values."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Row, Select, Table, bindparam, func, select, true
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.expression import text

from app.storage.tables import entry, league


def found(
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
    return select(*shown).where(table.c.league_id == bindparam("league"), table.c[column].in_(wanted_here), *_up_to_head(table))


@cache
def _found_in_array(table: Table, column: str, shown: tuple[Column[Any], ...]) -> Select[Any]:
    wanted = func.unnest(bindparam("wanted", type_=postgresql.ARRAY(postgresql.TEXT))).table_valued("value", name="wanted").render_derived()
    here = table.c.league_id + 0 == bindparam("league", type_=BigInteger)
    each = select(*shown).where(table.c[column] == wanted.c.value, here, *_up_to_head(table)).offset(0).lateral("each")
    return select(each).select_from(wanted.join(each, true()))


def _up_to_head(table: Table) -> list[ColumnElement[bool]]:
    """What an import has written beyond the league's head is not there yet. As an expression, or the primary key would seem a way to find ids."""
    if table is not entry:
        return []
    head = select(league.c.position).where(league.c.id == bindparam("league", type_=BigInteger)).scalar_subquery()
    return [entry.c.position + 0 <= head]

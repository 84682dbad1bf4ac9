"""Bringing a database to the schema of this version, and telling whether it is there.

The scripts are Alembic's, in `migrations/` of the source tree and, in an installed package, beside this module.
"""

from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, inspect, text

from app.errors import SchemaUnknown
from app.storage.tables import SCHEMA_REVISION
from app.storage.unit_of_work import Database, translated_errors

_INSTALLED = Path(__file__).with_name("scripts")
_IN_SOURCE = Path(__file__).parents[2] / "migrations"
_one_at_a_time = Lock()  # Alembic keeps its context in a global


def script_location() -> Path:
    """The folder of the migration scripts."""
    return _INSTALLED if _INSTALLED.is_dir() else _IN_SOURCE


def current_revision(database: Database) -> str | None:
    """The revision of the database, None for one without Arpad's tables."""
    with translated_errors(), database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return None if found is None else str(found)


def is_current(database: Database) -> bool:
    """Whether the database has the schema of this version."""
    return current_revision(database) == SCHEMA_REVISION


def is_empty(database: Database) -> bool:
    """Whether the database holds no table at all."""
    with translated_errors(), database.engine.connect() as connection:
        return not inspect(connection).get_table_names()


def _is_foreign(database: Database) -> bool:
    """Whether the database holds tables and none of them tells a revision: one look, so that a migration beside this one is seen whole."""
    with translated_errors(), database.engine.connect() as connection:
        names = inspect(connection).get_table_names()
    return bool(names) and "alembic_version" not in names


def migrate(database: Database) -> bool:
    """Bring the database to the schema of this version; True if anything was done. Raises SchemaUnknown for what this version does not know."""
    found = current_revision(database)
    if found == SCHEMA_REVISION:
        return False
    if found is None and _is_foreign(database):
        raise SchemaUnknown("The database holds tables that are not Arpad's. Give Arpad a database of its own.")
    with _one_at_a_time, translated_errors(), database.engine.connect() as connection:
        connection.execution_options(arpad_begin="IMMEDIATE")
        with connection.begin():
            _upgrade(connection, found)
    return True


def _upgrade(connection: Connection, found: str | None) -> None:
    # Alembic costs every command a third of a second to import, and is needed once per version.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(script_location()).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise SchemaUnknown(
            f"The database has the schema {found}, which this version does not know. Use the Arpad that made it, or a newer one."
        ) from error

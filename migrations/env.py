"""Alembic's entry: runs on the connection that `app.storage.migrations` hands over, or on ARPAD_DATABASE_URL when called by the alembic command."""

import os

from alembic import context
from sqlalchemy import Connection, create_engine

from app.storage.tables import metadata


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        # Two processes that start together must not both create the tables.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(4718592)")
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(os.environ["ARPAD_DATABASE_URL"]).begin() as opened:
        run(opened)

"""The tables, the same on SQLite and PostgreSQL. Migrations create them; a test holds the two together.

`entry` is the truth and only ever grows. Everything else about a league's ratings is derived from it and can be rebuilt. Times are
microseconds since the epoch, settings and details are canonical JSON text, so that what was written is what is read, byte for byte.
There are no foreign keys on `entry` and `competitor`: they doubled the time of an import, and rows are only written under the league's lock.
"""

from enum import IntEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

SCHEMA_REVISION: Final = "0006"
"""The last migration script, whose schema this is; a test holds the two together."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

AutoId = BigInteger().with_variant(Integer, "sqlite")
Key = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that orders by code point on either database."""


Stored = Row[Any]
"""A row as it is read."""


class Kind(IntEnum):
    """What an entry of a league's log does."""

    CREATE = 0
    MATCH = 1
    VOID = 2
    SETTINGS = 3
    FIT = 4
    CORRECT = 5
    MERGE = 6
    RENAME = 7
    RETIRE = 8
    FORGET = 9
    REGISTER = 10


AMENDING: Final = (Kind.VOID, Kind.CORRECT, Kind.MERGE)
"""The kinds that change which matches count, or how: after them, ratings equal a replay of what then counts."""


league = Table(
    "league",
    metadata,
    Column("id", AutoId, primary_key=True),
    Column("key", Key, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("public", Boolean(create_constraint=False), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("settings", Text, nullable=False),
    # The head of the log: the last entry's position and time, and the chain of hashes up to it.
    Column("position", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("log_head", LargeBinary, nullable=False),
    # Counters that save a scan: numbers given to competitors, counted matches, and entries that a refit would see (matches, voids).
    Column("competitors", Integer, nullable=False),
    Column("matches", BigInteger, nullable=False),
    Column("results", BigInteger, nullable=False),
    Column("fits", Integer, nullable=False),
    Column("fitted_results", BigInteger, nullable=False),
    Column("fit_requested_at", BigInteger, nullable=False),
    Column("published_fit", Integer),
    Column("published_position", BigInteger),
    # The last entry by which earlier matches were rated again, 0 for none; and, in the order of play, the last match in that order.
    Column("amended_position", BigInteger, nullable=False, server_default="0"),
    Column("latest_played_at", BigInteger),
    Column("latest_match_id", Key),
    # The last entry by which somebody is shown under another name.
    Column("named_position", BigInteger, nullable=False, server_default="0"),
    # Who writes beyond the head, and until when that holds. An end that has passed: rows that were left there are still to be removed.
    Column("import_token", Text),
    Column("import_until", BigInteger),
)

entry = Table(
    "entry",
    metadata,
    Column("league_id", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("author", Text),
    # A match, as sent.
    Column("match_id", Key),
    Column("first", Integer),
    Column("second", Integer),
    Column("score", Double),
    Column("played_at", BigInteger),
    Column("weight", Double),
    Column("neutral", Boolean(create_constraint=False)),
    Column("first_score", Double),
    Column("second_score", Double),
    Column("context", Text),
    # What it did to the ratings when it was recorded. Never rewritten.
    Column("expected", Double),
    Column("first_k", Double),
    Column("second_k", Double),
    Column("first_before", Double),
    Column("first_after", Double),
    Column("second_before", Double),
    Column("second_after", Double),
    # Any other kind of entry: the position it is about, and the rest of its fields.
    Column("target", BigInteger),
    Column("details", Text),
    UniqueConstraint("match_id", "league_id"),
    sqlite_with_rowid=False,
)
Index("ix_entry_first", entry.c.league_id, entry.c.first, entry.c.position)
Index("ix_entry_second", entry.c.league_id, entry.c.second, entry.c.position)
Index(
    "ix_entry_target",
    entry.c.league_id,
    entry.c.target,
    entry.c.position,
    sqlite_where=text("target IS NOT NULL"),
    postgresql_where=text("target IS NOT NULL"),
)

Index(
    "ix_entry_others",
    entry.c.league_id,
    entry.c.position,
    sqlite_where=text("kind <> 1"),
    postgresql_where=text("kind <> 1"),
)

competitor = Table(
    "competitor",
    metadata,
    Column("league_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", Key, nullable=False),
    Column("name", Text),
    Column("salt", LargeBinary, nullable=False),
    Column("created_position", BigInteger, nullable=False),
    Column("rating", Double, nullable=False),
    Column("matches", Integer, nullable=False),
    Column("wins", Integer, nullable=False),
    Column("draws", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("last_played_at", BigInteger),
    Column("retired", Boolean(create_constraint=False), nullable=False),
    # Only of a competitor who was forgotten: what the log says of the key that is gone.
    Column("commitment", Text),
    # Only of a competitor who was merged: whose matches theirs are counted as.
    Column("merged_into", Integer),
    UniqueConstraint("key", "league_id"),
    sqlite_with_rowid=False,
)

segment = Table(
    "segment",
    metadata,
    Column("league_id", BigInteger, ForeignKey("league.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("last_position", BigInteger, nullable=False),
    # Some thousand matches of the log as packed columns. Derived.
    Column("matches", LargeBinary, nullable=False),
)

totals = Table(
    "totals",
    metadata,
    Column("league_id", BigInteger, ForeignKey("league.id"), primary_key=True, autoincrement=False),
    # Up to where; and whether matches on the ground of the first are told from others.
    Column("position", BigInteger, nullable=False),
    Column("sided", Boolean(create_constraint=False), nullable=False),
    # Wins, draws and losses per pair of all matches as they were recorded, as packed columns. Derived.
    Column("totals", LargeBinary, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("league_id", BigInteger, ForeignKey("league.id"), primary_key=True, autoincrement=False),
    # Of the matches that it is a checkpoint of, in the order in which they are rated. Derived.
    Column("digest", LargeBinary, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    # The ratings that changed since the checkpoint before.
    Column("ratings", LargeBinary, nullable=False),
)

import_ = Table(
    "import",
    metadata,
    Column("league_id", BigInteger, ForeignKey("league.id"), primary_key=True, autoincrement=False),
    Column("import_id", Key, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("report", Text, nullable=False),
)

refit = Table(
    "refit",
    metadata,
    Column("league_id", BigInteger, ForeignKey("league.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("requested_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("lease_until", BigInteger),
    Column("fence", Integer, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("worker", Text),
    Column("version", Text),
    Column("seconds", Text),
    # What a running job is at, and since when; when somebody asked to cancel it; and where its matches were read, as JSON.
    Column("stage", Text),
    Column("stage_since", BigInteger),
    Column("cancel_asked_at", BigInteger),
    Column("read", Text),
    # The segment that it is of, as JSON; empty for the whole league. One may wait for each, one may run for all of them.
    Column("conditions", Text, nullable=False, server_default=text("''")),
)
for _status, _each in (("waiting", (refit.c.league_id, refit.c.conditions)), ("running", (refit.c.league_id,))):
    Index(f"uq_refit_{_status}", *_each, unique=True, sqlite_where=refit.c.status == _status, postgresql_where=refit.c.status == _status)

fit = Table(
    "fit",
    metadata,
    Column("league_id", BigInteger, ForeignKey("league.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("settings", Text, nullable=False),
    Column("certificate", Text, nullable=False),
    Column("table_hash", LargeBinary),
    Column("table", LargeBinary),
    Column("uncertainty", LargeBinary),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", AutoId, primary_key=True),
    Column("prefix", Key, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("league_id", BigInteger, ForeignKey("league.id")),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)

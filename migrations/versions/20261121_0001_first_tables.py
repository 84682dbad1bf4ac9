"""The first tables: league, entry, competitor, import, refit, fit, api_key.

Revision ID: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "competitor",
        sa.Column("league_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("created_position", sa.BigInteger(), nullable=False),
        sa.Column("rating", sa.Double(), nullable=False),
        sa.Column("matches", sa.Integer(), nullable=False),
        sa.Column("wins", sa.Integer(), nullable=False),
        sa.Column("draws", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("last_played_at", sa.BigInteger(), nullable=True),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("league_id", "number", name=op.f("pk_competitor")),
        sa.UniqueConstraint("key", "league_id", name=op.f("uq_competitor_key_league_id")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entry",
        sa.Column("league_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("match_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("first", sa.Integer(), nullable=True),
        sa.Column("second", sa.Integer(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("played_at", sa.BigInteger(), nullable=True),
        sa.Column("weight", sa.Double(), nullable=True),
        sa.Column("neutral", sa.Boolean(), nullable=True),
        sa.Column("first_score", sa.Double(), nullable=True),
        sa.Column("second_score", sa.Double(), nullable=True),
        sa.Column("context", sa.Text(), nullable=True),
        sa.Column("expected", sa.Double(), nullable=True),
        sa.Column("first_k", sa.Double(), nullable=True),
        sa.Column("second_k", sa.Double(), nullable=True),
        sa.Column("first_before", sa.Double(), nullable=True),
        sa.Column("first_after", sa.Double(), nullable=True),
        sa.Column("second_before", sa.Double(), nullable=True),
        sa.Column("second_after", sa.Double(), nullable=True),
        sa.Column("target", sa.BigInteger(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("league_id", "position", name=op.f("pk_entry")),
        sa.UniqueConstraint("match_id", "league_id", name=op.f("uq_entry_match_id_league_id")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.create_index("ix_entry_first", ["league_id", "first", "position"], unique=False)
        batch_op.create_index("ix_entry_second", ["league_id", "second", "position"], unique=False)
        batch_op.create_index(
            "ix_entry_target",
            ["league_id", "target", "position"],
            unique=False,
            sqlite_where=sa.text("target IS NOT NULL"),
            postgresql_where=sa.text("target IS NOT NULL"),
        )

    op.create_table(
        "league",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("log_head", sa.LargeBinary(), nullable=False),
        sa.Column("competitors", sa.Integer(), nullable=False),
        sa.Column("matches", sa.BigInteger(), nullable=False),
        sa.Column("results", sa.BigInteger(), nullable=False),
        sa.Column("fits", sa.Integer(), nullable=False),
        sa.Column("fitted_results", sa.BigInteger(), nullable=False),
        sa.Column("fit_requested_at", sa.BigInteger(), nullable=False),
        sa.Column("published_fit", sa.Integer(), nullable=True),
        sa.Column("published_position", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_league")),
        sa.UniqueConstraint("key", name=op.f("uq_league_key")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("prefix", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("league_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["league_id"], ["league.id"], name=op.f("fk_api_key_league_id_league")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_key_hash")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_key_prefix")),
    )
    op.create_table(
        "fit",
        sa.Column("league_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("table_hash", sa.LargeBinary(), nullable=True),
        sa.Column("table", sa.LargeBinary(), nullable=True),
        sa.Column("uncertainty", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["league_id"], ["league.id"], name=op.f("fk_fit_league_id_league")),
        sa.PrimaryKeyConstraint("league_id", "number", name=op.f("pk_fit")),
    )
    op.create_table(
        "import",
        sa.Column("league_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("import_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["league_id"], ["league.id"], name=op.f("fk_import_league_id_league")),
        sa.PrimaryKeyConstraint("league_id", "import_id", name=op.f("pk_import")),
    )
    op.create_table(
        "refit",
        sa.Column("league_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["league_id"], ["league.id"], name=op.f("fk_refit_league_id_league")),
        sa.PrimaryKeyConstraint("league_id", "number", name=op.f("pk_refit")),
    )
    with op.batch_alter_table("refit", schema=None) as batch_op:
        batch_op.create_index(
            "uq_refit_running", ["league_id"], unique=True, sqlite_where=sa.text("status = 'running'"), postgresql_where=sa.text("status = 'running'")
        )
        batch_op.create_index(
            "uq_refit_waiting", ["league_id"], unique=True, sqlite_where=sa.text("status = 'waiting'"), postgresql_where=sa.text("status = 'waiting'")
        )


def downgrade() -> None:
    with op.batch_alter_table("refit", schema=None) as batch_op:
        batch_op.drop_index("uq_refit_waiting", sqlite_where=sa.text("status = 'waiting'"), postgresql_where=sa.text("status = 'waiting'"))
        batch_op.drop_index("uq_refit_running", sqlite_where=sa.text("status = 'running'"), postgresql_where=sa.text("status = 'running'"))

    op.drop_table("refit")
    op.drop_table("import")
    op.drop_table("fit")
    op.drop_table("api_key")
    op.drop_table("league")
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.drop_index("ix_entry_target", sqlite_where=sa.text("target IS NOT NULL"), postgresql_where=sa.text("target IS NOT NULL"))
        batch_op.drop_index("ix_entry_second")
        batch_op.drop_index("ix_entry_first")

    op.drop_table("entry")
    op.drop_table("competitor")

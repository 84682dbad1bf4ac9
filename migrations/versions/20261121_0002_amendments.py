"""Amendments: what corrections, merges and forgetting need, and the log in packed segments.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("competitor", sa.Column("commitment", sa.Text(), nullable=True))
    op.add_column("competitor", sa.Column("merged_into", sa.Integer(), nullable=True))
    op.add_column("league", sa.Column("amended_position", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("league", sa.Column("latest_played_at", sa.BigInteger(), nullable=True))
    op.add_column("league", sa.Column("latest_match_id", KEY, nullable=True))
    op.add_column("league", sa.Column("named_position", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "ix_entry_others",
        "entry",
        ["league_id", "position"],
        unique=False,
        sqlite_where=sa.text("kind <> 1"),
        postgresql_where=sa.text("kind <> 1"),
    )
    op.execute(
        "UPDATE league SET amended_position = coalesce("
        "(SELECT max(position) FROM entry WHERE entry.league_id = league.id AND entry.target IS NOT NULL), 0)"
    )
    op.create_table(
        "segment",
        sa.Column("league_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("matches", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["league_id"], ["league.id"], name=op.f("fk_segment_league_id_league")),
        sa.PrimaryKeyConstraint("league_id", "number", name=op.f("pk_segment")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("league_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("ratings", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["league_id"], ["league.id"], name=op.f("fk_checkpoint_league_id_league")),
        sa.PrimaryKeyConstraint("league_id", "digest", name=op.f("pk_checkpoint")),
    )


def downgrade() -> None:
    op.drop_table("checkpoint")
    op.drop_table("segment")
    op.drop_index("ix_entry_others", table_name="entry")
    for table, column in (
        ("league", "named_position"),
        ("league", "latest_match_id"),
        ("league", "latest_played_at"),
        ("league", "amended_position"),
        ("competitor", "merged_into"),
        ("competitor", "commitment"),
    ):
        op.drop_column(table, column)

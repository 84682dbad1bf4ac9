"""Totals of the pairs of large leagues, so that a refit need not read their matches again.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "totals",
        sa.Column("league_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sided", sa.Boolean(), nullable=False),
        sa.Column("totals", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["league_id"], ["league.id"], name=op.f("fk_totals_league_id_league")),
        sa.PrimaryKeyConstraint("league_id", name=op.f("pk_totals")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Their columns are as narrow as they can be; compressing them once more would take longer than writing them.
        op.execute("ALTER TABLE totals ALTER COLUMN totals SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("totals")

"""What a refit is at, whether it is to be cancelled, and where its matches were read.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refit", sa.Column("stage", sa.Text(), nullable=True))
    op.add_column("refit", sa.Column("stage_since", sa.BigInteger(), nullable=True))
    op.add_column("refit", sa.Column("cancel_asked_at", sa.BigInteger(), nullable=True))
    op.add_column("refit", sa.Column("read", sa.Text(), nullable=True))


def downgrade() -> None:
    for column in ("stage", "stage_since", "cancel_asked_at", "read"):
        op.drop_column("refit", column)

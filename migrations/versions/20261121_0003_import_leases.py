"""Import leases: who writes beyond a league's head, and until when.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("league", sa.Column("import_token", sa.Text(), nullable=True))
    op.add_column("league", sa.Column("import_until", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("league", "import_until")
    op.drop_column("league", "import_token")

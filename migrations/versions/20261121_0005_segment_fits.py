"""Refits of segments: which segment a refit is of, and one waiting per segment.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WAITING = sa.text("status = 'waiting'")


def upgrade() -> None:
    op.add_column("refit", sa.Column("conditions", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.drop_index("uq_refit_waiting", table_name="refit")
    op.create_index("uq_refit_waiting", "refit", ["league_id", "conditions"], unique=True, sqlite_where=WAITING, postgresql_where=WAITING)


def downgrade() -> None:
    op.drop_index("uq_refit_waiting", table_name="refit")
    op.execute(
        "DELETE FROM fit WHERE EXISTS (SELECT 1 FROM refit WHERE refit.league_id = fit.league_id AND refit.number = fit.number AND conditions <> '')"
    )
    op.execute("DELETE FROM refit WHERE conditions <> ''")
    op.create_index("uq_refit_waiting", "refit", ["league_id"], unique=True, sqlite_where=WAITING, postgresql_where=WAITING)
    op.drop_column("refit", "conditions")

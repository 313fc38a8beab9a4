"""deadlines of teams

Revision: 2026112325
Follows: 2026112320
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112325"
down_revision = "2026112320"
branch_labels = None
depends_on = None


def upgrade() -> None:
    awake = sa.text("wake_at IS NOT NULL")
    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deadlines_team_id_wake_at",
            ["team_id", "wake_at"],
            unique=False,
            postgresql_where=awake,
            sqlite_where=awake,
        )


def downgrade() -> None:
    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.drop_index("ix_deadlines_team_id_wake_at")

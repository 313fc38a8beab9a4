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

_NAME = "ix_deadlines_team_id_wake_at"


def upgrade() -> None:
    awake = sa.text("wake_at IS NOT NULL")
    with op.get_context().autocommit_block():
        # What an earlier try left half made holds nothing.
        op.drop_index(_NAME, "deadlines", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            _NAME,
            "deadlines",
            ["team_id", "wake_at"],
            postgresql_where=awake,
            sqlite_where=awake,
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(_NAME, "deadlines", if_exists=True, postgresql_concurrently=True)

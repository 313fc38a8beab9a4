"""shares of teams

Revision: 2026112320
Follows: 2026112315
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112320"
down_revision = "2026112315"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pending = sa.text("state IN ('due', 'sending')")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index(
            "ix_messages_team_id_next_attempt_at",
            ["team_id", "next_attempt_at"],
            unique=False,
            postgresql_where=pending,
            sqlite_where=pending,
        )


def downgrade() -> None:
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index("ix_messages_team_id_next_attempt_at")

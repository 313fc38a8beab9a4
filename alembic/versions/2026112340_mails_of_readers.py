"""mails of readers

Revision: 2026112340
Follows: 2026112335
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112340"
down_revision = "2026112335"
branch_labels = None
depends_on = None

_NAME = "ix_messages_of_readers"


def upgrade() -> None:
    pending = sa.text("state IN ('due', 'sending') AND channel = 'email'")
    with op.get_context().autocommit_block():
        # What an earlier try left half made holds nothing.
        op.drop_index(_NAME, "messages", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            _NAME,
            "messages",
            ["user_id", "next_attempt_at"],
            postgresql_where=pending,
            sqlite_where=pending,
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(_NAME, "messages", if_exists=True, postgresql_concurrently=True)

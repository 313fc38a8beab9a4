"""replays

Revision: 2026112285
Follows: 2026112280
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112285"
down_revision = "2026112280"
branch_labels = None
depends_on = None

_HELD = sa.text("state = 'held'")
_SENDING = sa.text("state = 'sending' AND endpoint_id IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(
            "ix_messages_sending", ["endpoint_id"], postgresql_where=_SENDING, sqlite_where=_SENDING
        )
        batch_op.create_index(
            "ix_messages_held", ["endpoint_id", "id"], postgresql_where=_HELD, sqlite_where=_HELD
        )


def downgrade() -> None:
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index("ix_messages_held")
        batch_op.drop_index("ix_messages_sending")
        batch_op.drop_column("replayed_at")

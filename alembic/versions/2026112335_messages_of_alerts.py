"""messages of alerts

Revision: 2026112335
Follows: 2026112330
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112335"
down_revision = "2026112330"
branch_labels = None
depends_on = None

_NAME = "ix_messages_alert_id"


def upgrade() -> None:
    _make(sa.text("alert_id IS NOT NULL"))


def downgrade() -> None:
    _make(None)


def _make(which: sa.TextClause | None) -> None:
    with op.get_context().autocommit_block():
        op.drop_index(_NAME, "messages", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            _NAME,
            "messages",
            ["alert_id"],
            postgresql_where=which,
            sqlite_where=which,
            postgresql_concurrently=True,
        )

"""messages in queues

Revision: 2026112335
Follows: 2026112330
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112335"
down_revision = "2026112330"
branch_labels = None
depends_on = None

_OF_ALERTS, _OF_READERS = "ix_messages_alert_id", "ix_messages_of_readers"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        _make(_OF_ALERTS, ["alert_id"], "alert_id IS NOT NULL")
        mails = "state IN ('due', 'sending') AND channel = 'email'"
        _make(_OF_READERS, ["user_id", "next_attempt_at"], mails)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        _drop(_OF_READERS)
        _make(_OF_ALERTS, ["alert_id"], None)


def _make(name: str, columns: list[str], which: str | None) -> None:
    """What an earlier try left half made holds nothing."""
    _drop(name)
    some = None if which is None else sa.text(which)
    op.create_index(
        name,
        "messages",
        columns,
        postgresql_where=some,
        sqlite_where=some,
        postgresql_concurrently=True,
    )


def _drop(name: str) -> None:
    op.drop_index(name, "messages", if_exists=True, postgresql_concurrently=True)

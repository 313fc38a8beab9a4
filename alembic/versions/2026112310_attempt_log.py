"""attempt log

Revision: 2026112310
Follows: 2026112305
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112310"
down_revision = "2026112305"
branch_labels = None
depends_on = None

_PATIENT = sa.text(
    "state IN ('due', 'sending') AND channel = 'email'"
    " AND event IN ('deadline.cancelled', 'reminder.due')"
)


def upgrade() -> None:
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("address", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("took_ms", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("asked_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("along_with", sa.String(), nullable=True))
        batch_op.create_index("ix_attempts_opened_at", ["opened_at"])
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked_by", sa.String(), nullable=True))
        batch_op.create_index(
            "ix_messages_patient",
            ["next_attempt_at"],
            postgresql_where=_PATIENT,
            sqlite_where=_PATIENT,
        )
    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("neared_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.drop_column("neared_at")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index("ix_messages_patient")
        batch_op.drop_column("asked_by")
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_index("ix_attempts_opened_at")
        batch_op.drop_column("along_with")
        batch_op.drop_column("asked_by")
        batch_op.drop_column("took_ms")
        batch_op.drop_column("address")

"""digests

Revision: 2026112245
Follows: 2026112240
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "2026112245"
down_revision = "2026112240"
branch_labels = None
depends_on = None

_HOURS = {"digest": "08:00", "exit_check": "18:00"}


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        for name, hour in _HOURS.items():
            batch_op.add_column(
                sa.Column(f"{name}_at", sa.String(), nullable=True, server_default=hour)
            )
            batch_op.add_column(
                sa.Column(f"{name}_wake_at", sa.DateTime(timezone=True), nullable=True)
            )
    for name in _HOURS:
        is_set = sa.text(f"{name}_wake_at IS NOT NULL")
        op.create_index(
            op.f(f"ix_users_{name}_wake_at"),
            "users",
            [f"{name}_wake_at"],
            postgresql_where=is_set,
            sqlite_where=is_set,
        )
        # Whoever is here already is looked at by the first round, which then knows the next hour.
        op.execute(f"UPDATE users SET {name}_wake_at = CURRENT_TIMESTAMP WHERE disabled_at IS NULL")

    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("listed", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"))
        )
    op.create_index(op.f("ix_messages_user_id_created_at"), "messages", ["user_id", "created_at"])

    with op.batch_alter_table("coverage_gaps", schema=None) as batch_op:
        batch_op.add_column(sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("coverage_gaps", schema=None) as batch_op:
        batch_op.drop_column("told_at")

    op.drop_index(op.f("ix_messages_user_id_created_at"), "messages")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_column("listed")

    for name in _HOURS:
        op.drop_index(op.f(f"ix_users_{name}_wake_at"), "users")
    with op.batch_alter_table("users", schema=None) as batch_op:
        for name in _HOURS:
            batch_op.drop_column(f"{name}_wake_at")
            batch_op.drop_column(f"{name}_at")

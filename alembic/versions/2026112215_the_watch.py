"""the watch

Revision: 2026112215
Follows: 2026112210
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "2026112215"
down_revision = "2026112210"
branch_labels = None
depends_on = None

_ASLEEP = "wake_at IS NULL AND lapsed_at IS NULL AND state IN ('provisional', 'open')"


def upgrade() -> None:
    op.create_table(
        "watches",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("well", sa.Boolean(), nullable=False),
        sa.Column(
            "findings", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("oldest_due_seconds", sa.Float(), nullable=False),
        sa.Column("ticked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watches")),
    )
    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deadlines_asleep",
            ["id"],
            unique=False,
            postgresql_where=sa.text(_ASLEEP),
            sqlite_where=sa.text(_ASLEEP),
        )


def downgrade() -> None:
    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_deadlines_asleep",
            postgresql_where=sa.text(_ASLEEP),
            sqlite_where=sa.text(_ASLEEP),
        )

    op.drop_table("watches")

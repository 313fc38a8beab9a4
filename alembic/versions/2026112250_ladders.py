"""ladders

Revision: 2026112250
Follows: 2026112245
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "2026112250"
down_revision = "2026112245"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    with op.batch_alter_table("escalation_policies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("default_for", json, nullable=True))
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("wrong_codes", sa.Integer(), nullable=False, server_default="0")
        )
    failing = sa.text("failing_since IS NOT NULL")
    for table in ("deadlines", "alerts"):
        since = sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True)
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(since)
            batch_op.create_index(
                f"ix_{table}_failing_since",
                ["failing_since"],
                unique=False,
                postgresql_where=failing,
                sqlite_where=failing,
            )


def downgrade() -> None:
    for table in ("deadlines", "alerts"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_index(f"ix_{table}_failing_since")
            batch_op.drop_column("failing_since")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_column("wrong_codes")
    with op.batch_alter_table("escalation_policies", schema=None) as batch_op:
        batch_op.drop_column("default_for")

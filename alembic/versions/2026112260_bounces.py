"""bounces

Revision: 2026112260
Follows: 2026112255
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112260"
down_revision = "2026112255"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        # Whoever is here already has been told by mail all along; new addresses are asked.
        batch_op.add_column(
            sa.Column(
                "address_state", sa.String(length=32), nullable=False, server_default="verified"
            )
        )
        batch_op.add_column(sa.Column("verification_id", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("soft_bounces", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("complained_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("bounce", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("bounce_status", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_column("bounced_at")
        batch_op.drop_column("bounce_status")
        batch_op.drop_column("bounce")

    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("complained_at")
        batch_op.drop_column("rests_until")
        batch_op.drop_column("soft_bounces")
        batch_op.drop_column("verification_id")
        batch_op.drop_column("address_state")

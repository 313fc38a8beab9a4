"""answers by link

Revision: 2026112225
Follows: 2026112220
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112225"
down_revision = "2026112220"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("strength", sa.String(32), nullable=False, server_default="api")
        )
        batch_op.add_column(
            sa.Column("suspect", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("client", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_responses_client"), ["client"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_responses_client"))
        batch_op.drop_column("withdrawn_at")
        batch_op.drop_column("client")
        batch_op.drop_column("suspect")
        batch_op.drop_column("strength")

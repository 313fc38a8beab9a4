"""calendar part

Revision: 2026112290
Follows: 2026112285
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112290"
down_revision = "2026112285"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("calendar_part", sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("calendar_part")

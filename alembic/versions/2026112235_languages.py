"""languages

Revision: 2026112235
Follows: 2026112230
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112235"
down_revision = "2026112230"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("language", sa.String(length=32), nullable=False, server_default="en")
        )


def downgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("language")

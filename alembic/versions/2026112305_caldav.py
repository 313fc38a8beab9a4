"""caldav

Revision: 2026112305
Follows: 2026112300
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112305"
down_revision = "2026112300"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("remote_records", sa.Column("sequence", sa.Integer()))
    op.add_column("endpoints", sa.Column("shown", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("endpoints", "shown")
    op.drop_column("remote_records", "sequence")

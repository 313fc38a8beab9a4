"""forecast of the day

Revision: 2026112330
Follows: 2026112325
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112330"
down_revision = "2026112325"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("installations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("forecast_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("installations", schema=None) as batch_op:
        batch_op.drop_column("forecast_at")

"""openpgp

Revision: 2026112275
Follows: 2026112270
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112275"
down_revision = "2026112270"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("openpgp_key", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("openpgp_fingerprint", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("openpgp_expires_at", sa.DateTime(timezone=True), nullable=True)
        )
        batch_op.add_column(sa.Column("openpgp_state", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("openpgp_verification_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("openpgp_former_key", sa.LargeBinary(), nullable=True))
        batch_op.add_column(
            sa.Column("openpgp_former_expires_at", sa.DateTime(timezone=True), nullable=True)
        )


def downgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("openpgp_former_expires_at")
        batch_op.drop_column("openpgp_former_key")
        batch_op.drop_column("openpgp_verification_id")
        batch_op.drop_column("openpgp_state")
        batch_op.drop_column("openpgp_expires_at")
        batch_op.drop_column("openpgp_fingerprint")
        batch_op.drop_column("openpgp_key")

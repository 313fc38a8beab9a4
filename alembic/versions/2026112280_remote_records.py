"""remote records

Revision: 2026112280
Follows: 2026112275
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112280"
down_revision = "2026112275"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "remote_records",
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["endpoints.id"], name=op.f("fk_remote_records_endpoint_id_endpoints")
        ),
        sa.PrimaryKeyConstraint("endpoint_id", "subject_id", name=op.f("pk_remote_records")),
    )


def downgrade() -> None:
    op.drop_table("remote_records")

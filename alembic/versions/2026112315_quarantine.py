"""quarantine

Revision: 2026112315
Follows: 2026112310
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112315"
down_revision = "2026112310"
branch_labels = None
depends_on = None


def upgrade() -> None:
    installations = op.create_table(
        "installations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("life", sa.String(), nullable=True),
        sa.Column("watches", sa.Integer(), nullable=False),
        sa.Column("quarantined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("because", sa.String(32), nullable=True),
        sa.Column("repeats_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("oldest_code", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installations")),
    )
    row = {"id": "installation", "watches": 0, "oldest_code": "2026112315"}
    op.bulk_insert(installations, [row])
    with op.batch_alter_table("escalations", schema=None) as batch_op:
        batch_op.create_index("ix_escalations_started_at", ["started_at"], unique=False)
    unclosed = sa.text("closed_at IS NULL")
    with op.batch_alter_table("coverage_gaps", schema=None) as batch_op:
        batch_op.create_index(
            "ix_coverage_gaps_open",
            ["id"],
            unique=False,
            postgresql_where=unclosed,
            sqlite_where=unclosed,
        )


def downgrade() -> None:
    with op.batch_alter_table("coverage_gaps", schema=None) as batch_op:
        batch_op.drop_index("ix_coverage_gaps_open")
    with op.batch_alter_table("escalations", schema=None) as batch_op:
        batch_op.drop_index("ix_escalations_started_at")
    op.drop_table("installations")

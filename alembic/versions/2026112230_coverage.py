"""coverage

Revision: 2026112230
Follows: 2026112227
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "2026112230"
down_revision = "2026112227"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coverage_gaps",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("deadline_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "roles", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["deadline_id"],
            ["deadlines.id"],
            name=op.f("fk_coverage_gaps_deadline_id_deadlines"),
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_coverage_gaps_team_id_teams")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage_gaps")),
        sa.UniqueConstraint(
            "deadline_id", "version", "step", name=op.f("uq_coverage_gaps_deadline_id_version_step")
        ),
    )
    with op.batch_alter_table("coverage_gaps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_coverage_gaps_team_id"), ["team_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("coverage_gaps", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_coverage_gaps_team_id"))

    op.drop_table("coverage_gaps")

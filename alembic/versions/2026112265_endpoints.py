"""endpoints

Revision: 2026112265
Follows: 2026112260
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "2026112265"
down_revision = "2026112260"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("endpoints", schema=None) as batch_op:
        batch_op.add_column(sa.Column("owner_id", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("format", sa.String(length=32), nullable=False, server_default="standard")
        )
        batch_op.add_column(
            sa.Column("detail", sa.String(length=32), nullable=False, server_default="dates")
        )
        batch_op.add_column(sa.Column("template", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("language", sa.String(length=32), nullable=False, server_default="en")
        )
        batch_op.add_column(
            sa.Column(
                "older_secrets",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                nullable=False,
                server_default="[]",
            )
        )
        batch_op.add_column(sa.Column("sealed_credentials", sa.LargeBinary(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "cases",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                nullable=False,
                server_default="[]",
            )
        )
        batch_op.add_column(
            sa.Column("critical_only", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("state_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("reason", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("alive_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("spared_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("probes", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("at_once", sa.Integer(), nullable=False, server_default="2"))
        batch_op.add_column(sa.Column("per_second", sa.Float(), nullable=False, server_default="5"))
        batch_op.add_column(sa.Column("paced_to", sa.Float(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("slow_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_foreign_key("fk_endpoints_owner_id_users", "users", ["owner_id"], ["id"])
    # Whoever was shown titles goes on being shown them.
    op.execute("UPDATE endpoints SET detail = 'full' WHERE level >= 2")


def downgrade() -> None:
    with op.batch_alter_table("endpoints", schema=None) as batch_op:
        batch_op.drop_constraint("fk_endpoints_owner_id_users", type_="foreignkey")
        batch_op.drop_column("slow_until")
        batch_op.drop_column("paced_to")
        batch_op.drop_column("per_second")
        batch_op.drop_column("at_once")
        batch_op.drop_column("probes")
        batch_op.drop_column("probe_at")
        batch_op.drop_column("told_at")
        batch_op.drop_column("spared_until")
        batch_op.drop_column("alive_at")
        batch_op.drop_column("failing_since")
        batch_op.drop_column("failures")
        batch_op.drop_column("reason")
        batch_op.drop_column("state_at")
        batch_op.drop_column("critical_only")
        batch_op.drop_column("cases")
        batch_op.drop_column("sealed_credentials")
        batch_op.drop_column("older_secrets")
        batch_op.drop_column("language")
        batch_op.drop_column("template")
        batch_op.drop_column("detail")
        batch_op.drop_column("format")
        batch_op.drop_column("owner_id")

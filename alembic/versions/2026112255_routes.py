"""routes

Revision: 2026112255
Follows: 2026112250
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112255"
down_revision = "2026112250"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("endpoints", schema=None) as batch_op:
        batch_op.add_column(sa.Column("user_id", sa.String(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_endpoints_user_id_users"), "users", ["user_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_endpoints_user_id"), ["user_id"], unique=False)

    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("about_user_id", sa.String(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_alerts_about_user_id_users"), "users", ["about_user_id"], ["id"]
        )

    op.create_table(
        "unreachable",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_unreachable_team_id_teams")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_unreachable_user_id_users")
        ),
        sa.PrimaryKeyConstraint("team_id", "user_id", name=op.f("pk_unreachable")),
    )
    with op.batch_alter_table("unreachable", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_unreachable_user_id"), ["user_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("unreachable", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_unreachable_user_id"))
    op.drop_table("unreachable")

    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_alerts_about_user_id_users"), type_="foreignkey")
        batch_op.drop_column("about_user_id")

    with op.batch_alter_table("endpoints", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_endpoints_user_id"))
        batch_op.drop_constraint(batch_op.f("fk_endpoints_user_id_users"), type_="foreignkey")
        batch_op.drop_column("user_id")

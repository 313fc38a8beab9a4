"""alerts

Revision: 2026112240
Follows: 2026112235
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112240"
down_revision = "2026112235"
branch_labels = None
depends_on = None

_ONE_SUBJECT = "(deadline_id IS NULL) <> (alert_id IS NULL)"
_AWAKE = sa.text("wake_at IS NOT NULL")
_ASLEEP = sa.text("wake_at IS NULL AND state = 'open'")
_PENDING_OF_ALERTS = sa.text("state IN ('due', 'sending') AND alert_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("raised_by", sa.String(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("escalation_policy_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("events_told", sa.Integer(), nullable=False),
        sa.Column("resolved_by", sa.String(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_because", sa.String(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_alerts_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["escalation_policy_id"],
            ["escalation_policies.id"],
            name=op.f("fk_alerts_escalation_policy_id_escalation_policies"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_alerts_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("team_id", "external_id", name=op.f("uq_alerts_team_id_external_id")),
    )
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alerts_team_id"), ["team_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_alerts_case_id"), ["case_id"], unique=False)
        batch_op.create_index(
            "ix_alerts_wake_at",
            ["wake_at"],
            unique=False,
            postgresql_where=_AWAKE,
            sqlite_where=_AWAKE,
        )
        batch_op.create_index(
            "ix_alerts_asleep", ["id"], unique=False, postgresql_where=_ASLEEP, sqlite_where=_ASLEEP
        )

    with op.batch_alter_table("escalations", schema=None) as batch_op:
        batch_op.alter_column("deadline_id", existing_type=sa.String(), nullable=True)
        batch_op.add_column(sa.Column("alert_id", sa.String(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_escalations_alert_id_alerts"), "alerts", ["alert_id"], ["id"]
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_escalations_alert_id_version"), ["alert_id", "version"]
        )
        batch_op.create_check_constraint(batch_op.f("ck_escalations_one_subject"), _ONE_SUBJECT)

    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.alter_column("deadline_id", existing_type=sa.String(), nullable=True)
        batch_op.add_column(sa.Column("alert_id", sa.String(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_responses_alert_id_alerts"), "alerts", ["alert_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_responses_alert_id"), ["alert_id"], unique=False)
        batch_op.create_check_constraint(batch_op.f("ck_responses_one_subject"), _ONE_SUBJECT)

    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("alert_id", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("drill", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_messages_alert_id_alerts"), "alerts", ["alert_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_messages_alert_id"), ["alert_id"], unique=False)
        batch_op.create_index(
            "ix_messages_of_alerts",
            ["next_attempt_at"],
            unique=False,
            postgresql_where=_PENDING_OF_ALERTS,
            sqlite_where=_PENDING_OF_ALERTS,
        )

    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("drill", sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    # What is about an alert cannot be kept without it.
    op.execute(
        "DELETE FROM attempts WHERE message_id IN "
        "(SELECT id FROM messages WHERE alert_id IS NOT NULL)"
    )
    for table in ("messages", "responses", "escalations"):
        op.execute(f"DELETE FROM {table} WHERE alert_id IS NOT NULL")

    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.drop_column("drill")

    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_messages_of_alerts",
            postgresql_where=_PENDING_OF_ALERTS,
            sqlite_where=_PENDING_OF_ALERTS,
        )
        batch_op.drop_index(batch_op.f("ix_messages_alert_id"))
        batch_op.drop_constraint(batch_op.f("fk_messages_alert_id_alerts"), type_="foreignkey")
        batch_op.drop_column("drill")
        batch_op.drop_column("alert_id")

    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_responses_one_subject"), type_="check")
        batch_op.drop_index(batch_op.f("ix_responses_alert_id"))
        batch_op.drop_constraint(batch_op.f("fk_responses_alert_id_alerts"), type_="foreignkey")
        batch_op.drop_column("alert_id")
        batch_op.alter_column("deadline_id", existing_type=sa.String(), nullable=False)

    with op.batch_alter_table("escalations", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_escalations_one_subject"), type_="check")
        batch_op.drop_constraint(batch_op.f("uq_escalations_alert_id_version"), type_="unique")
        batch_op.drop_constraint(batch_op.f("fk_escalations_alert_id_alerts"), type_="foreignkey")
        batch_op.drop_column("alert_id")
        batch_op.alter_column("deadline_id", existing_type=sa.String(), nullable=False)

    op.drop_table("alerts")

"""dates that move

Revision: 2026112210
Follows: 2026112202
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "2026112210"
down_revision = "2026112202"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "editions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_editions")),
    )
    op.create_table(
        "extensions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("deadline_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("requested_on", sa.Date(), nullable=False),
        sa.Column("asked_until_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("granted_until_on", sa.Date(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["deadline_id"], ["deadlines.id"], name=op.f("fk_extensions_deadline_id_deadlines")
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_extensions_team_id_teams")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extensions")),
    )
    with op.batch_alter_table("extensions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_extensions_deadline_id"), ["deadline_id"], unique=False
        )

    op.create_table(
        "reviews",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("deadline_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("old_on", sa.Date(), nullable=False),
        sa.Column("old_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("new_on", sa.Date(), nullable=True),
        sa.Column("new_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ask_again_on", sa.Date(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_because", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_reviews_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["deadline_id"], ["deadlines.id"], name=op.f("fk_reviews_deadline_id_deadlines")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_reviews_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reviews_deadline_id"), ["deadline_id"], unique=False)
        batch_op.create_index("ix_reviews_team_id", ["team_id", "id"], unique=False)
        batch_op.create_index(
            "uq_reviews_waiting",
            ["deadline_id"],
            unique=True,
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "tolling_periods",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("deadline_id", sa.String(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("entered_by", sa.String(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["deadline_id"], ["deadlines.id"], name=op.f("fk_tolling_periods_deadline_id_deadlines")
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_tolling_periods_team_id_teams")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tolling_periods")),
    )
    with op.batch_alter_table("tolling_periods", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_tolling_periods_deadline_id"), ["deadline_id"], unique=False
        )

    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.add_column(sa.Column("respondent_state", sa.String(), nullable=True))

    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("computed_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("computed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column(
                "stated", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True
            )
        )
        batch_op.add_column(sa.Column("tolled_since", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("lapsed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column(
                "earlier_dates",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                nullable=False,
                server_default="[]",
            )
        )
        batch_op.add_column(
            sa.Column("checked_against", sa.String(), nullable=False, server_default="")
        )
        batch_op.create_index(
            "ix_deadlines_checked_against",
            ["checked_against"],
            unique=False,
            postgresql_where=sa.text("state IN ('provisional', 'open', 'suspended')"),
            sqlite_where=sa.text("state IN ('provisional', 'open', 'suspended')"),
        )
        batch_op.create_index(
            batch_op.f("ix_deadlines_trigger_event_id"), ["trigger_event_id"], unique=False
        )

    with op.batch_alter_table("trigger_events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sent_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("service_method", sa.String(32), nullable=True))
        batch_op.add_column(sa.Column("facts_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("source_deadline_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("fate", sa.String(32), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_trigger_events_source_deadline_id"), ["source_deadline_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("trigger_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trigger_events_source_deadline_id"))
        batch_op.drop_column("fate")
        batch_op.drop_column("source_deadline_id")
        batch_op.drop_column("facts_on")
        batch_op.drop_column("service_method")
        batch_op.drop_column("sent_on")

    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deadlines_trigger_event_id"))
        batch_op.drop_index(
            "ix_deadlines_checked_against",
            postgresql_where=sa.text("state IN ('provisional', 'open', 'suspended')"),
            sqlite_where=sa.text("state IN ('provisional', 'open', 'suspended')"),
        )
        batch_op.drop_column("checked_against")
        batch_op.drop_column("earlier_dates")
        batch_op.drop_column("lapsed_at")
        batch_op.drop_column("tolled_since")
        batch_op.drop_column("stated")
        batch_op.drop_column("computed_at")
        batch_op.drop_column("computed_on")

    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.drop_column("respondent_state")

    with op.batch_alter_table("tolling_periods", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tolling_periods_deadline_id"))

    op.drop_table("tolling_periods")
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_reviews_waiting",
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        )
        batch_op.drop_index("ix_reviews_team_id")
        batch_op.drop_index(batch_op.f("ix_reviews_deadline_id"))

    op.drop_table("reviews")
    with op.batch_alter_table("extensions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_extensions_deadline_id"))

    op.drop_table("extensions")
    op.drop_table("editions")

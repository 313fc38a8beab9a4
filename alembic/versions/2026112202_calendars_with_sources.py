"""calendars with sources

Revision: 2026112202
Follows: 2026112201
"""

import sqlalchemy as sa

from alembic import op

revision = "2026112202"
down_revision = "2026112201"
branch_labels = None
depends_on = None

#: Until now every calendar was seeded from the library, under the library's own code.
_SEEDED = """
    UPDATE calendars SET based_on = code, number = (
        SELECT count(*) FROM calendars AS other
        WHERE other.code = calendars.code AND other.id <= calendars.id)
"""
_SOURCES = """
    UPDATE calendar_days SET source = (
        SELECT calendars.source FROM calendars WHERE calendars.id = calendar_days.calendar_id)
"""


def upgrade() -> None:
    with op.batch_alter_table("calendars", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("based_on", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("verified_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("note", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("entered_by", sa.String(), nullable=True))
    with op.batch_alter_table("calendar_days", schema=None) as batch_op:
        batch_op.add_column(sa.Column("source", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("entered_by", sa.String(), nullable=True))
    op.execute(_SEEDED)
    op.execute(_SOURCES)
    with op.batch_alter_table("calendars", schema=None) as batch_op:
        batch_op.alter_column("number", existing_type=sa.Integer(), nullable=False)
        batch_op.create_unique_constraint(
            batch_op.f("uq_calendars_code_number"), ["code", "number"]
        )
    with op.batch_alter_table("calendar_days", schema=None) as batch_op:
        batch_op.alter_column("source", existing_type=sa.String(), nullable=False)


def downgrade() -> None:
    """What the tables before could not say comes nearest to it: a closed day is a day off."""
    op.execute("UPDATE calendar_days SET kind = 'off' WHERE kind = 'closure'")
    op.execute("DELETE FROM calendar_days WHERE kind = 'ordinary'")
    with op.batch_alter_table("calendar_days", schema=None) as batch_op:
        batch_op.drop_column("entered_by")
        batch_op.drop_column("source")
    with op.batch_alter_table("calendars", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_calendars_code_number"), type_="unique")
        batch_op.drop_column("entered_by")
        batch_op.drop_column("note")
        batch_op.drop_column("verified_on")
        batch_op.drop_column("based_on")
        batch_op.drop_column("number")

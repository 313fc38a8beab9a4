"""feeds

Revision: 2026112300
Follows: 2026112290
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "2026112300"
down_revision = "2026112290"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def _new() -> list[sa.Column[Any]]:
    """Feeds that there are go on showing what they show, and for as long as new ones do."""
    return [
        sa.Column("previous_fingerprint", sa.String(), nullable=True),
        sa.Column("previous_until", _INSTANT, nullable=True),
        sa.Column("scope", sa.String(length=32), nullable=False, server_default="team"),
        sa.Column("case_id", sa.String(), nullable=True),
        sa.Column("kinds", _JSON, nullable=False, server_default="[]"),
        sa.Column("language", sa.String(length=32), nullable=True),
        sa.Column("tasks", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("alarms", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("fetchers", sa.String(length=32), nullable=True),
        sa.Column("touched", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("kept_of", sa.String(), nullable=True),
        sa.Column("kept_etag", sa.String(), nullable=True),
        sa.Column("kept_modified_at", _INSTANT, nullable=True),
        sa.Column("kept_until", _INSTANT, nullable=True),
        sa.Column("stale_told_at", _INSTANT, nullable=True),
        sa.Column("expires_at", _INSTANT, nullable=True),
    ]


def upgrade() -> None:
    with op.batch_alter_table("feeds", schema=None) as batch_op:
        for column in _new():
            batch_op.add_column(column)
        batch_op.create_foreign_key(
            batch_op.f("fk_feeds_case_id_cases"), "cases", ["case_id"], ["id"]
        )
    feeds = sa.table("feeds", sa.column("expires_at", _INSTANT))
    op.execute(feeds.update().values(expires_at=datetime.now(UTC) + timedelta(days=180)))
    with op.batch_alter_table("feeds", schema=None) as batch_op:
        batch_op.alter_column("expires_at", existing_type=_INSTANT, nullable=False)
        for column in _new():
            if column.server_default is not None:
                batch_op.alter_column(column.name, existing_type=column.type, server_default=None)
    op.create_table(
        "feed_readers",
        sa.Column("feed_id", sa.String(), nullable=False),
        sa.Column("family", sa.String(length=32), nullable=False),
        sa.Column("first_seen_at", _INSTANT, nullable=False),
        sa.Column("last_fetched_at", _INSTANT, nullable=True),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("usual_seconds", sa.Integer(), nullable=True),
        sa.Column("refused_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feeds.id"], name=op.f("fk_feed_readers_feed_id_feeds")
        ),
        sa.PrimaryKeyConstraint("feed_id", "family", name=op.f("pk_feed_readers")),
    )


def downgrade() -> None:
    op.drop_table("feed_readers")
    with op.batch_alter_table("feeds", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_feeds_case_id_cases"), type_="foreignkey")
        for column in reversed(_new()):
            batch_op.drop_column(column.name)

"""inbound

Revision: 2026112270
Follows: 2026112265
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "2026112270"
down_revision = "2026112265"
branch_labels = None
depends_on = None


def upgrade() -> None:
    document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "inbound_sources",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("recipe", sa.String(32), nullable=False),
        sa.Column("makes", sa.String(32), nullable=False),
        sa.Column("mapping", document, nullable=False),
        sa.Column("key_by", sa.String(32), nullable=False),
        sa.Column("id_pointer", sa.String(), nullable=True),
        sa.Column("only_if", document, nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_inbound_sources_team_id_teams")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_sources")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_inbound_sources_fingerprint")),
    )
    with op.batch_alter_table("inbound_sources", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inbound_sources_team_id"), ["team_id"], unique=False)

    op.create_table(
        "inbound_receipts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("body_hash", sa.String(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("made_id", sa.String(), nullable=True),
        sa.Column("case_id", sa.String(), nullable=True),
        sa.Column("deadlines", sa.Integer(), nullable=False),
        sa.Column("not_started", document, nullable=False),
        sa.Column("facts", document, nullable=False),
        sa.Column("changed_fields", document, nullable=False),
        sa.Column("changed_to", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("field", sa.String(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["inbound_sources.id"],
            name=op.f("fk_inbound_receipts_source_id_inbound_sources"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_receipts")),
        sa.UniqueConstraint("source_id", "key", name=op.f("uq_inbound_receipts_source_id_key")),
    )
    with op.batch_alter_table("inbound_receipts", schema=None) as batch_op:
        batch_op.create_index("ix_inbound_receipts_source_id_id", ["source_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_inbound_receipts_seen_at"), ["seen_at"], unique=False)


def downgrade() -> None:
    op.drop_table("inbound_receipts")
    op.drop_table("inbound_sources")

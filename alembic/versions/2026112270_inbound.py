"""inbound

Revision: 2026112270
Follows: 2026112265
"""

revision = "2026112270"
down_revision = "2026112265"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

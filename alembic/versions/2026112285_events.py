"""events

Revision: 2026112285
Follows: 2026112280
"""

revision = "2026112285"
down_revision = "2026112280"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

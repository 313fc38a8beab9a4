"""ladders

Revision: 2026112250
Follows: 2026112245
"""

revision = "2026112250"
down_revision = "2026112245"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

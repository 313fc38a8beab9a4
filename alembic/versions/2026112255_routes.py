"""routes

Revision: 2026112255
Follows: 2026112250
"""

revision = "2026112255"
down_revision = "2026112250"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

"""caldav

Revision: 2026112305
Follows: 2026112300
"""

revision = "2026112305"
down_revision = "2026112300"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

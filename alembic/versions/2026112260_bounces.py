"""bounces

Revision: 2026112260
Follows: 2026112255
"""

revision = "2026112260"
down_revision = "2026112255"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

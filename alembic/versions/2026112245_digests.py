"""digests

Revision: 2026112245
Follows: 2026112240
"""

revision = "2026112245"
down_revision = "2026112240"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

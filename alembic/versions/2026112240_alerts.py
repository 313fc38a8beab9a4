"""alerts

Revision: 2026112240
Follows: 2026112235
"""

revision = "2026112240"
down_revision = "2026112235"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

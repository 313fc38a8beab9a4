"""attempt log

Revision: 2026112310
Follows: 2026112305
"""

revision = "2026112310"
down_revision = "2026112305"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

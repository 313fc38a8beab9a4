"""remote records

Revision: 2026112280
Follows: 2026112275
"""

revision = "2026112280"
down_revision = "2026112275"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

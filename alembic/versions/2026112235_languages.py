"""languages

Revision: 2026112235
Follows: 2026112230
"""

revision = "2026112235"
down_revision = "2026112230"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

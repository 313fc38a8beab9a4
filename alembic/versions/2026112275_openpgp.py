"""openpgp

Revision: 2026112275
Follows: 2026112270
"""

revision = "2026112275"
down_revision = "2026112270"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

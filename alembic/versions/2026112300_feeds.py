"""feeds

Revision: 2026112300
Follows: 2026112290
"""

revision = "2026112300"
down_revision = "2026112290"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

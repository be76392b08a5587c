"""An approval tells whether it was given by one whom the policy asks."""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_levels"
down_revision = "2026_11_30_returns"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Programs of before leave it out: what they let approve counts as nobody's answer, and the second approval is asked for it.
    op.add_column("invoice_approval", sa.Column("answers", sa.Boolean, nullable=False, server_default=sa.false()), schema="billing")


def downgrade() -> None:
    op.drop_column("invoice_approval", "answers", schema="billing")

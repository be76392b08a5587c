"""A draft says who gave its account: whoever did may not verify it."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_account_givers"
down_revision = "2026_11_29_draft_queue"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Programs of before leave it out; of what they change, whoever brought the file in counts as the one who gave it.
    op.add_column("invoice_draft", sa.Column("account_by", sa.String), schema="billing")


def downgrade() -> None:
    op.drop_column("invoice_draft", "account_by", schema="billing")

"""A claim knows when a list's job took its step."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_12_01_list_steps"
down_revision = "2026_12_01_levels"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("work_assignment", sa.Column("effective_at", postgresql.TIMESTAMP(timezone=True)), schema="billing")


def downgrade() -> None:
    op.drop_column("work_assignment", "effective_at", schema="billing")

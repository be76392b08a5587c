"""How far invoices may be off where nothing was agreed with the supplier."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect

revision = "2026_11_28_tolerances"
down_revision = "2026_11_28_supplier_status"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "default_tolerance",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("percent", sa.Numeric(5, 2)),
        sa.Column("amounts", postgresql.JSONB, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("changed_by", sa.String, nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.String, nullable=False, server_default=sa.text("current_setting('trastienda.tenant')")),
        sa.UniqueConstraint("tenant_id", "version", name="uq_default_tolerance_tenant_id_version"),
        sa.CheckConstraint("percent >= 0", name="percent_is_positive"),
        schema="billing",
    )
    protect(op, "billing", "default_tolerance")


def downgrade() -> None:
    op.drop_table("default_tolerance", schema="billing")

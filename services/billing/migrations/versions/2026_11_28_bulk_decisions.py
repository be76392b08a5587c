"""What became of each invoice of a bulk decision."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect

revision = "2026_11_28_bulk_decisions"
down_revision = "2026_11_28_work_queue"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulk_outcome",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("invoice_id", sa.Uuid, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("status", sa.String),
        sa.Column("touch_us", sa.BigInteger, nullable=False),
        sa.Column("refusal", postgresql.JSONB),
        sa.Column("told_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.String, nullable=False, server_default=sa.text("current_setting('trastienda.tenant')")),
        sa.UniqueConstraint("tenant_id", "job_id", "position", name="uq_bulk_outcome_tenant_id_job_id_position"),
        sa.CheckConstraint("(outcome = 'refused') = (refusal IS NOT NULL)", name="refused_for_a_reason"),
        schema="billing",
    )
    protect(op, "billing", "bulk_outcome")
    op.create_index("ix_bulk_outcome_tenant_id_job_id_id", "bulk_outcome", ["tenant_id", "job_id", "id"], schema="billing")


def downgrade() -> None:
    op.drop_table("bulk_outcome", schema="billing")

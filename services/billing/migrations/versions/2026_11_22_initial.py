"""Supplier invoices and the kernel's tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import create_kernel_tables, protect

revision = "2026_11_22_initial"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_kernel_tables(op, "billing")
    op.create_table(
        "supplier_invoice",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.String, nullable=False, server_default=sa.text("current_setting('trastienda.tenant')")),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("supplier_tax_id", sa.String, nullable=False),
        sa.Column("supplier_name", sa.String, nullable=False),
        sa.Column("number", sa.String, nullable=False),
        sa.Column("number_key", sa.String, nullable=False),
        sa.Column("issue_date", sa.Date, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("currency", sa.String, nullable=False),
        sa.Column("net", sa.Numeric(18, 3), nullable=False),
        sa.Column("tax", sa.Numeric(18, 3), nullable=False),
        sa.Column("gross", sa.Numeric(18, 3), nullable=False),
        sa.Column("lines", postgresql.JSONB, nullable=False),
        sa.Column("vat_breakdown", postgresql.JSONB, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("status_since", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("registered_by", sa.String, nullable=False),
        sa.Column("registered_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String),
        sa.Column("decision_reason", sa.String),
        sa.Column("paid_on", sa.Date),
        sa.Column("payment_reference", sa.String),
        sa.UniqueConstraint("tenant_id", "supplier_tax_id", "number_key", name="uq_supplier_invoice_tenant_id_supplier_tax_id_number_key"),
        sa.CheckConstraint("gross = net + tax", name="ck_supplier_invoice_adds_up"),
        schema="billing",
    )
    op.create_index("ix_supplier_invoice_tenant_status", "supplier_invoice", ["tenant_id", "status", "id"], schema="billing")
    protect(op, "billing", "supplier_invoice")


def downgrade() -> None:
    op.execute("DROP SCHEMA billing CASCADE")

"""An invoice number may be on file again, when a person says why: the key counts the repeats."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect

revision = "2026_11_28_repeats"
down_revision = "2026_11_28_bulk_decisions"
branch_labels = None
depends_on = None

OLD = "uq_supplier_invoice_tenant_id_supplier_tax_id_number_key"
COLUMNS = ["tenant_id", "supplier_tax_id", "number_key"]


def upgrade() -> None:
    # Programs of before know no repeats: they insert with 0, and any conflict is a duplicate to them as it was.
    op.add_column("supplier_invoice", sa.Column("repeat", sa.Integer, nullable=False, server_default="0"), schema="billing")
    op.create_unique_constraint(f"{OLD}_repeat", "supplier_invoice", [*COLUMNS, "repeat"], schema="billing")
    op.drop_constraint(OLD, "supplier_invoice", schema="billing")
    op.create_table(
        "duplicate_override",
        sa.Column("invoice_id", sa.Uuid, primary_key=True),
        sa.Column("repeats_id", sa.Uuid, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("overridden_by", sa.String, nullable=False),
        sa.Column("overridden_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.String, nullable=False, server_default=sa.text("current_setting('trastienda.tenant')")),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.supplier_invoice.id"], name="fk_duplicate_override_invoice_id_supplier_invoice"),
        sa.ForeignKeyConstraint(["repeats_id"], ["billing.supplier_invoice.id"], name="fk_duplicate_override_repeats_id_supplier_invoice"),
        sa.CheckConstraint("invoice_id <> repeats_id", name="repeats_another"),
        schema="billing",
    )
    protect(op, "billing", "duplicate_override")


def downgrade() -> None:
    op.create_unique_constraint(OLD, "supplier_invoice", COLUMNS, schema="billing")  # fails while there are repeats
    op.drop_constraint(f"{OLD}_repeat", "supplier_invoice", schema="billing")
    op.drop_table("duplicate_override", schema="billing")
    op.drop_column("supplier_invoice", "repeat", schema="billing")

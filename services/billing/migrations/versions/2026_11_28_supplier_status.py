"""A supplier's invoices in the order in which they came."""

from alembic import op

revision = "2026_11_28_supplier_status"
down_revision = "2026_11_28_repeats"
branch_labels = None
depends_on = None

NAME = "ix_supplier_invoice_supplier_id_id"


def upgrade() -> None:
    op.create_index(NAME, "supplier_invoice", ["supplier_id", "id"], schema="billing")


def downgrade() -> None:
    op.drop_index(NAME, "supplier_invoice", schema="billing")

"""Drafts wait in the queue as invoices do, under the id that their invoice will have: no key leads to invoices any more."""

from alembic import op

revision = "2026_11_29_draft_queue"
down_revision = "2026_11_28_drafts"
branch_labels = None
depends_on = None

TABLES = ("work_assignment", "work_deadline")


def upgrade() -> None:
    for table in TABLES:
        op.drop_constraint(f"fk_{table}_invoice_id_supplier_invoice", table, schema="billing", type_="foreignkey")


def downgrade() -> None:
    # Fails while a draft that became no invoice was ever claimed, or has a day.
    for table in TABLES:
        op.create_foreign_key(
            f"fk_{table}_invoice_id_supplier_invoice", table, "supplier_invoice", ["invoice_id"], ["id"], source_schema="billing", referent_schema="billing"
        )

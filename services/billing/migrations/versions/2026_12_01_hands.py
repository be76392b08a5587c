"""Whoever completes a draft does not decide on the invoice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import roles_of

revision = "2026_12_01_hands"
down_revision = "2026_12_01_list_steps"
branch_labels = None
depends_on = None

COLUMNS = {"invoice_draft": "authors", "supplier_invoice": "prepared_by"}


def upgrade() -> None:
    # Who wrote on a draft before is known of its account alone; programs of before leave both out.
    for table, column in COLUMNS.items():
        op.add_column(table, sa.Column(column, postgresql.ARRAY(sa.String), nullable=False, server_default="{}"), schema="billing")
    op.execute(f"SET LOCAL ROLE {roles_of('billing')[1]}")  # row-level security is forced on the owner, too
    op.execute("UPDATE billing.invoice_draft SET authors = ARRAY[account_by] WHERE account_by IS NOT NULL")
    op.execute(
        "UPDATE billing.supplier_invoice i SET prepared_by = d.authors FROM billing.invoice_draft d "
        "WHERE d.invoice_id = i.id AND d.tenant_id = i.tenant_id AND d.account_by IS NOT NULL AND i.status IN ('registered', 'validated')"
    )
    op.execute("RESET ROLE")


def downgrade() -> None:
    for table, column in COLUMNS.items():
        op.drop_column(table, column, schema="billing")

"""Purchase orders, goods receipts, and what invoices bill of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect, roles_of

revision = "2026_11_27_matching"
down_revision = "2026_11_27_decisions"
branch_labels = None
depends_on = None

TENANT = sa.text("current_setting('trastienda.tenant')")
STAMP = postgresql.TIMESTAMP(timezone=True)


def table(name: str, *parts: sa.schema.SchemaItem) -> None:
    tenant = sa.Column("tenant_id", sa.String, nullable=False, server_default=TENANT)
    op.create_table(name, *parts, tenant, schema="billing")
    protect(op, "billing", name)


def refers(name: str, column: str, to: str, key: str = "id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"billing.{to}.{key}"], name=f"fk_{name}_{column}_{to}")


def index(name: str, *columns: str) -> None:
    op.create_index(f"ix_{name}_{'_'.join(columns)}", name, list(columns), schema="billing")


# What electronic invoices on file say (BT-13), so that they can be matched, too.
_BACKFILL = (
    "UPDATE billing.supplier_invoice i SET purchase_order = e.canonical ->> 'purchase_order' "
    "FROM billing.electronic_invoice e WHERE e.invoice_id = i.id AND e.canonical ? 'purchase_order'"
)


def upgrade() -> None:
    op.add_column("supplier_invoice", sa.Column("purchase_order", sa.String), schema="billing")
    op.execute(f"SET LOCAL ROLE {roles_of('billing')[1]}")  # row-level security is forced on the owner, too
    op.execute(sa.text(_BACKFILL))
    op.execute("RESET ROLE")
    create_orders()
    create_receipts()
    create_matches()


def create_orders() -> None:
    table(
        "purchase_order",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("number", sa.String, nullable=False),
        sa.Column("number_key", sa.String, nullable=False),
        sa.Column("supplier_tax_id", sa.String, nullable=False),
        sa.Column("currency", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("changed_at", STAMP, nullable=False),
        sa.Column("status_reason", sa.String),
        sa.Column("placed_by", sa.String, nullable=False),
        sa.Column("placed_at", STAMP, nullable=False),
        sa.UniqueConstraint("tenant_id", "number_key", name="uq_purchase_order_tenant_id_number_key"),
    )
    index("purchase_order", "tenant_id", "id")
    index("purchase_order", "tenant_id", "supplier_tax_id", "id")
    table(
        "order_line",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("reference", sa.String, nullable=False),
        sa.Column("description", sa.String, nullable=False),
        sa.Column("buyer_item", sa.String),
        sa.Column("seller_item", sa.String),
        sa.Column("standard_item", sa.String),
        sa.Column("quantity", sa.Numeric, nullable=False),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("unit_price", sa.Numeric, nullable=False),
        sa.Column("receipt_required", sa.Boolean, nullable=False),
        refers("order_line", "order_id", "purchase_order"),
        sa.UniqueConstraint("tenant_id", "order_id", "reference", name="uq_order_line_tenant_id_order_id_reference"),
        sa.CheckConstraint("quantity > 0 AND unit_price >= 0", name="plausible_figures"),
    )


def create_receipts() -> None:
    table(
        "goods_receipt",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("delivery_note", sa.String),
        sa.Column("received_on", sa.Date, nullable=False),
        sa.Column("recorded_by", sa.String, nullable=False),
        sa.Column("recorded_at", STAMP, nullable=False),
        sa.Column("reversed_by", sa.String),
        sa.Column("reversed_at", STAMP),
        sa.Column("reversal_reason", sa.String),
        refers("goods_receipt", "order_id", "purchase_order"),
        sa.CheckConstraint("(reversed_at IS NULL) = (reversed_by IS NULL)", name="reversed_by_somebody"),
    )
    index("goods_receipt", "tenant_id", "id")
    index("goods_receipt", "order_id", "id")
    table(
        "receipt_line",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("receipt_id", sa.Uuid, nullable=False),
        sa.Column("order_line_id", sa.Uuid, nullable=False),
        sa.Column("quantity", sa.Numeric, nullable=False),
        refers("receipt_line", "receipt_id", "goods_receipt"),
        refers("receipt_line", "order_line_id", "order_line"),
        sa.UniqueConstraint("tenant_id", "receipt_id", "order_line_id", name="uq_receipt_line_tenant_id_receipt_id_order_line_id"),
        sa.CheckConstraint("quantity > 0", name="something_came"),
    )
    index("receipt_line", "order_line_id")


def create_matches() -> None:
    table(
        "invoice_match",
        sa.Column("invoice_id", sa.Uuid, primary_key=True),
        sa.Column("order_keys", postgresql.ARRAY(sa.String), nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("outcome", postgresql.JSONB, nullable=False),
        sa.Column("matched_at", STAMP, nullable=False),
        refers("invoice_match", "invoice_id", "supplier_invoice"),
    )
    op.create_index("ix_invoice_match_order_keys", "invoice_match", ["order_keys"], schema="billing", postgresql_using="gin")
    table(
        "matched_quantity",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("invoice_id", sa.Uuid, nullable=False),
        sa.Column("order_line_id", sa.Uuid, nullable=False),
        sa.Column("quantity", sa.Numeric, nullable=False),
        refers("matched_quantity", "invoice_id", "supplier_invoice"),
        refers("matched_quantity", "order_line_id", "order_line"),
    )
    index("matched_quantity", "order_line_id")
    index("matched_quantity", "invoice_id")


def downgrade() -> None:
    for name in ("matched_quantity", "invoice_match", "receipt_line", "goods_receipt", "order_line", "purchase_order"):
        op.drop_table(name, schema="billing")
    op.drop_column("supplier_invoice", "purchase_order", schema="billing")

"""Electronic invoices on file, suppliers, holds and near duplicates."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect, roles_of

revision = "2026_11_26_intake"
down_revision = "2026_11_22_initial"
branch_labels = None
depends_on = None

TENANT = sa.text("current_setting('trastienda.tenant')")
STAMP = postgresql.TIMESTAMP(timezone=True)

# Suppliers of the invoices on file: one per tax number, named as on its last invoice. Their lines' digest is one that no
# invoice has, so that they are near duplicates by number, amount and day alone.
_BACKFILL = (
    "INSERT INTO billing.supplier_tax_id (id, tenant_id, tax_id, supplier_id) "
    "SELECT uuidv7(), tenant_id, supplier_tax_id, uuidv7() FROM billing.supplier_invoice GROUP BY 2, 3",
    "INSERT INTO billing.supplier (id, tenant_id, version, name, aliases, known_since) "
    "SELECT DISTINCT ON (t.supplier_id) t.supplier_id, t.tenant_id, 1, i.supplier_name, '{}', "
    "min(i.registered_at) OVER (PARTITION BY t.supplier_id) "
    "FROM billing.supplier_tax_id t JOIN billing.supplier_invoice i "
    "ON i.tenant_id = t.tenant_id AND i.supplier_tax_id = t.tax_id ORDER BY t.supplier_id, i.id DESC",
    "UPDATE billing.supplier_invoice i SET supplier_id = t.supplier_id, origin = 'keyed', is_credit_note = false, "
    "lines_key = '', number_trace = replace(translate("
    "regexp_replace(upper(i.number), '[^A-Z0-9]', '', 'g'), 'OIL', '011'), '0', '') "
    "FROM billing.supplier_tax_id t WHERE i.tenant_id = t.tenant_id AND i.supplier_tax_id = t.tax_id",
)


def table(name: str, *parts: sa.schema.SchemaItem) -> None:
    tenant = sa.Column("tenant_id", sa.String, nullable=False, server_default=TENANT)
    op.create_table(name, *parts, tenant, schema="billing")
    protect(op, "billing", name)


def upgrade() -> None:
    create_suppliers()
    extend_invoices()
    table(
        "supplier_account",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("supplier_id", sa.Uuid, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("is_change", sa.Boolean, nullable=False),
        sa.Column("first_invoice_id", sa.Uuid, nullable=False),
        sa.Column("first_seen_at", STAMP, nullable=False),
        sa.Column("brought_by", sa.String, nullable=False),
        sa.Column("verified_by", sa.String),
        sa.Column("verified_at", STAMP),
        sa.ForeignKeyConstraint(["supplier_id"], ["billing.supplier.id"], name="fk_supplier_account_supplier_id_supplier"),
        sa.ForeignKeyConstraint(["first_invoice_id"], ["billing.supplier_invoice.id"], name="fk_supplier_account_first_invoice_id_supplier_invoice"),
        sa.UniqueConstraint("tenant_id", "supplier_id", "account", name="uq_supplier_account_tenant_id_supplier_id_account"),
        sa.CheckConstraint("(verified_by IS NULL) = (verified_at IS NULL)", name="verified_by_somebody"),
    )
    create_intake()
    create_holds()


def create_suppliers() -> None:
    table(
        "supplier",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("aliases", postgresql.ARRAY(sa.String), nullable=False),
        sa.Column("terms_days", sa.Integer),
        sa.Column("tolerance_percent", sa.Numeric(5, 2)),
        sa.Column("tolerance_amount", sa.Numeric(18, 3)),
        sa.Column("known_since", STAMP, nullable=False),
        sa.CheckConstraint("terms_days BETWEEN 0 AND 365", name="plausible_terms"),
        sa.CheckConstraint("tolerance_percent >= 0 AND tolerance_amount >= 0", name="tolerances_are_positive"),
    )
    op.create_index("ix_supplier_tenant_id_id", "supplier", ["tenant_id", "id"], schema="billing")
    table(
        "supplier_tax_id",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tax_id", sa.String, nullable=False),
        sa.Column("supplier_id", sa.Uuid, nullable=False),
        sa.ForeignKeyConstraint(["supplier_id"], ["billing.supplier.id"], name="fk_supplier_tax_id_supplier_id_supplier", deferrable=True, initially="DEFERRED"),
        sa.UniqueConstraint("tenant_id", "tax_id", name="uq_supplier_tax_id_tenant_id_tax_id"),
    )
    op.create_index("ix_supplier_tax_id_supplier_id", "supplier_tax_id", ["supplier_id"], schema="billing")


def extend_invoices() -> None:
    added = {"origin": sa.String, "is_credit_note": sa.Boolean, "supplier_id": sa.Uuid, "number_trace": sa.String, "lines_key": sa.String}
    for name, kind in added.items():
        op.add_column("supplier_invoice", sa.Column(name, kind), schema="billing")
    op.add_column("supplier_invoice", sa.Column("references_key", sa.String), schema="billing")
    op.execute(f"SET LOCAL ROLE {roles_of('billing')[1]}")  # row-level security is forced on the owner, too
    for statement in _BACKFILL:
        op.execute(statement)
    op.execute("RESET ROLE")
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is deferred would keep the tables from being changed
    for name in added:
        op.alter_column("supplier_invoice", name, nullable=False, schema="billing")
    for name in ("net", "tax", "gross"):
        op.alter_column("supplier_invoice", name, type_=sa.Numeric, schema="billing")
    # The convention for names was applied to one that had its prefix already.
    op.drop_constraint(op.f("ck_supplier_invoice_ck_supplier_invoice_adds_up"), "supplier_invoice", schema="billing")
    op.create_check_constraint("adds_up", "supplier_invoice", "origin = 'electronic' OR gross = net + tax", schema="billing")
    op.create_foreign_key("fk_supplier_invoice_supplier_id_supplier", "supplier_invoice", "supplier", ["supplier_id"], ["id"], source_schema="billing", referent_schema="billing")
    op.create_index("ix_supplier_invoice_supplier_id_number_trace", "supplier_invoice", ["supplier_id", "number_trace"], schema="billing")
    op.create_index("ix_supplier_invoice_supplier_id_gross_issue_date", "supplier_invoice", ["supplier_id", "gross", "issue_date"], schema="billing")


def create_intake() -> None:
    table(
        "electronic_invoice",
        sa.Column("invoice_id", sa.Uuid, primary_key=True),
        sa.Column("format", sa.String, nullable=False),
        sa.Column("attachment", sa.String),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("rule_sets", postgresql.JSONB, nullable=False),
        sa.Column("findings", postgresql.JSONB, nullable=False),
        sa.Column("omitted_findings", sa.Integer, nullable=False),
        sa.Column("canonical", postgresql.JSONB, nullable=False),
        sa.Column("due_date_source", sa.String, nullable=False),
        sa.Column("object_key", sa.String, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("received_at", STAMP, nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.supplier_invoice.id"], name="fk_electronic_invoice_invoice_id_supplier_invoice"),
    )
    table(
        "pending_original",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("object_key", sa.String, nullable=False),
        sa.Column("dead_at", STAMP, nullable=False, server_default=sa.text("now() + interval '15 minutes'")),
    )
    op.create_index("ix_pending_original_dead_at", "pending_original", ["dead_at"], schema="billing")
    table(
        "batch_file",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("invoice_id", sa.Uuid),
        sa.Column("verdict", sa.String),
        sa.Column("holds", postgresql.ARRAY(sa.String), nullable=False),
        sa.Column("refusal", postgresql.JSONB),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.supplier_invoice.id"], name="fk_batch_file_invoice_id_supplier_invoice"),
        sa.UniqueConstraint("tenant_id", "job_id", "position", name="uq_batch_file_tenant_id_job_id_position"),
        sa.CheckConstraint("(invoice_id IS NULL) <> (refusal IS NULL)", name="on_file_or_refused"),
    )


def create_holds() -> None:
    table(
        "invoice_hold",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("invoice_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("details", postgresql.JSONB, nullable=False),
        sa.Column("raised_at", STAMP, nullable=False),
        sa.Column("released_at", STAMP),
        sa.Column("released_by", sa.String),
        sa.Column("reason", sa.String),
        sa.Column("scope", sa.String),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.supplier_invoice.id"], name="fk_invoice_hold_invoice_id_supplier_invoice"),
        sa.CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="released_by_somebody"),
    )
    op.create_index("ix_invoice_hold_tenant_id_invoice_id", "invoice_hold", ["tenant_id", "invoice_id"], schema="billing")
    op.create_index(
        "ix_invoice_hold_account",
        "invoice_hold",
        [sa.text("(details ->> 'account_id')")],
        postgresql_where=sa.text("released_at IS NULL AND kind = 'account-changed'"),
        schema="billing",
    )
    table(
        "duplicate_exemption",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("supplier_id", sa.Uuid, nullable=False),
        sa.Column("sign", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("granted_by", sa.String, nullable=False),
        sa.Column("granted_at", STAMP, nullable=False),
        sa.ForeignKeyConstraint(["supplier_id"], ["billing.supplier.id"], name="fk_duplicate_exemption_supplier_id_supplier"),
        sa.UniqueConstraint("tenant_id", "supplier_id", "sign", name="uq_duplicate_exemption_tenant_id_supplier_id_sign"),
    )


def downgrade() -> None:
    # Fails where figures on file do not add up: only an electronic invoice may say such.
    for name in ("batch_file", "duplicate_exemption", "invoice_hold", "pending_original", "electronic_invoice", "supplier_account"):
        op.drop_table(name, schema="billing")
    op.drop_constraint(op.f("ck_supplier_invoice_adds_up"), "supplier_invoice", schema="billing")
    op.create_check_constraint("ck_supplier_invoice_adds_up", "supplier_invoice", "gross = net + tax", schema="billing")
    for name in ("net", "tax", "gross"):
        op.alter_column("supplier_invoice", name, type_=sa.Numeric(18, 3), schema="billing")
    for name in ("supplier_id", "origin", "is_credit_note", "number_trace", "lines_key", "references_key"):
        op.drop_column("supplier_invoice", name, schema="billing")
    for name in ("supplier_tax_id", "supplier"):
        op.drop_table(name, schema="billing")

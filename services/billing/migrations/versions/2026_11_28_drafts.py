"""Drafts: plain PDF invoices that a person completes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect, roles_of

revision = "2026_11_28_drafts"
down_revision = "2026_11_28_search"
branch_labels = None
depends_on = None

TENANT = sa.text("current_setting('trastienda.tenant')")
STAMP = postgresql.TIMESTAMP(timezone=True)

# As `normalise_tax_id` has it: no punctuation, capitals, a Spanish number without its country.
_BACKFILL = (
    "UPDATE billing.electronic_invoice SET buyer_tax_id = regexp_replace(plain, '^ES([A-Z0-9][0-9]{7}[A-Z0-9])$', '\\1') "
    "FROM (SELECT invoice_id AS id, regexp_replace(upper(canonical #>> '{buyer,vat_identifier}'), '[^A-Z0-9]', '', 'g') AS plain "
    "FROM billing.electronic_invoice) said WHERE said.id = invoice_id AND length(plain) BETWEEN 1 AND 64"
)


def upgrade() -> None:
    op.create_table(
        "invoice_draft",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("pages", sa.Integer, nullable=False),
        sa.Column("pages_read", sa.Integer, nullable=False),
        sa.Column("has_text", sa.Boolean, nullable=False),
        sa.Column("language", sa.String),
        sa.Column("reading", postgresql.JSONB, nullable=False),
        sa.Column("given", postgresql.JSONB, nullable=False),
        sa.Column("object_key", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("received_by", sa.String, nullable=False),
        sa.Column("received_at", STAMP, nullable=False),
        sa.Column("settled_by", sa.String),
        sa.Column("settled_at", STAMP),
        sa.Column("reason", sa.String),
        sa.Column("invoice_id", sa.Uuid),
        sa.Column("tenant_id", sa.String, nullable=False, server_default=TENANT),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.supplier_invoice.id"], name="fk_invoice_draft_invoice_id_supplier_invoice"),
        sa.CheckConstraint("(state = 'registered') = (invoice_id IS NOT NULL)", name="registered_as_an_invoice"),
        sa.CheckConstraint("invoice_id = id", name="one_case"),
        sa.CheckConstraint("(state = 'open') = (settled_by IS NULL)", name="settled_by_somebody"),
        sa.CheckConstraint("(state = 'discarded') = (reason IS NOT NULL)", name="discarded_for_a_reason"),
        schema="billing",
    )
    protect(op, "billing", "invoice_draft")
    op.create_index(
        "ix_invoice_draft_file", "invoice_draft", ["tenant_id", "sha256"], unique=True, postgresql_where=sa.text("state <> 'discarded'"), schema="billing"
    )
    op.create_index("ix_invoice_draft_tenant_id_state_id", "invoice_draft", ["tenant_id", "state", "id"], schema="billing")
    add_buyers()


def add_buyers() -> None:
    op.add_column("electronic_invoice", sa.Column("buyer_tax_id", sa.String), schema="billing")
    op.execute(f"SET LOCAL ROLE {roles_of('billing')[1]}")  # row-level security is forced on the owner, too
    op.execute(_BACKFILL)
    op.execute("RESET ROLE")
    op.create_index("ix_electronic_invoice_tenant_id_buyer_tax_id", "electronic_invoice", ["tenant_id", "buyer_tax_id"], schema="billing")


def downgrade() -> None:
    # Fails while there are drafts: their originals would be nobody's.
    op.execute(f"SET LOCAL ROLE {roles_of('billing')[1]}")  # row-level security is forced on the owner, too
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM billing.invoice_draft) "
        "THEN RAISE EXCEPTION 'drafts would be lost, and their originals would be nobody''s'; END IF; END $$"
    )
    op.execute("RESET ROLE")
    op.drop_index("ix_electronic_invoice_tenant_id_buyer_tax_id", "electronic_invoice", schema="billing")
    op.drop_column("electronic_invoice", "buyer_tax_id", schema="billing")
    op.drop_table("invoice_draft", schema="billing")

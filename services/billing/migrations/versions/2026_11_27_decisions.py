"""Policies that decide about invoices, what they decided, and each person's approval."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect, roles_of

revision = "2026_11_27_decisions"
down_revision = "2026_11_26_intake"
branch_labels = None
depends_on = None

TENANT = sa.text("current_setting('trastienda.tenant')")
STAMP = postgresql.TIMESTAMP(timezone=True)


def table(name: str, *parts: sa.schema.SchemaItem) -> None:
    tenant = sa.Column("tenant_id", sa.String, nullable=False, server_default=TENANT)
    op.create_table(name, *parts, tenant, schema="billing")
    protect(op, "billing", name)


def upgrade() -> None:
    add_approvals()
    add_policies()
    add_simulations()


def add_approvals() -> None:
    op.add_column("supplier_invoice", sa.Column("approvals", sa.Integer, nullable=False, server_default="0"), schema="billing")
    op.add_column("supplier_invoice", sa.Column("approvals_needed", sa.Integer), schema="billing")
    table(
        "invoice_approval",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("invoice_id", sa.Uuid, nullable=False),
        sa.Column("approved_by", sa.String, nullable=False),
        sa.Column("approved_at", STAMP, nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.supplier_invoice.id"], name="fk_invoice_approval_invoice_id_supplier_invoice"),
        sa.UniqueConstraint("tenant_id", "invoice_id", "approved_by", name="uq_invoice_approval_tenant_id_invoice_id_approved_by"),
    )


def add_policies() -> None:
    table(
        "decision_policy",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("content", postgresql.JSONB, nullable=False),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("authors", postgresql.ARRAY(sa.String), nullable=False),
        sa.Column("written_at", STAMP, nullable=False),
        sa.Column("activated_by", sa.String),
        sa.Column("activated_at", STAMP),
        sa.Column("retired_at", STAMP),
        sa.UniqueConstraint("tenant_id", "number", name="uq_decision_policy_tenant_id_number"),
        sa.CheckConstraint("(state = 'draft') = (activated_by IS NULL)", name="activated_by_somebody"),
        sa.CheckConstraint("activated_by IS NULL OR NOT activated_by = ANY (authors)", name="four_eyes"),
    )
    op.create_index(
        "ix_decision_policy_active", "decision_policy", ["tenant_id"], unique=True, postgresql_where=sa.text("state = 'active'"), schema="billing"
    )
    table(
        "invoice_decision",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("invoice_id", sa.Uuid, nullable=False),
        sa.Column("policy_id", sa.Uuid, nullable=False),
        sa.Column("policy_number", sa.Integer, nullable=False),
        sa.Column("rule", sa.String),
        sa.Column("occasion", sa.String, nullable=False),
        sa.Column("outcome", postgresql.JSONB, nullable=False),
        sa.Column("withheld", postgresql.ARRAY(sa.String), nullable=False),
        sa.Column("facts", postgresql.JSONB, nullable=False),
        sa.Column("decided_at", STAMP, nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.supplier_invoice.id"], name="fk_invoice_decision_invoice_id_supplier_invoice"),
        sa.ForeignKeyConstraint(["policy_id"], ["billing.decision_policy.id"], name="fk_invoice_decision_policy_id_decision_policy"),
    )
    op.create_index("ix_invoice_decision_tenant_id_invoice_id_id", "invoice_decision", ["tenant_id", "invoice_id", "id"], schema="billing")
    op.create_index("ix_supplier_invoice_tenant_id_registered_at", "supplier_invoice", ["tenant_id", "registered_at"], schema="billing")


def add_simulations() -> None:
    table(
        "decision_simulation",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("policy_id", sa.Uuid, nullable=False),
        sa.Column("policy_number", sa.Integer, nullable=False),
        sa.Column("policy_version", sa.Integer, nullable=False),
        sa.Column("registered_from", sa.Date, nullable=False),
        sa.Column("registered_to", sa.Date, nullable=False),
        sa.Column("counts", postgresql.JSONB, nullable=False),
        sa.Column("simulated_by", sa.String, nullable=False),
        sa.Column("simulated_at", STAMP, nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["billing.decision_policy.id"], name="fk_decision_simulation_policy_id_decision_policy"),
    )
    op.create_index("ix_decision_simulation_tenant_id_policy_id_id", "decision_simulation", ["tenant_id", "policy_id", "id"], schema="billing")
    table(
        "simulated_decision",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("simulation_id", sa.Uuid, nullable=False),
        sa.Column("invoice_id", sa.Uuid, nullable=False),
        sa.Column("rule", sa.String),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("withheld", postgresql.ARRAY(sa.String), nullable=False),
        sa.Column("happened", sa.String, nullable=False),
        sa.Column("by_rule", sa.Boolean, nullable=False),
        sa.Column("difference", sa.String, nullable=False),
        sa.ForeignKeyConstraint(["simulation_id"], ["billing.decision_simulation.id"], name="fk_simulated_decision_simulation_id_decision_simulation"),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.supplier_invoice.id"], name="fk_simulated_decision_invoice_id_supplier_invoice"),
    )
    op.create_index("ix_simulated_decision_tenant_id_simulation_id_id", "simulated_decision", ["tenant_id", "simulation_id", "id"], schema="billing")


def downgrade() -> None:
    # Fails while an invoice has some of its approvals: what two people began would be left to one.
    op.execute(f"SET LOCAL ROLE {roles_of('billing')[1]}")  # row-level security is forced on the owner, too
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM billing.supplier_invoice WHERE status = 'validated' AND approvals > 0) "
        "THEN RAISE EXCEPTION 'invoices wait for their second approval: approve or reject them first'; END IF; END $$"
    )
    op.execute("RESET ROLE")
    for name in ("simulated_decision", "decision_simulation", "invoice_decision", "decision_policy", "invoice_approval"):
        op.drop_table(name, schema="billing")
    op.drop_index("ix_supplier_invoice_tenant_id_registered_at", "supplier_invoice", schema="billing")
    for name in ("approvals_needed", "approvals"):
        op.drop_column("supplier_invoice", name, schema="billing")

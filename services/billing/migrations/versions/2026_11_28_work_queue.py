"""Who has an invoice that waits, and by when it is to be decided."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect

revision = "2026_11_28_work_queue"
down_revision = "2026_11_27_matching"
branch_labels = None
depends_on = None

TENANT = sa.text("current_setting('trastienda.tenant')")
STAMP = postgresql.TIMESTAMP(timezone=True)


def table(name: str, *parts: sa.schema.SchemaItem) -> None:
    tenant = sa.Column("tenant_id", sa.String, nullable=False, server_default=TENANT)
    op.create_table(name, *parts, tenant, schema="billing")
    protect(op, "billing", name)


def upgrade() -> None:
    table(
        "work_assignment",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("invoice_id", sa.Uuid, nullable=False),
        sa.Column("assignee", sa.String, nullable=False),
        sa.Column("assigned_by", sa.String, nullable=False),
        sa.Column("assigned_at", STAMP, nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("claimed_at", STAMP),
        sa.Column("worked_until", STAMP),
        sa.Column("ended_at", STAMP),
        sa.Column("ending", sa.String),
        sa.Column("note", sa.String),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.supplier_invoice.id"], name="fk_work_assignment_invoice_id_supplier_invoice"),
        sa.CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="ended_somehow"),
        sa.CheckConstraint("worked_until IS NULL OR claimed_at IS NOT NULL", name="worked_after_a_claim"),
    )
    op.create_index(
        "ix_work_assignment_open", "work_assignment", ["tenant_id", "invoice_id"], unique=True,
        postgresql_where=sa.text("ended_at IS NULL"), schema="billing",
    )
    op.create_index("ix_work_assignment_tenant_id_invoice_id_id", "work_assignment", ["tenant_id", "invoice_id", "id"], schema="billing")
    op.create_index(
        "ix_work_assignment_worked", "work_assignment", ["tenant_id", "assignee", "worked_until"],
        postgresql_where=sa.text("worked_until IS NOT NULL"), schema="billing",
    )
    table(
        "work_deadline",
        sa.Column("invoice_id", sa.Uuid, primary_key=True),
        sa.Column("due_by", sa.Date, nullable=False),
        sa.Column("set_by", sa.String, nullable=False),
        sa.Column("set_at", STAMP, nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.supplier_invoice.id"], name="fk_work_deadline_invoice_id_supplier_invoice"),
    )
    # Few holds are open at a time, among all there ever were.
    op.create_index(
        "ix_invoice_hold_open", "invoice_hold", ["tenant_id", "invoice_id"], postgresql_where=sa.text("released_at IS NULL"), schema="billing"
    )


def downgrade() -> None:
    op.drop_index("ix_invoice_hold_open", "invoice_hold", schema="billing")
    for name in ("work_deadline", "work_assignment"):
        op.drop_table(name, schema="billing")

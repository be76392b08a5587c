"""A part of a delivery goes back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import protect

revision = "2026_11_30_returns"
down_revision = "2026_11_30_batch_drafts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # To programs of before all that came is still here: their matches are made again with the next change of the order.
    op.add_column("receipt_line", sa.Column("returned", sa.Numeric, nullable=False, server_default="0"), schema="billing")
    op.create_check_constraint("no_more_returned_than_came", "receipt_line", "returned BETWEEN 0 AND quantity", schema="billing")
    op.create_table(
        "goods_return",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("receipt_id", sa.Uuid, nullable=False),
        sa.Column("lines", postgresql.JSONB, nullable=False),
        sa.Column("returned_on", sa.Date, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("recorded_by", sa.String, nullable=False),
        sa.Column("recorded_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.String, nullable=False, server_default=sa.text("current_setting('trastienda.tenant')")),
        sa.ForeignKeyConstraint(["receipt_id"], ["billing.goods_receipt.id"], name="fk_goods_return_receipt_id_goods_receipt"),
        schema="billing",
    )
    protect(op, "billing", "goods_return")
    op.create_index("ix_goods_return_receipt_id_id", "goods_return", ["receipt_id", "id"], schema="billing")


def downgrade() -> None:
    op.drop_table("goods_return", schema="billing")
    op.drop_constraint(op.f("ck_receipt_line_no_more_returned_than_came"), "receipt_line", schema="billing")
    op.drop_column("receipt_line", "returned", schema="billing")

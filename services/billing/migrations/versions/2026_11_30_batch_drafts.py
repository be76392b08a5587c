"""A plain PDF in a batch becomes a draft."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_batch_drafts"
down_revision = "2026_11_29_account_givers"
branch_labels = None
depends_on = None

OLD = "ck_batch_file_on_file_or_refused"
KEY = "fk_batch_file_draft_id_invoice_draft"


def upgrade() -> None:
    op.add_column("batch_file", sa.Column("draft_id", sa.Uuid), schema="billing")
    op.create_foreign_key(KEY, "batch_file", "invoice_draft", ["draft_id"], ["id"], source_schema="billing", referent_schema="billing")
    op.create_check_constraint("one_outcome", "batch_file", "num_nonnulls(invoice_id, draft_id, refusal) = 1", schema="billing")
    op.drop_constraint(op.f(OLD), "batch_file", schema="billing")


def downgrade() -> None:
    # Fails where a file became a draft: what became of it would be told no more.
    op.create_check_constraint(op.f(OLD), "batch_file", "(invoice_id IS NULL) <> (refusal IS NULL)", schema="billing")
    op.drop_constraint(op.f("ck_batch_file_one_outcome"), "batch_file", schema="billing")
    op.drop_constraint(KEY, "batch_file", schema="billing", type_="foreignkey")
    op.drop_column("batch_file", "draft_id", schema="billing")

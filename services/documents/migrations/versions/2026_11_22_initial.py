"""Records, uploads under way, and the kernel's tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import create_kernel_tables, protect

revision = "2026_11_22_initial"
down_revision = None
branch_labels = None
depends_on = None

TENANT = sa.text("current_setting('trastienda.tenant')")
STAMP = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    create_kernel_tables(op, "documents")
    op.create_table(
        "record",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.String, nullable=False, server_default=TENANT),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.String), nullable=False),
        sa.Column("document_date", sa.Date),
        sa.Column("filename", sa.String),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("declared_type", sa.String),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("copy_no", sa.Integer, nullable=False),
        sa.Column("duplicate_of", sa.Uuid),
        sa.Column("object_key", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("stored_by", sa.String, nullable=False),
        sa.Column("stored_at", STAMP, nullable=False),
        sa.ForeignKeyConstraint(["duplicate_of"], ["documents.record.id"], name="fk_record_duplicate_of_record"),
        sa.UniqueConstraint("tenant_id", "sha256", "copy_no", name="uq_record_tenant_id_sha256_copy_no"),
        sa.CheckConstraint("size > 0", name="ck_record_has_content"),
        sa.CheckConstraint("(copy_no = 0) = (duplicate_of IS NULL)", name="ck_record_copies_name_their_original"),
        schema="documents",
    )
    op.create_index("ix_record_tenant_id_id", "record", ["tenant_id", "id"], schema="documents")
    op.create_index("ix_record_tenant_id_kind_id", "record", ["tenant_id", "kind", "id"], schema="documents")
    op.create_index("ix_record_tags", "record", ["tags"], postgresql_using="gin", schema="documents")
    op.create_table(
        "upload",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.String, nullable=False, server_default=TENANT),
        sa.Column("object_key", sa.String, nullable=False),
        sa.Column("touched_at", STAMP, nullable=False, server_default=sa.func.now()),
        schema="documents",
    )
    op.create_index("ix_upload_touched_at", "upload", ["touched_at"], schema="documents")
    protect(op, "documents", "record", "upload")


def downgrade() -> None:
    op.execute("DROP SCHEMA documents CASCADE")

"""Tables of records."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.documents.tables import DocumentsTable, TenantRow
from shared.ids import uuid7

Stamp = TIMESTAMP(timezone=True)


class RecordStatus(StrEnum):
    STORED = "stored"


class Record(TenantRow, DocumentsTable):
    """One record. Its content never changes; what is said about it may.

    The first record of some content has `copy_no` 0. Records of the same content that were asked for later count
    up from there and share the first one's object.
    """

    __tablename__ = "record"
    __table_args__ = (
        UniqueConstraint("tenant_id", "sha256", "copy_no"),
        CheckConstraint("size > 0", name="has_content"),
        CheckConstraint("(copy_no = 0) = (duplicate_of IS NULL)", name="copies_name_their_original"),
        Index(None, "tenant_id", "id"),
        Index(None, "tenant_id", "kind", "id"),
        Index(None, "tags", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    version: Mapped[int] = mapped_column(nullable=False)
    title: Mapped[str]
    kind: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(ARRAY(String))
    document_date: Mapped[date | None]
    filename: Mapped[str | None]
    media_type: Mapped[str]
    declared_type: Mapped[str | None]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    copy_no: Mapped[int]
    duplicate_of: Mapped[UUID | None] = mapped_column(ForeignKey("documents.record.id"))
    object_key: Mapped[str]
    status: Mapped[str]
    stored_by: Mapped[str]
    stored_at: Mapped[datetime] = mapped_column(Stamp)

    # A concurrent change of the same record fails instead of being overwritten.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict


class Upload(TenantRow, DocumentsTable):
    """An object that may exist without a record: while it is being sent, or because that was cut off.

    The row is committed before the first byte reaches the store and removed in the transaction that inserts the
    record, so every object belongs to a record or to one of these.
    """

    __tablename__ = "upload"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    object_key: Mapped[str]
    touched_at: Mapped[datetime] = mapped_column(Stamp, server_default=func.now(), index=True)

"""The base of documents' tables: schema, naming, and the tenant every row belongs to."""

from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db import service_metadata


class DocumentsTable(DeclarativeBase):
    metadata = service_metadata("documents")


class TenantRow:
    """A row of one tenant. The database fills the tenant in from the transaction; code cannot choose it."""

    tenant_id: Mapped[str] = mapped_column(server_default=text("current_setting('trastienda.tenant')"))

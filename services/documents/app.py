"""Documents, as the kernel runs it."""

from pathlib import Path

from services.documents.records.routes import router as records
from services.documents.records.uploads import sweep
from services.documents.settings import DocumentsSettings
from services.documents.tables import DocumentsTable
from shared.app import Service
from shared.contracts import documents as events

SERVICE = Service(
    name="documents",
    summary="Records: stored once, described, found and handed out again.",
    settings=DocumentsSettings,
    metadata=DocumentsTable.metadata,
    migrations=Path(__file__).with_name("migrations"),
    routers=[records],
    events=[events.RecordStored, events.RecordDescribed],
    housekeeping=sweep,
)

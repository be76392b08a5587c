"""Events that documents publishes. Titles, tags and file names may name people: they stay in documents."""

from typing import ClassVar
from uuid import UUID

from shared.events import EventData


class _RecordEvent(EventData, frozen=True, kw_only=True):
    topic: ClassVar[str] = "documents.records"

    record_id: UUID


class RecordStored(_RecordEvent, frozen=True, kw_only=True):
    """A record is in the archive, its content in the object store; `size` is in bytes, `sha256` in hexadecimal.

    `duplicate_of` names the record that had the same content first.
    """

    type: ClassVar[str] = "documents.record.stored.v1"

    kind: str
    media_type: str
    size: int
    sha256: str
    duplicate_of: UUID | None


class RecordDescribed(_RecordEvent, frozen=True, kw_only=True):
    """Someone changed what is said about the record; `changed` names the fields."""

    type: ClassVar[str] = "documents.record.described.v1"

    kind: str
    changed: list[str]

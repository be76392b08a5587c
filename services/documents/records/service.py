"""Use cases of records; the only writer of their table."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.documents.records import queries, rules, uploads
from services.documents.records.errors import (
    DuplicateContent,
    EmptyContent,
    ExecutableContent,
    MediaTypeMismatch,
)
from services.documents.records.models import Record, RecordStatus
from services.documents.records.schemas import DescriptionIn, UploadIn, ordered_tags
from services.documents.records.sniffing import is_program, media_types
from services.documents.records.uploads import Announced, Intake
from shared import clock, outbox
from shared.auth import Principal
from shared.contracts import documents as events
from shared.ids import uuid7
from shared.storage import Stored
from shared.transfers import patient
from shared.work import Effort

PROCESS = "document-archive"
_HEAD = 8192  # bytes that tell what the content is

Claim = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Arriving:
    """An upload as the request describes it. `claim` is told the content's hash before anything is filed."""

    about: UploadIn
    filename: str | None
    declared: str | None
    body: AsyncIterator[bytes]
    by: Principal
    effort: Effort
    claim: Claim


async def store_record(intake: Intake, session: AsyncSession, arriving: Arriving) -> Record:
    """Stream content into the store and file it. Whatever goes wrong, nothing of it stays.

    Raises the refusals of `errors`, IncompleteBody, StoreUnavailableError. The session's connection is taken only
    when all the content has arrived: slow senders hold none.
    """
    head, body = await uploads.peek(patient(arriving.body, intake.patience_s), _HEAD)
    media_type = _check_content(arriving, head)
    upload = await uploads.announce(intake)
    try:
        stored = await intake.store.put(upload.object_key, uploads.kept_alive(intake, upload, body))
        await arriving.claim(stored.sha256)
        await uploads.settle(session, upload)
        return await _file(intake, session, arriving, upload, stored, media_type)
    except Exception:
        await session.rollback()  # gives its connection back before another one is asked for
        await uploads.discard(intake, upload)
        raise


def _check_content(arriving: Arriving, head: bytes) -> str:
    """Return the media type to keep, before a single byte reaches the store."""
    declared = arriving.declared
    if not head:
        raise EmptyContent
    if rules.names_a_program(declared, arriving.filename) or is_program(head):
        raise ExecutableContent
    media_type = rules.settle_media_type(declared, head)
    if media_type is None:
        raise MediaTypeMismatch(declared=declared, found=media_types(head)[0])
    return media_type


async def _file(
    intake: Intake, session: AsyncSession, arriving: Arriving, upload: Announced, stored: Stored, media_type: str
) -> Record:
    effort = _until_now(arriving.effort)
    values = _columns(arriving, upload, stored, media_type, effort)
    record = await _insert(session, values)
    if record is None:
        original = await queries.lock_original(session, stored.sha256)
        if arriving.about.duplicates == "refuse":
            raise DuplicateContent(existing_id=str(original.id))
        await intake.store.abandon(upload.object_key)
        copy = await queries.last_copy(session, stored.sha256) + 1
        shared = {"copy_no": copy, "duplicate_of": original.id, "object_key": original.object_key}
        record = await _insert(session, values | shared)
        assert record is not None, "the original is locked, so nobody else counts copies"
    event = events.RecordStored(
        record_id=record.id,
        kind=record.kind,
        media_type=record.media_type,
        size=record.size,
        sha256=record.sha256,
        duplicate_of=record.duplicate_of,
    )
    outbox.record(session, event, subject=record.id, work=effort.on(PROCESS, "store-record", record.id))
    return record


def _until_now(effort: Effort) -> Effort:
    """Let the effort end when the content has arrived; a start that was assumed moves along."""
    now = clock.now()
    return replace(effort, finished_at=now, started_at=now if effort.estimated else effort.started_at)


def _columns(
    arriving: Arriving, upload: Announced, stored: Stored, media_type: str, effort: Effort
) -> dict[str, object]:
    about = arriving.about
    return {
        "id": uuid7(),
        "version": 1,
        "title": about.title,
        "kind": about.kind,
        "tags": ordered_tags(about.tags),
        "document_date": about.document_date,
        "filename": arriving.filename,
        "media_type": media_type,
        "declared_type": arriving.declared,
        "size": stored.size,
        "sha256": stored.sha256,
        "copy_no": 0,
        "duplicate_of": None,
        "object_key": upload.object_key,
        "status": RecordStatus.STORED,
        "stored_by": arriving.by.id,
        "stored_at": effort.finished_at,
    }


async def _insert(session: AsyncSession, values: dict[str, Any]) -> Record | None:
    """Insert a record; None when this content is there, also when a concurrent request puts it there."""
    statement = insert(Record).values(values).on_conflict_do_nothing(index_elements=["tenant_id", "sha256", "copy_no"])
    return (await session.scalars(statement.returning(Record))).one_or_none()


async def describe_record(session: AsyncSession, record: Record, description: DescriptionIn, effort: Effort) -> None:
    """Change what is said about a record; what is the same already is no change and no event."""
    changed = {name: value for name, value in description.changes().items() if getattr(record, name) != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(record, name, value)
    await session.flush()  # the answer shows the new version
    event = events.RecordDescribed(record_id=record.id, kind=record.kind, changed=sorted(changed))
    outbox.record(session, event, subject=record.id, work=effort.on(PROCESS, "describe-record", record.id))

"""Reads of records. Row-level security keeps them to the caller's tenant."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.documents.records.models import Record
from services.documents.records.schemas import RecordOut, present_record
from shared.errors import NotFound
from shared.pagination import Page, PageRequest, fetch_page


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """What a list is narrowed to; a record has to carry every tag."""

    kind: str | None = None
    tags: tuple[str, ...] = ()
    media_type: str | None = None
    sha256: str | None = None


async def get_record(session: AsyncSession, record_id: UUID, *, lock: bool = False) -> Record:
    """Return one record, locked for a change when asked. Raises NotFound, also for another tenant's."""
    query = select(Record).where(Record.id == record_id)
    record = (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
    if record is None:
        raise NotFound
    return record


async def lock_original(session: AsyncSession, sha256: str) -> Record:
    """Return the first record of some content, locked, so that its copies are counted one after another."""
    query = select(Record).where(Record.sha256 == sha256, Record.copy_no == 0)
    return (await session.scalars(query.with_for_update())).one()


async def last_copy(session: AsyncSession, sha256: str) -> int:
    return int(await session.scalar(select(func.max(Record.copy_no)).where(Record.sha256 == sha256)) or 0)


async def list_records(session: AsyncSession, page: PageRequest, wanted: RecordFilter) -> Page[RecordOut]:
    query = select(Record)
    if wanted.kind is not None:
        query = query.where(Record.kind == wanted.kind)
    if wanted.tags:
        query = query.where(Record.tags.contains(wanted.tags))
    if wanted.media_type is not None:
        query = query.where(Record.media_type == wanted.media_type)
    if wanted.sha256 is not None:
        query = query.where(Record.sha256 == wanted.sha256)
    return await fetch_page(session, query, Record.id, page, present_record)

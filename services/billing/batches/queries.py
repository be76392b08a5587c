"""Reads of batches. Row-level security keeps them to the caller's tenant."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.batches.models import BatchFile
from services.billing.batches.schemas import BatchFileOut
from shared.pagination import Page, PageRequest, fetch_page


async def positions_of(session: AsyncSession, job_id: UUID) -> set[int]:
    return set((await session.scalars(select(BatchFile.position).where(BatchFile.job_id == job_id))).all())


async def count_files(session: AsyncSession, job_id: UUID) -> dict[str, int]:
    counted = func.count(), func.count(BatchFile.invoice_id), func.count(BatchFile.draft_id)
    files, on_file, drafts = (await session.execute(select(*counted).where(BatchFile.job_id == job_id))).one()
    return {"files": files, "on_file": on_file, "drafts": drafts, "refused": files - on_file - drafts}


async def list_files(
    session: AsyncSession, page: PageRequest, job_id: UUID, present: Callable[[BatchFile], BatchFileOut]
) -> Page[BatchFileOut]:
    query = select(BatchFile).where(BatchFile.job_id == job_id)
    return await fetch_page(session, query, BatchFile.id, page, present)

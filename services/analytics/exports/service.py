"""Ordering an export, finding its file, and removing the file after a day."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.exports.errors import ExportFailed, ExportGone, ExportNotReady, PeriodBackwards
from services.analytics.exports.schemas import ExportIn, ExportOrder
from services.analytics.exports.writing import WRITINGS
from shared.app import Runtime
from shared.auth import Principal
from shared.errors import NotFound
from shared.failures import is_transient
from shared.jobs import create_job

EXPORT = "event-log-export"
KEPT = timedelta(hours=24)
_SWEPT_AT_ONCE = 100
KEPT_HOURS = KEPT // timedelta(hours=1)
logger = logging.getLogger(__name__)

_FIND = text("""
SELECT tenant_id, status, params, result, coalesce(result ? 'removed' OR finished_at < now() - cast(:kept AS interval), false) AS gone
FROM job WHERE id = :id AND kind = :kind""")
_OVERDUE = text("""
SELECT id, tenant_id FROM job WHERE kind = :kind AND status IN ('succeeded', 'failed') AND finished_at < now() - cast(:kept AS interval)
AND NOT coalesce(result ? 'removed', false) ORDER BY finished_at LIMIT 1 FOR UPDATE SKIP LOCKED""")
_REMOVED = text("""UPDATE job SET result = coalesce(result, '{}') || '{"removed": true}' WHERE id = :id""")


@dataclass(frozen=True, slots=True)
class ExportFile:
    key: str
    size: int
    media_type: str
    name: str


async def order_export(session: AsyncSession, asked: ExportIn, by: Principal) -> UUID:
    """Queue the export; return the job's id. Raises PeriodBackwards."""
    if asked.begin and asked.end and asked.end < asked.begin:
        raise PeriodBackwards(begin=asked.begin.isoformat(), end=asked.end.isoformat())
    order = ExportOrder(process=asked.process, format=asked.format, begin=asked.begin, end=asked.end)
    return await create_job(session, EXPORT, msgspec.to_builtins(order), by)


async def find_file(session: AsyncSession, job_id: UUID) -> ExportFile:
    """Return where an export's file is. Raises NotFound, ExportNotReady, ExportFailed, ExportGone."""
    row = (await session.execute(_FIND, {"id": job_id, "kind": EXPORT, "kept": KEPT})).one_or_none()
    if row is None:
        raise NotFound
    if row.gone:
        raise ExportGone(hours=KEPT_HOURS)
    if row.status == "failed":
        raise ExportFailed
    if row.status != "succeeded":
        raise ExportNotReady(job_status=row.status)
    writing = WRITINGS[row.params["format"]]
    name = f"export-{job_id}.{writing.ending}"
    return ExportFile(key_of(row.tenant_id, job_id), row.result["size"], writing.media_type, name)


def key_of(tenant: str, job_id: UUID) -> str:
    """Return the object's key: known from the job alone, so whatever a dead job left can be found."""
    return f"{tenant}/exports/{job_id}"


async def sweep(runtime: Runtime) -> None:
    """Remove the files of every tenant's exports that ended a day ago, failed ones' remains included."""
    for _ in range(_SWEPT_AT_ONCE):
        if not await _sweep_one(runtime):
            return


async def _sweep_one(runtime: Runtime) -> bool:
    async with runtime.worker.transaction() as session:
        row = (await session.execute(_OVERDUE, {"kind": EXPORT, "kept": KEPT})).one_or_none()
        if row is None:
            return False
        try:
            await runtime.store.abandon(key_of(row.tenant_id, row.id))
        except Exception as error:
            if is_transient(error):
                raise
            logger.exception("an export's file cannot be removed", extra={"job": str(row.id)})
            return False  # its turn comes again with the next round
        await session.execute(_REMOVED, {"id": row.id})
    return True

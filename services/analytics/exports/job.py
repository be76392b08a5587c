"""The export's job: read in one snapshot, write into the object store as it is read.

A job that dies begins again: what it had written never became an object, and the same data give the same file.
"""

from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import msgspec

from services.analytics.exports.queries import Source
from services.analytics.exports.schemas import ExportOrder
from services.analytics.exports.service import EXPORT, key_of
from services.analytics.exports.writing import WRITINGS
from shared.app import Runtime
from shared.jobs import JobCode, JobContext

_REPORTED = 10_000  # operations between two reports of progress


def jobs(runtime: Runtime) -> Mapping[str, JobCode]:
    return {EXPORT: partial(export_operations, runtime)}


async def export_operations(runtime: Runtime, job: JobContext) -> Mapping[str, Any]:
    """Write the file; return what is in it, and what could not be: observations of which only the moment is stored."""
    order = msgspec.convert(job.params, ExportOrder)
    async with job.database.session(job.tenant, read_only=True) as session:
        source = Source(session, job.tenant, order)
        totals = await source.begin()
        await job.checkpoint({}, 0, totals.operations)

        async def content() -> AsyncIterator[bytes]:
            async for piece in WRITINGS[order.format].write(source):
                yield piece.encode() if isinstance(piece, str) else piece
                if source.read - job.done >= _REPORTED:
                    await job.checkpoint({}, source.read)

        stored = await runtime.store.put(key_of(job.tenant, job.id), content())
    await job.checkpoint({}, totals.operations)
    return {
        "operations": totals.operations,
        "cases": totals.cases,
        "observations": totals.observations,
        "observations_left_out": totals.untold,
        "size": stored.size,
        "sha256": stored.sha256,
    }

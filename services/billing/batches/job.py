"""The job of a batch: one file after another, each in a transaction of its own with what became of it.

A job that dies goes on behind the last file that is told of. Files are judged by a validator process that lives as long as
the job.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import IO, Any, cast
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.batches import queries
from services.billing.batches.archives import Archive, Entry
from services.billing.batches.models import BatchFile
from services.billing.batches.outcomes import BatchGone
from services.billing.drafts.arriving import read_document
from services.billing.drafts.service import Arrived as ArrivedDocument
from services.billing.drafts.service import receive_draft
from services.billing.einvoices.errors import PdfWithoutInvoice
from services.billing.einvoices.pool import Validators
from services.billing.einvoices.rule_sets import check_rule_sets
from services.billing.holds.queries import open_holds
from services.billing.intake import originals
from services.billing.intake.errors import UnreadInvoice
from services.billing.intake.originals import Original
from services.billing.intake.service import read_judged, register_electronic
from services.billing.refusals import kept_refusal
from services.billing.settings import BillingSettings
from shared import clock
from shared.app import Runtime
from shared.auth import Principal
from shared.errors import DomainError
from shared.jobs import JobCode, JobContext
from shared.storage import ObjectNotFoundError

BATCH = "invoice-intake"
KEPT_HOURS = 24
_IN_MEMORY = 4_000_000
_ALL_TOLD = {"told": True}
_MAY_PASS = {"validator-ended", "time-limit"}  # nobody else sends the file again, as the sender of one would


class BatchOrder(msgspec.Struct, frozen=True):
    """The parameters of a batch's job."""

    original_id: UUID
    object_key: str
    size: int
    by: str


def jobs(runtime: Runtime) -> Mapping[str, JobCode]:
    return {BATCH: partial(take_in_batch, runtime)}


async def take_in_batch(runtime: Runtime, job: JobContext) -> Mapping[str, Any]:
    """Put the archive's invoices on file; return how many. Raises NotAnArchive, TooManyFiles, BatchGone."""
    check_rule_sets()
    order = msgspec.convert(job.params, BatchOrder)
    if job.cursor == _ALL_TOLD:
        return await _ended(runtime, job, order)
    settings = cast("BillingSettings", runtime.settings)
    limits = replace(settings.pool_limits, workers=1, ahead=False)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        await _fetch(runtime, order, file)
        archive = await asyncio.to_thread(Archive, file)
        async with Validators(limits, settings.document_limits).running() as validators:
            batch = _Batch(runtime, job, order, validators)
            told = await batch.positions()
            for entry in archive.entries:
                if entry.position not in told:
                    await batch.take_in(archive, entry, settings.einvoice_bytes)
                    await job.checkpoint({}, entry.position + 1, len(archive.entries))
            await job.checkpoint(_ALL_TOLD, len(archive.entries), len(archive.entries))
    return await _ended(runtime, job, order)


async def _ended(runtime: Runtime, job: JobContext, order: BatchOrder) -> Mapping[str, Any]:
    """Let the archive go and return what became of its files; once more where the job died before that was told."""
    async with runtime.database.transaction(job.tenant) as session:
        result = await queries.count_files(session, job.id)
    await originals.discard(runtime, job.tenant, Original(order.original_id, order.object_key))
    return result


async def _fetch(runtime: Runtime, order: BatchOrder, file: IO[bytes]) -> None:
    try:
        async for chunk in runtime.store.open(order.object_key, 0, order.size):
            file.write(chunk)
    except ObjectNotFoundError:
        raise BatchGone(hours=KEPT_HOURS) from None


class _Batch:
    """Files of one job. The transactions are as a request has them: the worker's own role would see every tenant."""

    def __init__(self, runtime: Runtime, job: JobContext, order: BatchOrder, validators: Validators) -> None:
        self._runtime, self._job, self._validators = runtime, job, validators
        self._by = Principal(order.by, job.tenant, frozenset())

    async def positions(self) -> set[int]:
        async with self._runtime.database.transaction(self._job.tenant) as session:
            return await queries.positions_of(session, self._job.id)

    async def take_in(self, archive: Archive, entry: Entry, limit: int) -> None:
        """Put one file on file or among the drafts, or tell why not. What passes by itself (a store that is away) is raised."""
        begun_at = clock.now()
        try:
            content = await asyncio.to_thread(archive.read, entry, limit)
            try:
                await self._deal_with(entry, content, begun_at)
            except UnreadInvoice as unread:
                if unread.values["obstacle"] not in _MAY_PASS:
                    raise
                await self._deal_with(entry, content, begun_at)
        except DomainError as refusal:
            kept = kept_refusal(refusal)
            async with self._runtime.database.transaction(self._job.tenant) as session:
                self._tell(session, entry, refusal=kept)

    async def _deal_with(self, entry: Entry, content: bytes, begun_at: datetime) -> None:
        try:
            await self._put_on_file(entry, content, begun_at)
        except PdfWithoutInvoice:
            await self._keep_draft(entry, content, begun_at)

    async def _put_on_file(self, entry: Entry, content: bytes, begun_at: datetime) -> None:
        arrived = read_judged(content, await self._validators.judge(content, read=True), begun_at)
        async with self._stored(content) as (session, original):
            invoice = await register_electronic(session, arrived, original, self._by)
            await session.flush()
            holds = [hold.kind for hold in await open_holds(session, invoice.id)]
            self._tell(session, entry, invoice_id=invoice.id, verdict=arrived.judged.verdict, holds=holds)

    async def _keep_draft(self, entry: Entry, content: bytes, begun_at: datetime) -> None:
        arrived = ArrivedDocument(content, await read_document(self._validators, content), begun_at)
        async with self._stored(content) as (session, original):
            draft = await receive_draft(session, arrived, original, self._by)
            self._tell(session, entry, draft_id=draft.id)

    @asynccontextmanager
    async def _stored(self, content: bytes) -> AsyncGenerator[tuple[AsyncSession, Original]]:
        """Store the content for what one transaction does with it; when that fails, it is discarded.

        Not when the commit fails, which may have happened all the same: then it is the sweeper's, or the row's.
        """
        runtime, tenant = self._runtime, self._job.tenant
        original = await originals.store_original(runtime, tenant, content)
        async with (
            runtime.database.transaction(tenant) as session,
            originals.or_discarded(runtime, tenant, session, original),
        ):
            await originals.settle(session, original)
            yield session, original
            await session.flush()

    def _tell(self, session: AsyncSession, entry: Entry, **became: Any) -> None:
        row = {"holds": [], **became, "job_id": self._job.id, "position": entry.position, "name": entry.name}
        session.add(BatchFile(**row))

"""The job of a bulk decision: one invoice after another, each in a transaction of its own with what became of it.

A job that dies goes on behind the last invoice that is told of.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.bulk import queries
from services.billing.bulk.models import Became, BulkOutcome, Step
from services.billing.bulk.rules import share_of
from services.billing.bulk.steps import Wanted, is_taken, take
from services.billing.invoices.models import SupplierInvoice
from services.billing.invoices.queries import get_invoice
from services.billing.refusals import kept_refusal
from services.billing.work_queue.turns import Share
from shared import clock
from shared.app import Runtime
from shared.auth import Principal
from shared.errors import DomainError
from shared.etag import PreconditionFailed
from shared.events import Actor
from shared.jobs import JobCode, JobContext

BULK = "bulk-decision"
_MICROSECOND = timedelta(microseconds=1)


class Chosen(msgspec.Struct, frozen=True):
    id: UUID
    version: int | None = None


class BulkOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of the job: who decides what about which invoices, and the time it took to decide.

    `actor` is the person as events may name it. Whether `grants` allow the step was checked when the job was asked for.
    """

    step: Step
    reason: str | None = None
    hold: str | None = None
    invoices: list[Chosen]
    by: str
    grants: tuple[str, ...]
    actor: Actor
    started_at: datetime
    finished_at: datetime
    estimated: bool


def jobs(runtime: Runtime) -> Mapping[str, JobCode]:
    return {BULK: partial(carry_out, runtime)}


async def carry_out(runtime: Runtime, job: JobContext) -> Mapping[str, Any]:
    """Take the step for each invoice or tell why not; return how many of each."""
    order = msgspec.convert(job.params, BulkOrder)
    bulk = _Bulk(runtime, job, order)
    told = await bulk.begin()
    for position, chosen in enumerate(order.invoices):
        if position not in told:
            await bulk.deal_with(position, chosen)
        await job.checkpoint({}, position + 1, len(order.invoices))
    async with runtime.database.transaction(job.tenant) as session:
        return await queries.count_outcomes(session, job.id)


class _Bulk:
    """Invoices of one job. The transactions are as a request has them: the worker's own role would see every tenant."""

    def __init__(self, runtime: Runtime, job: JobContext, order: BulkOrder) -> None:
        self._database, self._job, self._order = runtime.database, job, order
        self._by = Principal(
            order.by, job.tenant, frozenset(order.grants), kind=order.actor.kind, team=order.actor.team
        )
        self._wanted = Wanted(order.step, order.reason, order.hold)
        self._left = timedelta(0)
        self._to_come: set[UUID] = set()

    async def begin(self) -> set[int]:
        """Look how far the job is and what is left of the person's time; return the places told of."""
        order = self._order
        async with self._database.transaction(self._job.tenant) as session:
            told, used = await queries.told_so_far(session, self._job.id)
            ids = [chosen.id for position, chosen in enumerate(order.invoices) if position not in told]
            self._to_come = await queries.likely(session, order.step, ids, order.by, order.hold)
        self._left = order.finished_at - order.started_at - used
        return told

    async def deal_with(self, position: int, chosen: Chosen) -> None:
        """Take the step for one invoice, or tell why not. What passes by itself (a lock, a server) is raised."""
        self._to_come.discard(chosen.id)
        share = share_of(self._left, len(self._to_come) + 1)
        try:
            async with self._database.transaction(self._job.tenant) as session:
                invoice = await get_invoice(session, chosen.id, lock=True)
                became = await self._take(session, invoice, chosen, share)
                used = share if became is Became.DONE else timedelta(0)
                await session.flush()
                self._tell(session, position, invoice.id, outcome=became, status=invoice.status, used=used)
        except DomainError as refusal:
            await self._refuse(position, chosen.id, kept_refusal(refusal))
        else:
            self._left -= used

    async def _take(self, session: AsyncSession, invoice: SupplierInvoice, chosen: Chosen, share: timedelta) -> Became:
        if await is_taken(session, invoice, self._wanted):
            return Became.ALREADY_DONE
        if chosen.version not in {None, invoice.version}:
            raise PreconditionFailed(current=invoice.version)
        now = clock.now()
        order = self._order
        effort = Share(order.actor, now - share, now, estimated=order.estimated, until=order.finished_at)
        await take(session, invoice, self._wanted, self._by, effort)
        return Became.DONE

    async def _refuse(self, position: int, invoice_id: UUID, refusal: Mapping[str, Any]) -> None:
        async with self._database.transaction(self._job.tenant) as session:
            invoice = await session.get(SupplierInvoice, invoice_id)
            status = None if invoice is None else invoice.status
            self._tell(session, position, invoice_id, outcome=Became.REFUSED, status=status, refusal=refusal)

    def _tell(
        self, session: AsyncSession, position: int, invoice_id: UUID, *, used: timedelta = timedelta(0), **became: Any
    ) -> None:
        row = {"job_id": self._job.id, "position": position, "invoice_id": invoice_id, "told_at": clock.now()}
        session.add(BulkOutcome(**row, **became, touch_us=used // _MICROSECOND))

"""The job that matches invoices once more, each in a transaction of its own: what they are compared with has changed."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.decisions.models import Occasion
from services.billing.decisions.service import decide_invoices
from services.billing.invoices.errors import IllegalTransition
from services.billing.invoices.queries import get_invoice
from services.billing.matching import queries
from services.billing.matching.service import REMATCH, Affected, lock_numbers, match_on_demand
from shared.app import Runtime
from shared.jobs import JobCode, JobContext

_AT_ONCE = 200


class _Cursor(msgspec.Struct, frozen=True):
    last: UUID = UUID(int=0)
    matched: int = 0
    let_go: int = 0


def jobs(runtime: Runtime) -> Mapping[str, JobCode]:
    return {REMATCH: partial(rematch, runtime)}


async def rematch(runtime: Runtime, job: JobContext) -> Mapping[str, Any]:
    """Match the affected invoices that nobody has validated, the first one first; return how many, and how many go on."""
    affected, cursor = msgspec.convert(job.params, Affected), msgspec.convert(job.cursor, _Cursor)
    while ids := await _next(runtime, job.tenant, affected, cursor.last):
        for invoice_id in ids:
            async with runtime.database.transaction(job.tenant) as session:
                let_go = await _match(session, invoice_id)
            cursor = _Cursor(invoice_id, cursor.matched + 1, cursor.let_go + let_go)
            await job.checkpoint(msgspec.to_builtins(cursor), cursor.matched)
    return {"matched": cursor.matched, "let_go": cursor.let_go}


async def _next(runtime: Runtime, tenant: str, affected: Affected, after: UUID) -> list[UUID]:
    """Return some invoices, after waiting for those that are being matched with the same orders."""
    async with runtime.database.transaction(tenant) as session:
        if affected.order_keys is not None:
            await lock_numbers(session, affected.order_keys)
        return await queries.open_after(session, after, affected.supplier_id, affected.order_keys, _AT_ONCE)


async def _match(session: AsyncSession, invoice_id: UUID) -> bool:
    invoice = await get_invoice(session, invoice_id)
    try:
        let_go = await match_on_demand(session, invoice)
    except IllegalTransition:  # somebody has validated or rejected it meanwhile
        return False
    if let_go:
        await decide_invoices(session, [invoice], Occasion.RELEASE)
    return let_go

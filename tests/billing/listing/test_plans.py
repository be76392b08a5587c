"""Row-level security leaves the indexes in use: what a filter compares stands in an index's condition."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.invoices.filters import InvoiceFilter
from services.billing.invoices.models import SupplierInvoice
from services.billing.invoices.orders import ORDERS, Sort
from services.billing.invoices.selection import conditions_of
from tests.billing.listing.many import multiply, refuse_most
from tests.billing.listing.test_filters import keyed
from tests.fixtures.services import Harness


async def plan(
    billing: Harness, tenant: str, sort: Sort = Sort.NEWEST, dear: tuple[str, ...] = ("seqscan",), **filters: Any
) -> str:
    """Return how the service's own role would find a page, if what is `dear` were to be kept from, as among many rows."""
    wanted = conditions_of(InvoiceFilter.model_validate(filters), date(2026, 11, 26))
    query = select(SupplierInvoice.id).where(*wanted).order_by(*ORDERS[sort].clauses()).limit(51)
    statement = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    async with billing.runtime.database.session(tenant) as session:
        await expect_one_tenant(session)
        for way in dear:
            await session.execute(text(f"SET LOCAL enable_{way} = off"))
        connection = await session.connection()
        return "\n".join(row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {statement}"))


async def expect_one_tenant(session: AsyncSession) -> None:
    """Let the planner expect that all invoices are the tenant's, whatever other tests have left; until the transaction ends."""
    role = await session.scalar(text("SELECT current_user"))
    await session.execute(text("SET LOCAL ROLE NONE"))
    await session.execute(text("ALTER TABLE billing.supplier_invoice ALTER tenant_id SET (n_distinct = 1)"))
    await session.execute(text("ANALYZE billing.supplier_invoice"))
    await session.execute(text(f'SET LOCAL ROLE "{role}"'))


@pytest.mark.parametrize(
    ("index", "compared", "filters"),
    [
        ("ix_supplier_invoice_number", "number_key", {"number": "C-77"}),
        ("gross_order_id", "gross_order", {"currency": "EUR", "gross_from": "500", "gross_to": "510"}),
        ("ix_supplier_invoice_waiting", "due_date", {"overdue": True, "sort": Sort.DUE_FIRST}),
        ("due_date", "tenant_id", {"sort": Sort.DUE_FIRST}),
    ],
)
async def test_an_index_does_the_comparing(
    billing: Harness, tenant: str, index: str, compared: str, filters: dict[str, Any]
) -> None:
    await keyed(billing, tenant, "F-0")
    await multiply(billing, tenant, 2_000)
    await refuse_most(billing, tenant)
    told = await plan(billing, tenant, **filters)
    assert index in told, told
    assert any(compared in line for line in told.splitlines() if "Index Cond" in line), told


async def test_words_are_looked_for_in_an_index_alone(billing: Harness, tenant: str) -> None:
    await keyed(billing, tenant, "F-0")
    told = await plan(billing, tenant, q="nowhere", dear=("seqscan", "bitmapscan", "sort"))
    assert "Index Only Scan Backward using ix_supplier_invoice_search" in told, told

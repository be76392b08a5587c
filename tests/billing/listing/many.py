"""Many invoices at once, without a request for each."""

from sqlalchemy import text

from tests.fixtures.services import Harness

_DECIDED = text("UPDATE supplier_invoice SET status = 'rejected' WHERE tenant_id = :tenant AND gross % 10 <> 0")
_COPIES = """
INSERT INTO supplier_invoice (id, tenant_id, version, origin, is_credit_note, supplier_id, supplier_tax_id, supplier_name, number,
  number_key, number_trace, issue_date, due_date, currency, net, tax, gross, lines, vat_breakdown, lines_key, status, status_since,
  registered_by, registered_at)
SELECT uuidv7(), tenant_id, 1, origin, is_credit_note, supplier_id, supplier_tax_id, supplier_name, :series || n, :series || n,
  number_trace, issue_date, due_date + n % 90, currency, net + n, tax, gross + n, lines, vat_breakdown, lines_key, status, status_since,
  registered_by, registered_at
FROM (SELECT * FROM supplier_invoice WHERE tenant_id = :tenant ORDER BY id LIMIT 1) AS one, generate_series(1, :copies) AS n
"""


async def multiply(billing: Harness, tenant: str, copies: int, series: str = "C-") -> None:
    """File copies of the tenant's first invoice with other numbers, due days and amounts."""
    async with billing.runtime.worker.transaction() as session:
        await session.execute(text(_COPIES), {"tenant": tenant, "copies": copies, "series": series})


async def refuse_most(billing: Harness, tenant: str) -> None:
    """Leave about one in ten of the tenant's invoices waiting, as on file in a year's time."""
    async with billing.runtime.worker.transaction() as session:
        await session.execute(_DECIDED, {"tenant": tenant})

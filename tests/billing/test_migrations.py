"""What was on file before suppliers were has one afterwards, and is compared like any other."""

from typing import Any
from uuid import uuid4

import asyncpg
from alembic import command
from sqlalchemy import Connection

from services.billing.app import SERVICE
from shared import migrations
from shared.db import asyncpg_url
from tests.fixtures.services import create_database

_INVOICE = """
INSERT INTO billing.supplier_invoice (id, tenant_id, version, supplier_tax_id, supplier_name, number, number_key,
  issue_date, due_date, currency, net, tax, gross, lines, vat_breakdown, status, status_since, registered_by, registered_at)
VALUES (uuidv7(), $1, 1, $2, $3, $4, $4, '2026-01-01', '2026-02-01', 'EUR', 10, 2.1, 12.1, '[]', '[]', 'registered',
  now(), 'somebody', now())
"""
_FOUND = """
SELECT i.tenant_id, t.tax_id, s.name, i.number_trace, i.origin, i.net::text FROM billing.supplier_invoice i
JOIN billing.supplier s ON s.id = i.supplier_id AND s.tenant_id = i.tenant_id
JOIN billing.supplier_tax_id t ON t.supplier_id = s.id AND t.tenant_id = s.tenant_id ORDER BY i.tenant_id, i.id
"""


async def migrate_to(url: str, revision: str) -> None:
    def run(connection: Connection) -> None:
        config = migrations.configuration(SERVICE.migrations)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    await migrations._in_transaction(url, run)


async def as_worker(url: str, *statements: tuple[Any, ...]) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(asyncpg_url(url))
    await connection.execute("SET ROLE trastienda_billing_worker")
    found: list[asyncpg.Record] = []
    for statement, *values in statements:
        found = await connection.fetch(statement, *values)
    await connection.close()
    return found


async def test_invoices_on_file_get_their_suppliers(postgres_url: str) -> None:
    url = await create_database(postgres_url, f"billing_{uuid4().hex[:8]}")
    administrator = await asyncpg.connect(asyncpg_url(url))
    await administrator.execute(migrations._ROLES.format(schema="billing"))
    await administrator.close()
    await migrate_to(url, "2026_11_22_initial")
    rows = [
        ("a", "B1", "Sol", "F-001"),
        ("a", "B1", "Sol SL", "OI 10"),
        ("a", "B2", "Mar", "1"),
        ("b", "B1", "Otra", "1"),
    ]
    await as_worker(url, *((_INVOICE, *row) for row in rows))
    await migrate_to(url, "head")
    assert [tuple(row) for row in await as_worker(url, (_FOUND,))] == [
        ("a", "B1", "Sol SL", "F1", "keyed", "10.000"),
        ("a", "B1", "Sol SL", "11", "keyed", "10.000"),
        ("a", "B2", "Mar", "1", "keyed", "10.000"),
        ("b", "B1", "Otra", "1", "keyed", "10.000"),
    ]
    assert len(await as_worker(url, ("SELECT FROM billing.supplier",))) == 3

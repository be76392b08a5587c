"""What was on file before a migration is like any other afterwards."""

from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

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
_TAKEN_IN = """
WITH supplier AS (
  INSERT INTO billing.supplier (id, tenant_id, version, name, aliases, known_since)
  VALUES (uuidv7(), $1, 1, 'Sol', '{}', now()) RETURNING id
), invoice AS (
  INSERT INTO billing.supplier_invoice (id, tenant_id, version, origin, is_credit_note, supplier_id, supplier_tax_id,
    supplier_name, number, number_key, number_trace, issue_date, due_date, currency, net, tax, gross, lines, vat_breakdown,
    lines_key, status, status_since, registered_by, registered_at)
  SELECT uuidv7(), $1, 1, 'electronic', false, id, 'B1', 'Sol', '1', '1', '1', '2026-01-01', '2026-02-01', 'EUR', 10, 2.1,
    12.1, '[]', '[]', '', 'registered', now(), 'somebody', now() FROM supplier RETURNING id
)
INSERT INTO billing.electronic_invoice (invoice_id, tenant_id, format, verdict, rule_sets, findings, omitted_findings,
  canonical, due_date_source, object_key, media_type, size, sha256, received_at)
SELECT id, $1, 'cii', 'valid', '[]', '[]', 0, $2::text::jsonb, 'document', 'x', 'application/xml', 1, '', now() FROM invoice
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


async def test_electronic_invoices_on_file_name_their_orders(postgres_url: str) -> None:
    url = await create_database(postgres_url, f"billing_{uuid4().hex[:8]}")
    administrator = await asyncpg.connect(asyncpg_url(url))
    await administrator.execute(migrations._ROLES.format(schema="billing"))
    await administrator.close()
    await migrate_to(url, "2026_11_26_intake")
    rows = [("a", '{"purchase_order": "PO-1"}'), ("b", "{}")]
    await as_worker(url, *((_TAKEN_IN, *row) for row in rows))
    await migrate_to(url, "head")
    found = "SELECT tenant_id, purchase_order FROM billing.supplier_invoice ORDER BY tenant_id"
    assert [tuple(row) for row in await as_worker(url, (found,))] == [("a", "PO-1"), ("b", None)]


async def test_invoices_on_file_are_found_and_the_way_back_is_open(postgres_url: str) -> None:
    url = await create_database(postgres_url, f"billing_{uuid4().hex[:8]}")
    administrator = await asyncpg.connect(asyncpg_url(url))
    await administrator.execute(migrations._ROLES.format(schema="billing"))
    await administrator.close()
    await migrate_to(url, "2026_11_27_matching")
    await as_worker(url, (_TAKEN_IN, "a", "{}"))
    found = "SELECT i.search, i.gross_order, s.search FROM billing.supplier_invoice i JOIN billing.supplier s ON s.id = i.supplier_id"
    for _ in range(2):
        await migrate_to(url, "2026_11_28_search")
        assert [tuple(row) for row in await as_worker(url, (found,))] == [("1\nsol\nsol\n", 12.1, "sol\nsol\n\n")]
        await migrate_back_to(url, "2026_11_27_matching")


async def migrate_back_to(url: str, revision: str) -> None:
    def run(connection: Connection) -> None:
        config = migrations.configuration(SERVICE.migrations)
        config.attributes["connection"] = connection
        command.downgrade(config, revision)

    await migrations._in_transaction(url, run)


async def test_electronic_invoices_on_file_name_their_buyers(postgres_url: str) -> None:
    url = await create_database(postgres_url, f"billing_{uuid4().hex[:8]}")
    administrator = await asyncpg.connect(asyncpg_url(url))
    await administrator.execute(migrations._ROLES.format(schema="billing"))
    await administrator.close()
    await migrate_to(url, "2026_11_26_intake")
    numbers = ("es-b58.378.431", "DE 136695976", "X" * 65)
    rows = [(str(at), f'{{"buyer": {{"vat_identifier": "{number}"}}}}') for at, number in enumerate(numbers)]
    await as_worker(url, *((_TAKEN_IN, *row) for row in (*rows, ("3", "{}"))))
    await migrate_to(url, "head")
    found = "SELECT buyer_tax_id FROM billing.electronic_invoice ORDER BY tenant_id"
    assert [row[0] for row in await as_worker(url, (found,))] == ["B58378431", "DE136695976", None, None]


async def test_the_way_back_is_open_until_a_draft_is_claimed(postgres_url: str) -> None:
    url = await create_database(postgres_url, f"billing_{uuid4().hex[:8]}")
    administrator = await asyncpg.connect(asyncpg_url(url))
    await administrator.execute(migrations._ROLES.format(schema="billing"))
    await administrator.close()
    await migrate_to(url, "2026_11_29_draft_queue")
    claimed = (
        "INSERT INTO billing.work_assignment (id, tenant_id, invoice_id, assignee, assigned_by, assigned_at) "
        "SELECT uuidv7(), tenant_id, {item}, 'ana', 'ana', now() FROM billing.supplier_invoice"
    )
    await as_worker(url, (_TAKEN_IN, "a", "{}"), (claimed.format(item="id"),))
    await migrate_back_to(url, "2026_11_28_drafts")
    await migrate_to(url, "2026_11_29_draft_queue")
    await as_worker(url, (claimed.format(item="uuidv7()"),))
    with pytest.raises(IntegrityError, match="work_assignment"):
        await migrate_back_to(url, "2026_11_28_drafts")

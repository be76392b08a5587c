"""The way back: not while an invoice has the first of its two approvals."""

from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from services.billing.app import SERVICE
from shared import migrations
from shared.db import asyncpg_url
from tests.billing.test_migrations import as_worker, migrate_to
from tests.fixtures.services import create_database

_HALF_APPROVED = """
WITH supplier AS (
  INSERT INTO billing.supplier (id, tenant_id, version, name, aliases, known_since)
  VALUES (uuidv7(), 'a', 1, 'Sol', '{}', now()) RETURNING id)
INSERT INTO billing.supplier_invoice (id, tenant_id, version, origin, is_credit_note, supplier_id, supplier_tax_id,
  supplier_name, number, number_key, number_trace, issue_date, due_date, currency, net, tax, gross, lines, vat_breakdown,
  lines_key, status, status_since, registered_by, registered_at, approvals, approvals_needed)
SELECT uuidv7(), 'a', 1, 'keyed', false, id, 'B1', 'Sol', '1', '1', '1', '2026-01-01', '2026-02-01', 'EUR', 10, 2.1, 12.1,
  '[]', '[]', '', 'validated', now(), 'somebody', now(), 1, 2 FROM supplier
"""
_SETTLED = "UPDATE billing.supplier_invoice SET status = 'rejected' WHERE tenant_id = 'a'"
BEFORE = "2026_11_26_intake"


async def migrate_back(url: str) -> None:
    def run(connection: Connection) -> None:
        config = migrations.configuration(SERVICE.migrations)
        config.attributes["connection"] = connection
        command.downgrade(config, BEFORE)

    await migrations._in_transaction(url, run)


async def test_the_way_back_waits_for_second_approvals(postgres_url: str) -> None:
    url = await create_database(postgres_url, f"billing_{uuid4().hex[:8]}")
    administrator = await asyncpg.connect(asyncpg_url(url))
    await administrator.execute(migrations._ROLES.format(schema="billing"))
    await administrator.close()
    await migrate_to(url, "2026_11_27_decisions")
    await as_worker(url, (_HALF_APPROVED,))
    with pytest.raises(DBAPIError, match="second approval"):
        await migrate_back(url)
    await as_worker(url, (_SETTLED,))
    await migrate_back(url)
    await migrate_to(url, "2026_11_27_decisions")
    (row,) = await as_worker(url, ("SELECT approvals, approvals_needed FROM billing.supplier_invoice",))
    assert tuple(row) == (0, None)

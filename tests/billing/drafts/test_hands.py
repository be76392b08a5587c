"""Whoever shaped the figures of a draft does not decide on the invoice, whoever registers it."""

from typing import Any
from uuid import uuid4

import asyncpg

from shared import migrations
from shared.db import asyncpg_url
from tests.billing.bulk.test_bulk_decisions import PATH as LISTS
from tests.billing.bulk.test_bulk_decisions import outcomes, said
from tests.billing.decisions.policies import as_person
from tests.billing.drafts.sending import PATH, TAX_ID, plain, received
from tests.billing.intake.electronic import OTHER_IBAN, detail
from tests.billing.test_migrations import as_worker, migrate_to
from tests.billing.work_queue.queueing import ITEMS, ask, done, listed, on_file
from tests.billing.working import ended
from tests.fixtures.services import Harness, create_database, problem


async def completed_by(billing: Harness, tenant: str, *names: str) -> str:
    """Return a draft that these people have changed, one after the other."""
    draft = await received(billing, tenant, plain())
    for version, name in enumerate(names, 1):
        async with as_person(billing, tenant, name) as client:
            match = {"If-Match": f'"{version}"'}
            said_ = {"supplier_name": f"Papelería Sol {'S' * version}L"}
            assert (await client.patch(f"{PATH}/{draft['id']}", json=said_, headers=match)).status_code == 200
    return str(draft["id"])


async def validated(billing: Harness, tenant: str, *names: str) -> str:
    """Return the invoice that somebody else has registered of it."""
    item = await completed_by(billing, tenant, *names)
    assert (await ask(billing, tenant, "registrar", f"{PATH}/{item}/registration")).status_code == 201
    done(await ask(billing, tenant, "registrar", f"/billing/invoices/{item}/validation"))
    return item


async def code(billing: Harness, tenant: str, name: str, path: str, body: Any = None) -> tuple[int, str]:
    answer = await ask(billing, tenant, name, path, body)
    return answer.status_code, "" if answer.is_success else str(problem(answer)["code"])


async def test_who_completed_the_draft_decides_nothing(billing: Harness, tenant: str) -> None:
    item = await validated(billing, tenant, "ana", "leo")
    invoice = f"/billing/invoices/{item}"
    assert (await detail(billing, tenant, item))["prepared_by"] == [f"ana@{tenant}", f"leo@{tenant}"]
    for name in ("ana", "leo"):  # also what another one has overwritten
        assert await code(billing, tenant, name, f"{invoice}/approval") == (403, "own-draft")
        assert await code(billing, tenant, name, f"{invoice}/rejection", {"reason": "Not ours"}) == (403, "own-draft")
        assert await code(billing, tenant, name, f"{ITEMS}/{item}/claim") == (403, "own-draft")
    given = {"to": f"ana@{tenant}", "reason": "She knows it"}
    assert await code(billing, tenant, "eva", f"{ITEMS}/{item}/reassignment", given) == (409, "assignee-may-not-decide")
    assert await code(billing, tenant, "registrar", f"{invoice}/approval") == (403, "own-invoice")
    done(await ask(billing, tenant, "eva", f"{invoice}/approval"))


async def test_a_list_says_so_too(billing: Harness, tenant: str) -> None:
    item = await validated(billing, tenant, "ana")
    accepted = await ask(billing, tenant, "ana", f"{LISTS}/approval", {"invoices": [{"id": item}]})
    await ended(billing, tenant, accepted)
    assert said(await outcomes(billing, tenant, accepted)) == [("refused", "validated", "own-draft")]


async def test_a_claim_of_one_who_completed_it_ends_with_the_validation(billing: Harness, tenant: str) -> None:
    item = await completed_by(billing, tenant, "ana")
    assert (await ask(billing, tenant, "registrar", f"{PATH}/{item}/registration")).status_code == 201
    done(await ask(billing, tenant, "ana", f"{ITEMS}/{item}/claim"))
    done(await ask(billing, tenant, "ana", f"/billing/invoices/{item}/validation"))
    (told,) = await listed(billing, tenant)
    assert (told["reason"], told["assignment"]) == ("to-approve", None)


async def test_an_account_that_another_one_gave_again_is_not_verified_by_who_gave_it_first(
    billing: Harness, tenant: str
) -> None:
    await on_file(billing, tenant, "F-1", supplier={"tax_id": TAX_ID, "name": "Papelería Sol SL"})
    item = (await received(billing, tenant, plain("F-2", account=None)))["id"]
    for version, name in enumerate(("ana", "leo"), 1):
        async with as_person(billing, tenant, name) as client:
            match, given = {"If-Match": f'"{version}"'}, {"supplier_name": "Papelería Sol SL", "account": OTHER_IBAN}
            assert (await client.patch(f"{PATH}/{item}", json=given, headers=match)).status_code == 200
    assert (await ask(billing, tenant, "registrar", f"{PATH}/{item}/registration")).status_code == 201
    (hold,) = (await detail(billing, tenant, item))["holds"]
    for name in ("ana", "leo", "registrar"):
        assert await code(billing, tenant, name, hold["details"]["verification"]) == (403, "own-account")
    assert await code(billing, tenant, "eva", hold["details"]["verification"]) == (204, "")


_DRAFT = """
WITH supplier AS (
  INSERT INTO billing.supplier (id, tenant_id, version, name, aliases, known_since)
  VALUES (uuidv7(), 'a', 1, 'Sol', '{}', now()) RETURNING id
), invoice AS (
  INSERT INTO billing.supplier_invoice (id, tenant_id, version, origin, is_credit_note, supplier_id, supplier_tax_id,
    supplier_name, number, number_key, number_trace, issue_date, due_date, currency, net, tax, gross, lines, vat_breakdown,
    lines_key, status, status_since, registered_by, registered_at)
  SELECT uuidv7(), 'a', 1, 'document', false, id, 'B1', 'Sol', '1', '1', '1', '2026-01-01', '2026-02-01', 'EUR', 10, 2.1,
    12.1, '[]', '[]', '', 'validated', now(), 'ben', now() FROM supplier RETURNING id
)
INSERT INTO billing.invoice_draft (id, tenant_id, version, state, pages, pages_read, has_text, reading, given, object_key,
  size, sha256, received_by, received_at, settled_by, settled_at, invoice_id, account_by)
SELECT id, 'a', 2, 'registered', 1, 1, true, '{}', '{}', 'x', 1, '', 'leo', now(), 'ben', now(), id, 'ana' FROM invoice
"""


async def test_who_gave_the_account_of_what_waits_is_known(postgres_url: str) -> None:
    url = await create_database(postgres_url, f"billing_{uuid4().hex[:8]}")
    administrator = await asyncpg.connect(asyncpg_url(url))
    await administrator.execute(migrations._ROLES.format(schema="billing"))
    await administrator.close()
    await migrate_to(url, "2026_11_30_returns")
    await as_worker(url, (_DRAFT,))
    await migrate_to(url, "head")
    (row,) = await as_worker(url, ("SELECT prepared_by FROM billing.supplier_invoice",))
    assert row["prepared_by"] == ["ana"]

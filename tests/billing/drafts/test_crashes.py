"""A transaction that is lost at its end leaves a draft, its file and its invoice as they were before it."""

import pytest

from services.billing.intake.originals import sweep
from tests.billing.drafts.sending import PATH, change, plain, received, send, step
from tests.billing.intake.electronic import get, objects, rows
from tests.billing.intake.test_originals import age
from tests.billing.working import losing_the_database
from tests.fixtures.services import Harness, problem


async def test_a_lost_upload_leaves_its_object_to_the_sweeper(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with losing_the_database(billing, monkeypatch):
        answer = await send(billing, tenant, plain())
    assert (answer.status_code, problem(answer)["part"]) == (503, "database")
    assert await rows(billing, tenant, "invoice_draft") == await billing.events(tenant) == []
    assert len(await objects(billing, tenant)) == len(await rows(billing, tenant, "pending_original")) == 1
    await age(billing, tenant)
    await sweep(billing.runtime)
    assert await objects(billing, tenant) == []
    await received(billing, tenant, plain())


async def test_a_lost_registration_leaves_the_draft_open_and_its_file(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = await received(billing, tenant, plain())
    await change(billing, tenant, draft, supplier_name="Papelería Sol SL")
    with losing_the_database(billing, monkeypatch):
        lost = await step(billing, tenant, draft["id"], "registration")
    assert (lost.status_code, problem(lost)["part"]) == (503, "database")
    assert await rows(billing, tenant, "supplier_invoice") == await rows(billing, tenant, "supplier") == []
    assert (await get(billing, tenant, f"{PATH}/{draft['id']}")).json()["status"] == "open"
    assert (await step(billing, tenant, draft["id"], "registration")).status_code == 201
    assert len(await billing.events(tenant)) == 2
    await age(billing, tenant)
    await sweep(billing.runtime)
    assert (await get(billing, tenant, f"/billing/invoices/{draft['id']}/original")).content == plain()

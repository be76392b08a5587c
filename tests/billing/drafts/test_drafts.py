"""A plain PDF becomes a draft, a person completes it, and it becomes an invoice once."""

import hashlib

from tests.billing.drafts.sending import IBAN, TAX_ID, change, plain, received, send, step
from tests.billing.intake.electronic import detail, get
from tests.fixtures.services import Harness, problem


async def test_a_plain_pdf_is_read_completed_and_registered(billing: Harness, tenant: str) -> None:
    content = plain()
    answer = await send(billing, tenant, content)
    assert answer.status_code == 201, answer.text
    draft = answer.json()
    assert answer.headers["location"] == f"/billing/drafts/{draft['id']}"
    values = {name: field["value"] for name, field in draft["fields"].items()}
    assert values == {
        "supplier_tax_id": TAX_ID,
        "supplier_name": None,
        "number": "F-2026/17",
        "issue_date": "2026-03-01",
        "due_date": "2026-03-31",
        "currency": "EUR",
        "purchase_order": None,
        "account": IBAN,
        "vat_breakdown": [{"rate": "21", "base": "100.00", "tax": "21.00"}],
        "net": "100.00",
        "tax": "21.00",
        "gross": "121.00",
    }
    assert draft["unsettled"] == ["supplier_name"]
    early = await step(billing, tenant, draft["id"], "registration")
    assert (early.status_code, problem(early)["code"]) == (422, "draft-incomplete")
    assert problem(early)["obstacles"] == [{"field": "supplier_name", "obstacle": "missing"}]
    changed = await change(billing, tenant, draft, supplier_name="Papelería Sol SL")
    assert changed.status_code == 200, changed.text
    assert (changed.headers["etag"], changed.json()["unsettled"]) == ('"2"', [])
    registered = await step(billing, tenant, draft["id"], "registration", **{"If-Match": changed.headers["etag"]})
    assert registered.status_code == 201, registered.text
    invoice = await detail(billing, tenant, draft["id"])
    assert invoice == registered.json()
    assert (invoice["origin"], invoice["status"], invoice["number"]) == ("document", "registered", "F-2026/17")
    original = await get(billing, tenant, invoice["document"]["original"])
    assert original.content == content
    assert original.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert (await get(billing, tenant, draft["original"])).content == content


async def test_reading_is_the_work_of_automation_and_registering_a_persons(billing: Harness, tenant: str) -> None:
    draft = await received(billing, tenant, plain())
    await change(billing, tenant, draft, supplier_name="Papelería Sol SL")
    assert (await step(billing, tenant, draft["id"], "registration")).status_code == 201
    read, registered = await billing.events(tenant)
    assert (read.type, registered.type) == ("billing.draft.received.v1", "billing.invoice.registered.v1")
    assert registered.payload["origin"] == "document"
    works = [event.payload["work"] for event in (read, registered)]
    assert [work["case"] for work in works] == [draft["id"], draft["id"]]
    assert [work["actor"]["kind"] for work in works] == ["automation", "person"]
    assert [work["activity"] for work in works] == ["read-document", "register-invoice"]
    assert works[1]["requested_at"] == works[0]["finished_at"]

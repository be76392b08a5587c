"""A plain PDF becomes a draft, a person completes it, and it becomes an invoice once."""

import asyncio
import hashlib

from services.billing.einvoices import model as m
from tests.billing.decisions.policies import as_person
from tests.billing.drafts.sending import (
    IBAN,
    OTHER_IBAN,
    PATH,
    TAX_ID,
    change,
    plain,
    received,
    send,
    statements,
    step,
)
from tests.billing.intake.electronic import detail, electronic, get, objects, open_holds, post, rows, seller, taken_in
from tests.billing.test_invoices import invoice as keyed
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


async def test_a_known_supplier_is_told_by_tax_number_account_or_name(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant) as client:
        assert (await client.post("/billing/invoices", json=keyed("1"))).status_code == 201
    by_number = await received(billing, tenant, plain("F-2"))
    assert by_number["fields"]["supplier_name"]["value"] == "Papelería Sol SL"
    assert by_number["fields"]["supplier_name"]["seen"]["snippet"].startswith("NIF: B12345674")
    assert by_number["unsettled"] == []
    assert (await step(billing, tenant, by_number["id"], "registration")).status_code == 201
    by_account = await received(billing, tenant, plain("F-3", tax_id=None))
    assert by_account["fields"]["supplier_tax_id"]["value"] == TAX_ID
    assert IBAN[:4] in by_account["fields"]["supplier_tax_id"]["seen"]["snippet"]
    by_name = await received(billing, tenant, plain("F-4", tax_id=None, account=None))
    field = by_name["fields"]["supplier_tax_id"]
    assert (field["certainty"], [each["value"] for each in field["alternatives"]]) == ("ambiguous", [TAX_ID])
    assert field["alternatives"][0]["snippet"].startswith("Papelería Sol SL")


async def test_another_name_of_a_supplier_proposes_it(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant, "manager") as client:
        supplier = {"supplier": {"tax_id": TAX_ID, "name": "Sol y Cía"}}
        invoice = (await client.post("/billing/invoices", json=keyed("1", **supplier))).json()
        path = f"/billing/suppliers/{invoice['supplier']['id']}"
        tag = (await client.get(path)).headers["etag"]
        renamed = await client.patch(path, json={"aliases": ["PAPELERÍA SOL SL"]}, headers={"If-Match": tag})
        assert renamed.status_code == 204, renamed.text
    draft = await received(billing, tenant, plain("F-4", tax_id=None, account=None))
    told = draft["fields"]["supplier_name"]
    assert (told["certainty"], [each["value"] for each in told["alternatives"]]) == ("ambiguous", ["Sol y Cía"])


async def test_an_account_that_was_mistyped_is_refused(billing: Harness, tenant: str) -> None:
    draft = await received(billing, tenant, plain())
    refused = await change(billing, tenant, draft, account="ES91 2100 0418 4502 0005 1333")
    assert (refused.status_code, problem(refused)["errors"][0]["at"]) == (422, "body.account")
    changed = await change(billing, tenant, draft, account="de89 3704 0044 0532 0130 00")
    assert changed.json()["fields"]["account"]["value"] == OTHER_IBAN


async def test_the_tenants_own_number_is_not_the_suppliers(billing: Harness, tenant: str) -> None:
    alone = plain("F-1", tax_id=None, account=None, customer="NIF: B58378431")
    unsure = await received(billing, tenant, alone)
    field = unsure["fields"]["supplier_tax_id"]
    assert (field["certainty"], field["value"]) == ("ambiguous", None)
    assert [each["value"] for each in field["alternatives"]] == ["B58378431"]
    buyer = m.Buyer(name="Faro Consultores SL", vat_identifier="ESB58378431")
    await taken_in(billing, tenant, electronic("E-1", buyer=buyer, seller=seller("Mar SL", "ESA28015865")))
    known = await received(billing, tenant, plain("F-2", account=None, customer="NIF: B58378431"))
    assert known["fields"]["supplier_tax_id"]["value"] == TAX_ID
    nobody = await received(billing, tenant, plain("F-3", tax_id=None, account=None, customer="NIF: B58378431"))
    assert nobody["fields"]["supplier_tax_id"]["certainty"] == "not-found"


async def test_an_account_never_seen_holds_the_invoice(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant) as client:
        assert (await client.post("/billing/invoices", json=keyed("1"))).status_code == 201
    draft = await received(billing, tenant, plain("F-2", account=OTHER_IBAN))
    registered = await step(billing, tenant, draft["id"], "registration")
    assert open_holds(registered.json()) == ["account-changed"]
    assert registered.json()["holds"][0]["details"]["account"] == OTHER_IBAN


async def test_an_order_on_file_is_found_and_matched(billing: Harness, tenant: str) -> None:
    lines = [{"reference": "1", "description": "Toner", "quantity": "1", "unit": "C62", "unit_price": "100"}]
    order = {"number": "PO-4711", "supplier_tax_id": TAX_ID, "currency": "EUR", "lines": lines}
    async with billing.client(tenant, "manager") as client:
        placed = await client.post("/billing/orders", json=order)
        assert placed.status_code == 201, placed.text
    unknown = await received(billing, tenant, plain("F-1", more="Pedido nº: PO-4712"))
    assert unknown["fields"]["purchase_order"]["certainty"] == "not-found"
    draft = await received(billing, tenant, plain("F-2", more="Pedido nº: PO-4711"))
    assert draft["fields"]["purchase_order"]["value"] == "PO-4711"
    await change(billing, tenant, draft, supplier_name="Papelería Sol SL")
    registered = await step(billing, tenant, draft["id"], "registration")
    assert registered.json()["match"]["verdict"] == "exception"
    assert open_holds(registered.json()) == ["match-exception"]


async def test_what_people_say_stands_before_the_reading(billing: Harness, tenant: str) -> None:
    draft = await received(billing, tenant, plain())
    blind = await change(billing, tenant, draft | {"version": 7}, number="X-1")
    assert (blind.status_code, problem(blind)["code"]) == (412, "if-match-failed")
    changed = (await change(billing, tenant, draft, number="X-1", account=None, due_date=None)).json()
    number, account = changed["fields"]["number"], changed["fields"]["account"]
    assert (number["value"], number["by"], number["seen"]["value"]) == ("X-1", "person", "F-2026/17")
    assert (account["value"], account["by"], account["seen"]["value"]) == (None, "person", IBAN)
    wrong = (await change(billing, tenant, changed, supplier_name="Sol", gross="122.00")).json()
    refused = await step(billing, tenant, draft["id"], "registration")
    assert (refused.status_code, problem(refused)["code"]) == (422, "totals-do-not-add-up")
    late = (await change(billing, tenant, wrong, gross="121.00", due_date="2026-02-01")).json()
    refused = await step(billing, tenant, draft["id"], "registration")
    assert problem(refused)["obstacles"] == [{"field": "invoice", "obstacle": "due_before_issue"}]
    await change(billing, tenant, late, due_date=None)
    invoice = (await step(billing, tenant, draft["id"], "registration")).json()
    assert (invoice["number"], invoice["due_date"], invoice["holds"]) == ("X-1", "2026-03-31", [])
    assert [line["description"] for line in invoice["lines"]] == ["Total, 21 %"]


async def test_lines_of_a_person_are_the_invoices(billing: Harness, tenant: str) -> None:
    draft = await received(billing, tenant, plain())
    line = {"description": "Toner", "quantity": "2", "unit_price": "50", "net": "100.00", "vat_rate": "21"}
    changed = await change(billing, tenant, draft, supplier_name="Papelería Sol SL", lines=[line])
    assert changed.json()["lines"] == [line]
    invoice = (await step(billing, tenant, draft["id"], "registration")).json()
    assert [each["description"] for each in invoice["lines"]] == ["Toner"]


async def test_a_duplicate_leaves_the_draft_open_and_names_the_invoice(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant) as client:
        on_file = (await client.post("/billing/invoices", json=keyed("F-2026/17"))).json()
    draft = await received(billing, tenant, plain())
    refused = await step(billing, tenant, draft["id"], "registration")
    assert (refused.status_code, problem(refused)["code"]) == (409, "duplicate-invoice")
    assert problem(refused)["existing_id"] == on_file["id"]
    assert (await get(billing, tenant, f"{PATH}/{draft['id']}")).json()["status"] == "open"
    assert len(await rows(billing, tenant, "supplier_invoice")) == 1


async def test_two_registrations_at_once_leave_one(billing: Harness, tenant: str) -> None:
    draft = await received(billing, tenant, plain())
    await change(billing, tenant, draft, supplier_name="Papelería Sol SL")
    answers = await asyncio.gather(*(step(billing, tenant, draft["id"], "registration") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    refused = next(problem(answer) for answer in answers if answer.status_code == 409)
    assert (refused["code"], refused["invoice_id"]) == ("draft-settled", draft["id"])
    assert [event.type for event in await billing.events(tenant)][1:] == ["billing.invoice.registered.v1"]


async def test_one_who_registers_does_not_approve(billing: Harness, tenant: str) -> None:
    draft = await received(billing, tenant, plain())
    await change(billing, tenant, draft, supplier_name="Papelería Sol SL")
    assert (await step(billing, tenant, draft["id"], "registration", role="manager")).status_code == 201
    path = f"/billing/invoices/{draft['id']}"
    assert (await post(billing, tenant, f"{path}/validation")).status_code == 204
    assert problem(await post(billing, tenant, f"{path}/approval"))["code"] == "own-invoice"


async def test_a_discarded_draft_is_final_and_its_file_may_come_again(billing: Harness, tenant: str) -> None:
    draft = await received(billing, tenant, plain())
    unreasoned = await step(billing, tenant, draft["id"], "discard", {})
    assert problem(unreasoned)["errors"][0]["at"] == "body.reason"
    why = {"reason": "An offer, not an invoice"}
    assert (await step(billing, tenant, draft["id"], "discard", why)).status_code == 204
    told = (await get(billing, tenant, f"{PATH}/{draft['id']}")).json()
    assert (told["status"], told["reason"], told["unsettled"], told["invoice_id"]) == (
        "discarded",
        why["reason"],
        [],
        None,
    )
    for name, body in (("discard", why), ("registration", None)):
        again = await step(billing, tenant, draft["id"], name, body)
        assert (again.status_code, problem(again)["code"]) == (409, "draft-settled")
    late = await change(billing, tenant, draft | {"version": 2}, number="1")
    assert problem(late)["code"] == "draft-settled"
    assert (await get(billing, tenant, draft["original"])).content == plain()
    _, discarded = await billing.events(tenant)
    assert (discarded.type, discarded.payload["work"]["outcome"]) == ("billing.draft.discarded.v1", "cancelled")
    assert "offer" not in str(discarded.payload)
    assert (await received(billing, tenant, plain()))["id"] != draft["id"]


async def test_the_same_file_is_here_once(billing: Harness, tenant: str, other_tenant: str) -> None:
    answers = await asyncio.gather(*(send(billing, tenant, plain()) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    draft = next(answer.json() for answer in answers if answer.status_code == 201)
    refused = [problem(answer) for answer in answers if answer.status_code == 409]
    assert {(each["code"], each["draft_id"], each["state"]) for each in refused} == {
        ("document-on-file", draft["id"], "open")
    }
    assert len(await objects(billing, tenant)) == 1
    await change(billing, tenant, draft, supplier_name="Papelería Sol SL")
    await step(billing, tenant, draft["id"], "registration")
    assert problem(await send(billing, tenant, plain()))["invoice_id"] == draft["id"]
    await received(billing, other_tenant, plain())


async def test_a_key_makes_a_repeated_upload_one_draft(billing: Harness, tenant: str) -> None:
    key = {"Idempotency-Key": "upload-0001"}
    first, again = [await send(billing, tenant, plain(), **key) for _ in range(2)]
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await send(billing, tenant, plain("F-9"), **key)
    assert problem(other)["code"] == "idempotency-key-reused"
    assert len(await objects(billing, tenant)) == len(await rows(billing, tenant, "invoice_draft")) == 1


async def test_drafts_are_listed_by_state_and_seen_by_their_tenant_alone(
    billing: Harness, tenant: str, other_tenant: str
) -> None:
    drafts = [await received(billing, tenant, plain(f"F-{at}")) for at in range(3)]
    await step(billing, tenant, drafts[1]["id"], "discard", {"reason": "A copy"})
    listed = (await get(billing, tenant, f"{PATH}?status=open")).json()["items"]
    assert [each["id"] for each in listed] == [drafts[2]["id"], drafts[0]["id"]]
    assert (listed[0]["number"], listed[0]["gross"], listed[0]["unsettled"]) == ("F-2", "121.00", ["supplier_name"])
    first = (await get(billing, tenant, f"{PATH}?limit=2")).json()
    rest = (await get(billing, tenant, f"{PATH}?limit=2&cursor={first['next_cursor']}")).json()
    assert [len(first["items"]), len(rest["items"]), rest["next_cursor"]] == [2, 1, None]
    assert (await get(billing, other_tenant, PATH)).json() == {"items": [], "next_cursor": None}
    for path in (f"{PATH}/{drafts[0]['id']}", drafts[0]["original"]):
        assert problem(await get(billing, other_tenant, path))["code"] == "not-found"
    foreign = await change(billing, other_tenant, drafts[0], number="1")
    assert problem(foreign)["code"] == "not-found"
    assert problem(await step(billing, other_tenant, drafts[0]["id"], "registration"))["code"] == "not-found"


async def test_a_list_takes_one_statement_whatever_its_length(billing: Harness, tenant: str) -> None:
    counts = []
    for wanted in (0, 4):
        for at in range(wanted):
            await received(billing, tenant, plain(f"F-{at}"))
        counts.append(await statements(billing, lambda: get(billing, tenant, PATH)))
    assert counts[0] == counts[1]


async def test_viewers_read_and_do_not_write(billing: Harness, tenant: str) -> None:
    assert (await send(billing, tenant, plain(), role="viewer")).status_code == 403
    draft = await received(billing, tenant, plain())
    assert (await step(billing, tenant, draft["id"], "registration", role="viewer")).status_code == 403
    assert (await get(billing, tenant, f"{PATH}/{draft['id']}")).status_code == 200


async def test_nobody_verifies_an_account_that_they_gave_brought_in_or_registered(
    billing: Harness, tenant: str
) -> None:
    async with billing.client(tenant) as client:
        assert (await client.post("/billing/invoices", json=keyed("1"))).status_code == 201
    given = await received(billing, tenant, plain("F-2", account=None))
    async with as_person(billing, tenant, "mallory") as client:
        path = f"/billing/drafts/{given['id']}"
        changed = await client.patch(path, json={"account": OTHER_IBAN}, headers={"If-Match": '"1"'})
        assert changed.status_code == 200, changed.text
        read = await client.post("/billing/drafts", content=plain("F-3", account="FR1420041010050500013M02606"))
        assert read.status_code == 201, read.text
    for draft in (given, read.json()):
        async with as_person(billing, tenant, "bob") as client:
            invoice = (await client.post(f"/billing/drafts/{draft['id']}/registration")).json()
        (hold,) = [each for each in invoice["holds"] if each["kind"] == "account-changed"]
        for name, status in (("mallory", 403), ("bob", 403), ("eva", 204)):
            async with as_person(billing, tenant, name) as client:
                answer = await client.post(hold["details"]["verification"])
            assert answer.status_code == status, (name, answer.text)

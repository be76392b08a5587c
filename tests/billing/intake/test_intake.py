"""An electronic invoice becomes an invoice on file: as it is, with its original, its verdict and one event."""

import asyncio
import hashlib
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from services.billing.einvoices import model as m
from services.billing.einvoices.cii import write_cii
from services.billing.einvoices.pool import Validators
from services.billing.einvoices.verdicts import Judged, Stage
from tests.billing.einvoices.samples import INVOICE, invoice_xml
from tests.billing.einvoices.test_door import pdf
from tests.billing.intake.electronic import (
    detail,
    electronic,
    get,
    nothing_left,
    objects,
    open_holds,
    post,
    rows,
    seller,
    send,
    taken_in,
)
from tests.billing.test_invoices import invoice as keyed
from tests.fixtures.services import Harness, problem


async def test_a_valid_invoice_is_on_file_as_it_came(billing: Harness, tenant: str) -> None:
    content = electronic("F-1", write=write_cii)
    answer = await send(billing, tenant, content)
    assert answer.status_code == 201, answer.text
    invoice_id = answer.json()["id"]
    assert answer.headers["location"] == f"/billing/invoices/{invoice_id}"
    told = await detail(billing, tenant, invoice_id)
    assert told == answer.json()
    assert (told["status"], told["origin"], told["holds"]) == ("registered", "electronic", [])
    assert (told["supplier"]["tax_id"], told["supplier"]["name"]) == ("B12345674", "Faro Consultores SL")
    assert (told["number"], told["due_date"], told["currency"]) == ("F-1", "2026-12-02", "EUR")
    assert told["totals"] == {"net": "100.00", "tax": "21.00", "gross": "121.00"}
    assert told["lines"] == [
        {"description": "Advice", "quantity": "1", "unit_price": "100", "net": "100", "vat_rate": "21"}
    ]
    judged = told["electronic"]
    assert (judged["verdict"], judged["format"], judged["due_date_source"]) == ("valid", "cii", "document")
    assert judged["canonical"]["seller"]["vat_identifier"] == "ESB12345674"
    assert [rules["id"] for rules in judged["rule_sets"]] == ["cii-xsd", "en16931-cii", "trastienda"]
    assert all(len(rules["sha256"]) == 64 and rules["version"] for rules in judged["rule_sets"][:2])
    assert (judged["sha256"], judged["size"]) == (hashlib.sha256(content).hexdigest(), len(content))


async def test_the_original_is_the_very_bytes(billing: Harness, tenant: str, other_tenant: str) -> None:
    hybrid = pdf(attached={"factur-x.xml": electronic("F-2", write=write_cii)})
    xml = INVOICE.replace(b"\n", b"\r\n")
    for content, media_type in ((hybrid, "application/pdf"), (xml, "application/xml")):
        invoice = await taken_in(billing, tenant, content)
        original = await get(billing, tenant, invoice["electronic"]["original"])
        assert original.content == content
        assert original.headers["content-type"] == media_type
        assert original.headers["content-disposition"].startswith("attachment; ")
        assert original.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
        elsewhere = await get(billing, other_tenant, invoice["electronic"]["original"])
        assert (elsewhere.status_code, problem(elsewhere)["code"]) == (404, "not-found")
        hidden = await get(billing, other_tenant, f"/billing/invoices/{invoice['id']}")
        assert problem(hidden)["code"] == "not-found"


async def test_one_event_tells_the_work_of_automation(billing: Harness, tenant: str) -> None:
    invoice = await taken_in(billing, tenant, electronic())
    (event,) = await billing.events(tenant)
    assert (event.type, event.aggregateid) == ("billing.invoice.registered.v1", invoice["id"])
    told = {name: event.payload[name] for name in ("origin", "verdict", "holds", "gross")}
    assert told == {"origin": "electronic", "verdict": "valid", "holds": [], "gross": "121.00"}
    work = event.payload["work"]
    assert work["actor"] == {"kind": "automation", "id": "billing.intake", "team": None}
    assert (work["process"], work["activity"], work["case"]) == ("accounts-payable", "register-invoice", invoice["id"])
    assert work["started_at"] < work["finished_at"]
    assert work["estimated"] is False


async def test_an_invalid_invoice_is_on_file_as_it_says_and_held(billing: Harness, tenant: str) -> None:
    invoice = await taken_in(billing, tenant, invoice_xml(payable="999.00"))
    assert invoice["electronic"]["verdict"] == "invalid"
    assert open_holds(invoice) == ["invalid"]
    assert invoice["holds"][0]["details"] == {"rules": ["BR-CO-16"]}
    path = f"/billing/invoices/{invoice['id']}"
    held = await post(billing, tenant, f"{path}/validation")
    assert (held.status_code, problem(held)["code"]) == (409, "invoice-held")
    release = f"{path}/holds/{invoice['holds'][0]['id']}/release"
    unreasoned = await post(billing, tenant, release, {"scope": "invoice"})
    assert problem(unreasoned)["errors"][0]["at"] == "body.reason"
    why = {"reason": "Paid by card, agreed on the phone", "scope": "invoice"}
    assert (await post(billing, tenant, release, why, role="operator")).status_code == 403
    assert (await post(billing, tenant, release, why)).status_code == 204
    again = await post(billing, tenant, release, why)
    assert (again.status_code, problem(again)["code"]) == (409, "hold-released")
    (hold,) = (await detail(billing, tenant, invoice["id"]))["holds"]
    assert (hold["reason"], hold["scope"], hold["released_by"]) == (why["reason"], "invoice", f"manager@{tenant}")
    assert (await post(billing, tenant, f"{path}/validation")).status_code == 204
    events = await billing.events(tenant)
    assert [event.type.split(".")[2] for event in events] == ["registered", "released", "validated"]
    assert "agreed" not in str(events[1].payload)


async def test_a_held_invoice_can_be_rejected_at_once(billing: Harness, tenant: str) -> None:
    invoice = await taken_in(billing, tenant, invoice_xml(payable="999.00"))
    sound = await taken_in(billing, tenant, electronic("S-1", net="5.00"))
    why = {"reason": "Wrong total"}
    assert (await post(billing, tenant, f"/billing/invoices/{invoice['id']}/rejection", why)).status_code == 204
    refused = await post(billing, tenant, f"/billing/invoices/{sound['id']}/rejection", why)
    assert (refused.status_code, problem(refused)["code"]) == (409, "illegal-invoice-transition")


async def test_figures_are_kept_and_never_computed_again(billing: Harness, tenant: str) -> None:
    totals = m.Totals(lines=Decimal(1), without_vat=Decimal("70.001"), vat=Decimal("3.5"), with_vat=Decimal("99.9999"))
    invoice = await taken_in(billing, tenant, electronic(totals=totals))
    assert invoice["totals"] == {"net": "70.001", "tax": "3.50", "gross": "99.9999"}
    assert invoice["electronic"]["verdict"] == "invalid"


@pytest.fixture
def half_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the official rules fail on every file."""
    judge = Validators.judge

    async def fail(self: Validators, content: bytes, *, read: bool = False) -> Judged:
        judged = await judge(self, content, read=read)
        schema, rules, own = judged.stages
        failed = Stage(rule_set=rules.rule_set, version=rules.version, sha256=rules.sha256, obstacle="rules-failed")
        return Judged(format=judged.format, stages=(schema, failed, own), canonical=judged.canonical)

    monkeypatch.setattr(Validators, "judge", fail)


@pytest.mark.usefixtures("half_judged")
async def test_what_could_not_be_judged_is_never_valid(billing: Harness, tenant: str) -> None:
    invoice = await taken_in(billing, tenant, electronic())
    assert invoice["electronic"]["verdict"] == "not-validated"
    assert open_holds(invoice) == ["not-validated"]
    assert invoice["holds"][0]["details"] == {"rule_sets": ["en16931-ubl"]}
    told = await detail(billing, tenant, invoice["id"], **{"Accept-Language": "es"})
    assert "no se sabe si el documento es válido" in told["holds"][0]["text"]
    assert told["electronic"]["rule_sets"][1]["applied"] is False


@pytest.mark.parametrize(
    ("changes", "obstacles"),
    [
        ({"number": None}, [("BT-1", "missing")]),
        ({"number": "9" * 101}, [("BT-1", "unusable")]),
        ({"number": "---"}, [("BT-1", "unusable")]),
        ({"issue_date": date(1626, 1, 2)}, [("BT-2", "unusable")]),
        ({"issue_date": None, "currency": "ZZZ"}, [("BT-2", "missing"), ("BT-5", "unusable")]),
        ({"due_date": date(9999, 12, 31)}, [("BT-9", "unusable")]),
        ({"seller": m.Seller()}, [("BT-27", "missing"), ("BT-31", "missing")]),
        ({"totals": m.Totals()}, [("BT-109", "missing"), ("BT-112", "missing")]),
        (
            {"totals": m.Totals(without_vat=Decimal(10) ** 29, with_vat=Decimal("0.0000001"))},
            [("BT-109", "unusable"), ("BT-112", "unusable")],
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
async def test_what_an_invoice_on_file_needs_is_asked_for(
    billing: Harness, tenant: str, changes: dict[str, Any], obstacles: list[tuple[str, str]]
) -> None:
    answer = await send(billing, tenant, electronic(**changes), **{"Accept-Language": "es"})
    document = problem(answer)
    assert (answer.status_code, document["code"]) == (422, "unusable-invoice"), document
    assert [(each["term"], each["obstacle"]) for each in document["obstacles"]] == obstacles
    assert document["detail"].startswith("El documento no dice")
    assert await nothing_left(billing, tenant)


async def test_a_value_that_is_none_is_named(billing: Harness, tenant: str) -> None:
    answer = await send(billing, tenant, INVOICE.replace(b"2026-11-02", b"2026-13-45"), **{"Accept-Language": "es"})
    assert (answer.status_code, problem(answer)["code"]) == (422, "unread-invoice")
    assert "2026-13-45" in problem(answer)["reason"]
    assert "(un valor no es del tipo debido)" in problem(answer)["detail"]
    assert problem(answer)["obstacle"] == "unreadable-value"
    assert await nothing_left(billing, tenant)


async def test_what_is_no_invoice_is_refused_at_the_door(billing: Harness, tenant: str) -> None:
    for content, code in ((b"hello", "not-an-invoice-file"), (b"<!DOCTYPE a><a/>", "doctype-refused")):
        assert problem(await send(billing, tenant, content))["code"] == code
    refused = await send(billing, tenant, INVOICE, role="viewer")
    assert problem(refused)["scope"] == "billing.invoices:write"
    assert await nothing_left(billing, tenant)


async def test_a_number_is_taken_once_whatever_the_format_year_and_channel(
    billing: Harness, tenant: str, other_tenant: str
) -> None:
    first = await taken_in(billing, tenant, electronic("F 2026/001"))
    twins = (
        electronic("f-2026-001", write=write_cii),
        pdf(attached={"factur-x.xml": electronic("F-2026-001", write=write_cii)}),
        electronic("F-2026/001", issue_date=date(2025, 1, 1), net="7.00"),
        electronic("F-2026/001", seller=seller("Faro", "B-12345674")),
    )
    for content in twins:
        again = await send(billing, tenant, content)
        assert (again.status_code, problem(again)["code"]) == (409, "duplicate-invoice")
        assert problem(again)["existing_id"] == first["id"]
    typed = await post(billing, tenant, "/billing/invoices", keyed("F-2026/001"))
    assert problem(typed)["existing_id"] == first["id"]
    assert len(await objects(billing, tenant)) == len(await rows(billing, tenant, "electronic_invoice")) == 1
    assert await rows(billing, tenant, "pending_original") == []
    await taken_in(billing, other_tenant, electronic("F 2026/001"))


async def test_of_two_at_once_one_is_on_file(billing: Harness, tenant: str) -> None:
    twins = [electronic("F-9"), electronic("F-9", write=write_cii)] * 2
    answers = await asyncio.gather(*(send(billing, tenant, content) for content in twins))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(await objects(billing, tenant)) == len(await rows(billing, tenant, "supplier_invoice")) == 1
    assert len(await billing.events(tenant)) == len(await rows(billing, tenant, "supplier")) == 1


async def test_a_key_makes_a_repeated_intake_safe(billing: Harness, tenant: str) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first, second = [await send(billing, tenant, electronic("K-1"), **key) for _ in range(2)]
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second.headers["idempotency-replayed"] == "true"
    other = await send(billing, tenant, electronic("K-2"), **key)
    assert (other.status_code, problem(other)["code"]) == (422, "idempotency-key-reused")
    assert len(await objects(billing, tenant)) == len(await billing.events(tenant)) == 1
    racing = {"Idempotency-Key": str(uuid4())}
    race = await asyncio.gather(*(send(billing, tenant, electronic("K-30", net="9.00"), **racing) for _ in range(4)))
    assert {answer.status_code for answer in race} <= {201, 409}
    assert len({answer.content for answer in race if answer.status_code == 201}) == 1
    assert {problem(answer)["code"] for answer in race if answer.status_code == 409} <= {"idempotency-key-in-progress"}
    assert len(await objects(billing, tenant)) == len(await billing.events(tenant)) == 2
    assert await rows(billing, tenant, "pending_original") == []


async def test_an_invoice_without_a_day_is_due_by_the_suppliers_terms(billing: Harness, tenant: str) -> None:
    legal = await taken_in(billing, tenant, electronic("T-1", due_date=None, payment_terms="As agreed"))
    assert (legal["due_date"], legal["electronic"]["due_date_source"]) == ("2026-12-02", "terms")
    supplier = f"/billing/suppliers/{legal['supplier']['id']}"
    async with billing.client(tenant) as client:
        changed = await client.patch(supplier, json={"terms_days": 60}, headers={"If-Match": '"1"'})
    assert changed.status_code == 204, changed.text
    agreed = await taken_in(billing, tenant, electronic("T-2", net="8.00", due_date=None, payment_terms="As agreed"))
    assert agreed["due_date"] == "2027-01-01"


async def test_a_keyed_invoice_has_no_original(billing: Harness, tenant: str) -> None:
    registered = (await post(billing, tenant, "/billing/invoices", keyed())).json()
    told = await detail(billing, tenant, registered["id"])
    assert (told["origin"], told["electronic"]) == ("keyed", None)
    missing = await get(billing, tenant, f"/billing/invoices/{registered['id']}/original")
    assert (missing.status_code, problem(missing)["code"]) == (404, "no-original")


async def test_the_list_shows_what_is_held(billing: Harness, tenant: str) -> None:
    held = await taken_in(billing, tenant, invoice_xml(payable="999.00"))
    free = await taken_in(billing, tenant, electronic("S-2", net="3.00"))
    for wanted, found in (("true", held), ("false", free)):
        listed = (await get(billing, tenant, f"/billing/invoices?held={wanted}")).json()["items"]
        assert [each["id"] for each in listed] == [found["id"]]


async def test_a_credit_note_says_that_it_is_one(billing: Harness, tenant: str) -> None:
    note = await taken_in(billing, tenant, electronic("C-1", type_code="381", due_date=None))
    assert (note["is_credit_note"], note["totals"]["gross"]) == (True, "121.00")
    assert note["electronic"]["format"] == "ubl-credit-note"

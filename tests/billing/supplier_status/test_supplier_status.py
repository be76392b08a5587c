"""Where an invoice is, told to those who answer suppliers: few stages, both languages, nothing internal."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from services.billing.invoices.models import InvoiceStatus
from services.billing.supplier_status.rules import Stage, Standing, expected_payment, is_open, is_overdue
from services.billing.supplier_status.texts import told_day, told_stage
from shared import clock
from tests.billing.einvoices.samples import invoice_xml
from tests.billing.intake.electronic import OTHER_IBAN, electronic, get, post, taken_in
from tests.billing.test_invoices import invoice as keyed
from tests.fixtures.services import Harness, problem

TODAY = clock.now().date()
PAST, SOON = TODAY - timedelta(days=10), TODAY + timedelta(days=10)
INTERNAL = ("hold", "duplicate", "account", "match", "fraud", "iban", "reason", "registered_by", "decided", "approver")


async def stepped(billing: Harness, tenant: str, invoice: dict[str, Any], *steps: tuple[str, Any]) -> None:
    for name, body in steps:
        answer = await post(billing, tenant, f"/billing/invoices/{invoice['id']}/{name}", body)
        assert answer.status_code == 204, answer.text


async def status_of(billing: Harness, tenant: str, supplier: str, query: str = "", **headers: str) -> dict[str, Any]:
    answer = await get(billing, tenant, f"/billing/suppliers/{supplier}/status{query}", **headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def ask(billing: Harness, tenant: str, tax_id: str, number: str, **headers: str) -> httpx.Response:
    async with billing.client(tenant, "viewer", **headers) as client:
        return await client.get("/billing/invoice-status", params={"supplier_tax_id": tax_id, "number": number})


async def several(billing: Harness, tenant: str) -> list[dict[str, Any]]:
    """Put invoices of one supplier on file, one for each stage and more."""
    items = [(f"{letter}-{n}01", f"{n}00.00") for n, letter in enumerate("ABCDEFG", 1)]
    made = []
    for number, net in items:
        day = SOON if number[0] in "ADE" else PAST
        account = OTHER_IBAN if number[0] == "B" else None
        content = electronic(number, net=net, item=number, issue_date=PAST, due_date=day, account=account)
        made.append(await taken_in(billing, tenant, content))
    validated = ("validation", None)
    _, _, checked, approved, rejected, paid, late = made
    await stepped(billing, tenant, checked, validated)
    await stepped(billing, tenant, approved, validated, ("approval", None))
    await stepped(billing, tenant, rejected, validated, ("rejection", {"reason": "It smells of fraud"}))
    payment = {"paid_on": TODAY.isoformat(), "reference": "SEPA 7"}
    await stepped(billing, tenant, paid, validated, ("approval", None), ("payment", payment))
    await stepped(billing, tenant, late, validated, ("approval", None))
    return made


async def test_each_invoice_is_at_a_stage_and_all_come_to_sums(billing: Harness, tenant: str) -> None:
    made = await several(billing, tenant)
    told = await status_of(billing, tenant, made[0]["supplier"]["id"])
    by_number = {each["number"]: each for each in told["items"]}
    assert [by_number[each["number"]]["stage"] for each in made] == [
        "received",
        "being-checked",
        "being-checked",
        "approved",
        "rejected",
        "paid",
        "approved",
    ]
    assert told["counts"] == {
        "received": 1,
        "being-checked": 2,
        "waiting-for-supplier": 0,
        "approved": 2,
        "paid": 1,
        "rejected": 1,
    }
    assert told["totals"] == [{"currency": "EUR", "open": "2057.00", "overdue": "1452.00", "paid": "726.00"}]
    assert [by_number[n]["is_overdue"] for n in ("A-101", "B-201", "G-701", "F-601")] == [False, True, True, False]
    assert by_number["D-401"]["expected_payment_on"] == SOON.isoformat()
    assert by_number["G-701"]["expected_payment_on"] is None
    assert (by_number["F-601"]["paid_on"], by_number["F-601"]["payment_reference"]) == (TODAY.isoformat(), "SEPA 7")
    assert "SEPA 7" in by_number["F-601"]["text"]
    assert told_day(SOON, "en") in by_number["D-401"]["text"]
    assert told_day(PAST, "en") in by_number["G-701"]["text"]


async def test_nothing_internal_is_told(billing: Harness, tenant: str) -> None:
    made = await several(billing, tenant)
    for language in ("en", "es"):
        said = str(await status_of(billing, tenant, made[0]["supplier"]["id"], **{"Accept-Language": language}))
        assert OTHER_IBAN.replace(" ", "") not in said
        assert not [word for word in (*INTERNAL, tenant, "smells") if word in said.casefold()]


async def test_an_invalid_document_waits_for_the_supplier(billing: Harness, tenant: str) -> None:
    invalid = await taken_in(billing, tenant, invoice_xml(payable="999.00"))
    told = await status_of(billing, tenant, invalid["supplier"]["id"], **{"Accept-Language": "es"})
    (item,) = told["items"]
    assert (item["stage"], item["expected_payment_on"], item["is_overdue"]) == ("waiting-for-supplier", None, False)
    assert item["text"].endswith("Envíenos uno corregido, por favor.")
    assert told["totals"][0]["overdue"] == "0.00"


async def test_a_credit_note_is_taken_off(billing: Harness, tenant: str) -> None:
    bill = await taken_in(billing, tenant, electronic("A-1", net="300.00", due_date=SOON))
    await taken_in(billing, tenant, electronic("C-9", net="100.00", type_code="381", due_date=None, item="Back"))
    told = await status_of(billing, tenant, bill["supplier"]["id"])
    assert told["totals"] == [{"currency": "EUR", "open": "242.00", "overdue": "0.00", "paid": "0.00"}]
    assert told["items"][0]["text"].startswith("Credit note C-9 has arrived")
    assert told["items"][0]["expected_payment_on"] is None


async def test_it_is_found_by_tax_number_and_number_however_written(
    billing: Harness, tenant: str, other_tenant: str
) -> None:
    made = await taken_in(billing, tenant, electronic("F-2026/001"))
    path = f"/billing/suppliers/{made['supplier']['id']}/tax-ids"
    assert (await post(billing, tenant, path, {"tax_id": "FR12345678901"})).status_code == 204
    again = await post(
        billing,
        tenant,
        f"/billing/invoices/{made['id']}/repeats",
        {"reason": "Used twice", "invoice": keyed_again()},
    )
    assert again.status_code == 201, again.text
    for tax_id in ("es b-12345674", "FR 12345678901"):
        answer = await ask(billing, tenant, tax_id, "f 2026 001", **{"Accept-Language": "es"})
        assert [each["invoice_id"] for each in answer.json()["items"]] == [again.json()["id"], made["id"]]
        assert answer.headers["content-language"] == "es"
    for tenant_, tax_id, number in (
        (tenant, "B12345674", "F-2"),
        (tenant, "X1", "F"),
        (other_tenant, "B12345674", "F-2026/001"),
    ):
        assert (await ask(billing, tenant_, tax_id, number)).json() == {"items": [], "next_cursor": None}
    hidden = await get(billing, other_tenant, f"/billing/suppliers/{made['supplier']['id']}/status")
    assert (hidden.status_code, problem(hidden)["code"]) == (404, "not-found")
    assert (await get(billing, tenant, f"/billing/suppliers/{uuid4()}/status")).status_code == 404
    assert (await ask(billing, tenant, "", "")).status_code == 422


def keyed_again() -> dict[str, Any]:
    return keyed("F-2026/001", supplier={"tax_id": "B12345674", "name": "Sol"})


def front_office(billing: Harness, tenant: str) -> httpx.AsyncClient:
    """Return a client whose token has the front office's scope and nothing else."""
    client = billing.client(tenant, "viewer")
    token = billing.issuer.token(tenant, "viewer")
    claims = jwt.decode(token, options={"verify_signature": False}) | {"scope": "billing.supplier-status:read"}
    headers = {"kid": jwt.get_unverified_header(token)["kid"]}
    signed = jwt.encode(claims, billing.issuer._private, algorithm="RS256", headers=headers)
    client.headers["Authorization"] = f"Bearer {signed}"
    return client


async def test_the_front_office_sees_this_and_nothing_else(billing: Harness, tenant: str) -> None:
    made = await taken_in(billing, tenant, electronic("A-1"))
    supplier = f"/billing/suppliers/{made['supplier']['id']}"
    async with front_office(billing, tenant) as client:
        assert (await client.get(f"{supplier}/status")).status_code == 200
        for path in (supplier, f"/billing/invoices/{made['id']}", "/billing/invoices", "/billing/suppliers"):
            assert (await client.get(path)).status_code == 403, path
    async with billing.client(tenant, "hr") as client:
        refused = await client.get(f"{supplier}/status")
    assert problem(refused)["scope"] == "billing.supplier-status:read"


async def test_pages_follow_one_another_and_ask_the_database_no_more(billing: Harness, tenant: str) -> None:
    made = [
        await taken_in(billing, tenant, electronic(f"{n * 1117}-X", net=f"{n}1.00", item=str(n))) for n in range(1, 6)
    ]
    supplier, statements = made[0]["supplier"]["id"], []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    engine = billing.runtime.database.engine.sync_engine
    counts, seen, cursor = set[int](), list[str](), ""
    event.listen(engine, "before_cursor_execute", note)
    try:
        for _ in range(3):
            statements.clear()
            told = await status_of(billing, tenant, supplier, f"?limit=2{cursor and '&cursor='}{cursor}")
            counts.add(len(statements))
            seen += [each["invoice_id"] for each in told["items"]]
            cursor = told["next_cursor"] or ""
            assert told["counts"]["received"] == 5
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert seen == [each["id"] for each in made[::-1]]
    assert counts == {5}


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_is_said_in_both_languages(stage: Stage, language: Any) -> None:
    said = told_stage(
        stage,
        language,
        number="F-1",
        is_credit_note=False,
        paid=(date(2026, 3, 1), "SEPA 1"),
        expected_on=date(2026, 3, 31),
        overdue_since=None,
    )
    assert "F-1" in said
    assert "{" not in said
    assert not [word for word in INTERNAL if word in said.casefold()]


@given(st.sampled_from(InvoiceStatus), st.booleans(), st.booleans(), st.dates(), st.dates(), st.booleans())
def test_no_day_is_promised_for_what_is_late_or_over(
    status: InvoiceStatus, is_held: bool, is_invalid: bool, due: date, today: date, is_credit_note: bool
) -> None:
    stage = Standing(status, is_held or is_invalid, is_invalid).stage
    expected = expected_payment(stage, due, today, is_credit_note=is_credit_note)
    late = is_overdue(stage, due, today, is_credit_note=is_credit_note)
    assert not (late and expected is not None)
    assert expected is None or (is_open(stage) and expected >= today)
    assert not late or is_open(stage)


def test_days_are_said_as_people_say_them() -> None:
    assert told_day(date(2026, 3, 1), "en") == "1 March 2026"
    assert told_day(date(2026, 12, 31), "es") == "31 de diciembre de 2026"

"""Supplier invoices over HTTP."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.services import Harness, problem


def invoice(number: str = "F-2026/001", **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "supplier": {"tax_id": "B-12345674", "name": "Papelería Sol SL"},
        "number": number,
        "issue_date": "2026-03-01",
        "due_date": "2026-03-31",
        "currency": "EUR",
        "lines": [
            {"description": "Paper", "quantity": "3", "unit_price": "10.05", "net": "30.15", "vat_rate": "21"},
            {"description": "Books", "quantity": "2", "unit_price": "12.50", "net": "25.00", "vat_rate": "4"},
        ],
        "vat_breakdown": [
            {"rate": "21", "base": "30.15", "tax": "6.33"},
            {"rate": "4.0", "base": "25.00", "tax": "1.00"},
        ],
        "totals": {"net": "55.15", "tax": "7.33", "gross": "62.48"},
    }
    return document | changes


async def register(billing: Harness, tenant: str, number: str = "F-2026/001") -> str:
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/invoices", json=invoice(number))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def step(billing: Harness, tenant: str, role: str, path: str, json: object = None, **headers: str) -> Any:
    async with billing.client(tenant, role) as client:
        return await client.post(f"/billing/invoices/{path}", json=json, headers=headers)


async def test_an_invoice_is_registered_validated_approved_and_paid(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    started = {"Work-Started-At": "2026-01-01T00:00:00Z"}
    refused = await step(billing, tenant, "operator", f"{invoice_id}/validation", **started)
    assert problem(refused)["code"] == "implausible-start"
    assert (await step(billing, tenant, "operator", f"{invoice_id}/validation")).status_code == 204
    assert (await step(billing, tenant, "manager", f"{invoice_id}/approval")).status_code == 204
    payment = {"paid_on": "2026-03-30", "reference": "SEPA 1"}
    assert (await step(billing, tenant, "manager", f"{invoice_id}/payment", payment)).status_code == 204
    async with billing.client(tenant, "viewer") as client:
        answer = await client.get(f"/billing/invoices/{invoice_id}")
    assert (answer.json()["status"], answer.json()["paid_on"], answer.headers["etag"]) == ("paid", "2026-03-30", '"4"')
    events = await billing.events(tenant)
    assert [event.type for event in events] == [
        "billing.invoice.registered.v1",
        "billing.invoice.validated.v1",
        "billing.invoice.approved.v1",
        "billing.invoice.paid.v1",
    ]
    work = events[2].payload["work"]
    assert (work["process"], work["activity"], work["case"]) == ("accounts-payable", "approve-invoice", invoice_id)
    assert work["actor"]["kind"] == "person"
    assert "manager" not in work["actor"]["id"]
    assert work["requested_at"] <= work["started_at"] <= work["finished_at"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"totals": {"net": "55.15", "tax": "7.33", "gross": "62.49"}}, "totals.gross"),
        ({"totals": {"net": "55.16", "tax": "7.33", "gross": "62.49"}}, "totals.net"),
        ({"vat_breakdown": [{"rate": "21", "base": "30.15", "tax": "6.33"}]}, "vat_breakdown (rate 4 is missing)"),
    ],
)
async def test_figures_that_do_not_add_up_are_refused(
    billing: Harness, tenant: str, change: dict[str, Any], place: str
) -> None:
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/invoices", json=invoice(**change))
    document = problem(answer)
    assert (answer.status_code, document["code"]) == (422, "totals-do-not-add-up")
    assert place in [difference["at"] for difference in document["differences"]]
    assert await billing.events(tenant) == []


async def test_a_number_is_taken_once_per_supplier_however_it_is_written(
    billing: Harness, tenant: str, other_tenant: str
) -> None:
    first = await register(billing, tenant, "F-2026/001")
    async with billing.client(tenant) as client:
        again = await client.post("/billing/invoices", json=invoice("f 2026 001"))
    assert (again.status_code, problem(again)["existing_id"]) == (409, first)
    await register(billing, tenant, "F-202/6001")
    await register(billing, other_tenant, "F-2026/001")


@pytest.mark.parametrize(
    "change",
    [
        {"supplier": {"tax_id": "-----", "name": "Nobody"}},
        {"supplier": {"tax_id": "--A--", "name": "Nobody"}},
        {"supplier": {"tax_id": "/////a", "name": "Nobody either"}},
        {"currency": "ZZZ"},
        {"issue_date": "1026-03-01"},
        {"due_date": "9999-12-31"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_what_no_invoice_can_say_is_refused(billing: Harness, tenant: str, change: dict[str, Any]) -> None:
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/invoices", json=invoice(**change))
    assert answer.status_code == 422
    assert [error["at"].split(".")[1] for error in problem(answer)["errors"]] == list(change)


async def test_amounts_come_back_with_the_decimals_of_their_currency(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    async with billing.client(tenant, "viewer") as client:
        totals = (await client.get(f"/billing/invoices/{invoice_id}")).json()["totals"]
    assert totals == invoice()["totals"]
    assert (await billing.events(tenant))[0].payload["gross"] == totals["gross"]


async def test_a_payment_is_not_noted_before_it_is_made(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    await step(billing, tenant, "operator", f"{invoice_id}/validation")
    await step(billing, tenant, "manager", f"{invoice_id}/approval")
    payment = {"paid_on": "2199-12-31", "reference": "SEPA 1"}
    refused = await step(billing, tenant, "manager", f"{invoice_id}/payment", payment)
    assert (refused.status_code, problem(refused)["code"]) == (422, "paid-ahead")


async def test_of_concurrent_registrations_one_succeeds(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant) as client:
        answers = await asyncio.gather(*(client.post("/billing/invoices", json=invoice()) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert len(await billing.events(tenant)) == 1


async def test_the_registrar_does_not_decide(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant, "manager") as client:
        invoice_id = (await client.post("/billing/invoices", json=invoice())).json()["id"]
        await client.post(f"/billing/invoices/{invoice_id}/validation")
        refused = await client.post(f"/billing/invoices/{invoice_id}/approval", headers={"Accept-Language": "es"})
    assert (refused.status_code, problem(refused)["code"]) == (403, "own-invoice")
    assert "otra persona" in problem(refused)["detail"]


async def test_a_rejection_needs_a_reason_and_counts_as_an_error(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    await step(billing, tenant, "operator", f"{invoice_id}/validation")
    assert (await step(billing, tenant, "manager", f"{invoice_id}/rejection", {"reason": " "})).status_code == 422
    done = await step(billing, tenant, "manager", f"{invoice_id}/rejection", {"reason": "Never ordered"})
    assert done.status_code == 204
    event = (await billing.events(tenant))[-1]
    assert (event.type, event.payload["work"]["outcome"]) == ("billing.invoice.rejected.v1", "error")
    assert "Never ordered" not in str(event.payload)
    again = await step(billing, tenant, "manager", f"{invoice_id}/approval")
    assert (again.status_code, problem(again)["code"]) == (409, "illegal-invoice-transition")


async def test_an_invoice_is_not_approved_before_it_is_validated(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    refused = await step(billing, tenant, "manager", f"{invoice_id}/approval")
    assert problem(refused)["needed"] == "validated"


async def test_another_tenants_invoice_is_not_found(billing: Harness, tenant: str, other_tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    async with billing.client(other_tenant, "admin") as client:
        assert (await client.get(f"/billing/invoices/{invoice_id}")).status_code == 404
        assert (await client.post(f"/billing/invoices/{invoice_id}/validation")).status_code == 404
        assert (await client.get("/billing/invoices")).json() == {"items": [], "next_cursor": None}


async def test_scopes_are_asked_for(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    assert (await step(billing, tenant, "operator", f"{invoice_id}/approval")).status_code == 403
    async with billing.client(tenant, "viewer") as client:
        answer = await client.post("/billing/invoices", json=invoice())
    assert problem(answer)["scope"] == "billing.invoices:write"
    async with billing.anonymous() as client:
        answer = await client.get("/billing/invoices")
    assert (answer.status_code, problem(answer)["code"]) == (401, "invalid-token")


async def test_who_may_not_decide_learns_nothing(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    for unknown_or_known in (invoice_id, str(uuid4())):
        refused = await step(billing, tenant, "viewer", f"{unknown_or_known}/approval", **{"If-Match": '"99"'})
        assert (refused.status_code, problem(refused)["code"]) == (403, "not-allowed")


async def test_huge_figures_are_refused_as_figures(billing: Harness, tenant: str) -> None:
    huge = "9" * 15
    line = {"description": "All", "quantity": huge, "unit_price": huge, "net": huge, "vat_rate": "21"}
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/invoices", json=invoice(lines=[line]))
    assert (answer.status_code, problem(answer)["code"]) == (422, "totals-do-not-add-up")


async def test_a_key_makes_a_repeated_registration_safe(billing: Harness, tenant: str) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    async with billing.client(tenant) as client:
        first = await client.post("/billing/invoices", json=invoice(), headers=key)
        second = await client.post("/billing/invoices", json=invoice(), headers=key)
        other = await client.post("/billing/invoices", json=invoice("F-2"), headers=key)
        racing = {"Idempotency-Key": str(uuid4())}
        race = await asyncio.gather(
            *(client.post("/billing/invoices", json=invoice("F-3"), headers=racing) for _ in range(5))
        )
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["location"] == first.headers["location"]
    assert (other.status_code, problem(other)["code"]) == (422, "idempotency-key-reused")
    assert {answer.status_code for answer in race} <= {201, 409}
    assert len({answer.content for answer in race if answer.status_code == 201}) == 1
    assert len(await billing.events(tenant)) == 2


async def test_if_match_guards_a_step(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    stale = await step(billing, tenant, "operator", f"{invoice_id}/validation", **{"If-Match": '"7"'})
    assert (stale.status_code, problem(stale)["current"]) == (412, 1)
    fresh = await step(billing, tenant, "operator", f"{invoice_id}/validation", **{"If-Match": '"1"'})
    assert fresh.status_code == 204


async def test_a_step_answers_with_the_etag_for_the_next(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    etag = '"1"'
    for role, name, body in (
        ("operator", "validation", None),
        ("manager", "approval", None),
        ("manager", "payment", {"paid_on": "2026-11-20", "reference": "T-1"}),
    ):
        key = {"Idempotency-Key": str(uuid4())}
        done = await step(billing, tenant, role, f"{invoice_id}/{name}", body, **key, **{"If-Match": etag})
        again = await step(billing, tenant, role, f"{invoice_id}/{name}", body, **key, **{"If-Match": etag})
        assert (done.status_code, again.headers["idempotency-replayed"]) == (204, "true")
        assert done.headers["etag"] == again.headers["etag"] != etag
        etag = done.headers["etag"]
    async with billing.client(tenant, "viewer") as client:
        assert (await client.get(f"/billing/invoices/{invoice_id}")).headers["etag"] == etag
    refused = await step(billing, tenant, "manager", f"{invoice_id}/approval")
    assert (refused.status_code, "etag" in refused.headers) == (409, False)


async def test_a_step_at_the_wrong_time_is_told_in_spanish_words(billing: Harness, tenant: str) -> None:
    invoice_id = await register(billing, tenant)
    refused = await step(billing, tenant, "manager", f"{invoice_id}/approval", **{"Accept-Language": "es"})
    assert problem(refused)["detail"] == "La factura F-2026/001 está registrada; para aprobarla debe estar validada."
    assert (problem(refused)["state"], problem(refused)["needed"]) == ("registered", "validated")


async def test_the_list_is_paged_newest_first(billing: Harness, tenant: str) -> None:
    ids = [await register(billing, tenant, f"P-{n}") for n in range(5)]
    seen: list[str] = []
    async with billing.client(tenant, "viewer") as client:
        page = (await client.get("/billing/invoices", params={"limit": 2})).json()
        while True:
            seen += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            page = (await client.get("/billing/invoices", params={"limit": 2, "cursor": page["next_cursor"]})).json()
        assert seen == ids[::-1]
        bad = await client.get("/billing/invoices", params={"cursor": "zzz"})
        assert problem(bad)["code"] == "invalid-cursor"
        filtered = await client.get("/billing/invoices", params={"supplier_tax_id": "b 12345674", "status": "paid"})
        assert filtered.json()["items"] == []


async def test_invalid_values_are_named_in_the_callers_language(billing: Harness, tenant: str) -> None:
    wrong = invoice() | {"due_date": 5, "surprise": True, "currency": "eur"}
    async with billing.client(tenant, **{"Accept-Language": "es-ES,en;q=0.5"}) as client:
        answer = await client.post("/billing/invoices", json=wrong)
        null = await client.post("/billing/invoices", json=invoice("F\0"))
        broken = await client.post("/billing/invoices", content=b"{", headers={"Content-Type": "application/json"})
        missing = await client.get("/billing/nothing")
        method = await client.delete("/billing/invoices")
        backwards = await client.post("/billing/invoices", json=invoice(due_date="2026-02-01"))
        no_token = await client.get("/billing/invoices", headers={"Authorization": "nothing"})
    document = problem(answer)
    assert {error["at"] for error in document["errors"]} == {"body.due_date", "body.surprise", "body.currency"}
    assert problem(backwards)["errors"][0]["message"] == "due_date es anterior a issue_date"
    assert problem(no_token)["detail"] == "Falta el token de acceso o no es válido: no hay ninguno."
    assert "este nombre no se admite aquí" in str(document["errors"])
    assert (broken.status_code, problem(broken)["errors"][0]["type"]) == (422, "json_invalid")
    assert (null.status_code, problem(null)["code"]) == (422, "null-character")
    assert (missing.status_code, problem(missing)["title"]) == (404, "No encontrado")
    assert (method.status_code, problem(method)["code"]) == (405, "method-not-allowed")

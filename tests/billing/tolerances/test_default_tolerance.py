"""The tenant's own tolerance: where none was agreed, in versions, named in the match; invoices are matched anew by it."""

import asyncio
from typing import Any

import httpx
import pytest

from services.billing.matching import service as matching
from shared.jobs import JobRunner
from tests.billing.decisions.policies import in_force, rule
from tests.billing.intake.electronic import detail, get, open_holds, post, rows, taken_in
from tests.billing.matching.ordering import billed, match_of, order, order_line, placed, received
from tests.fixtures.services import Harness, problem

PATH = "/billing/default-tolerance"


async def change(
    billing: Harness, tenant: str, version: int, percent: str | None, role: str = "manager", **amounts: str
) -> httpx.Response:
    wanted = {"percent": percent, "amounts": amounts, "reason": "Agreed in the board"}
    async with billing.client(tenant, role, **{"If-Match": f'"{version}"'}) as client:
        return await client.put(PATH, json=wanted)


async def worked(billing: Harness, tenant: str) -> list[dict[str, Any]]:
    """Work until no rematch of the tenant is open; return their results."""
    runtime = billing.runtime
    runner = JobRunner(billing.service.name, runtime.url, runtime.worker, billing.service.jobs(runtime))
    async with asyncio.timeout(60):
        while any(row.status in {"queued", "running"} for row in await jobs(billing, tenant)):
            if not await runner.run_one():
                await asyncio.sleep(0.1)
    return [row.result for row in await jobs(billing, tenant)]


async def jobs(billing: Harness, tenant: str) -> list[Any]:
    return sorted(
        (row for row in await rows(billing, tenant, "job") if row.kind == matching.REMATCH), key=lambda row: row.id
    )


async def agree(billing: Harness, tenant: str, invoice: dict[str, Any], **terms: str | None) -> None:
    async with billing.client(tenant, "manager", **{"If-Match": "*"}) as client:
        answer = await client.patch(f"/billing/suppliers/{invoice['supplier']['id']}", json=terms)
    assert answer.status_code == 204, answer.text


async def ordered_and_here(billing: Harness, tenant: str) -> None:
    await received(billing, tenant, await placed(billing, tenant))


async def tolerance_of(billing: Harness, tenant: str, invoice: dict[str, Any]) -> dict[str, Any]:
    return dict((await detail(billing, tenant, invoice["id"]))["match"]["tolerance"])


async def test_nothing_may_be_off_until_somebody_says_so(billing: Harness, tenant: str, other_tenant: str) -> None:
    told = await get(billing, tenant, PATH)
    assert (told.json(), told.headers["etag"]) == ({"version": 0, "percent": None, "amounts": {}}, '"0"')
    await ordered_and_here(billing, tenant)
    invoice = await taken_in(billing, tenant, billed(price="10.40"))
    assert await match_of(billing, tenant, invoice) == ("exception", ["price-over"])
    assert (await tolerance_of(billing, tenant, invoice))["source"] == "none"
    answer = await change(billing, tenant, 0, "5", EUR="4.50")
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    assert answer.json() == {"version": 1, "percent": "5.00", "amounts": {"EUR": "4.50"}}
    assert await worked(billing, tenant) == [{"matched": 1, "let_go": 1}]
    assert await match_of(billing, tenant, invoice) == ("within-tolerance", [])
    assert open_holds(await detail(billing, tenant, invoice["id"])) == []
    expected = {"source": "tenant", "version": 1, "percent": "5.00", "amount": "4.50"}
    assert await tolerance_of(billing, tenant, invoice) == expected
    event = next(event for event in await billing.events(tenant) if event.type == "billing.tolerance.changed.v1")
    assert (event.payload["version"], event.payload["amounts"]) == (1, {"EUR": "4.50"})
    assert "board" not in str(event.payload)
    assert (await get(billing, other_tenant, PATH)).json()["version"] == 0


async def test_a_narrower_one_holds_what_nobody_has_validated(billing: Harness, tenant: str) -> None:
    await change(billing, tenant, 0, "5")
    assert await jobs(billing, tenant) == [], "there was nothing to match"
    await placed(billing, tenant, order("PO-1", order_line(quantity="100", receipt_required=False)))
    invoices = [await taken_in(billing, tenant, billed(f"A-{n}17", price="10.40", quantity=f"1{n}")) for n in (1, 5)]
    assert [each["match"]["verdict"] for each in invoices] == ["within-tolerance"] * 2
    path = f"/billing/invoices/{invoices[0]['id']}/validation"
    assert (await post(billing, tenant, path)).status_code == 204
    await change(billing, tenant, 1, "1")
    assert await worked(billing, tenant) == [{"matched": 1, "let_go": 0}]
    assert open_holds(await detail(billing, tenant, invoices[0]["id"])) == []
    assert open_holds(await detail(billing, tenant, invoices[1]["id"])) == ["match-exception"]


async def test_what_was_agreed_with_the_supplier_counts_instead(billing: Harness, tenant: str) -> None:
    await change(billing, tenant, 0, "50")
    await ordered_and_here(billing, tenant)
    invoice = await taken_in(billing, tenant, billed(price="10.40"))
    assert invoice["match"]["verdict"] == "within-tolerance"
    await agree(billing, tenant, invoice, tolerance_amount="3.00")
    assert await worked(billing, tenant) == [{"matched": 1, "let_go": 0}]
    assert await match_of(billing, tenant, invoice) == ("exception", ["price-over"])
    expected = {"source": "supplier", "version": None, "percent": None, "amount": "3.00"}
    told = await tolerance_of(billing, tenant, invoice)
    assert told | {"amount": f"{float(told['amount']):.2f}"} == expected
    await agree(billing, tenant, invoice, terms_days=None)
    assert len(await jobs(billing, tenant)) == 1, "terms are no tolerance"
    await agree(billing, tenant, invoice, tolerance_amount=None)
    assert (await worked(billing, tenant))[1:] == [{"matched": 1, "let_go": 1}]
    assert (await tolerance_of(billing, tenant, invoice))["source"] == "tenant"


async def test_another_currency_has_its_own_amount_or_none(billing: Harness, tenant: str) -> None:
    await change(billing, tenant, 0, None, USD="1000")
    await ordered_and_here(billing, tenant)
    invoice = await taken_in(billing, tenant, billed(price="10.01"))
    assert await match_of(billing, tenant, invoice) == ("exception", ["price-over"])


async def test_those_behind_a_rejected_invoice_go_on(billing: Harness, tenant: str) -> None:
    await ordered_and_here(billing, tenant)
    wrong = await taken_in(billing, tenant, billed("WRONG-5", quantity="500"))
    right = await taken_in(billing, tenant, billed("2026-17", quantity="10"))
    assert await match_of(billing, tenant, right) == ("exception", ["over-ordered", "not-received"])
    path = f"/billing/invoices/{wrong['id']}/rejection"
    assert (await post(billing, tenant, path, {"reason": "A slip of the keys"})).status_code == 204
    assert await worked(billing, tenant) == [{"matched": 1, "let_go": 1}]
    assert await match_of(billing, tenant, right) == ("matched-3way", [])
    assert open_holds(await detail(billing, tenant, right["id"])) == []
    unordered = await taken_in(billing, tenant, billed("Z-3", orders=None, quantity="3"))
    await post(billing, tenant, f"/billing/invoices/{unordered['id']}/validation")
    await post(billing, tenant, f"/billing/invoices/{unordered['id']}/rejection", {"reason": "Not ours"})
    assert len(await jobs(billing, tenant)) == 1, "nothing waits behind what billed no order"


async def test_a_rematch_that_dies_goes_on(billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.jobs._AGAIN_S", 0.0)
    await placed(billing, tenant, order("PO-1", order_line(quantity="100", receipt_required=False)))
    for n in (1, 5, 8):
        await taken_in(billing, tenant, billed(f"A-{n}17", price="10.40", quantity=f"1{n}"))
    calls: list[int] = []

    async def die_once(*args: Any) -> bool:
        calls.append(1)
        let_go = await matching.match_on_demand(*args)
        if len(calls) == 2:
            raise OSError("the power went")
        return let_go

    monkeypatch.setattr("services.billing.matching.job.match_on_demand", die_once)
    await change(billing, tenant, 0, "5")
    assert await worked(billing, tenant) == [{"matched": 3, "let_go": 3}]
    assert len(calls) == 4
    released = [event for event in await billing.events(tenant) if event.type == "billing.invoice.released.v1"]
    assert len(released) == 3


async def test_who_changes_it_saw_it_and_may(billing: Harness, tenant: str) -> None:
    refused = await change(billing, tenant, 0, "5", "operator")
    assert (refused.status_code, problem(refused)["scope"]) == (403, "billing.tolerances:approve")
    answers = await asyncio.gather(*(change(billing, tenant, 0, f"{n}") for n in range(1, 5)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    async with billing.client(tenant, "manager") as client:
        blind = await client.put(PATH, json={"percent": "5", "amounts": {}, "reason": "Blindly"})
    assert (blind.status_code, problem(blind)["code"]) == (428, "if-match-required")
    await change(billing, tenant, 1, None)
    versions = (await get(billing, tenant, f"{PATH}/versions")).json()["items"]
    assert [each["version"] for each in versions] == [2, 1]
    assert (versions[0]["reason"], versions[0]["percent"]) == ("Agreed in the board", None)
    assert versions[0]["changed_by"].startswith("manager")


@pytest.mark.parametrize(
    "wanted",
    [
        {"percent": "101", "amounts": {}, "reason": "Too much"},
        {"percent": "-1", "amounts": {}, "reason": "Too little"},
        {"percent": 5, "amounts": {}, "reason": "No text"},
        {"percent": None, "amounts": {"EURO": "5"}, "reason": "No currency"},
        {"percent": None, "amounts": {"EUR": "-5"}, "reason": "Too little"},
        {"percent": None, "amounts": {}, "reason": " "},
        {"amounts": {}, "reason": "Half of it"},
    ],
    ids=str,
)
async def test_what_is_no_tolerance_is_refused(billing: Harness, tenant: str, wanted: dict[str, Any]) -> None:
    async with billing.client(tenant, "manager", **{"If-Match": "*"}) as client:
        answer = await client.put(PATH, json=wanted)
    assert (answer.status_code, problem(answer)["code"]) == (422, "invalid-input")
    assert await rows(billing, tenant, "default_tolerance") == []


async def test_who_takes_invoices_in_does_not_let_them_go_by_a_tolerance(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("matched", matches=["within-tolerance"]))
    await ordered_and_here(billing, tenant)
    invoice = await taken_in(billing, tenant, billed(price="19"))
    path = f"/billing/suppliers/{invoice['supplier']['id']}"
    async with billing.client(tenant, "operator", **{"If-Match": "*"}) as client:
        for wanted in ({"tolerance_percent": "99"}, {"terms_days": 10, "tolerance_amount": "900"}):
            refused = await client.patch(path, json=wanted)
            assert (refused.status_code, problem(refused)["scope"]) == (403, "billing.tolerances:approve")
        assert (await client.patch(path, json={"terms_days": 10})).status_code == 204
    assert await jobs(billing, tenant) == []
    assert (await detail(billing, tenant, invoice["id"]))["status"] == "registered"

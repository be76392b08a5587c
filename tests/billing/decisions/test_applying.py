"""What the active policy does with invoices: at intake, and when they are let go."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from tests.billing.batches.test_batches import packed
from tests.billing.batches.test_batches import send as send_archive
from tests.billing.decisions.policies import as_person, decisions, in_force, rule
from tests.billing.einvoices.samples import invoice_xml
from tests.billing.intake.electronic import (
    IBAN,
    OTHER_IBAN,
    detail,
    electronic,
    open_holds,
    post,
    rows,
    seller,
    send,
    taken_in,
)
from tests.billing.matching.ordering import billed, placed, received
from tests.billing.test_invoices import invoice as keyed
from tests.billing.test_invoices import register
from tests.billing.working import ended
from tests.fixtures.services import Harness, problem


async def test_without_a_policy_people_decide(billing: Harness, tenant: str) -> None:
    invoice = await taken_in(billing, tenant, electronic())
    assert (invoice["status"], await decisions(billing, tenant, invoice["id"])) == ("registered", [])


async def test_a_rule_approves_through_the_steps_of_people(billing: Harness, tenant: str, other_tenant: str) -> None:
    active = await in_force(billing, tenant, rule("small", amount={"currency": "EUR", "at_most": "121"}))
    answer = await send(billing, tenant, electronic())
    invoice = answer.json()
    assert (invoice["status"], invoice["approvals"], invoice["approvals_needed"]) == ("approved", [], None)
    assert answer.headers["etag"] == f'"{invoice["version"]}"'
    assert invoice == await detail(billing, tenant, invoice["id"])
    events = await billing.events(tenant)
    assert [event.type.split(".")[2] for event in events] == ["registered", "validated", "approved"]
    for event, activity in zip(events[1:], ("validate-invoice", "approve-invoice"), strict=True):
        work = event.payload["work"]
        assert (work["process"], work["activity"], work["case"]) == ("accounts-payable", activity, invoice["id"])
        assert work["actor"] == {"kind": "automation", "id": "billing.rules", "team": None}
        assert work["requested_at"] <= work["started_at"] <= work["finished_at"]
        assert work["estimated"] is False
    assert events[1].payload["work"]["finished_at"] <= events[2].payload["work"]["started_at"]
    (decision,) = await decisions(billing, tenant, invoice["id"])
    assert (decision["rule"], decision["policy_id"], decision["policy_number"]) == ("small", active["id"], 1)
    assert (decision["occasion"], decision["outcome"]["kind"], decision["withheld"]) == ("intake", "approve", [])
    assert decision["facts"] == {
        "supplier_id": invoice["supplier"]["id"],
        "gross": "121",
        "currency": "EUR",
        "verdict": "valid",
        "holds": [],
        "released_by_registrar": False,
        "match": "none",
        "repeat": False,
    }
    async with billing.client(other_tenant, "admin") as client:
        hidden = await client.get(f"/billing/invoices/{invoice['id']}/decisions")
        assert (hidden.status_code, problem(hidden)["code"]) == (404, "not-found")
    elsewhere = await taken_in(billing, other_tenant, electronic())
    assert elsewhere["status"] == "registered"


async def test_the_first_rule_that_applies_decides_and_none_asks(billing: Harness, tenant: str) -> None:
    await in_force(
        billing,
        tenant,
        rule("large", {"kind": "ask", "role": "manager", "level": 2}, amount={"currency": "EUR", "at_least": "1000"}),
        rule("never", {"kind": "reject", "reason": "Never ordered"}, amount={"currency": "EUR", "at_least": "200"}),
        rule("dollars", amount={"currency": "USD", "at_most": "1000"}),
    )
    large = await taken_in(billing, tenant, electronic("A", net="1000.00"))
    (decision,) = await decisions(billing, tenant, large["id"])
    assert (large["status"], decision["rule"]) == ("registered", "large")
    assert decision["outcome"] == {"kind": "ask", "role": "manager", "level": 2, "reason": None}
    rejected = await taken_in(billing, tenant, electronic("B-7", net="300.00", item="Other"))
    assert (rejected["status"], rejected["decision_reason"]) == ("rejected", "Never ordered")
    work = (await billing.events(tenant))[-1].payload["work"]
    assert (work["actor"]["id"], work["outcome"]) == ("billing.rules", "error")
    small = await taken_in(billing, tenant, electronic("C-91", net="10.00", item="Third"))
    (decision,) = await decisions(billing, tenant, small["id"])
    assert (small["status"], decision["rule"], decision["outcome"]["kind"]) == ("registered", None, "ask")


async def test_what_is_keyed_or_invalid_is_never_approved_by_a_rule(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("everything"))
    typed = await register(billing, tenant)
    assert (await detail(billing, tenant, typed))["status"] == "registered"
    (decision,) = await decisions(billing, tenant, typed)
    assert (decision["facts"]["verdict"], decision["withheld"]) == ("none", ["not-valid"])
    invalid = await taken_in(billing, tenant, invoice_xml(payable="999.00"))
    assert (invalid["status"], open_holds(invalid)) == ("registered", ["invalid"])
    (hold,) = invalid["holds"]
    path = f"/billing/invoices/{invalid['id']}/holds/{hold['id']}/release"
    released = await post(billing, tenant, path, {"reason": "As agreed", "scope": "invoice"})
    assert released.status_code == 204, released.text
    first, second = await decisions(billing, tenant, invalid["id"])
    assert (first["withheld"], second["withheld"]) == (["held", "not-valid"], ["not-valid"])
    assert (first["occasion"], second["occasion"]) == ("intake", "release")
    assert (await detail(billing, tenant, invalid["id"]))["status"] == "registered"


@pytest.mark.parametrize(("releaser", "status"), [("manager", "approved"), ("registrar", "registered")])
async def test_a_release_lets_the_rules_decide_but_not_by_who_registered(
    billing: Harness, tenant: str, releaser: str, status: str
) -> None:
    await in_force(billing, tenant, rule("everything", near_duplicate=False))
    await taken_in(billing, tenant, electronic("INV-0042"))
    async with as_person(billing, tenant, "registrar") as client:
        answer = await client.post("/billing/invoices/electronic", content=electronic("INV-042"))
        copy: dict[str, Any] = answer.json()
        assert (copy["status"], open_holds(copy)) == ("registered", ["near-duplicate"])
    path = f"/billing/invoices/{copy['id']}/holds/{copy['holds'][0]['id']}/release"
    async with as_person(billing, tenant, releaser) as client:
        released = await client.post(path, json={"reason": "Two deliveries", "scope": "invoice"})
    assert released.status_code == 204, released.text
    told = await detail(billing, tenant, copy["id"])
    assert (told["status"], released.headers["etag"]) == (status, f'"{told["version"]}"')
    last = (await decisions(billing, tenant, copy["id"]))[-1]
    assert last["withheld"] == ([] if status == "approved" else ["released-by-registrar"])


async def test_a_verified_account_lets_the_rules_decide_about_all_that_waited(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("everything"))
    await taken_in(billing, tenant, electronic("A-1", account=IBAN))
    waiting = [
        await taken_in(billing, tenant, electronic(number, account=OTHER_IBAN, net=net, item=number))
        for number, net in (("B-22", "200.00"), ("C-333", "345.00"))
    ]
    assert [open_holds(each) for each in waiting] == [["account-changed"], ["account-changed"]]
    verified = await post(billing, tenant, waiting[0]["holds"][0]["details"]["verification"])
    assert verified.status_code == 204, verified.text
    assert [(await detail(billing, tenant, each["id"]))["status"] for each in waiting] == ["approved", "approved"]


async def test_a_supplier_is_named_itself_or_by_its_group(billing: Harness, tenant: str) -> None:
    first = await taken_in(billing, tenant, electronic("A-1"))
    other = await taken_in(billing, tenant, electronic("A-1", seller=seller("Mar SL", "ESA58818501")))
    trusted = {"trusted": [first["supplier"]["id"]]}
    refused = rule("others", {"kind": "reject", "reason": "Closed"}, suppliers=[other["supplier"]["id"]])
    await in_force(billing, tenant, rule("known", groups=["trusted"]), refused, groups=trusted)
    approved = await taken_in(billing, tenant, electronic("B-22", net="777.00", item="Other"))
    rejected = await taken_in(
        billing, tenant, electronic("B-22", net="777.00", item="Other", seller=seller("Mar SL", "ESA58818501"))
    )
    assert (approved["status"], rejected["status"]) == ("approved", "rejected")


async def test_a_keyed_invoice_is_rejected_by_a_rule_at_once(billing: Harness, tenant: str) -> None:
    closed = {"kind": "reject", "reason": "We no longer buy there"}
    await in_force(billing, tenant, rule("closed", closed, verdicts=["none"], held=False))
    async with billing.client(tenant) as client:
        answer = await client.post("/billing/invoices", json=keyed())
        told = await client.get(f"/billing/invoices/{answer.json()['id']}")
    assert (answer.status_code, answer.json()["status"], answer.headers["etag"]) == (201, "rejected", '"2"')
    assert (told.json(), told.headers["etag"]) == (answer.json(), answer.headers["etag"])
    work = [event.payload["work"] for event in await billing.events(tenant)]
    assert [(each["activity"], each["actor"]["kind"]) for each in work] == [
        ("register-invoice", "person"),
        ("approve-invoice", "automation"),
    ]


async def test_a_refused_file_leaves_no_decision(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("everything"))
    await taken_in(billing, tenant, electronic())
    assert problem(await send(billing, tenant, electronic()))["code"] == "duplicate-invoice"
    assert len(await rows(billing, tenant, "invoice_decision")) == 1


async def test_two_releases_at_once_approve_once(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("everything"))
    await taken_in(billing, tenant, electronic("INV-0042", account=IBAN))
    held = await taken_in(billing, tenant, electronic("INV-042", account=OTHER_IBAN))
    holds = {hold["kind"]: hold for hold in held["holds"]}
    assert holds.keys() == {"near-duplicate", "account-changed"}
    path = f"/billing/invoices/{held['id']}/holds/{holds['near-duplicate']['id']}/release"
    answers = await asyncio.gather(
        post(billing, tenant, path, {"reason": "Two deliveries", "scope": "invoice"}),
        post(billing, tenant, holds["account-changed"]["details"]["verification"]),
    )
    assert [answer.status_code for answer in answers] == [204, 204]
    told = [decision["withheld"] for decision in await decisions(billing, tenant, held["id"])]
    assert told == [["held"], ["held"], []]
    assert (await detail(billing, tenant, held["id"]))["status"] == "approved"
    approved = [event for event in await billing.events(tenant) if event.aggregateid == held["id"]]
    assert [event.type.split(".")[2] for event in approved].count("approved") == 1


async def test_a_verification_waits_for_a_release_that_is_under_way(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("everything"))
    await taken_in(billing, tenant, electronic("INV-0042", account=IBAN))
    held = await taken_in(billing, tenant, electronic("INV-042", account=OTHER_IBAN))
    holds = {hold["kind"]: hold for hold in held["holds"]}
    invoice_id = {"id": held["id"]}
    async with billing.runtime.worker.transaction() as session:
        await session.execute(text("SELECT FROM supplier_invoice WHERE id = :id FOR UPDATE"), invoice_id)
        released = "UPDATE invoice_hold SET released_at = now(), released_by = 'eva' WHERE invoice_id = :id AND kind = "
        await session.execute(text(f"{released} 'near-duplicate'"), invoice_id)
        path = holds["account-changed"]["details"]["verification"]
        verification = asyncio.create_task(post(billing, tenant, path))
        assert await asyncio.wait({verification}, timeout=0.5) == (set(), {verification})
    assert (await verification).status_code == 204
    assert (await detail(billing, tenant, held["id"]))["status"] == "approved"


async def test_rules_decide_about_the_files_of_a_batch(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("everything"))
    archive = packed({"a.xml": electronic("A-1"), "b.xml": invoice_xml(payable="999.00")})
    job = await ended(billing, tenant, await send_archive(billing, tenant, archive))
    assert job["result"] == {"files": 2, "on_file": 2, "drafts": 0, "refused": 0}
    statuses = [(row.number, row.status) for row in await rows(billing, tenant, "supplier_invoice")]
    assert dict(statuses)["A-1"] == "approved"
    assert sorted(status for _, status in statuses) == ["approved", "registered"]


async def test_goods_that_come_late_let_a_rule_approve(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("as-ordered", matches=["matched-3way"], verdicts=["valid"]))
    whole = await placed(billing, tenant)
    invoice = await taken_in(billing, tenant, billed())
    (before,) = await decisions(billing, tenant, invoice["id"])
    assert (before["outcome"]["kind"], before["facts"]["match"]) == ("ask", "exception")
    await received(billing, tenant, whole)
    _, after = await decisions(billing, tenant, invoice["id"])
    assert (after["outcome"]["kind"], after["rule"], after["occasion"]) == ("approve", "as-ordered", "release")
    assert (await detail(billing, tenant, invoice["id"]))["status"] == "approved"

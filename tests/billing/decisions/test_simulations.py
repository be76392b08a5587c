"""What a draft would have decided about invoices on file, beside what happened to them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.billing.decisions import simulating
from tests.billing.decisions.policies import POLICIES, as_person, decisions, drafted, in_force, policy, rule
from tests.billing.einvoices.samples import invoice_xml
from tests.billing.intake.electronic import detail, electronic, post, rows, taken_in
from tests.billing.test_invoices import step
from tests.fixtures.services import Harness, problem

SIMULATIONS = "/billing/decision-simulations"


def days() -> dict[str, str]:
    return {"registered_from": "2026-01-01", "registered_to": datetime.now(UTC).date().isoformat()}


async def simulated(billing: Harness, tenant: str, draft: dict[str, Any]) -> dict[str, Any]:
    async with as_person(billing, tenant, "author") as client:
        answer = await client.post(f"{POLICIES}/{draft['id']}/simulations", json=days())
        assert answer.status_code == 201, answer.text
        assert (await client.get(answer.headers["location"])).json() == answer.json()
        listed = await client.get(f"{POLICIES}/{draft['id']}/simulations")
        assert listed.json()["items"][0] == answer.json()
    return dict(answer.json())


async def decided(billing: Harness, tenant: str, simulation: dict[str, Any], **asked: str) -> list[dict[str, Any]]:
    async with billing.client(tenant, "viewer") as client:
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"next_cursor": ""}
        while page["next_cursor"] is not None:
            params = {"limit": "2"} | asked | ({"cursor": page["next_cursor"]} if page["next_cursor"] else {})
            answer = await client.get(f"{SIMULATIONS}/{simulation['id']}/decisions", params=params)
            page = answer.json()
            found += page["items"]
    return found


async def settled(billing: Harness, tenant: str, invoice_id: str, name: str, body: object = None) -> None:
    for role, part, said in (("operator", "validation", None), ("manager", name, body)):
        answer = await step(billing, tenant, role, f"{invoice_id}/{part}", said)
        assert answer.status_code == 204, answer.text


async def history(billing: Harness, tenant: str) -> dict[str, str]:
    """Return invoices by what became of them, each of another size."""
    await in_force(billing, tenant, rule("tiny", amount={"currency": "EUR", "at_most": "12.10"}))
    files = {
        "by rule": electronic("A", net="10.00", item="a"),
        "approved": electronic("B-22", net="100.00", item="b"),
        "rejected": electronic("C-333", net="50.00", item="c"),
        "large": electronic("D-4444", net="5000.00", item="d"),
        "waiting": electronic("E-55555", net="60.00", item="e"),
        "invalid": invoice_xml(payable="999.00"),
    }
    ids = {name: str((await taken_in(billing, tenant, file))["id"]) for name, file in files.items()}
    await settled(billing, tenant, ids["approved"], "approval")
    await settled(billing, tenant, ids["rejected"], "rejection", {"reason": "Never came"})
    await settled(billing, tenant, ids["large"], "approval")
    return ids


TABLES = ("supplier_invoice", "invoice_decision", "outbox")


async def test_a_draft_is_tried_on_invoices_on_file(billing: Harness, tenant: str, other_tenant: str) -> None:
    await taken_in(billing, other_tenant, electronic("Z"))
    ids = await history(billing, tenant)
    before = [sorted(await rows(billing, tenant, table), key=str) for table in TABLES]

    draft = await drafted(
        billing,
        tenant,
        policy(
            rule("ask-tiny", {"kind": "ask", "role": "manager"}, amount={"currency": "EUR", "at_most": "20"}),
            rule("large", {"kind": "reject", "reason": "Too much"}, amount={"currency": "EUR", "at_least": "1000"}),
            rule("rest"),
        ),
    )
    simulation = await simulated(billing, tenant, draft)
    assert (simulation["policy_number"], simulation["policy_version"], simulation["invoices"]) == (2, 1, 6)
    assert simulation["outcomes"] == {"approve": 3, "ask": 2, "reject": 1}
    counts = {(each["rule"], each["outcome"]): each["invoices"] for each in simulation["rules"]}
    assert counts == {("rest", "approve"): 3, ("rest", "ask"): 1, ("large", "reject"): 1, ("ask-tiny", "ask"): 1}
    assert simulation["differences"] == {
        "same": 1,
        "person-saved": 1,
        "person-added": 1,
        "approves-rejected": 1,
        "rejects-approved": 1,
        "decides-waiting": 1,
    }
    told = {each["invoice_id"]: each for each in await decided(billing, tenant, simulation)}
    assert {key: each["difference"] for key, each in told.items()} == {
        ids["by rule"]: "person-added",
        ids["approved"]: "person-saved",
        ids["rejected"]: "approves-rejected",
        ids["large"]: "rejects-approved",
        ids["waiting"]: "decides-waiting",
        ids["invalid"]: "same",
    }
    assert told[ids["invalid"]]["withheld"] == ["held", "not-valid"]
    assert (told[ids["by rule"]]["happened"], told[ids["by rule"]]["by_rule"]) == ("approved", True)
    (only,) = await decided(billing, tenant, simulation, difference="approves-rejected")
    assert only == told[ids["rejected"]]
    assert len(await decided(billing, tenant, simulation, outcome="approve")) == 3
    after = [sorted(await rows(billing, tenant, table), key=str) for table in TABLES]
    assert after == before


async def test_another_tenants_simulation_is_not_found(billing: Harness, tenant: str, other_tenant: str) -> None:
    draft = await drafted(billing, tenant, policy())
    simulation = await simulated(billing, tenant, draft)
    async with billing.client(other_tenant, "admin") as client:
        for path in (f"{SIMULATIONS}/{simulation['id']}", f"{SIMULATIONS}/{simulation['id']}/decisions"):
            assert problem(await client.get(path))["code"] == "not-found"
        elsewhere = await client.post(f"{POLICIES}/{draft['id']}/simulations", json=days())
        assert problem(elsewhere)["code"] == "not-found"


async def test_a_simulation_decides_as_the_policy_does_once_it_is_active(billing: Harness, tenant: str) -> None:
    active = await in_force(billing, tenant, rule("everything"))
    await taken_in(billing, tenant, electronic("INV-0042"))
    copy = await taken_in(billing, tenant, electronic("INV-042"))
    path = f"/billing/invoices/{copy['id']}/holds/{copy['holds'][0]['id']}/release"
    held = {
        each["invoice_id"]: each for each in await decided(billing, tenant, await simulated(billing, tenant, active))
    }
    assert held[copy["id"]]["withheld"] == ["held"]
    await post(billing, tenant, path, {"reason": "Two deliveries", "scope": "invoice"})
    simulation = await simulated(billing, tenant, active)
    for each in await decided(billing, tenant, simulation):
        last = (await decisions(billing, tenant, each["invoice_id"]))[-1]
        assert (each["rule"], each["outcome"]) == (last["rule"], last["outcome"]["kind"]) == ("everything", "approve")
        assert (await detail(billing, tenant, each["invoice_id"]))["status"] == each["happened"] == "approved"
    assert simulation["differences"]["same"] == simulation["invoices"] == 2


async def test_days_without_invoices_give_an_empty_simulation(billing: Harness, tenant: str) -> None:
    simulation = await simulated(billing, tenant, await drafted(billing, tenant, policy()))
    assert (simulation["invoices"], simulation["rules"], simulation["outcomes"]["ask"]) == (0, [], 0)
    assert await decided(billing, tenant, simulation) == []


async def test_more_invoices_than_a_simulation_takes_are_refused(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = await drafted(billing, tenant, policy())
    for number in ("A", "B-22"):
        await taken_in(billing, tenant, electronic(number, net=str(len(number) * 10), item=number))
    path = f"{POLICIES}/{draft['id']}/simulations"
    async with as_person(billing, tenant, "author") as client:
        monkeypatch.setattr(simulating, "MOST_INVOICES", 2)
        assert (await client.post(path, json=days())).status_code == 201
        monkeypatch.setattr(simulating, "MOST_INVOICES", 1)
        refused = await client.post(path, json=days())
        backwards = await client.post(path, json={"registered_from": "2026-02-01", "registered_to": "2026-01-31"})
    assert (refused.status_code, problem(refused)["code"], problem(refused)["limit"]) == (422, "too-many-invoices", 1)
    assert problem(backwards)["errors"][0]["type"] == "days_backwards"
    assert len(await rows(billing, tenant, "decision_simulation")) == 1

"""Work done over HTTP is in the indicators within two seconds."""

import time
from typing import Any

import httpx
import pytest

from tests.billing.intake.electronic import electronic
from tests.fixtures.pace import within
from tests.fixtures.stack import Stack

pytestmark = pytest.mark.slow
VISIBLE_WITHIN_S, PATIENCE_S = 2.0, 30.0
INVOICE = {
    "supplier": {"tax_id": "B12345674", "name": "Papelería Sol, S.L."},
    "number": "F-1",
    "issue_date": "2026-03-01",
    "due_date": "2026-03-31",
    "currency": "EUR",
    "lines": [{"description": "Paper", "quantity": "3", "unit_price": "10.05", "net": "30.15", "vat_rate": "21"}],
    "vat_breakdown": [{"rate": "21", "base": "30.15", "tax": "6.33"}],
    "totals": {"net": "30.15", "tax": "6.33", "gross": "36.48"},
}


def indicators(client: httpx.Client, process: str) -> dict[str, Any]:
    answer = client.get("/analytics/kpis", params={"process": process})
    assert answer.status_code == 200, answer.text
    return {kpi["id"]: kpi for kpi in answer.json()["kpis"]}


def test_an_invoice_registered_approved_and_paid_shows_up(stack: Stack, tenant: str) -> None:
    tokens = {
        role: {"Authorization": f"Bearer {stack.token(role, tenant)}"} for role in ("operator", "manager", "viewer")
    }
    with httpx.Client(base_url=stack.url, headers=tokens["viewer"]) as client:
        empty = indicators(client, "accounts-payable")
        assert all((kpi["value"], kpi["n"], kpi["band"]) == (None, 0, "insufficient-data") for kpi in empty.values())
        path = "/billing/invoices"
        registered = client.post(path, json=INVOICE, headers=tokens["operator"])
        assert registered.status_code == 201, registered.text
        path += f"/{registered.json()['id']}"
        assert client.post(f"{path}/validation", headers=tokens["operator"]).status_code == 204
        assert client.post(f"{path}/approval", headers=tokens["manager"]).status_code == 204
        payment = {"paid_on": "2026-03-30", "reference": "SEPA 1"}
        assert client.post(f"{path}/payment", json=payment, headers=tokens["manager"]).status_code == 204
        paid_at = time.monotonic()
        while (kpis := indicators(client, "accounts-payable"))["automation_level"]["n"] < 4:
            assert time.monotonic() - paid_at < PATIENCE_S
            time.sleep(0.02)
    assert within(VISIBLE_WITHIN_S, time.monotonic() - paid_at)
    assert (kpis["automation_level"]["value"], kpis["error_rate"]["value"]) == (0.0, 0.0)
    assert kpis["case_throughput_time"]["n"] == 1


def test_an_invoice_that_a_rule_approved_was_touched_by_nobody(stack: Stack, tenant: str) -> None:
    tokens = {
        role: {"Authorization": f"Bearer {stack.token(role, tenant)}"} for role in ("operator", "manager", "viewer")
    }
    everything = {"id": "everything", "conditions": {}, "outcome": {"kind": "approve"}}
    file = {"Content-Type": "application/xml"}
    with httpx.Client(base_url=stack.url, headers=tokens["viewer"], timeout=60) as client:
        path = "/billing/decision-policies"
        wanted = {"note": "All that is sound", "rules": [everything]}
        draft = client.post(path, json=wanted, headers=tokens["operator"])
        assert draft.status_code == 201, draft.text
        activation = f"{path}/{draft.json()['id']}/activation"
        activated = client.post(activation, headers=tokens["manager"] | {"If-Match": draft.headers["etag"]})
        assert activated.status_code == 204, activated.text
        path = "/billing/invoices/electronic"
        taken_in = client.post(path, content=electronic(), headers=tokens["operator"] | file)
        assert taken_in.json()["status"] == "approved", taken_in.text
        approved_at = time.monotonic()
        while (kpis := indicators(client, "accounts-payable"))["automation_level"]["n"] < 3:
            assert time.monotonic() - approved_at < PATIENCE_S
            time.sleep(0.02)
    assert kpis["automation_level"]["value"] == 1.0
    assert (kpis["no_touch_rate"]["value"], kpis["no_touch_rate"]["n"]) == (1.0, 1)

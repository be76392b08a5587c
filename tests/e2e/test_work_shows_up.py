"""Work done over HTTP is in the indicators within two seconds."""

import time
from typing import Any

import httpx
import pytest

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

"""What comes in by itself: invoices as suppliers send them, and a policy that decides about some.

Behind it stand an invoice that a rule approved, one held as a near duplicate, one claimed, and a draft: something in each
part of the work queue.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from deploy.demo.stage import Stage

PAPERS = Path(__file__).with_name("papers")
_POLICY = {
    "note": "Small invoices are approved where nothing speaks against it",
    "limits": {"EUR": "5000"},
    "rules": [
        {
            "id": "small",
            "conditions": {"amount": {"currency": "EUR", "at_most": "500"}},
            "outcome": {"kind": "approve"},
        },
        {"id": "others", "conditions": {}, "outcome": {"kind": "ask", "role": "finance"}},
    ],
}
_THE_SAME_AGAIN: Mapping[str, str] = {"2026/0417": "2026/417"}
_TEN_TIMES_AS_MUCH: Mapping[str, str] = {
    "2026/0417": "2026/0423",
    "Catálogo de primavera, 500 ejemplares": "Catálogo de otoño, 5.000 ejemplares",
    "80.00": "800.00",
    "50.40": "504.00",
    "290.40": "2904.00",
    "240.00": "2400.00",
}


async def take_in(stage: Stage, until: date) -> None:
    """Send the papers and let the policy decide; the last invoice is claimed by who will look at it."""
    policy = await stage.send("operator", "POST", "/billing/decision-policies", 0, json=_POLICY)
    activation = f"/billing/decision-policies/{policy['id']}/activation"
    await stage.send("manager", "POST", activation, 0, headers={"If-Match": '"1"'})
    sent: Sequence[Mapping[str, str]] = ({}, _THE_SAME_AGAIN, _TEN_TIMES_AS_MUCH)
    for index, changes in enumerate(sent):
        invoice = await _send(stage, "/billing/invoices/electronic", index, _electronic(until, changes))
    await _send(stage, "/billing/drafts", 0, _plain(until))
    await stage.send("manager", "POST", f"/billing/work-items/{invoice['id']}/claim", 0)


async def _send(stage: Stage, path: str, step: int, content: bytes) -> Any:
    return await stage.work(
        "operator", path, step, content=content, headers={"Content-Type": "application/octet-stream"}
    )


def _electronic(until: date, changes: Mapping[str, str]) -> bytes:
    text = (PAPERS / "invoice.xml").read_text(encoding="utf-8")
    days = {"2026-03-02": _issued(until).isoformat(), "2026-04-01": _due(until).isoformat()}
    for old, new in {**days, **changes}.items():
        text = text.replace(f">{old}<", f">{new}<")
    return text.encode()


def _plain(until: date) -> bytes:
    """Return the PDF with its days moved; as they are written as long, its offsets stay right."""
    content = (PAPERS / "invoice.pdf").read_bytes()
    for old, new in (("02/03/2026", _issued(until)), ("01/04/2026", _due(until))):
        content = content.replace(old.encode(), f"{new:%d/%m/%Y}".encode())
    return content


def _issued(until: date) -> date:
    return until - timedelta(days=10)


def _due(until: date) -> date:
    return until + timedelta(days=20)

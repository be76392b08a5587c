"""Plays the story through the services' own APIs. Every request can be repeated: a cut-off load goes on.

The services run in this process, on the installation's database, store and log, with their clock held: what is done
to invoices, people and documents happens on the last working day before, at moments that the seed alone decides. So
the same seed gives the same figures, which no request timed by a running server could.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import httpx

from deploy.demo import story
from deploy.demo.people import Cast
from deploy.demo.stage import Stage, TokenFor
from deploy.demo.taking_in import take_in
from deploy.registry import SERVICES, load_service
from shared.app import create_app
from shared.money import round_money

_BATCH = 500
SUPPLIERS, INVOICES, EMPLOYEES, DOCUMENTS = 6, 12, 8, 6


async def load(environment: Mapping[str, str], token_for: TokenFor, seed: int, until: date) -> None:
    """Load the demo into the installation whose settings are given.

    The story ends with the month before `until`, what happens to single things on the working day before it. The
    indicators show all of it once the events are `drained`.
    """
    random = Random(seed)  # noqa: S311 - reproducible names, not secrets
    cast = Cast(random)
    async with AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(_client(name, environment)) for name in SERVICES}
        stage = Stage(clients, token_for, seed, story.last_morning(until))
        await _set_costs(stage, until)
        await _play(stage, list(story.operations(seed, until)))
        answers = (
            stage.send("operator", "POST", "/analytics/survey-answers", index, json=answer)
            for index, answer in enumerate(story.answers(seed, until))
        )
        await asyncio.gather(*answers)
        await _hire(stage, cast, random, until)
        await _invoice(stage, cast, random, until)
        await _file(stage, random)
        await take_in(stage, until)


@asynccontextmanager
async def _client(name: str, environment: Mapping[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the service, which runs here for as long."""
    service = load_service(name)
    app = create_app(service, service.settings.load(environment))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://demo", timeout=60) as client,
    ):
        yield client


async def _set_costs(stage: Stage, until: date) -> None:
    since = story.first_day(until).isoformat()
    model = {
        "currency": "EUR",
        "hourly_rates": [
            {"team": "intake", "valid_from": since, "amount": "22.50"},
            {"team": "finance", "valid_from": since, "amount": "31.00"},
            {"team": None, "valid_from": since, "amount": "26.00"},
        ],
        "fixed_costs": [
            {
                "process": story.PROCESS_AP,
                "activity": activity,
                "actor_kind": "automation",
                "valid_from": since,
                "amount": "0.05",
            }
            for activity in ("register-invoice", "validate-invoice")
        ],
    }
    await stage.send("admin", "PUT", "/analytics/cost-model", 0, json=model, headers={"If-Match": "*"})


async def _play(stage: Stage, work: Sequence[story.Operation]) -> None:
    for start in range(0, len(work), _BATCH):
        part = {"operations": work[start : start + _BATCH]}
        await stage.send("operator", "POST", "/analytics/operations", start, json=part)


async def _hire(stage: Stage, cast: Cast, random: Random, until: date) -> None:
    """Let people join and ask for leave; a manager decides on some of it."""
    for index in range(EMPLOYEES):
        person = cast.person()
        hired = until - timedelta(days=random.randrange(200, 2000))
        employee = await stage.work(
            "operator",
            "/hr/employees",
            index,
            json={
                "given_name": person.given_name,
                "family_name": person.family_name,
                "national_id": person.national_id,
                "email": person.email,
                "team": random.choice(("intake", "finance", "hr")),
                "employment": {"hire_date": hired.isoformat()},
            },
        )
        begin = until + timedelta(days=30 + index * 9)
        days = {"first_day": begin.isoformat(), "last_day": (begin + timedelta(days=4)).isoformat()}
        request = {"employee_id": employee["id"], "kind": "holiday", **days}
        leave = await stage.work("operator", "/hr/leave-requests", index, json=request)
        if index % 3:
            await stage.work("manager", f"/hr/leave-requests/{leave['id']}/approval", index)


async def _invoice(stage: Stage, cast: Cast, random: Random, until: date) -> None:
    """Bring in invoices of some suppliers and take each as far as chance has it."""
    suppliers = [cast.company() for _ in range(SUPPLIERS)]
    for index in range(INVOICES):
        supplier = random.choice(suppliers)
        net = Decimal(random.randrange(2_000, 250_000)) / 100
        document = _document(supplier.name, supplier.tax_id, f"{until.year}-{index + 1:04d}", net, until)
        invoice = await stage.work("operator", "/billing/invoices", index, json=document)
        path = f"/billing/invoices/{invoice['id']}"
        steps: list[tuple[str, str, Any]] = [
            ("operator", "validation", None),
            ("manager", "approval", None),
            ("manager", "payment", {"paid_on": until.isoformat(), "reference": f"SEPA {index + 1}"}),
        ]
        if index % 6 == 5:  # noqa: PLR2004 - one in six is refused
            steps[1:] = [("manager", "rejection", {"reason": "The goods never arrived"})]
        for role, step, body in steps[: random.randrange(len(steps) + 1)]:
            await stage.work(role, f"{path}/{step}", step, json=body)


def _document(name: str, tax_id: str, number: str, net: Decimal, until: date) -> dict[str, Any]:
    tax = round_money(net * 21 / 100, "EUR")
    line = {
        "description": "Servicios del mes",
        "quantity": "1",
        "unit_price": f"{net:.2f}",
        "net": f"{net:.2f}",
        "vat_rate": "21",
    }
    return {
        "supplier": {"tax_id": tax_id, "name": name},
        "number": number,
        "issue_date": (until - timedelta(days=10)).isoformat(),
        "due_date": (until + timedelta(days=20)).isoformat(),
        "currency": "EUR",
        "lines": [line],
        "vat_breakdown": [{"rate": "21", "base": f"{net:.2f}", "tax": f"{tax:.2f}"}],
        "totals": {"net": f"{net:.2f}", "tax": f"{tax:.2f}", "gross": f"{net + tax:.2f}"},
    }


async def _file(stage: Stage, random: Random) -> None:
    """Put some letters into the archive."""
    for index in range(DOCUMENTS):
        title = f"Contrato de servicios {index + 1}"
        text = f"{title}\n\nVersión {random.randrange(1, 9)} del contrato, firmada por ambas partes.\n"
        await stage.work(
            "operator",
            "/documents/records",
            index,
            params={"title": title, "kind": "contract"},
            content=text.encode(),
            headers={"Content-Type": "text/plain; charset=utf-8"},
        )

"""Ways to play HR's everyday: who joins, who asks for leave, who decides."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx
from sqlalchemy import event

from tests.fixtures.services import Harness

LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_numbers = count(10_000_000)


def new_national_id() -> str:
    """Return a DNI that nobody else has in this run."""
    number = next(_numbers)
    return f"{number}{LETTERS[number % 23]}"


def joiner(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "given_name": "Lucía",
        "family_name": "Núñez Vega",
        "national_id": new_national_id(),
        "email": "lucia@example.es",
        "team": "ventas",
        "employment": {"hire_date": "2024-02-01"},
    }
    return document | changes


def as_user(hr: Harness, tenant: str, role: str, subject: str, **headers: str) -> httpx.AsyncClient:
    """Return a client for one named user."""
    client = hr.client(tenant, role, **headers)
    client.headers["Authorization"] = f"Bearer {hr.issuer.token(tenant, role, subject=subject)}"
    return client


async def employ(hr: Harness, tenant: str, **changes: Any) -> str:
    async with hr.client(tenant) as client:
        answer = await client.post("/hr/employees", json=joiner(**changes))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def leave(employee_id: str, first_day: str, last_day: str, kind: str = "holiday") -> dict[str, str]:
    return {"employee_id": employee_id, "kind": kind, "first_day": first_day, "last_day": last_day}


async def ask(hr: Harness, tenant: str, *period: str) -> str:
    """Ask for leave as the tenant's operator; `period` is what `leave` takes."""
    async with hr.client(tenant) as client:
        answer = await client.post("/hr/leave-requests", json=leave(*period))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def approve(hr: Harness, tenant: str, leave_request_id: str) -> None:
    async with hr.client(tenant, "manager") as client:
        answer = await client.post(f"/hr/leave-requests/{leave_request_id}/approval")
    assert answer.status_code == 204, answer.text


async def balance(hr: Harness, tenant: str, employee_id: str, year: int) -> tuple[str, int, int, str]:
    async with hr.client(tenant, "viewer") as client:
        answer = await client.get(f"/hr/employees/{employee_id}/leave-balance", params={"year": year})
    assert answer.status_code == 200, answer.text
    document = answer.json()
    return document["entitlement"], document["taken"], document["pending"], document["left"]


@contextmanager
def counted_statements(hr: Harness) -> Iterator[list[str]]:
    """Collect the SQL statements that requests send within the block."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    engine = hr.runtime.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)

"""The balance of holidays over HTTP: prorated, never overdrawn."""

import asyncio
from datetime import UTC, datetime

from shared.clock import frozen
from tests.fixtures.services import Harness, problem
from tests.hr.people import ask, balance, counted_statements, employ, leave

PATH = "/hr/leave-requests"


async def test_holidays_may_take_the_whole_balance_and_no_more(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant, employment={"hire_date": "2028-03-01", "annual_leave_days": 30})
    assert await balance(hr, tenant, employee_id, 2028) == ("25.08", 0, 0, "25.08")  # 306 of 366 days
    await ask(hr, tenant, employee_id, "2028-08-01", "2028-08-25")
    async with hr.client(tenant) as client:
        more = await client.post(PATH, json=leave(employee_id, "2028-09-01", "2028-09-01"))
        sick = await client.post(PATH, json=leave(employee_id, "2028-09-01", "2028-09-20", "sick"))
    assert (more.status_code, problem(more)["available"], problem(more)["asked"]) == (409, "0.08", 1)
    assert sick.status_code == 201
    assert await balance(hr, tenant, employee_id, 2028) == ("25.08", 0, 25, "0.08")


async def test_concurrent_requests_do_not_overdraw_the_balance(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    async with hr.client(tenant) as client:
        answers = await asyncio.gather(
            *(client.post(PATH, json=leave(employee_id, f"2026-{n:02}-01", f"2026-{n:02}-08")) for n in range(1, 9))
        )
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    codes = {problem(answer)["code"] for answer in answers if answer.status_code == 409}
    assert codes == {"leave-balance-exceeded"}
    assert await balance(hr, tenant, employee_id, 2026) == ("30.00", 0, 24, "6.00")


async def test_a_balance_takes_four_statements_and_means_the_present_year_by_default(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant, employment={"hire_date": "2026-07-01"})
    path = f"/hr/employees/{employee_id}/leave-balance"
    with frozen(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)):  # 2027 has begun in Madrid
        async with hr.client(tenant, "viewer") as client:
            with counted_statements(hr) as statements:
                answer = await client.get(path)
            wrong = await client.get(path, params={"year": 12_000})
    assert len(statements) == 4, statements  # tenant, employee, employments, holidays
    assert answer.json() == {
        "employee_id": employee_id,
        "year": 2027,
        "entitlement": "30.00",
        "taken": 0,
        "pending": 0,
        "left": "30.00",
    }
    assert wrong.status_code == 422
    assert await balance(hr, tenant, employee_id, 2026) == ("15.12", 0, 0, "15.12")


async def test_a_return_adds_to_the_years_balance(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    async with hr.client(tenant) as client:
        path = f"/hr/employees/{employee_id}"
        await client.post(f"{path}/departure", json={"leave_date": "2026-06-30", "reason": "end-of-term"})
        await client.post(f"{path}/employments", json={"hire_date": "2026-10-01", "annual_leave_days": 36})
        gap = await client.post(PATH, json=leave(employee_id, "2026-06-30", "2026-10-01", "unpaid"))
    assert problem(gap)["code"] == "leave-outside-employment"
    # 181 days at 30 and 92 days at 36 a year
    assert await balance(hr, tenant, employee_id, 2026) == ("23.95", 0, 0, "23.95")

"""Leavers over HTTP, and what becomes of their leave."""

import asyncio

from tests.fixtures.services import Harness, problem
from tests.hr.people import approve, ask, balance, employ

SPANISH = {"Accept-Language": "es"}


async def test_a_leaver_is_registered_once_and_not_before_the_hire_date(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant, employment={"hire_date": "2026-03-01"})
    path = f"/hr/employees/{employee_id}"
    async with hr.client(tenant, **SPANISH) as client:
        early = await client.post(f"{path}/departure", json={"leave_date": "2026-02-28", "reason": "probation"})
        unknown = await client.post(f"{path}/departure", json={"leave_date": "2026-03-31", "reason": "boredom"})
        stale = await client.post(
            f"{path}/departure", json={"leave_date": "2026-03-01", "reason": "probation"}, headers={"If-Match": '"9"'}
        )
        done = await client.post(f"{path}/departure", json={"leave_date": "2026-03-01", "reason": "probation"})
        again = await client.post(f"{path}/departure", json={"leave_date": "2026-03-31", "reason": "other"})
        (employment,) = (await client.get(path)).json()["employments"]
    assert (early.status_code, problem(early)["code"]) == (422, "leave-date-before-hire")
    assert "anterior a la fecha de alta" in problem(early)["detail"]
    assert (unknown.status_code, stale.status_code) == (422, 412)
    assert (done.status_code, done.headers["etag"]) == (200, '"2"')
    assert done.json() == {"cancelled_leave_requests": [], "shortened_leave_requests": []}
    assert (again.status_code, problem(again)["leave_date"]) == (409, "2026-03-01")
    assert (employment["leave_date"], employment["leaving_reason"]) == ("2026-03-01", "probation")
    joined, left = await hr.events(tenant)
    assert (left.type, left.aggregateid, joined.aggregateid) == ("hr.employee.left.v1", employee_id, employee_id)
    work = left.payload.pop("work")
    assert (work["process"], work["activity"]) == ("hr-administration", "register-leaver")
    assert left.payload == {"employee_id": employee_id, "leave_date": "2026-03-01"}


async def test_leave_ends_with_the_employment(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    before = await ask(hr, tenant, employee_id, "2026-05-01", "2026-05-05")
    across = await ask(hr, tenant, employee_id, "2026-06-28", "2026-07-04")
    pending = await ask(hr, tenant, employee_id, "2026-08-01", "2026-08-05")
    approved = await ask(hr, tenant, employee_id, "2026-09-01", "2026-09-05")
    await approve(hr, tenant, approved)
    await approve(hr, tenant, across)
    assert await balance(hr, tenant, employee_id, 2026) == ("30.00", 12, 10, "8.00")
    async with hr.client(tenant) as client:
        departure = {"leave_date": "2026-06-30", "reason": "resignation"}
        answer = await client.post(f"/hr/employees/{employee_id}/departure", json=departure)
        states = {
            item["id"]: (item["status"], item["last_day"])
            for item in (await client.get("/hr/leave-requests")).json()["items"]
        }
        later = {"employee_id": employee_id, "kind": "unpaid", "first_day": "2026-07-01", "last_day": "2026-07-01"}
        refused = await client.post("/hr/leave-requests", json=later)
    assert answer.json() == {"cancelled_leave_requests": [pending, approved], "shortened_leave_requests": [across]}
    assert states == {
        before: ("requested", "2026-05-05"),
        across: ("approved", "2026-06-30"),
        pending: ("cancelled", "2026-08-05"),
        approved: ("cancelled", "2026-09-05"),
    }
    assert await balance(hr, tenant, employee_id, 2026) == ("14.88", 3, 5, "6.88")  # 181 of 365 days
    assert await balance(hr, tenant, employee_id, 2027) == ("0.00", 0, 0, "0.00")
    assert (refused.status_code, problem(refused)["code"]) == (422, "leave-outside-employment")
    left, shortened, *cancelled = (await hr.events(tenant))[-4:]
    assert left.type == "hr.employee.left.v1"
    assert (shortened.type, shortened.aggregateid) == ("hr.leave-request.shortened.v1", across)
    assert shortened.payload["last_day"] == "2026-06-30"
    assert [(event.type, event.aggregateid) for event in cancelled] == [
        ("hr.leave-request.cancelled.v1", pending),
        ("hr.leave-request.cancelled.v1", approved),
    ]
    work = cancelled[0].payload["work"]
    assert (work["activity"], work["actor"], work["outcome"]) == (
        "cancel-leave",
        {"kind": "automation", "id": "hr", "team": None},
        "cancelled",
    )


async def test_no_leave_outlives_a_departure_that_races_with_its_approval(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    asked = [await ask(hr, tenant, employee_id, f"2026-0{month}-01", f"2026-0{month}-02") for month in range(4, 9)]
    departure = {"leave_date": "2026-03-15", "reason": "objective-dismissal"}
    async with hr.client(tenant, "manager") as client:
        gone, *decided = await asyncio.gather(
            client.post(f"/hr/employees/{employee_id}/departure", json=departure),
            *(client.post(f"/hr/leave-requests/{item}/approval") for item in asked),
        )
        items = (await client.get("/hr/leave-requests")).json()["items"]
    assert gone.status_code == 200
    assert {answer.status_code for answer in decided} <= {204, 409}
    assert [item["status"] for item in items] == ["cancelled"] * 5


async def test_no_leave_outlives_a_departure_that_races_with_its_request(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    async with hr.client(tenant) as client:
        period = {"employee_id": employee_id, "kind": "holiday", "first_day": "2026-04-01", "last_day": "2026-04-02"}
        departure = {"leave_date": "2026-03-15", "reason": "retirement"}
        asked, gone = await asyncio.gather(
            client.post("/hr/leave-requests", json=period),
            client.post(f"/hr/employees/{employee_id}/departure", json=departure),
        )
        open_items = (await client.get("/hr/leave-requests", params={"status": "requested"})).json()["items"]
    assert gone.status_code == 200
    assert asked.status_code in {201, 422}
    assert open_items == []

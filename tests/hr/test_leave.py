"""Leave over HTTP: asked for, decided by another, cancelled; never twice on a day, never beyond the balance."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared.clock import frozen
from tests.fixtures.services import Harness, problem
from tests.hr.people import approve, as_user, ask, balance, counted_statements, employ, leave

SPANISH = {"Accept-Language": "es"}
PATH = "/hr/leave-requests"


async def test_leave_is_requested_and_approved(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant, user_id="lucia")
    async with as_user(hr, tenant, "operator", "lucia") as client:
        answer = await client.post(PATH, json=leave(employee_id, "2026-12-28", "2027-01-03"))
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    request = answer.json()
    assert (request["status"], request["kind"], request["days"]) == ("requested", "holiday", 7)
    assert request["days_by_year"] == [{"year": 2026, "days": 4}, {"year": 2027, "days": 3}]
    assert await balance(hr, tenant, employee_id, 2026) == ("30.00", 0, 4, "26.00")
    await approve(hr, tenant, request["id"])
    assert await balance(hr, tenant, employee_id, 2026) == ("30.00", 4, 0, "26.00")
    assert await balance(hr, tenant, employee_id, 2027) == ("30.00", 3, 0, "27.00")
    async with hr.client(tenant) as client:
        read = await client.get(answer.headers["location"])
    assert (read.json()["status"], read.headers["etag"]) == ("approved", '"2"')
    assert read.json()["decided_at"] is not None
    _, requested, approved = await hr.events(tenant)
    asked, decided = requested.payload.pop("work"), approved.payload.pop("work")
    ids = {"leave_request_id": request["id"], "employee_id": employee_id}
    assert requested.payload == {**ids, "first_day": "2026-12-28", "last_day": "2027-01-03"}
    assert (approved.payload, approved.aggregateid) == (ids, request["id"])
    assert (asked["process"], asked["activity"], asked["case"]) == ("leave-management", "request-leave", request["id"])
    assert (decided["activity"], decided["outcome"], decided["case"]) == ("decide-leave", "done", request["id"])
    assert decided["requested_at"] == asked["finished_at"] <= decided["started_at"] <= decided["finished_at"]


async def test_a_rejection_is_a_normal_decision_and_frees_the_days(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    leave_request_id = await ask(hr, tenant, employee_id, "2026-08-01", "2026-08-30")
    async with hr.client(tenant, "manager", **SPANISH) as client:
        silent = await client.post(f"{PATH}/{leave_request_id}/rejection", json={"reason": "  "})
        done = await client.post(f"{PATH}/{leave_request_id}/rejection", json={"reason": "Cierre de agosto"})
        again = await client.post(f"{PATH}/{leave_request_id}/approval")
        assert (await client.get(f"{PATH}/{leave_request_id}")).json()["decision_reason"] == "Cierre de agosto"
    assert (silent.status_code, done.status_code) == (422, 204)
    assert (again.status_code, problem(again)["code"]) == (409, "illegal-leave-transition")
    assert problem(again)["detail"] == "La ausencia está rechazada; para aprobarla debe estar solicitada."
    event = (await hr.events(tenant))[-1]
    assert (event.type, event.payload["work"]["outcome"]) == ("hr.leave-request.rejected.v1", "done")
    assert "agosto" not in str(event.payload)
    await ask(hr, tenant, employee_id, "2026-08-01", "2026-08-30")


@pytest.mark.parametrize("step", ["approval", "rejection", "cancellation"])
async def test_a_step_answers_with_the_new_etag(hr: Harness, tenant: str, step: str) -> None:
    employee_id = await employ(hr, tenant)
    leave_request_id = await ask(hr, tenant, employee_id, "2099-08-01", "2099-08-02")
    body = {"reason": "No es posible"} if step == "rejection" else None
    role = "operator" if step == "cancellation" else "manager"
    async with hr.client(tenant, role) as client:
        done = await client.post(f"{PATH}/{leave_request_id}/{step}", json=body, headers={"If-Match": '"1"'})
        read = await client.get(f"{PATH}/{leave_request_id}")
    assert (done.status_code, done.headers["etag"]) == (204, '"2"')
    assert read.headers["etag"] == '"2"'


@pytest.mark.parametrize("step", ["approval", "rejection"])
async def test_nobody_decides_on_own_leave(hr: Harness, tenant: str, step: str) -> None:
    employee_id = await employ(hr, tenant, user_id="lucia")
    body = {"reason": "No es posible"} if step == "rejection" else None
    async with as_user(hr, tenant, "manager", "boss", **SPANISH) as client:
        leave_request_id = (await client.post(PATH, json=leave(employee_id, "2026-08-01", "2026-08-02"))).json()["id"]
        requester = await client.post(f"{PATH}/{leave_request_id}/{step}", json=body)
    async with as_user(hr, tenant, "manager", "lucia", **SPANISH) as client:
        concerned = await client.post(f"{PATH}/{leave_request_id}/{step}", json=body)
    async with as_user(hr, tenant, "manager", "third") as client:
        another = await client.post(f"{PATH}/{leave_request_id}/{step}", json=body)
    for refused in (requester, concerned):
        assert (refused.status_code, problem(refused)["code"]) == (403, "own-leave")
        assert "otra persona" in problem(refused)["detail"]
    assert another.status_code == 204


async def test_leave_is_cancelled_before_it_starts_by_those_concerned(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant, user_id="lucia")
    mine = await ask(hr, tenant, employee_id, "2026-08-01", "2026-08-02")
    hers = await ask(hr, tenant, employee_id, "2026-08-05", "2026-08-06")
    await approve(hr, tenant, hers)
    late_in_july = datetime(2026, 7, 31, 21, 59, tzinfo=UTC)  # two minutes before August in Madrid
    with frozen(late_in_july):
        async with hr.client(tenant, "manager", **SPANISH) as client:
            stranger = await client.post(f"{PATH}/{mine}/cancellation")
        async with as_user(hr, tenant, "operator", "lucia") as client:
            assert (await client.post(f"{PATH}/{hers}/cancellation")).status_code == 204
        async with hr.client(tenant) as client:
            assert (await client.post(f"{PATH}/{mine}/cancellation")).status_code == 204
            again = await client.post(f"{PATH}/{mine}/cancellation")
    assert (stranger.status_code, problem(stranger)["code"]) == (403, "not-your-leave")
    assert "Solo puede cancelar" in problem(stranger)["detail"]
    assert problem(again)["code"] == "illegal-leave-transition"
    assert await balance(hr, tenant, employee_id, 2026) == ("30.00", 0, 0, "30.00")
    event = (await hr.events(tenant))[-1]
    work = event.payload["work"]
    assert event.type == "hr.leave-request.cancelled.v1"
    assert (work["activity"], work["outcome"], work["actor"]["kind"]) == ("cancel-leave", "cancelled", "person")


async def test_leave_that_began_is_not_cancelled(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    leave_request_id = await ask(hr, tenant, employee_id, "2026-08-01", "2026-08-02")
    with frozen(datetime(2026, 7, 31, 22, 0, tzinfo=UTC)):  # August has begun in Madrid
        async with hr.client(tenant, **SPANISH) as client:
            late = await client.post(f"{PATH}/{leave_request_id}/cancellation")
    assert (late.status_code, problem(late)["first_day"]) == (409, "2026-08-01")


@pytest.mark.parametrize(
    ("period", "status", "code", "spanish"),
    [
        (("2026-08-05", "2026-08-04"), 422, "invalid-leave-period", "último"),
        (("2026-08-05", "2032-08-05"), 422, "invalid-leave-period", "1826 días"),
        (("2024-01-31", "2024-02-01"), 422, "leave-outside-employment", "no está empleada"),
        (("2026-06-10", "2026-06-12"), 409, "overlapping-leave", "otra ausencia"),
        (("2026-06-01", "2026-06-30"), 409, "overlapping-leave", "otra ausencia"),
        (("2026-08-01", "2026-08-29"), 409, "leave-balance-exceeded", "quedan 28.00 días"),
        (("2026-12-31", "2027-01-31"), 409, "leave-balance-exceeded", "En 2027"),
    ],
)
async def test_leave_that_cannot_be_is_refused(
    hr: Harness, tenant: str, period: tuple[str, str], status: int, code: str, spanish: str
) -> None:
    employee_id = await employ(hr, tenant)
    existing = await ask(hr, tenant, employee_id, "2026-06-09", "2026-06-10")
    async with hr.client(tenant, **SPANISH) as client:
        answer = await client.post(PATH, json=leave(employee_id, *period))
    document = problem(answer)
    assert (answer.status_code, document["code"]) == (status, code)
    assert spanish in document["detail"]
    assert code != "overlapping-leave" or document["existing_ids"] == [existing]
    assert len(await hr.events(tenant)) == 2


async def test_of_two_overlapping_requests_at_once_one_succeeds(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    async with hr.client(tenant) as client:
        answers = await asyncio.gather(
            client.post(PATH, json=leave(employee_id, "2026-05-01", "2026-05-05")),
            client.post(PATH, json=leave(employee_id, "2026-05-05", "2026-05-08", "unpaid")),
        )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert problem(refused)["code"] == "overlapping-leave"
    assert len(await hr.events(tenant)) == 2


async def test_the_database_itself_refuses_overlapping_leave(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    await ask(hr, tenant, employee_id, "2026-05-01", "2026-05-05")
    copy = text(
        "INSERT INTO leave_request (id, version, employee_id, kind, first_day, last_day, status, requested_by, "
        "requested_at) SELECT gen_random_uuid(), 1, employee_id, 'sick', last_day, last_day, :status, 'x', now() "
        "FROM leave_request"
    )
    async with hr.runtime.database.session(tenant) as session:
        await session.execute(copy, {"status": "rejected"})
        with pytest.raises(IntegrityError, match="ex_leave_request_no_overlap"):
            await session.execute(copy, {"status": "approved"})


async def test_of_concurrent_decisions_one_counts(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    leave_request_id = await ask(hr, tenant, employee_id, "2026-05-01", "2026-05-05")
    async with hr.client(tenant, "manager") as client:
        answers = await asyncio.gather(
            client.post(f"{PATH}/{leave_request_id}/approval"),
            client.post(f"{PATH}/{leave_request_id}/rejection", json={"reason": "No es posible"}),
            client.post(f"{PATH}/{leave_request_id}/approval"),
        )
    assert sorted(answer.status_code for answer in answers) == [204, 409, 409]


async def test_the_kind_of_leave_is_personal(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant, user_id="lucia")
    leave_request_id = await ask(hr, tenant, employee_id, "2026-05-01", "2026-05-05", "sick")
    async with hr.client(tenant) as client:
        full = (await client.get(f"{PATH}/{leave_request_id}")).json()
    async with hr.client(tenant, "viewer") as client:
        one = (await client.get(f"{PATH}/{leave_request_id}")).json()
        (listed,) = (await client.get(PATH)).json()["items"]
    async with as_user(hr, tenant, "viewer", "lucia") as client:
        own = (await client.get(f"{PATH}/{leave_request_id}")).json()
    assert full["kind"] == "sick"
    assert own == full
    assert one == listed == full | {"kind": None}
    assert "sick" not in str([(event.payload, event.headers) for event in await hr.events(tenant)])


async def test_another_tenants_leave_is_not_found(hr: Harness, tenant: str, other_tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    leave_request_id = await ask(hr, tenant, employee_id, "2026-05-01", "2026-05-05")
    async with hr.client(other_tenant, "admin") as client:
        answers: list[Any] = [
            await client.get(f"{PATH}/{leave_request_id}"),
            await client.post(f"{PATH}/{leave_request_id}/approval"),
            await client.post(f"{PATH}/{leave_request_id}/rejection", json={"reason": "No es posible"}),
            await client.post(f"{PATH}/{leave_request_id}/cancellation"),
            await client.post(PATH, json=leave(employee_id, "2026-07-01", "2026-07-05")),
        ]
        listed = await client.get(PATH, params={"employee_id": employee_id})
    assert [answer.status_code for answer in answers] == [404] * 5
    assert listed.json() == {"items": [], "next_cursor": None}


async def test_scopes_are_asked_for(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    leave_request_id = await ask(hr, tenant, employee_id, "2026-05-01", "2026-05-05")
    async with hr.client(tenant, "operator") as client:
        for step in ("approval", "rejection"):
            answer = await client.post(f"{PATH}/{leave_request_id}/{step}", json={"reason": "No es posible"})
            assert problem(answer)["scope"] == "hr.leave-requests:approve"
    async with hr.client(tenant, "viewer") as client:
        asked = await client.post(PATH, json=leave(employee_id, "2026-07-01", "2026-07-05"))
        cancelled = await client.post(f"{PATH}/{leave_request_id}/cancellation")
    assert problem(asked)["scope"] == problem(cancelled)["scope"] == "hr.leave-requests:write"
    async with hr.client(tenant, "documents") as client:
        for path in (PATH, f"{PATH}/{leave_request_id}", f"/hr/employees/{employee_id}/leave-balance"):
            assert problem(await client.get(path))["scope"] == "hr.leave-requests:read"


async def test_a_key_makes_a_repeated_request_safe(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    key, period = {"Idempotency-Key": str(uuid4())}, leave(employee_id, "2026-05-01", "2026-05-05")
    async with hr.client(tenant) as client:
        first = await client.post(PATH, json=period, headers=key)
        second = await client.post(PATH, json=period, headers=key)
        without = await client.post(PATH, json=period)
    assert (first.status_code, second.status_code, second.content) == (201, 201, first.content)
    assert (without.status_code, problem(without)["existing_ids"]) == (409, [first.json()["id"]])
    decision = {"Idempotency-Key": str(uuid4())}
    async with hr.client(tenant, "manager") as client:
        answers = [await client.post(f"{PATH}/{first.json()['id']}/approval", headers=decision) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert len(await hr.events(tenant)) == 3


async def test_if_match_guards_a_step(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    leave_request_id = await ask(hr, tenant, employee_id, "2026-05-01", "2026-05-05")
    async with hr.client(tenant, "manager") as client:
        stale = await client.post(f"{PATH}/{leave_request_id}/approval", headers={"If-Match": '"2"'})
        fresh = await client.post(f"{PATH}/{leave_request_id}/approval", headers={"If-Match": '"1"'})
    assert (stale.status_code, problem(stale)["current"], fresh.status_code) == (412, 1, 204)


async def test_the_list_is_paged_filtered_and_takes_two_statements(hr: Harness, tenant: str) -> None:
    first, second = await employ(hr, tenant), await employ(hr, tenant)
    ids = [await ask(hr, tenant, first, f"2026-0{month}-01", f"2026-0{month}-03") for month in range(1, 5)]
    ids.append(await ask(hr, tenant, second, "2026-01-03", "2026-01-04"))
    await approve(hr, tenant, ids[1])
    async with hr.client(tenant, "viewer") as client:
        pages: list[list[str]] = []
        cursor = None
        while not pages or cursor:
            with counted_statements(hr) as statements:
                query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
                page = (await client.get(PATH, params=query)).json()
            assert len(statements) == 2, statements  # tenant, requests with their employee
            cursor = page["next_cursor"]
            pages.append([item["id"] for item in page["items"]])
        assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]

        async def found(**query: str) -> list[str]:
            return [item["id"] for item in (await client.get(PATH, params=query)).json()["items"]]

        assert await found(employee_id=second) == [ids[4]]
        assert await found(status="approved") == [ids[1]]
        assert await found(on="2026-01-03") == [ids[4], ids[0]]
        assert await found(on="2026-01-05") == []

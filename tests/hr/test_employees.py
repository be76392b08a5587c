"""Employees over HTTP: who joins, what is changed, who may see what."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.services import Harness, problem
from tests.hr.people import as_user, counted_statements, employ, joiner, new_national_id

SPANISH = {"Accept-Language": "es"}


async def test_a_joiner_is_registered_and_read(hr: Harness, tenant: str) -> None:
    received = joiner(national_id="x-1234567 l", employment={"hire_date": "2026-03-01", "annual_leave_days": 32})
    async with hr.client(tenant) as client:
        registered = await client.post("/hr/employees", json=received)
        read = await client.get(registered.headers["location"])
    assert (registered.status_code, registered.headers["etag"], read.headers["etag"]) == (201, '"1"', '"1"')
    document = read.json()
    assert document == registered.json()
    assert (document["team"], document["personal"]["national_id"]) == ("ventas", "X1234567L")
    (employment,) = document["employments"]
    assert (employment["hire_date"], employment["leave_date"], employment["annual_leave_days"]) == (
        "2026-03-01",
        None,
        32,
    )
    (event,) = await hr.events(tenant)
    work = event.payload.pop("work")
    assert (event.type, event.aggregateid) == ("hr.employee.joined.v1", document["id"])
    assert event.payload == {"employee_id": document["id"], "team": "ventas", "hire_date": "2026-03-01"}
    assert (work["process"], work["activity"], work["case"]) == ("hr-administration", "register-joiner", document["id"])
    assert (work["actor"]["kind"], work["outcome"]) == ("person", "done")


async def test_no_event_says_more_of_a_person_than_the_id(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant, user_id="lucia")
    async with hr.client(tenant) as client:
        change = {"given_name": "Luz", "email": "luz@example.es", "user_id": "luz-nunez"}
        await client.patch(f"/hr/employees/{employee_id}", json=change, headers={"If-Match": '"1"'})
        departure = {"leave_date": "2026-01-31", "reason": "disciplinary-dismissal"}
        assert (await client.post(f"/hr/employees/{employee_id}/departure", json=departure)).status_code == 200
    events = await hr.events(tenant)
    assert [event.type.split(".")[2] for event in events] == ["joined", "changed", "left"]
    assert events[1].payload["fields"] == ["email", "given_name", "user_id"]
    said = str([(event.payload, event.headers, event.aggregateid) for event in events]).lower()
    for secret in ("luc", "luz", "núñez", "example.es", "dismissal", "1000"):
        assert secret not in said.replace(employee_id, ""), secret


@pytest.mark.parametrize(
    ("change", "code", "spanish"),
    [
        ({"national_id": "12345678A"}, "invalid-national-id", "letra de control"),
        ({"national_id": "B12345674"}, "invalid-national-id", "NIF o NIE"),
        ({"employment": {"hire_date": "2026-01-01", "annual_leave_days": 29}}, "annual-leave-below-minimum", "30 días"),
        ({"email": "nobody"}, "invalid-input", "no válido"),
        ({"team": "Ventas Norte"}, "invalid-input", "no válido"),
        ({"salary": "1"}, "invalid-input", "no válido"),
        ({"employment": {"hire_date": "1769904000"}}, "invalid-input", "no válido"),
        ({"employment": {"hire_date": "2026-01-01", "annual_leave_days": "30"}}, "invalid-input", "no válido"),
    ],
)
async def test_a_wrong_joiner_is_refused(
    hr: Harness, tenant: str, change: dict[str, Any], code: str, spanish: str
) -> None:
    async with hr.client(tenant, **SPANISH) as client:
        answer = await client.post("/hr/employees", json=joiner(**change))
    assert (answer.status_code, problem(answer)["code"]) == (422, code)
    assert spanish in problem(answer)["detail"]
    assert "12345678A" not in answer.text
    assert await hr.events(tenant) == []


async def test_a_national_id_and_a_user_are_taken_once_per_tenant(hr: Harness, tenant: str, other_tenant: str) -> None:
    number = new_national_id()
    first = await employ(hr, tenant, national_id=number, user_id="ana")
    async with hr.client(tenant) as client:
        same_person = await client.post("/hr/employees", json=joiner(national_id=f"{number[:-1]}-{number[-1].lower()}"))
        same_user = await client.post("/hr/employees", json=joiner(user_id="ana"))
    assert (same_person.status_code, problem(same_person)["code"]) == (409, "duplicate-employee")
    assert (same_user.status_code, problem(same_user)["code"]) == (409, "user-taken")
    assert problem(same_person)["existing_id"] == problem(same_user)["existing_id"] == first
    await employ(hr, other_tenant, national_id=number, user_id="ana")


async def test_of_concurrent_registrations_one_succeeds(hr: Harness, tenant: str) -> None:
    person = joiner()
    async with hr.client(tenant) as client:
        answers = await asyncio.gather(*(client.post("/hr/employees", json=person) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert len(await hr.events(tenant)) == 1


async def test_personal_data_needs_its_own_scope(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant, user_id="lucia", team="caja")
    async with hr.client(tenant) as client:
        departure = {"leave_date": "2026-01-31", "reason": "probation"}
        await client.post(f"/hr/employees/{employee_id}/departure", json=departure)
        full = (await client.get(f"/hr/employees/{employee_id}")).json()
    async with hr.client(tenant, "viewer") as client:
        one = (await client.get(f"/hr/employees/{employee_id}")).json()
        (listed,) = (await client.get("/hr/employees")).json()["items"]
    async with as_user(hr, tenant, "viewer", "lucia") as client:
        own = (await client.get(f"/hr/employees/{employee_id}")).json()
    assert (full["personal"]["given_name"], full["employments"][0]["leaving_reason"]) == ("Lucía", "probation")
    assert own == full
    assert (
        one
        == listed
        == full
        | {
            "personal": None,
            "employments": [full["employments"][0] | {"leaving_reason": None}],
        }
    )
    assert (one["team"], one["employments"][0]["leave_date"]) == ("caja", "2026-01-31")


async def test_an_edit_needs_the_version_it_was_made_on(hr: Harness, tenant: str) -> None:
    path = f"/hr/employees/{await employ(hr, tenant)}"
    async with hr.client(tenant, **SPANISH) as client:
        blind = await client.patch(path, json={"team": "caja"})
        stale = await client.patch(path, json={"team": "caja"}, headers={"If-Match": '"4"'})
        done = await client.patch(path, json={"team": "caja"}, headers={"If-Match": '"1"'})
        same = await client.patch(path, json={"team": "caja"}, headers={"If-Match": '"2"'})
        null = await client.patch(path, json={"email": None}, headers={"If-Match": '"2"'})
        fixed = await client.patch(path, json={"national_id": "12345678Z"}, headers={"If-Match": '"2"'})
    assert (blind.status_code, problem(blind)["code"]) == (428, "if-match-required")
    assert (stale.status_code, problem(stale)["current"]) == (412, 1)
    assert (done.status_code, done.json()["team"], done.headers["etag"]) == (200, "caja", '"2"')
    assert (same.status_code, same.headers["etag"]) == (200, '"2"')
    assert (null.status_code, problem(null)["errors"][0]["message"]) == (422, "debe ser un texto")
    assert fixed.status_code == 422
    changed = [event for event in await hr.events(tenant) if event.type == "hr.employee.changed.v1"]
    assert [event.payload["fields"] for event in changed] == [["team"]]
    assert changed[0].payload["work"]["activity"] == "change-employee"


async def test_of_concurrent_edits_of_one_version_one_succeeds(hr: Harness, tenant: str) -> None:
    path = f"/hr/employees/{await employ(hr, tenant)}"
    async with hr.client(tenant) as client:
        answers = await asyncio.gather(
            *(client.patch(path, json={"team": f"team-{n}"}, headers={"If-Match": '"1"'}) for n in range(4))
        )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


async def test_a_user_is_taken_once_by_edits_too_and_not_changed_by_oneself(hr: Harness, tenant: str) -> None:
    await employ(hr, tenant, user_id="ana")
    path = f"/hr/employees/{await employ(hr, tenant, user_id='boss')}"
    match = {"If-Match": '"1"'}
    async with hr.client(tenant) as client:
        taken = await client.patch(path, json={"user_id": "ana"}, headers=match)
    async with as_user(hr, tenant, "manager", "boss") as client:
        dropped = await client.patch(path, json={"user_id": None}, headers=match)
        moved = await client.patch(path, json={"team": "caja"}, headers=match)
    assert (taken.status_code, problem(taken)["code"]) == (409, "user-taken")
    assert (dropped.status_code, problem(dropped)["code"]) == (403, "own-user")
    assert moved.status_code == 200


async def test_who_left_may_come_back(hr: Harness, tenant: str) -> None:
    employee_id = await employ(hr, tenant)
    path = f"/hr/employees/{employee_id}"
    async with hr.client(tenant, **SPANISH) as client:
        early = await client.post(f"{path}/employments", json={"hire_date": "2026-05-01"})
        await client.post(f"{path}/departure", json={"leave_date": "2026-06-30", "reason": "end-of-term"})
        overlap = await client.post(f"{path}/employments", json={"hire_date": "2026-06-30"})
        back = await client.post(f"{path}/employments", json={"hire_date": "2026-10-01", "annual_leave_days": 31})
    assert (early.status_code, problem(early)["until"]) == (409, None)
    assert (overlap.status_code, problem(overlap)["until"]) == (409, "2026-06-30")
    assert (back.status_code, back.headers["etag"]) == (201, '"3"')
    assert [item["hire_date"] for item in back.json()["employments"]] == ["2024-02-01", "2026-10-01"]
    assert [event.type.split(".")[2] for event in await hr.events(tenant)] == ["joined", "left", "joined"]


async def test_another_tenants_employee_is_not_found(hr: Harness, tenant: str, other_tenant: str) -> None:
    path = f"/hr/employees/{await employ(hr, tenant)}"
    async with hr.client(other_tenant, "admin", **SPANISH) as client:
        answers = [
            await client.get(path),
            await client.patch(path, json={"team": "x"}, headers={"If-Match": '"1"'}),
            await client.post(f"{path}/departure", json={"leave_date": "2026-01-31", "reason": "other"}),
            await client.post(f"{path}/employments", json={"hire_date": "2026-01-31"}),
            await client.get(f"{path}/leave-balance"),
        ]
        listed = await client.get("/hr/employees")
    assert [answer.status_code for answer in answers] == [404] * 5
    assert problem(answers[0])["title"] == "No encontrado"
    assert listed.json() == {"items": [], "next_cursor": None}


async def test_scopes_are_asked_for(hr: Harness, tenant: str) -> None:
    path = f"/hr/employees/{await employ(hr, tenant)}"
    async with hr.client(tenant, "viewer") as client:
        answers = [
            await client.post("/hr/employees", json=joiner()),
            await client.patch(path, json={"team": "x"}, headers={"If-Match": '"1"'}),
            await client.post(f"{path}/departure", json={"leave_date": "2026-01-31", "reason": "other"}),
            await client.post(f"{path}/employments", json={"hire_date": "2026-01-31"}),
        ]
    assert [problem(answer)["scope"] for answer in answers] == ["hr.employees:write"] * 4
    async with hr.client(tenant, "billing") as client:
        assert problem(await client.get(path))["scope"] == "hr.employees:read"
    async with hr.anonymous() as client:
        assert (await client.get(path)).status_code == 401


async def test_a_key_makes_a_repeated_registration_safe(hr: Harness, tenant: str) -> None:
    key, person = {"Idempotency-Key": str(uuid4())}, joiner()
    async with hr.client(tenant) as client:
        first = await client.post("/hr/employees", json=person, headers=key)
        second = await client.post("/hr/employees", json=person, headers=key)
        other = await client.post("/hr/employees", json=joiner(), headers=key)
    assert (first.status_code, second.status_code, second.content) == (201, 201, first.content)
    assert (other.status_code, problem(other)["code"]) == (422, "idempotency-key-reused")
    assert len(await hr.events(tenant)) == 1


async def test_the_list_is_paged_filtered_and_takes_three_statements(hr: Harness, tenant: str) -> None:
    ids = [await employ(hr, tenant, team="caja" if n % 2 else "ventas") for n in range(5)]
    async with hr.client(tenant) as client:
        departure = {"leave_date": "2025-12-31", "reason": "resignation"}
        await client.post(f"/hr/employees/{ids[0]}/departure", json=departure)
        pages: list[list[str]] = []
        cursor = None
        while not pages or cursor:
            with counted_statements(hr) as statements:
                query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
                page = (await client.get("/hr/employees", params=query)).json()
            assert len(statements) == 3, statements  # tenant, employees, their employments
            cursor = page["next_cursor"]
            pages.append([item["id"] for item in page["items"]])
        assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]
        tills = (await client.get("/hr/employees", params={"team": "caja"})).json()["items"]
        now = (await client.get("/hr/employees", params={"employed_on": "2026-01-01"})).json()["items"]
        before = (await client.get("/hr/employees", params={"employed_on": "2025-12-31"})).json()["items"]
        wrong = await client.get("/hr/employees", params={"employed_on": "1767225600"})
    assert [item["id"] for item in tills] == [ids[3], ids[1]]
    assert [item["id"] for item in now] == ids[:0:-1]
    assert [item["id"] for item in before] == ids[::-1]
    assert wrong.status_code == 422

"""Versions of the policy: written, changed, read by another person, activated, retired."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.billing.decisions.policies import POLICIES, activate, as_person, drafted, in_force, policy, rule
from tests.billing.intake.electronic import electronic, taken_in
from tests.fixtures.services import Harness, problem

EVERY_CONDITION: dict[str, Any] = {
    "groups": ["trusted"],
    "amount": {"currency": "EUR", "at_least": "0", "at_most": "100.50"},
    "verdicts": ["valid"],
    "held": False,
    "near_duplicate": False,
    "matches": ["none"],
}


async def states(billing: Harness, tenant: str) -> list[tuple[int, str]]:
    async with billing.client(tenant, "viewer") as client:
        return [(each["number"], each["status"]) for each in (await client.get(POLICIES)).json()["items"]]


async def test_a_version_is_told_as_it_was_written(billing: Harness, tenant: str, other_tenant: str) -> None:
    invoice = await taken_in(billing, tenant, electronic())
    groups = {"trusted": [invoice["supplier"]["id"]]}
    wanted = policy(rule("small", **EVERY_CONDITION), groups=groups, limits={"EUR": "100.50"})
    draft = await drafted(billing, tenant, wanted)
    assert (draft["number"], draft["status"], draft["authors"]) == (1, "draft", [f"author@{tenant}"])
    assert (draft["groups"], draft["limits"], draft["activated_by"]) == (groups, {"EUR": "100.50"}, None)
    (told,) = draft["rules"]
    assert told["conditions"] == {"suppliers": None} | EVERY_CONDITION
    path = f"{POLICIES}/{draft['id']}"
    async with billing.client(tenant, "viewer") as client:
        answer = await client.get(path)
        assert (answer.json(), answer.headers["etag"]) == (draft, '"1"')
        assert (await client.get(POLICIES, params={"status": "active"})).json()["items"] == []
        refused = await client.post(POLICIES, json=wanted)
        assert problem(refused)["scope"] == "billing.decision-policies:write"
    async with billing.client(other_tenant, "admin") as client:
        assert problem(await client.get(path))["code"] == "not-found"
        assert (await client.get(POLICIES)).json()["items"] == []
        foreign = await client.post(POLICIES, json=wanted)
    assert (problem(foreign)["code"], problem(foreign)["suppliers"]) == ("unknown-suppliers", groups["trusted"])


async def test_another_person_than_its_authors_activates_a_draft(billing: Harness, tenant: str) -> None:
    draft = await drafted(billing, tenant, policy())
    own = await activate(billing, tenant, draft, "author", **{"Accept-Language": "es"})
    assert (own.status_code, problem(own)["code"]) == (403, "own-policy")
    assert "otra persona" in problem(own)["detail"]
    async with as_person(billing, tenant, "helper") as client:
        path = f"{POLICIES}/{draft['id']}"
        blind = await client.put(path, json=policy(rule("everything")))
        assert (blind.status_code, problem(blind)["code"]) == (428, "if-match-required")
        changed = await client.put(path, json=policy(rule("everything")), headers={"If-Match": '"1"'})
        assert (changed.status_code, changed.headers["etag"]) == (204, '"2"')
    unread = await activate(billing, tenant, draft)
    assert (unread.status_code, problem(unread)["code"]) == (412, "if-match-failed")
    draft["version"] = 2
    for author in ("author", "helper"):
        assert problem(await activate(billing, tenant, draft, author))["code"] == "own-policy"
    async with billing.client(tenant, "billing") as client:
        machine = await client.post(f"{path}/activation", headers={"If-Match": '"2"'})
    assert (machine.status_code, problem(machine)["code"]) == (403, "activator-not-a-person")
    async with as_person(billing, tenant, "reader", "operator") as client:
        weak = await client.post(f"{path}/activation", headers={"If-Match": '"2"'})
    assert problem(weak)["scope"] == "billing.decision-policies:approve"
    assert (await activate(billing, tenant, draft)).status_code == 204
    async with billing.client(tenant, "viewer") as client:
        told = (await client.get(path)).json()
    assert (told["status"], told["activated_by"], told["version"]) == ("active", f"activator@{tenant}", 3)


async def test_what_was_active_never_changes(billing: Harness, tenant: str) -> None:
    first = await in_force(billing, tenant, rule("everything"))
    await in_force(billing, tenant)
    assert await states(billing, tenant) == [(2, "active"), (1, "retired")]
    first["version"] = 3
    again = await activate(billing, tenant, first)
    assert (again.status_code, problem(again)["code"], problem(again)["state"]) == (409, "policy-settled", "retired")
    async with as_person(billing, tenant, "author") as client:
        path = f"{POLICIES}/{first['id']}"
        changed = await client.put(path, json=policy(), headers={"If-Match": "*", "Accept-Language": "es"})
    assert "está retirada" in problem(changed)["detail"]


async def test_of_versions_activated_at_once_one_is_active(billing: Harness, tenant: str, other_tenant: str) -> None:
    await in_force(billing, other_tenant)
    drafts = await asyncio.gather(*(drafted(billing, tenant, policy()) for _ in range(4)))
    assert sorted(draft["number"] for draft in drafts) == [1, 2, 3, 4]
    answers = await asyncio.gather(*(activate(billing, tenant, draft) for draft in drafts))
    assert [answer.status_code for answer in answers] == [204] * 4
    assert sorted(state for _, state in await states(billing, tenant)) == ["active", *["retired"] * 3]
    assert await states(billing, other_tenant) == [(1, "active")]


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (policy(rule("a"), rule("a")), "body"),
        (policy(rule("a", groups=["nobody"])), "body"),
        (policy(rule("a", suppliers=["x"])), "body.rules.0.conditions.suppliers.0"),
        (policy(rule("a", amount={"currency": "EUR"})), "body.rules.0.conditions.amount"),
        (
            policy(rule("a", amount={"currency": "EUR", "at_least": "2", "at_most": "1"})),
            "body.rules.0.conditions.amount",
        ),
        (policy(rule("a", amount={"currency": "ZZZ", "at_most": "1"})), "body.rules.0.conditions.amount.currency"),
        (policy(rule("a", verdicts=["perfect"])), "body.rules.0.conditions.verdicts.0"),
        (policy(rule("a", weather="fine")), "body.rules.0.conditions.weather"),
        (policy(rule("a", "pay")), "body.rules.0.outcome"),
        (policy(rule("a", "reject")), "body.rules.0.outcome.reject.reason"),
        (policy(limits={"EUR": "-1"}), "body.limits.EUR"),
        (policy(limits={"euros": "1"}), "body.limits.euros.[key]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_no_policy_can_say_is_refused_at_its_place(
    billing: Harness, tenant: str, wrong: dict[str, Any], place: str
) -> None:
    for language in ("en", "es"):
        async with as_person(billing, tenant, "author") as client:
            answer = await client.post(POLICIES, json=wrong, headers={"Accept-Language": language})
        assert (answer.status_code, problem(answer)["errors"][0]["at"]) == (422, place)
    assert await states(billing, tenant) == []


async def test_a_repeated_request_writes_one_draft(billing: Harness, tenant: str) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    async with as_person(billing, tenant, "author") as client:
        answers = [await client.post(POLICIES, json=policy(), headers=key) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert await states(billing, tenant) == [(1, "draft")]

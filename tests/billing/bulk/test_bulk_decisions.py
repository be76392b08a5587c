"""One step for many invoices: each as if sent alone, told row by row, once whatever dies, and no time counted twice."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.billing.bulk import steps
from services.billing.bulk.rules import share_of
from tests.billing.decisions.policies import as_person, decisions, in_force, rule
from tests.billing.intake.electronic import OTHER_IBAN, detail, electronic, get, post, rows, taken_in
from tests.billing.test_invoices import invoice, register, step
from tests.billing.working import ended
from tests.fixtures.services import Harness, problem

PATH = "/billing/bulk-decisions"
ROOT = Path(__file__).parents[3]


async def send(
    billing: Harness, tenant: str, name: str, ids: list[str], role: str = "manager", **more: Any
) -> httpx.Response:
    headers = more.pop("headers", {})
    versions = more.pop("versions", {})
    chosen = [{"id": each} | ({"version": versions[each]} if each in versions else {}) for each in ids]
    async with billing.client(tenant, role, **headers) as client:
        return await client.post(f"{PATH}/{name}", json={"invoices": chosen, **more})


async def outcomes(billing: Harness, tenant: str, accepted: httpx.Response, **headers: str) -> list[dict[str, Any]]:
    told = await get(billing, tenant, f"{accepted.json()['outcomes']}?limit=200", **headers)
    assert told.status_code == 200, told.text
    return list(told.json()["items"])[::-1]


def said(rows_: list[dict[str, Any]]) -> list[tuple[str, str | None, str | None]]:
    return [(each["outcome"], each["status"], each["refusal"] and each["refusal"]["code"]) for each in rows_]


async def registered(billing: Harness, tenant: str, count: int, *, validated: bool = False) -> list[str]:
    ids = [await register(billing, tenant, f"F-{n}{n}{n}/{'ABCDEFGHIJ'[n]}") for n in range(count)]
    for each in ids:
        for hold in (await detail(billing, tenant, each))["holds"]:
            path = f"/billing/invoices/{each}/holds/{hold['id']}/release"
            await post(billing, tenant, path, {"reason": "Delivered each week", "scope": "invoice"}, "admin")
        if validated:
            assert (await step(billing, tenant, "operator", f"{each}/validation")).status_code == 204
    return ids


def touches(events: list[Any], activity: str) -> list[timedelta]:
    works = [event.payload["work"] for event in events if event.payload["work"]["activity"] == activity]
    moments = [(datetime.fromisoformat(w["started_at"]), datetime.fromisoformat(w["finished_at"])) for w in works]
    return [finished - started for started, finished in moments]


async def test_each_invoice_is_decided_or_told_why_not(billing: Harness, tenant: str, other_tenant: str) -> None:
    ids = await registered(billing, tenant, 4, validated=True)
    own = await own_invoice(billing, tenant)
    raw = await register(billing, tenant, "Z/9")
    assert (await step(billing, tenant, "manager", f"{ids[1]}/approval")).status_code == 204
    foreign, unknown = await register(billing, other_tenant), str(uuid4())
    asked = [*ids, own, raw, foreign, unknown]
    accepted = await send(billing, tenant, "approval", asked, versions={ids[2]: 99, ids[3]: 2, ids[1]: 1})
    told = await ended(billing, tenant, accepted)
    assert (told["status"], told["done"], told["total"]) == ("succeeded", 8, 8)
    assert told["result"] == {"invoices": 8, "done": 2, "already_done": 1, "refused": 5}
    listed = await outcomes(billing, tenant, accepted, **{"Accept-Language": "es"})
    assert [each["invoice_id"] for each in listed] == asked
    assert said(listed) == [
        ("done", "approved", None),
        ("already-done", "approved", None),
        ("refused", "validated", "if-match-failed"),
        ("done", "approved", None),
        ("refused", "validated", "own-invoice"),
        ("refused", "registered", "illegal-invoice-transition"),
        ("refused", None, "not-found"),
        ("refused", None, "not-found"),
    ]
    assert listed[4]["refusal"]["detail"].startswith("Usted registró la factura")
    assert listed[2]["refusal"]["values"] == {"current": 2}
    refused = (await get(billing, tenant, f"{accepted.json()['outcomes']}?outcome=refused")).json()["items"]
    assert len(refused) == 5
    assert await outcomes(billing, other_tenant, accepted) == []
    assert (await get(billing, other_tenant, accepted.headers["location"])).status_code == 404
    again = await send(billing, tenant, "approval", ids[:2])
    assert (await ended(billing, tenant, again))["result"] == {
        "invoices": 2,
        "done": 0,
        "already_done": 2,
        "refused": 0,
    }


async def own_invoice(billing: Harness, tenant: str) -> str:
    """Return a validated invoice that the manager registered."""
    async with billing.client(tenant, "manager") as client:
        own = (await client.post("/billing/invoices", json=invoice("OWN/7", issue_date="2025-01-01"))).json()
        assert (await client.post(f"/billing/invoices/{own['id']}/validation")).status_code == 204, own
    return str(own["id"])


async def test_a_list_is_validated_and_rejected(billing: Harness, tenant: str) -> None:
    ids = await registered(billing, tenant, 3)
    accepted = await send(billing, tenant, "validation", ids[:2], "operator")
    assert (await ended(billing, tenant, accepted))["result"]["done"] == 2
    accepted = await send(billing, tenant, "rejection", ids, reason="Never ordered")
    assert (await ended(billing, tenant, accepted))["status"] == "succeeded"
    assert said(await outcomes(billing, tenant, accepted)) == [
        ("done", "rejected", None),
        ("done", "rejected", None),
        ("refused", "registered", "illegal-invoice-transition"),
    ]
    assert (await detail(billing, tenant, ids[0]))["decision_reason"] == "Never ordered"
    assert "Never ordered" not in str([event.payload for event in await billing.events(tenant)])


async def test_a_kind_of_hold_is_released_and_the_policy_decides_anew(billing: Harness, tenant: str) -> None:
    first = await taken_in(billing, tenant, electronic("INV-001"), "admin")
    copies = [await taken_in(billing, tenant, electronic(number), "admin") for number in ("INV001", "INV-1")]
    changed = await taken_in(billing, tenant, electronic("X-9", net="7.00", account=OTHER_IBAN), "admin")
    await in_force(billing, tenant, rule("all"))
    ids = [each["id"] for each in (*copies, first, changed)]
    accepted = await send(billing, tenant, "release", ids, hold="near-duplicate", reason="Asked the supplier")
    assert (await ended(billing, tenant, accepted))["result"] == {
        "invoices": 4,
        "done": 2,
        "already_done": 0,
        "refused": 2,
    }
    listed = await outcomes(billing, tenant, accepted)
    assert said(listed) == [
        ("done", "approved", None),
        ("done", "approved", None),
        ("refused", "registered", "no-such-hold"),
        ("refused", "registered", "no-such-hold"),
    ]
    told = await decisions(billing, tenant, copies[0]["id"])
    assert [(each["occasion"], each["outcome"]["kind"]) for each in told] == [("release", "approve")]
    hold = (await detail(billing, tenant, copies[0]["id"]))["holds"][0]
    assert (hold["reason"], hold["scope"]) == ("Asked the supplier", "invoice")
    again = await send(billing, tenant, "release", ids[:2], hold="near-duplicate", reason="Asked the supplier")
    assert (await ended(billing, tenant, again))["result"]["already_done"] == 2
    accounts = await send(billing, tenant, "release", ids[3:], hold="account-changed", reason="It is all right")
    await ended(billing, tenant, accounts)
    assert said(await outcomes(billing, tenant, accounts)) == [("refused", "registered", "account-not-verified")]


async def test_above_the_limit_a_list_gives_one_approval_of_two(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, limits={"EUR": "50"})
    ids = await registered(billing, tenant, 2, validated=True)
    expected = [("done", "validated", None)] * 2, [("refused", "validated", "same-approver")] * 2
    for rows_ in expected:
        accepted = await send(billing, tenant, "approval", ids)
        await ended(billing, tenant, accepted)
        assert said(await outcomes(billing, tenant, accepted)) == rows_
    async with as_person(billing, tenant, "second") as client:
        accepted = await client.post(f"{PATH}/approval", json={"invoices": [{"id": each} for each in ids]})
    await ended(billing, tenant, accepted)
    assert said(await outcomes(billing, tenant, accepted)) == [("done", "approved", None)] * 2


async def test_the_persons_time_is_shared_out_and_not_multiplied(billing: Harness, tenant: str) -> None:
    ids = await registered(billing, tenant, 4, validated=True)
    own = await own_invoice(billing, tenant)
    began = datetime.now(UTC) - timedelta(minutes=10)
    headers = {"Work-Started-At": began.isoformat()}
    accepted = await send(billing, tenant, "approval", [own, *ids], headers=headers)
    asked_by = datetime.now(UTC)
    await ended(billing, tenant, accepted)
    shared = touches(await billing.events(tenant), "approve-invoice")
    assert len(shared) == 4
    assert timedelta(minutes=10) - timedelta(seconds=1) <= sum(shared, timedelta(0)) <= asked_by - began
    assert max(shared) - min(shared) <= timedelta(microseconds=4)
    works = [e.payload["work"] for e in await billing.events(tenant) if e.type == "billing.invoice.approved.v1"]
    assert not any(work["estimated"] for work in works)
    assert all(work["actor"]["kind"] == "person" and "manager" not in work["actor"]["id"] for work in works)
    assert len({work["actor"]["id"] for work in works}) == 1


async def test_without_a_start_the_time_is_none_and_estimated(billing: Harness, tenant: str) -> None:
    ids = await registered(billing, tenant, 2, validated=True)
    await ended(billing, tenant, await send(billing, tenant, "approval", ids))
    works = [e.payload["work"] for e in await billing.events(tenant) if e.type == "billing.invoice.approved.v1"]
    assert [(work["estimated"], work["started_at"] == work["finished_at"]) for work in works] == [(True, True)] * 2


@given(st.timedeltas(timedelta(0), timedelta(days=31)), st.lists(st.booleans(), min_size=1, max_size=60))
def test_shares_are_never_more_than_there_was(time: timedelta, done: list[bool]) -> None:
    left, shares = time, []
    for place, is_done in enumerate(done):
        share = share_of(left, len(done) - place)
        if is_done:
            shares.append(share)
            left -= share
    assert sum(shares, timedelta(0)) <= time
    if done[-1]:
        assert sum(shares, timedelta(0)) == time
    if all(done):
        assert max(shares) - min(shares) <= timedelta(microseconds=1)


async def test_a_job_that_dies_goes_on_behind_the_last_invoice(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs._AGAIN_S", 0.0)
    ids = await registered(billing, tenant, 3, validated=True)
    calls: list[int] = []

    async def die_once(*args: Any) -> None:
        calls.append(1)
        await steps.take(*args)
        if len(calls) == 2:
            raise OSError("the power went")

    monkeypatch.setattr("services.billing.bulk.job.take", die_once)
    headers = {"Work-Started-At": (datetime.now(UTC) - timedelta(minutes=3)).isoformat()}
    accepted = await send(billing, tenant, "approval", ids, headers=headers)
    assert (await ended(billing, tenant, accepted))["result"]["done"] == 3
    assert len(calls) == 4
    shared = touches(await billing.events(tenant), "approve-invoice")
    assert len(shared) == 3
    assert timedelta(minutes=3) <= sum(shared, timedelta(0)) < timedelta(minutes=3, seconds=5)


WORKER = """
import asyncio, sys
from functools import partial
from types import SimpleNamespace
from services.billing.bulk import job, steps
from shared.db import Database
from shared.jobs import JobRunner

calls = []

async def stay(*args):
    await steps.take(*args)
    calls.append(1)
    if len(calls) == 3:
        await args[0].flush()
        print("taken", flush=True)
        await asyncio.sleep(60)

async def main(url):
    job.take = stay
    worker = Database(url, schema="billing", role="trastienda_billing_worker")
    runtime = SimpleNamespace(database=Database(url, schema="billing", role="trastienda_billing"))
    await JobRunner("billing", url, worker, job.jobs(runtime)).run(asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_worker_that_is_killed_leaves_nothing_twice(billing: Harness, tenant: str) -> None:
    ids = await registered(billing, tenant, 5, validated=True)
    accepted = await send(billing, tenant, "approval", ids)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, billing.runtime.url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"taken\n"
    process.kill()
    await process.wait()
    assert said(await outcomes(billing, tenant, accepted)) == [("done", "approved", None)] * 2
    assert (await ended(billing, tenant, accepted))["result"]["done"] == 5
    assert said(await outcomes(billing, tenant, accepted)) == [("done", "approved", None)] * 5
    approved = [event for event in await billing.events(tenant) if event.type == "billing.invoice.approved.v1"]
    assert sorted(event.aggregateid for event in approved) == sorted(ids)


async def test_two_lists_at_once_decide_each_invoice_once(billing: Harness, tenant: str) -> None:
    ids = await registered(billing, tenant, 4, validated=True)
    both = [
        await send(billing, tenant, "approval", ids),
        await send(billing, tenant, "rejection", ids[::-1], reason="No"),
    ]
    assert both[1].status_code == 422
    both[1] = await send(billing, tenant, "rejection", ids[::-1], reason="Not ours")
    await asyncio.gather(*(ended(billing, tenant, each) for each in both))
    decided = [event for event in await billing.events(tenant) if "approve-invoice" in str(event.payload["work"])]
    assert len(decided) == 4


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("approval", {"invoices": []}),
        ("approval", {"invoices": [{"id": str(uuid4())}] * 1_001}),
        ("approval", {"invoices": [{"id": "00000000-0000-7000-8000-000000000000"}] * 2}),
        ("approval", {"invoices": [{"id": str(uuid4()), "version": "1"}]}),
        ("approval", {"invoices": [{"id": str(uuid4())}], "reason": "No need"}),
        ("rejection", {"invoices": [{"id": str(uuid4())}]}),
        ("release", {"invoices": [{"id": str(uuid4())}], "hold": "all", "reason": "All of them"}),
    ],
    ids=["none", "many", "twice", "text", "reason", "no-reason", "no-kind"],
)
async def test_a_list_that_is_none_is_refused(billing: Harness, tenant: str, name: str, body: Any) -> None:
    answer = await post(billing, tenant, f"{PATH}/{name}", body)
    assert (answer.status_code, problem(answer)["code"]) == (422, "invalid-input")
    assert await rows(billing, tenant, "job") == []


@pytest.mark.parametrize("name", ["approval", "rejection", "release"])
async def test_the_scope_is_that_of_the_step(billing: Harness, tenant: str, name: str) -> None:
    refused = await post(billing, tenant, f"{PATH}/{name}", {"invoices": [{"id": str(uuid4())}]}, "operator")
    assert (refused.status_code, problem(refused)["scope"]) == (403, "billing.invoices:approve")
    viewer = await post(billing, tenant, f"{PATH}/validation", {"invoices": [{"id": str(uuid4())}]}, "viewer")
    assert problem(viewer)["scope"] == "billing.invoices:write"


async def test_a_thousand_is_a_list_and_a_key_makes_it_one_job(billing: Harness, tenant: str) -> None:
    ids = [str(uuid4()) for _ in range(1_000)]
    headers = {"Idempotency-Key": str(uuid4())}
    first, second = [await send(billing, tenant, "approval", ids, headers=headers) for _ in range(2)]
    assert first.json() == second.json()
    assert len(await rows(billing, tenant, "job")) == 1
    async with billing.runtime.worker.transaction(tenant) as session:
        await session.execute(text("DELETE FROM job WHERE tenant_id = :tenant"), {"tenant": tenant})

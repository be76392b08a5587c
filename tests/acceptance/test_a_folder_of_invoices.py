"""A folder of mixed e-invoices as one job: rules decide what they may, people the rest, and the indicators tell just that.

The clock is the test's, so that every wait and touch time is known beforehand; the indicators are held against a reckoning of
their own from the events.
"""

import hashlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from statistics import fmean
from typing import Any

import pytest

from services.billing.einvoices.cii import write_cii
from services.billing.einvoices.ubl import write_ubl
from shared import clock
from tests.analytics.event_logs.importing import at_work
from tests.billing.batches.test_batches import files_of, packed, send
from tests.billing.decisions.policies import as_person, in_force, rule
from tests.billing.drafts.sending import plain
from tests.billing.einvoices.whole_invoices import invent
from tests.billing.intake.electronic import detail, electronic, get, seller
from tests.billing.working import ended
from tests.fixtures.einvoices import whole_documents
from tests.fixtures.known_logs import require
from tests.fixtures.services import Harness
from tests.fixtures.workers import Tell

MOST, INVENTED, DOUBTFUL, PLAIN = 50, 60, 8, 3
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
PERIOD = {"from": "2026-03-01", "to": "2026-03-08", "process": "accounts-payable"}
CLAIMED, RELEASED, VALIDATED, DECIDED = 0, 4, 7, 9  # minutes within the time a person has for an invoice
EACH = 10
HOURLY, FIXED = Fraction(36), Fraction("0.05")
COSTS: dict[str, Any] = {
    "currency": "EUR",
    "hourly_rates": [{"team": None, "valid_from": "2026-01-01", "amount": str(HOURLY)}],
    "fixed_costs": [
        {
            "process": "accounts-payable",
            "activity": "register-invoice",
            "actor_kind": None,
            "valid_from": "2026-01-01",
            "amount": "0.05",
        }
    ],
}


def mixed() -> dict[str, bytes]:
    """Return files of every folder and syntax in no order but always the same, by name; none without test data.

    Many of the given ones are one invoice in several syntaxes, so others come with them: sound ones, some to doubt, and
    some without any data inside.
    """
    found = [*whole_documents("xrechnung"), *whole_documents("zugferd"), *whole_documents("zugferd", ".pdf")]
    found += [*whole_documents("en16931/ubl"), *whole_documents("en16931/cii")]
    found.sort(key=lambda file: hashlib.sha256(file.name.encode()).digest())
    given = {f"given-{place:03}-{file.name}": file.read_bytes() for place, file in enumerate(found[:MOST])}
    papers = {f"plain-{place}.pdf": plain(f"P-{place}") for place in range(PLAIN)}
    return given | sound() | doubtful() | papers if given else {}


def sound() -> dict[str, bytes]:
    writers = {"ubl": write_ubl, "cii": write_cii}
    return {
        f"sound-{seed:03}.{syntax}.xml": writers[syntax](invent(random.Random(seed)))
        for seed in range(INVENTED)
        for syntax in [("ubl", "cii")[seed % 2]]
    }


def doubtful() -> dict[str, bytes]:
    """Return pairs of one invoice under two spellings of its number, and invoices that do not ask for what they add up to."""
    found: dict[str, bytes] = {}
    for place in range(DOUBTFUL):
        of = seller(name=f"Twice {place} SL", vat=f"FRTW{place:09}")
        pair = (electronic(f"{spelt}{place}1", net=f"{700 + place}.00", seller=of) for spelt in ("INV-00", "INV"))
        found |= {f"doubt-{place}-{number}.xml": content for number, content in enumerate(pair)}
        of = seller(name=f"Wrong {place} SL", vat=f"FRWR{place:09}")
        wrong = re.sub(rb"(PayableAmount[^>]*>)[0-9.]+", rb"\g<1>1.00", electronic(f"W-{place}", seller=of))
        found[f"doubt-{place}-wrong.xml"] = wrong
    return found


@contextmanager
def minute(minutes: int) -> Iterator[None]:
    with clock.frozen(MONDAY + timedelta(minutes=minutes)):
        yield


class Office:
    """People at work, one after another; each has ten minutes for an invoice."""

    def __init__(self, billing: Harness, tenant: str) -> None:
        self._billing, self._tenant = billing, tenant

    async def step(self, at: int, path: str, json: object = None) -> None:
        with minute(at):
            async with as_person(self._billing, self._tenant, "ana") as client:
                answer = await client.post(path, json=json)
        assert answer.status_code in {200, 204}, (path, answer.text)

    async def decide(self, item: dict[str, Any], begin: int, *, reject: bool) -> None:
        """Claim an invoice and bring it to its end."""
        path = f"/billing/invoices/{item['id']}"
        await self.step(begin + CLAIMED, f"/billing/work-items/{item['id']}/claim")
        if reject:
            await self._validate_unless_held(item, path, begin)
            await self.step(begin + DECIDED, f"{path}/rejection", {"reason": "We did not order this"})
            return
        for hold in (await detail(self._billing, self._tenant, item["id"]))["holds"]:
            if hold["released_at"] is None:
                await self._release(hold, path, begin + RELEASED)
        if (await detail(self._billing, self._tenant, item["id"]))["status"] == "registered":
            await self.step(begin + VALIDATED, f"{path}/validation")
            await self.step(begin + DECIDED, f"{path}/approval")

    async def discard(self, item: dict[str, Any], begin: int) -> None:
        """Claim a draft and put it aside."""
        await self.step(begin + CLAIMED, f"/billing/work-items/{item['id']}/claim")
        await self.step(begin + DECIDED, f"/billing/drafts/{item['id']}/discard", {"reason": "It comes by itself, too"})

    async def _validate_unless_held(self, item: dict[str, Any], path: str, begin: int) -> None:
        if not item["holds"]:
            await self.step(begin + VALIDATED, f"{path}/validation")

    async def _release(self, hold: dict[str, Any], path: str, at: int) -> None:
        if hold["kind"] == "account-changed":
            await self.step(at, hold["details"]["verification"])
        else:
            why = {"reason": "Checked with the supplier", "scope": "invoice"}
            await self.step(at, f"{path}/holds/{hold['id']}/release", why)


async def items_of(billing: Harness, tenant: str, path: str, **asked: Any) -> list[dict[str, Any]]:
    answer = await get(
        billing, tenant, f"{path}?limit=200" + "".join(f"&{key}={value}" for key, value in asked.items())
    )
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def span(work: dict[str, Any], begin: str, end: str) -> float | None:
    if begin not in work:
        return None
    return (datetime.fromisoformat(work[end]) - datetime.fromisoformat(work[begin])).total_seconds()


class Reckoning:
    """The indicators as their definitions have them, from the events alone."""

    def __init__(self, events: Sequence[Any]) -> None:
        self.work = {
            str(event.id): event.payload["work"]
            for event in events
            if event.payload.get("work", {}).get("process") == "accounts-payable"
        }
        self.of_case: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for work in self.work.values():
            self.of_case[work["case"]].append(work)
        self.touch = {
            key: each
            for key, work in self.work.items()
            if not work["estimated"]
            for each in [span(work, "started_at", "finished_at")]
        }

    @property
    def n(self) -> int:
        return len(self.work)

    def share(self, **wanted: str) -> float:
        return fmean(all(work[key] == value for key, value in wanted.items()) for work in self.work.values())

    @property
    def automation(self) -> float:
        return fmean(work["actor"]["kind"] == "automation" for work in self.work.values())

    @property
    def touch_mean(self) -> float:
        return fmean(each for each in self.touch.values() if each is not None)

    @property
    def wait_mean(self) -> float:
        waits = [span(work, "requested_at", "started_at") for key, work in self.work.items() if key in self.touch]
        return fmean(each for each in waits if each is not None)

    @property
    def costs(self) -> list[Fraction]:
        """Return the cost of each operation that has one."""
        found: list[Fraction] = []
        for key, work in self.work.items():
            fixed = FIXED if work["activity"] == "register-invoice" else None
            paid: Fraction | None = None
            if work["actor"]["kind"] == "person" and (touch := self.touch.get(key)) is not None:
                paid = HOURLY * Fraction(touch) / 3600
            if fixed is not None or paid is not None:
                found.append((fixed or Fraction(0)) + (paid or Fraction(0)))
        return found

    @property
    def no_touch(self) -> float:
        whole = self.of_case.values()
        return fmean(all(work["actor"]["kind"] == "automation" for work in each) for each in whole)


async def taken_in_as_one_job(
    billing: Harness, tenant: str, files: dict[str, bytes]
) -> tuple[dict[str, Any], set[str], Counter[str]]:
    """Send the files as one archive; return what is on file, by the invoice's id, the drafts, and why others are neither."""
    with minute(0):
        job = await send(billing, tenant, packed(files))
        told = await ended(billing, tenant, job)
    outcomes = await files_of(billing, tenant, job)
    assert told["status"] == "succeeded"
    assert [each["name"] for each in outcomes] == list(files)
    on_file = {each["invoice_id"]: each for each in outcomes if each["invoice_id"]}
    drafts = {each["draft_id"] for each in outcomes if each["draft_id"]}
    refused = Counter(each["refusal"]["code"] for each in outcomes if each["refusal"])
    counts = {"on_file": len(on_file), "drafts": len(drafts), "refused": refused.total()}
    assert told["result"] == {"files": len(files), **counts}
    assert refused.keys() <= {"duplicate-invoice", "unusable-invoice", "unread-invoice"}
    assert {each["draft_id"] for each in outcomes if each["name"].startswith("plain-")} <= drafts
    return on_file, drafts, refused


async def ids_of(billing: Harness, tenant: str, status: str) -> set[str]:
    return {item["id"] for item in await items_of(billing, tenant, "/billing/invoices", status=status)}


async def decided_by_people(billing: Harness, tenant: str, drafts: set[str]) -> tuple[dict[str, int], set[str]]:
    """Let people work until the queue is empty; return when they began with each, and the invoices they rejected."""
    office, begun, rejected = Office(billing, tenant), dict[str, int](), set[str]()
    while queue := await items_of(billing, tenant, "/billing/work-items"):  # an account verified lets several go
        item, begin = queue[0], 60 + EACH * len(begun)
        begun[item["id"]] = begin
        if item["id"] in drafts:
            await office.discard(item, begin)
            continue
        if len(begun) % 3 == 0:
            rejected.add(item["id"])
        await office.decide(item, begin, reject=item["id"] in rejected)
    return begun, rejected


async def test_a_folder_is_decided_and_the_indicators_tell_it(
    billing: Harness, analytics: Harness, tenant: str, tell: Tell
) -> None:
    files = mixed()
    require(files, "whole electronic invoices")
    await in_force(billing, tenant, rule("sound", verdicts=["valid"], held=False))
    on_file, drafts, refused = await taken_in_as_one_job(billing, tenant, files)

    # What is valid and held for nothing was approved by the rule; the queue has all the others, and nothing else.
    touchless = {key for key, each in on_file.items() if each["verdict"] == "valid" and not each["holds"]}
    assert await ids_of(billing, tenant, "approved") == touchless
    waiting = await items_of(billing, tenant, "/billing/work-items")
    assert {item["id"] for item in waiting} == on_file.keys() - touchless | drafts
    assert len(touchless) > INVENTED // 2
    assert {kind for item in waiting for kind in item["holds"]} >= {"invalid", "near-duplicate"}
    assert len(waiting) >= 2 * DOUBTFUL + PLAIN

    begun, rejected = await decided_by_people(billing, tenant, drafts)
    let_go = on_file.keys() - touchless - begun.keys()
    assert await ids_of(billing, tenant, "rejected") == rejected
    assert await ids_of(billing, tenant, "approved") == on_file.keys() - rejected

    reckoning = Reckoning(await billing.events(tenant))
    assert reckoning.of_case.keys() == on_file.keys() | drafts
    for key in touchless:
        check_touchless(reckoning.of_case[key])
    for key in let_go:
        assert reckoning.of_case[key][-1]["actor"]["kind"] == "automation"
        assert "account-changed" in on_file[key]["holds"]
    for key in drafts:
        check_draft(reckoning.of_case[key], begun.pop(key))
    for key, minutes in begun.items():
        check_person(reckoning.of_case[key], minutes, is_rejected=key in rejected)
    await compare(billing, analytics, tenant, reckoning)
    tell(
        f"{len(files)} files: {len(on_file)} on file, {len(drafts)} drafts, {len(touchless)} by rule alone, {len(begun)} through the queue,"
        f" {len(let_go)} let go with others, {len(rejected)} rejected, refused {dict(refused)}; {reckoning.n} operations"
    )


def check_touchless(works: list[dict[str, Any]]) -> None:
    assert [work["activity"] for work in works] == ["register-invoice", "validate-invoice", "approve-invoice"]
    assert {work["actor"]["kind"] for work in works} == {"automation"}


def check_draft(works: list[dict[str, Any]], minutes: int) -> None:
    """Hold a draft's operations against its story: read when it came, it waited for the claim, then was put aside."""
    read, discarded = works
    assert (read["activity"], read["actor"]["kind"]) == ("read-document", "automation")
    assert (discarded["activity"], discarded["actor"]["kind"]) == ("discard-draft", "person")
    assert (discarded["outcome"], span(discarded, "started_at", "finished_at")) == ("cancelled", DECIDED * 60)
    assert span(discarded, "requested_at", "started_at") == minutes * 60


def check_person(works: list[dict[str, Any]], minutes: int, *, is_rejected: bool) -> None:
    """Hold an invoice's operations against its story: it waited for the claim, then was worked on until its end."""
    persons = [work for work in works if work["actor"]["kind"] == "person" and not work["estimated"]]
    began, ended_at = (
        MONDAY + timedelta(minutes=minutes),
        max(datetime.fromisoformat(work["finished_at"]) for work in works),
    )
    assert works[0]["activity"] == "register-invoice"
    assert datetime.fromisoformat(persons[0]["started_at"]) == began
    assert span(persons[0], "requested_at", "started_at") == minutes * 60
    assert (
        sum(span(work, "started_at", "finished_at") or 0 for work in persons)
        == (datetime.fromisoformat(persons[-1]["finished_at"]) - began).total_seconds()
    )
    whole = sum(
        (span(work, "requested_at", "started_at") or 0) + (span(work, "started_at", "finished_at") or 0)
        for work in works
        if not work["estimated"]  # an account verified for another invoice is no work on this one
    )
    assert whole == (ended_at - MONDAY).total_seconds()
    assert (works[-1]["activity"], works[-1]["outcome"]) == ("approve-invoice", "error" if is_rejected else "done")


async def compare(billing: Harness, analytics: Harness, tenant: str, reckoning: Reckoning) -> None:
    """Let analytics have the events, and hold its indicators and the operations behind them against the reckoning."""
    async with analytics.client(tenant, "admin") as client:
        stored = await client.put("/analytics/cost-model", json=COSTS, headers={"If-Match": '"0"'})
        assert stored.status_code == 200, stored.text
    await billing.relay()
    async with at_work(analytics.runtime, on_jobs=False):
        for _ in range(600):
            kpis = await indicators(analytics, tenant)
            if kpis["automation_level"]["n"] >= reckoning.n:
                break
    for kpis in (await indicators(analytics, tenant), await indicators(analytics, tenant, exact="true")):
        assert kpis["automation_level"]["n"] == kpis["error_rate"]["n"] == reckoning.n
        assert kpis["automation_level"]["value"] == pytest.approx(reckoning.automation, abs=1e-12)
        assert kpis["error_rate"]["value"] == pytest.approx(reckoning.share(outcome="error"), abs=1e-12)
        assert kpis["no_touch_rate"]["value"] == pytest.approx(reckoning.no_touch, abs=1e-12)
        assert kpis["processing_time"]["n"] == len(reckoning.touch)
        assert kpis["processing_time"]["value"] == pytest.approx(reckoning.touch_mean, abs=1e-6)
        assert kpis["processing_time"]["wait"]["mean"] == pytest.approx(reckoning.wait_mean, abs=1e-6)
        assert kpis["cost_per_operation"]["n"] == len(reckoning.costs)
        assert kpis["cost_per_operation"]["value"] == pytest.approx(
            float(sum(reckoning.costs) / len(reckoning.costs)), abs=1e-9
        )
    assert await explained(analytics, tenant) == set(reckoning.work)


async def indicators(analytics: Harness, tenant: str, **more: str) -> dict[str, Any]:
    async with analytics.client(tenant, "viewer") as client:
        answer = await client.get("/analytics/kpis", params=PERIOD | more)
    assert answer.status_code == 200, answer.text
    return {kpi["id"]: kpi for kpi in answer.json()["kpis"]}


async def explained(analytics: Harness, tenant: str) -> set[str]:
    """Return the ids of the events behind the level of automation."""
    found: set[str] = set()
    asked: dict[str, Any] = PERIOD | {"limit": 200}
    async with analytics.client(tenant, "viewer") as client:
        while True:
            answer = await client.get("/analytics/kpis/automation_level/explanation", params=asked)
            assert answer.status_code == 200, answer.text
            page = answer.json()["operations"]
            found |= {item["id"] for item in page["items"]}
            if page["next_cursor"] is None:
                return found
            asked["cursor"] = page["next_cursor"]

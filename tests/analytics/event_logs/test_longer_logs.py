"""A log that is imported again when it has grown leaves what it alone would have left."""

import random
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.analytics.event_logs import publishing
from tests.analytics.event_logs.importing import MONDAY, at_work, report_of, rows
from tests.analytics.event_logs.logs import event, trace, xes
from tests.analytics.feeding import feed, operation
from tests.analytics.oracle import stored_histograms
from tests.fixtures.services import Harness, problem

LogEvent = tuple[str, int, str, str, str, str]  # case, minute, activity, transition, resource, cost
TABLES = (
    "operation", "observation", "case_state", "case_activity", "rollup_hour", "rollup_day", "rollup_case",
    "rollup_case_histogram",
)  # fmt: skip
ASKED: dict[str, Any] = {"automatic": ["System"], "cost_attribute": "Costs"}
OWN = {"tenant_id", "id", "seq", "actor_id", "known_at"}  # what differs between tenants, or between imports


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _at_work(analytics: Harness) -> AsyncIterator[None]:
    async with at_work(analytics.runtime):
        yield


def invented(seed: int, step: int = 5) -> list[LogEvent]:
    """Return a log in the order of time: few activities, so that they repeat and overlap, and many equal moments."""
    chance = random.Random(seed)
    events = [
        (
            f"c{chance.randrange(6)}",
            chance.randrange(0, 4_000, step),
            chance.choice(["Check", "Repair", "Pay"]),
            chance.choice(["start", "start", "complete", "complete", "suspend"]),
            chance.choice(["Ana", "Luis", "System"]),
            chance.choice(["1.5", "0", "-2"]),
        )
        for _ in range(120)
    ]
    return sorted(events, key=lambda each: each[1])


def as_xes(events: list[LogEvent]) -> bytes:
    def told(minute: int, activity: str, transition: str, resource: str, cost: str) -> str:
        at = (MONDAY + timedelta(minutes=minute)).isoformat()
        return event(activity, at, transition, org__resource=resource, Costs=cost)

    cases = sorted({each[0] for each in events})
    return xes(*[trace(case, *[told(*each[1:]) for each in events if each[0] == case]) for case in cases])


async def figures(analytics: Harness, tenant: str) -> dict[str, Any]:
    """Return all facts and roll-ups, as they are whoever has them."""

    def plain(row: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        return tuple((name, value) for name, value in row.items() if name not in OWN)

    found = {table: [plain(row) for row in await rows(analytics, tenant, table, "1")] for table in TABLES}
    # A roll-up of cases that comes to nothing stays as zeros, or NULL, which says the same as no row.
    for table in ("rollup_case", "rollup_case_histogram"):
        found[table] = [row for row in found[table] if any(value for _, value in row[3:])]
    told: dict[str, Any] = {table: sorted(each, key=repr) for table, each in found.items()}
    done = await rows(analytics, tenant, "operation", "process, case_id, finished_at, seq")
    order = [(row["process"], row["case_id"], row["activity"], row["outcome"]) for row in done]
    return told | {"order": order, "histograms": await stored_histograms(analytics, tenant)}


@pytest.mark.parametrize("seed", range(5))
async def test_a_log_as_it_grew_is_the_log_as_it_is(
    analytics: Harness, tenant: str, other_tenant: str, seed: int
) -> None:
    events = invented(seed)
    chance = random.Random(seed)
    backfilled = sorted(chance.sample(range(len(events)), 90))  # not a beginning: what was missing lies anywhere
    former = [events[:40], events[:80]] if seed % 2 else [[events[at] for at in backfilled]]
    for version in former:
        await report_of(analytics, tenant, as_xes(version), **ASKED)
    grown = await report_of(analytics, tenant, as_xes(events), **ASKED)
    alone = await report_of(analytics, other_tenant, as_xes(events), **ASKED)
    assert await figures(analytics, tenant) == await figures(analytics, other_tenant)
    told = sum(grown["changes"].get(change, 0) for change in ("new", "same", "revised"))
    assert told == alone["changes"]["new"] == grown["operations"] + grown["observations"]
    assert (grown["changes"].get("revised", 0) > 0) == (seed % 2 == 0), "what comes later revises no completion"
    assert grown["changes"]["withdrawn"] > 0
    assert grown["withdrawn"] == 0

    for version, changes in ((events, {"same"}), (former[-1], {"same", "kept"})):
        again = await report_of(analytics, tenant, as_xes(version), **ASKED)
        assert again["changes"].keys() <= changes
        assert await figures(analytics, tenant) == await figures(analytics, other_tenant)
    await report_of(analytics, other_tenant, as_xes(former[-1]), **ASKED)
    assert await figures(analytics, tenant) == await figures(analytics, other_tenant), "never imported before"


async def test_a_log_that_tells_its_cases_whole_takes_away_what_it_lacks(
    analytics: Harness, tenant: str, other_tenant: str
) -> None:
    """There and back: the same events count again, under other ids. Cases that the log does not hold stay."""
    events = invented(7)
    fewer = [each for each in events[::2] if each[0] != "c5"]
    beside = [each for each in events if each[0] == "c5"]
    await report_of(analytics, tenant, as_xes(events), **ASKED)
    less = await report_of(analytics, tenant, as_xes(fewer), missing="withdraw", **ASKED)
    await report_of(analytics, other_tenant, as_xes(fewer + beside), **ASKED)
    assert less["changes"]["withdrawn"] > 0
    assert await figures(analytics, tenant) == await figures(analytics, other_tenant)
    again = await report_of(analytics, tenant, as_xes(fewer), missing="withdraw", **ASKED)
    assert again["changes"].keys() == {"same"}
    for whose in (tenant, other_tenant):
        await report_of(analytics, whose, as_xes(events), **ASKED)
    assert await figures(analytics, tenant) == await figures(analytics, other_tenant)
    gone = await report_of(analytics, tenant, as_xes(events), withdraw="the wrong process")
    assert gone["withdrawn"] == gone["operations"] + gone["observations"]
    assert not any((await figures(analytics, tenant)).values())


@pytest.mark.parametrize("shorter", [False, True])
async def test_a_version_is_withdrawn_by_a_longer_one_too(analytics: Harness, tenant: str, shorter: bool) -> None:
    events = invented(8)
    await report_of(analytics, tenant, as_xes(events[:70]), **ASKED)
    if not shorter:
        await report_of(analytics, tenant, as_xes(events), **ASKED)
    await report_of(analytics, tenant, as_xes(events), withdraw="the wrong process")
    assert not any((await figures(analytics, tenant)).values())


@pytest.mark.parametrize("seed", range(4))
async def test_of_equal_moments_the_order_is_that_of_the_last_version(
    analytics: Harness, tenant: str, other_tenant: str, seed: int
) -> None:
    """As in a log of days. What is known stays where the last version has it in another place among its equals."""
    chance, events = random.Random(seed), invented(seed, step=1_000)
    await report_of(analytics, tenant, as_xes(chance.sample(events, 100)), **ASKED)
    await report_of(analytics, tenant, as_xes(events), automatic="System")
    if seed % 2:
        events = sorted(chance.sample(events, 110), key=lambda each: each[1])
    for _ in range(2):
        last = await report_of(analytics, tenant, as_xes(events), missing="withdraw", **ASKED)
    await report_of(analytics, other_tenant, as_xes(events), **ASKED)
    assert await figures(analytics, tenant) == await figures(analytics, other_tenant)
    assert last["changes"].keys() == {"same"}


async def test_two_parts_of_one_log_revise_nothing(analytics: Harness, tenant: str) -> None:
    """Neither holds the whole case. What they share and tell differently stays as it was told first."""
    shared = ("c", 30, "Repair", "complete", "Ana", "1")
    one = [("c", 0, "Check", "complete", "Luis", "1"), ("c", 10, "Repair", "start", "Ana", "1"), shared]
    other = [shared, ("c", 60, "Pay", "complete", "System", "1")]
    await report_of(analytics, tenant, as_xes(one), **ASKED)
    report = await report_of(analytics, tenant, as_xes(other), **ASKED)
    assert report["changes"] == {"kept": 1, "new": 1}
    operations = await rows(analytics, tenant, "operation", "finished_at")
    assert [(each["activity"], each["touch_us"] is None) for each in operations] == [
        ("Check", True),
        ("Repair", False),
        ("Pay", True),
    ]


async def test_a_case_with_an_operation_that_was_corrected_elsewhere_is_not_revised(
    analytics: Harness, tenant: str
) -> None:
    """The correction names an event that would count no more, and what was wrong would be fine again."""
    log = [("c", 10, "Check", "complete", "Ana", "1"), ("d", 10, "Check", "complete", "Ana", "1")]
    await report_of(analytics, tenant, as_xes(log), **ASKED)
    known = await rows(analytics, tenant, "operation", "case_id")
    await feed(analytics, [operation(tenant, "elsewhere", "mend", corrects=known[0]["id"])])
    begun = [(case, 0, "Check", "start", "Ana", "1") for case in "cd"]
    report = await report_of(analytics, tenant, as_xes(begun + log), **ASKED)
    assert report["changes"] == {"kept": 1, "revised": 1}
    cases = await rows(analytics, tenant, "case_state", "case_id")
    assert [(each["case_id"], each["defect_n"]) for each in cases] == [("c", 1), ("d", 0), ("elsewhere", 0)]


async def test_what_is_revised_keeps_its_cost_where_the_log_is_read_without(analytics: Harness, tenant: str) -> None:
    log = [(case, 10, "Check", "complete", "Ana", "1.5") for case in "cd"]
    await report_of(analytics, tenant, as_xes(log), cost_attribute="Costs", currency="USD")
    report = await report_of(analytics, tenant, as_xes([("c", 0, "Check", "start", "Ana", "9"), *log]))
    assert report["changes"] == {"revised": 1, "same": 1}
    known = await rows(analytics, tenant, "operation", "case_id")
    assert [(str(each["cost"]), each["currency"], each["touch_us"] is None) for each in known] == [
        ("1.5", "USD", False),
        ("1.5", "USD", True),
    ]


async def test_other_parameters_alone_change_nothing_but_a_cost_that_is_named(analytics: Harness, tenant: str) -> None:
    events = invented(9)
    await report_of(analytics, tenant, as_xes(events))
    before = await figures(analytics, tenant)
    assert (await report_of(analytics, tenant, as_xes(events), automatic="System"))["changes"].keys() == {"same"}
    assert await figures(analytics, tenant) == before
    costs = await report_of(analytics, tenant, as_xes(events), cost_attribute="Costs")
    assert costs["changes"]["revised"] == costs["operations"]


async def test_of_a_case_that_is_too_long_nothing_is_revised(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "MAX_HELD", 20)
    events = [("c", *each[1:]) for each in invented(10)]
    await report_of(analytics, tenant, as_xes(events[::2]), **ASKED)
    report = await report_of(analytics, tenant, as_xes(events), **ASKED)
    assert report["changes"].keys() == {"new", "same", "kept"}
    facts = [len(await rows(analytics, tenant, table, "id")) for table in ("operation", "observation")]
    assert sum(facts) > report["operations"] + report["observations"]


async def test_another_tenants_log_is_never_revised(analytics: Harness, tenant: str, other_tenant: str) -> None:
    events = invented(11)
    await report_of(analytics, other_tenant, as_xes(events[::2]), **ASKED)
    before = await figures(analytics, other_tenant)
    assert (await report_of(analytics, tenant, as_xes(events), missing="withdraw"))["changes"].keys() == {"new"}
    assert await figures(analytics, other_tenant) == before


@pytest.mark.parametrize("query", [{"missing": "drop"}, {"missing": "withdraw", "withdraw": "why"}])
async def test_what_makes_no_sense_is_refused(analytics: Harness, tenant: str, query: dict[str, str]) -> None:
    async with analytics.client(tenant) as client:
        refused = await client.post("/analytics/event-logs", params={"process": "p", **query}, content=b"x")
    assert problem(refused)["code"] == "invalid-input"

"""What moved a value between two periods, over HTTP: parts against the lists of both periods."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.events import Event
from tests.analytics.explaining import LISTED, OF_CASES, evaluate, explain, explain_all, respond
from tests.analytics.feeding import T0, answer, feed, observation, operation
from tests.analytics.test_costs import MODEL, put
from tests.analytics.test_explanations import DAY, event_of, works
from tests.fixtures.services import Harness, problem

NOW, BEFORE = {"begin": "2026-03-03"}, {"end": "2026-03-03"}
COMPARED = {**NOW, "compare_to_to": "2026-03-03"}


def shares_of(document: dict[str, Any], items: list[dict[str, Any]], by: str) -> dict[str | None, list[Fraction]]:
    """Return the numerator and the number of each group, from the items of one period."""
    shares: dict[str | None, list[Fraction]] = defaultdict(lambda: [Fraction(), Fraction()])
    for item in items:
        share = shares[item[by]]
        share[0] += evaluate(document["formula"]["numerator"], item["contributes"])
        share[1] += 1
    return shares


def mean_of(document: dict[str, Any], items: list[dict[str, Any]]) -> Fraction:
    (share,) = shares_of(document, [item | {"all": None} for item in items], "all").values()
    return share[0] / share[1]


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    given_works=st.lists(works, min_size=4, max_size=10),
    by=st.sampled_from(["activity", "team", "actor_kind", "process"]),
    filters=st.sampled_from([{}, {"activity": "check"}, {"process": "p"}]),
)
async def test_the_parts_are_of_the_listed_items_and_add_up(
    analytics: Harness, given_works: list[dict[str, Any]], by: str, filters: dict[str, str]
) -> None:
    tenant, ids = f"t-{uuid4().hex}", [uuid4() for _ in range(10)]
    await put(analytics, tenant, MODEL)
    events = [event_of(tenant, ids, place, work) for place, work in enumerate(given_works)]
    await feed(analytics, [*events, observation(tenant, "c9", T0), observation(tenant, "c8", T0 + DAY)])
    for kpi in LISTED:
        chosen = {**filters, "currency": "EUR"}
        now, items = await explain_all(analytics, tenant, kpi, 200, by=by, **chosen, **COMPARED)
        before, earlier = await explain_all(analytics, tenant, kpi, 200, **chosen, **BEFORE)
        comparison = now["comparison"]
        assert (comparison["value"], comparison["n"]) == (before["value"], before["n"])
        if not items or not earlier:
            assert (comparison["difference"], comparison["parts"]) == (None, [])
            continue
        values = [mean_of(now, of) for of in (items, earlier)]
        difference, parts = Decimal(comparison["difference"]), comparison["parts"]
        assert abs(Fraction(difference) - (values[0] - values[1])) <= Fraction("0.5e-12")
        assert sum(Decimal(part["total"]) for part in parts) == difference
        assert all(Decimal(part["mix"]) + Decimal(part["rate"]) == Decimal(part["total"]) for part in parts)
        assert sum(part["n"] for part in parts) == pytest.approx(len(items))
        if kpi not in OF_CASES or by == "process":
            check_groups(parts, shares_of(now, items, by), shares_of(now, earlier, by))


def check_groups(parts: list[dict[str, Any]], now: dict[Any, Any], before: dict[Any, Any]) -> None:
    for part in parts:
        for shares, suffix in ((now, ""), (before, "_before")):
            numerator, n = shares.get(part["group"], (Fraction(), Fraction()))
            assert part[f"n{suffix}"] == n
            assert part[f"value{suffix}"] == (float(numerator / n) if n else None)
    assert {part["group"] for part in parts} == now.keys() | before.keys()


async def test_the_largest_mover_comes_first(analytics: Harness, tenant: str) -> None:
    def day(minutes: dict[str, list[int]], number: int) -> list[Event]:
        return [
            operation(tenant, f"{number}{activity}{n}", activity, minutes=spent, finished_at=T0 + number * DAY)
            for activity, all_spent in minutes.items()
            for n, spent in enumerate(all_spent)
        ]

    before, now = {"check": [10, 10], "pay": [2, 2]}, {"check": [10], "pay": [2, 2], "scan": [40]}
    await feed(analytics, day(before, 0) + day(now, 1))
    comparison = (await explain(analytics, tenant, "processing_time", **COMPARED))["comparison"]
    # From 360 s to 810 s, so c = 585. check 1/2 -> 1/4, pay stays 1/2, scan 0 -> 1/4.
    assert (comparison["value"], comparison["by"], comparison["difference"]) == (360, "activity", "450.000000000000")
    told = [(part["group"], part["mix"], part["rate"]) for part in comparison["parts"]]
    nothing = "0.000000000000"
    assert told == [
        ("scan", "453.750000000000", nothing),
        ("check", "-3.750000000000", nothing),
        ("pay", nothing, nothing),
    ]


async def test_a_case_counts_in_each_group_by_its_share_of_operations(analytics: Harness, tenant: str) -> None:
    await feed(
        analytics,
        [
            *(operation(tenant, "old", "check", minutes=1, finished_at=T0) for _ in range(2)),
            *(operation(tenant, "new", "check", minutes=1, finished_at=T0 + DAY) for _ in range(2)),
            operation(tenant, "new", "pay", minutes=1, finished_at=T0 + DAY),
            operation(tenant, "fine", "pay", minutes=1, finished_at=T0 + DAY),
        ],
    )
    comparison = (await explain(analytics, tenant, "first_pass_yield", **COMPARED))["comparison"]
    parts = {part["group"]: part for part in comparison["parts"]}
    assert (comparison["difference"], comparison["value"]) == ("0.500000000000", 0)
    assert {group: (part["n"], part["value"], part["n_before"]) for group, part in parts.items()} == {
        "check": (2 / 3, 0, 1),
        "pay": (4 / 3, 3 / 4, 0),
    }


async def test_small_groups_of_answers_are_told_together(analytics: Harness, tenant: str) -> None:
    def answers(day: int, **sizes: int) -> list[Event]:
        return [
            answer(tenant, 5 if n % 2 else 2, team=team, at=T0 + day * DAY)
            for team, size in sizes.items()
            for n in range(size)
        ]

    await feed(analytics, answers(0, ap=6, hr=6, it=7, tax=9) + answers(1, ap=3, hr=6, it=8, tax=8))
    comparison = (await explain(analytics, tenant, "internal_satisfaction", **COMPARED))["comparison"]
    told = {part["group"]: (part["merged"], part["n"], part["n_before"]) for part in comparison["parts"]}
    assert (comparison["by"], told) == ("team", {None: (2, 9, 12), "it": (0, 8, 7), "tax": (0, 8, 9)})
    totals = sum(Decimal(part["total"]) for part in comparison["parts"])
    assert totals == Decimal(comparison["difference"])
    by_process = await explain(analytics, tenant, "internal_satisfaction", by="process", **COMPARED)
    assert [(part["group"], part["n"]) for part in by_process["comparison"]["parts"]] == [("p", 25)]
    few = await explain(analytics, tenant, "internal_satisfaction", by="team", team="ap", **COMPARED)
    assert (few["comparison"]["difference"], few["comparison"]["parts"]) == (None, [])


async def test_costs_are_compared_in_one_currency(analytics: Harness, tenant: str) -> None:
    def paid(case: str, amount: str, currency: str, day: int) -> Event:
        return operation(tenant, case, cost={"amount": amount, "currency": currency}, finished_at=T0 + day * DAY)

    await feed(analytics, [paid("1", "5", "EUR", 1), paid("2", "2", "EUR", 0), paid("3", "900", "USD", 0)])
    comparison = (await explain(analytics, tenant, "cost_per_operation", **COMPARED))["comparison"]
    assert (comparison["value"], comparison["n"], comparison["difference"]) == (2, 1, "3.000000000000")
    await feed(analytics, [paid("4", "900", "USD", 1)])
    comparison = (await explain(analytics, tenant, "cost_per_operation", **COMPARED))["comparison"]
    assert (comparison["value"], comparison["difference"], comparison["parts"]) == (None, None, [])


@pytest.mark.parametrize("kpi", ["error_rate", "case_throughput_time"])
async def test_too_many_groups_are_refused(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch, kpi: str
) -> None:
    monkeypatch.setattr("services.analytics.explanations.comparing.MAX_GROUPS", 2)
    days = [operation(tenant, f"{n}{day}", f"a{n}", finished_at=T0 + day * DAY) for n in range(3) for day in range(2)]
    await feed(analytics, days)
    refused = problem(await respond(analytics, tenant, kpi, COMPARED))
    assert (refused["code"], refused["groups"], refused["limit"]) == ("too-many-groups", 3, 2)

"""Edges and variants of a process, against a recomputation from the events alone."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as listeners

from services.analytics.indicators.sequences import EARLIEST, LOOKED_UP
from shared.events import MAX_PROCESS, Event
from tests.analytics.feeding import MINUTE, T0, ask, by_id, feed, kpis, observation, operation
from tests.analytics.test_kpis import counted_statements
from tests.fixtures.services import Harness, problem

DAY = timedelta(days=1)
Edge = tuple[str, str]


async def get(analytics: Harness, tenant: str, what: str, process: str = "p", **parameters: Any) -> dict[str, Any]:
    names = {"begin": "from", "end": "to"}
    async with analytics.client(tenant, "viewer") as client:
        answered = await client.get(
            f"/analytics/processes/{process}/{what}",
            params={names.get(name, name): value for name, value in parameters.items()},
        )
    assert answered.status_code == 200, answered.text
    document: dict[str, Any] = answered.json()
    return document


def works_of(events: Sequence[Event]) -> dict[str, list[dict[str, Any]]]:
    """Return each case's work blocks in order of finishing, equal moments in order of arrival."""
    cases = defaultdict(list)
    for event in events:
        work = msgspec.json.decode(event.data)["work"]
        for name in ("started_at", "finished_at"):
            work[name] = datetime.fromisoformat(work[name]) if work.get(name) else None
        cases[work["case"]].append(work)
    return {case: sorted(works, key=lambda work: work["finished_at"]) for case, works in cases.items()}


def expected_edges(events: Sequence[Event], **wanted: str) -> dict[Edge, dict[str, Any]]:
    waits, elapsed, cases = defaultdict(list), defaultdict(list), defaultdict(set)
    for case, works in works_of(events).items():
        for left, work in pairwise(works):
            facts = {"activity": work["activity"], "team": work["actor"]["team"], "actor_kind": work["actor"]["kind"]}
            if any(facts[name] != value for name, value in wanted.items()):
                continue
            edge = (left["activity"], work["activity"])
            cases[edge].add(case)
            elapsed[edge].append((work["finished_at"] - left["finished_at"]).total_seconds())
            if work["started_at"] and not work.get("estimated"):
                waits[edge].append((work["started_at"] - left["finished_at"]).total_seconds())
    return {
        edge: {
            "cases": len(cases[edge]),
            "wait": durations([max(wait, 0) for wait in waits[edge]])
            | {"unknown": len(each) - len(waits[edge]), "overlaps": sum(wait < 0 for wait in waits[edge])},
            "elapsed": durations(each),
        }
        for edge, each in elapsed.items()
    }


def durations(values: list[float]) -> dict[str, Any]:
    if not values:
        return {"n": 0, "mean": None, "median": None, "total": None}
    return {
        "n": len(values),
        "mean": pytest.approx(fmean(values), abs=1e-6),
        "median": pytest.approx(median(values), abs=1e-6),
        "total": pytest.approx(sum(values), abs=1e-6),
    }


def shown(document: dict[str, Any]) -> dict[Edge, dict[str, Any]]:
    return {
        (item["source"], item["target"]): {name: item[name] for name in ("cases", "wait", "elapsed")}
        for item in document["items"]
    }


def example(tenant: str) -> list[Event]:
    """Two activities at the same moment, one that overlaps, one without start and one with an assumed start."""
    return [
        operation(tenant, "a", "check", minutes=5, team="ap"),
        operation(tenant, "a", "approve", minutes=5, team="ap", finished_at=T0 + 60 * MINUTE),
        operation(tenant, "a", "pay", minutes=1, kind="automation", finished_at=T0 + 60 * MINUTE),
        operation(tenant, "b", "check", minutes=10, team="ap"),
        operation(tenant, "b", "approve", minutes=30, team="hr", finished_at=T0 + 20 * MINUTE),
        operation(tenant, "b", "pay", minutes=None, kind="automation", finished_at=T0 + DAY),
        operation(tenant, "c", "check", minutes=3, finished_at=T0 + 2 * MINUTE),
        operation(tenant, "c", "approve", minutes=0, estimated=True, finished_at=T0 + 3 * DAY),
        operation(tenant, "c", "approve", minutes=7, team="hr", finished_at=T0 + 4 * DAY),
    ]


async def test_edges_are_what_the_events_say(analytics: Harness, tenant: str, other_tenant: str) -> None:
    events = example(tenant)
    await feed(analytics, [*events, *example(other_tenant)[:3]])
    document = await get(analytics, tenant, "edges")
    assert shown(document) == expected_edges(events)
    assert (document["edges"], document["steps"]) == (3, 6)
    totals = [item["wait"]["total"] for item in document["items"]]
    assert totals == sorted(totals, reverse=True)
    assert [each["id"] for each in document["definitions"]] == [
        "trastienda.edge-wait.finish-to-observed-start",
        "trastienda.edge-elapsed.finish-to-finish",
    ]
    by_elapsed = await get(analytics, tenant, "edges", order="elapsed", top=1)
    assert [(item["source"], item["target"]) for item in by_elapsed["items"]] == [("check", "approve")]
    assert (by_elapsed["edges"], by_elapsed["steps"]) == (3, 6)


async def test_a_filter_chooses_edges_and_makes_no_new_neighbours(analytics: Harness, tenant: str) -> None:
    events = example(tenant)
    await feed(analytics, events)
    for wanted in ({"team": "hr"}, {"activity": "pay"}, {"actor_kind": "automation"}, {"activity": "none"}):
        assert shown(await get(analytics, tenant, "edges", **wanted)) == expected_edges(events, **wanted), wanted
    period = await get(analytics, tenant, "edges", begin="2026-03-03", end="2026-03-06")
    assert {edge: item["elapsed"]["n"] for edge, item in shown(period).items()} == {
        ("approve", "pay"): 1,
        ("check", "approve"): 1,
    }


async def test_without_any_start_waits_are_unknown_and_the_elapsed_time_ranks(analytics: Harness, tenant: str) -> None:
    finished = {"check": 0, "approve": 5, "pay": 90}
    events = [operation(tenant, "a", name, minutes=None, finished_at=T0 + n * MINUTE) for name, n in finished.items()]
    await feed(analytics, events)
    items = (await get(analytics, tenant, "edges"))["items"]
    assert [(item["source"], item["elapsed"]["total"]) for item in items] == [("approve", 5100), ("check", 300)]
    assert all((item["wait"]["total"], item["wait"]["unknown"]) == (None, 1) for item in items)


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(["check", "pay", "ask"]),
            st.integers(0, 6),
            st.sampled_from([None, 0, 2, 5]),
        ),
        max_size=12,
    )
)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_edges_and_variants_of_any_stream(analytics: Harness, steps: list[Any]) -> None:
    tenant = f"t-{uuid4().hex}"
    events = [
        operation(tenant, case, activity, minutes=minutes, finished_at=T0 + at * MINUTE)
        for case, activity, at, minutes in steps
    ]
    await feed(analytics, events)
    assert shown(await get(analytics, tenant, "edges")) == expected_edges(events)
    paths = [tuple(work["activity"] for work in works) for works in works_of(events).values()]
    document = await get(analytics, tenant, "variants")
    assert {tuple(item["activities"]): item["cases"] for item in document["items"]} == {
        path: paths.count(path) for path in paths
    }
    for looked_up, earliest in ((0, EARLIEST), (0, 0.6), (LOOKED_UP, EARLIEST)):  # in one pass, in part, case by case
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("services.analytics.indicators.sequences.LOOKED_UP", looked_up)
            patch.setattr("services.analytics.indicators.sequences.EARLIEST", earliest)
            of_kpis = (await kpis(analytics, tenant, exact="true"))["case_throughput_time"]["variants"]
            assert document["variants"] == of_kpis


@pytest.mark.parametrize("looked_up", [0, LOOKED_UP])
async def test_variants_have_cases_share_and_throughput(
    analytics: Harness, tenant: str, looked_up: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.analytics.indicators.sequences.LOOKED_UP", looked_up)
    events = [*example(tenant), observation(tenant, "seen only", T0)]
    for n in range(3):
        events += [operation(tenant, f"s{n}", "check", minutes=n + 1, finished_at=T0 + n * DAY)]
    await feed(analytics, events)
    document = await get(analytics, tenant, "variants")
    assert (document["variants"], document["cases"]) == (3, 6)
    first = document["items"][0]
    assert (first["activities"], first["length"], first["cases"], first["share"]) == (["check"], 1, 3, 0.5)
    assert first["throughput"] == {"mean": 120, "median": 120}
    assert (first["first_at"], first["last_at"]) == ("2026-03-02T08:59:00Z", "2026-03-04T09:00:00Z")
    for filters, cases in (({"team": "hr"}, 2), ({"begin": "2026-03-04"}, 2), ({"end": "2026-03-03"}, 2)):
        assert (await get(analytics, tenant, "variants", **filters))["cases"] == cases, filters
        of_kpis = (await kpis(analytics, tenant, **filters, exact="true"))["case_throughput_time"]["variants"]
        assert (await get(analytics, tenant, "variants", **filters))["variants"] == of_kpis


async def test_a_group_in_which_no_case_ends_has_no_variants(analytics: Harness, tenant: str) -> None:
    moments = {"check": T0, "pay": T0 + 40 * DAY}
    await feed(analytics, [operation(tenant, "c", activity, finished_at=at) for activity, at in moments.items()])
    found = await ask(analytics, tenant, exact="true", group_by="month")
    counted = [by_id(group["kpis"])["case_throughput_time"] for group in found["groups"]]
    assert [(each["n"], each["variants"]) for each in counted] == [(0, 0), (1, 1)]


async def test_many_cases_are_not_gone_through_for_each_of_them(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a tenant that is new to the statistics the planner expects one case, for which a nested loop looks cheapest."""
    await feed(analytics, example(tenant))
    for looked_up, filters in ((0, {}), (0, {"activity": "pay"}), (LOOKED_UP, {})):
        monkeypatch.setattr("services.analytics.indicators.sequences.LOOKED_UP", looked_up)
        plan = await plan_of(analytics, tenant, "count(DISTINCT path)", **filters)
        joins = [node for node in nodes_of(plan) if node.get("Join Type") == "Full"]
        assert len(joins) == (0 if looked_up else 2)
        loops = [part for node in nodes_of(plan) if node["Node Type"] == "Nested Loop" for part in nodes_of(node)]
        scans = [part for part in loops if part.get("Relation Name") == "operation"]
        assert all("case_id" in scan["Index Cond"] for scan in scans)


async def plan_of(analytics: Harness, tenant: str, said: str, **filters: Any) -> dict[str, Any]:
    """Return the plan of the statement that says this, of those that give exact indicators."""
    asked: list[Any] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    engine = analytics.runtime.database.engine.sync_engine
    listeners.listen(engine, "before_cursor_execute", note)
    await kpis(analytics, tenant, **filters, exact="true")
    listeners.remove(engine, "before_cursor_execute", note)
    ((statement, parameters),) = [each for each in asked if said in each[0]]
    return await explained_plan(analytics, tenant, statement, parameters)


async def explained_plan(analytics: Harness, tenant: str, statement: str, parameters: Any) -> dict[str, Any]:
    async with analytics.runtime.database.transaction(tenant) as session:
        connection = await session.connection()
        explained = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        found = explained.scalar_one()
    plan: dict[str, Any] = (found if isinstance(found, list) else msgspec.json.decode(found))[0]["Plan"]
    return plan


async def test_what_stands_in_a_name_makes_no_two_activities_of_one(analytics: Harness, tenant: str) -> None:
    names = ("a\x1fb", "a,b", 'a","b', "{a,b}")
    alone = [operation(tenant, f"c{n}", name) for n, name in enumerate(names)]
    pair = [operation(tenant, "pair", name, finished_at=T0 + n * MINUTE) for n, name in enumerate("ab")]
    await feed(analytics, [*alone, *pair])
    assert (await get(analytics, tenant, "variants"))["variants"] == len(names) + 1
    assert (await kpis(analytics, tenant, exact="true"))["case_throughput_time"]["variants"] == len(names) + 1


async def test_variants_of_all_cases_need_no_join_of_the_operations(analytics: Harness, tenant: str) -> None:
    """A join by case is read case by case where the statistics know nothing of a tenant, and took minutes there."""
    await feed(analytics, [operation(tenant, f"c{n}", activity) for n in range(20) for activity in ("check", "pay")])
    asked: list[Any] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    engine = analytics.runtime.database.engine.sync_engine
    listeners.listen(engine, "before_cursor_execute", note)
    assert (await get(analytics, tenant, "variants"))["cases"] == 20
    listeners.remove(engine, "before_cursor_execute", note)
    statement, parameters = asked[-1]
    plan = await explained_plan(analytics, tenant, statement, parameters)
    scans = [node for node in nodes_of(plan) if node.get("Relation Name") == "operation"]
    assert [node["Actual Loops"] for node in scans] == [1]
    joins = [node for node in nodes_of(plan) if node["Node Type"] in {"Nested Loop", "Hash Join", "Merge Join"}]
    assert not any(part in scans for join in joins for part in nodes_of(join))


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)


async def test_pages_of_variants_hold_each_once(analytics: Harness, tenant: str) -> None:
    events = [operation(tenant, f"c{n}-{i}", f"a{n}") for n in range(5) for i in range(1 + n % 2)]
    await feed(analytics, events)
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(analytics, tenant, "variants", limit=2, **cursor)
        assert (page["variants"], page["cases"]) == (5, 7)
        seen += [(item["cases"], item["activities"]) for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(seen) == 5
    assert [cases for cases, _ in seen] == [2, 2, 1, 1, 1]
    assert sorted(activities for _, activities in seen) == [[f"a{n}"] for n in range(5)]
    assert (await get(analytics, tenant, "variants", process="nothing"))["items"] == []


async def test_a_long_sequence_is_listed_in_part(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, "c", f"a{n:03}", finished_at=T0 + n * MINUTE) for n in range(230)])
    (item,) = (await get(analytics, tenant, "variants"))["items"]
    assert (len(item["activities"]), item["length"]) == (200, 230)


async def test_a_process_may_have_any_name(analytics: Harness, tenant: str) -> None:
    names = ["a/b", "¿qué? & más", "x" * MAX_PROCESS, "edges"]
    await feed(analytics, [operation(tenant, process=name) for name in names])
    for name in names:
        assert (await get(analytics, tenant, "variants", process=quote(name, safe="")))["cases"] == 1, name


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("edges?from=2026-03-02&to=2026-03-01", "bad-period"),
        ("edges?top=0", "invalid-input"),
        ("edges?top=1.0", "invalid-input"),
        ("cases?idle=%201", "invalid-input"),
        ("edges?order=colour", "invalid-input"),
        ("edges?process=q", "invalid-input"),
        ("variants?from=2026-03-02&to=2026-03-01", "bad-period"),
        ("variants?cursor=x", "invalid-cursor"),
        ("variants?cursor=WzEsMl0", "invalid-cursor"),
        ("variants?limit=0", "invalid-input"),
        ("variants?limit=1.0", "invalid-input"),
    ],
)
async def test_what_cannot_be_answered_is_refused(analytics: Harness, tenant: str, question: str, code: str) -> None:
    async with analytics.client(tenant, "viewer") as client:
        refused = await client.get(f"/analytics/processes/p/{question}")
    assert problem(refused)["code"] == code


@pytest.mark.parametrize("what", ["edges", "variants", "automation-candidates"])
async def test_each_answer_is_one_statement(analytics: Harness, tenant: str, what: str) -> None:
    await feed(analytics, example(tenant))
    with counted_statements(analytics) as statements:
        await get(analytics, tenant, what, begin="2026-03-01")
    assert len(statements) == 2, statements  # the tenant, the answer


@pytest.mark.parametrize("what", ["cases", "queues"])
async def test_open_cases_take_one_statement_more_for_the_setting(analytics: Harness, tenant: str, what: str) -> None:
    await feed(analytics, example(tenant))
    with counted_statements(analytics) as statements:
        await get(analytics, tenant, what)
    assert len(statements) == 3, statements

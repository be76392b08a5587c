"""GET /analytics/kpis, against figures worked out by hand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as listeners

from services.analytics.indicators.queries import read_figures
from services.analytics.indicators.selection import GroupBy, Selection
from shared.events import Event
from tests.analytics.feeding import MINUTE, T0, answer, ask, by_id, event, feed, kpis, observation, operation
from tests.fixtures.services import Harness, problem

IDS = [
    "processing_time",
    "error_rate",
    "cost_per_operation",
    "automation_level",
    "internal_satisfaction",
    "case_throughput_time",
    "case_rework_rate",
    "no_touch_rate",
    "first_pass_yield",
]
COUNTS = {
    *("n", "unknown", "estimated", "errors", "rework", "cancelled", "corrected", "defects", "measured", "modelled"),
    *("automation", "person", "cases", "events", "variants", "rework_cases", "rework_events"),
    *("no_touch_cases", "first_pass_cases"),
}
DAY = timedelta(days=1)


async def feed_example(analytics: Harness, tenant: str) -> None:
    """Four cases: one clean, one repeated, one with an error, one by automation alone."""
    await feed(
        analytics,
        [
            operation(tenant, "clean", "check", minutes=10, team="ap", requested_at=T0 - 30 * MINUTE),
            operation(tenant, "clean", "pay", minutes=2, kind="automation", finished_at=T0 + 60 * MINUTE),
            operation(tenant, "twice", "check", minutes=20, team="ap"),
            operation(tenant, "twice", "check", minutes=None, team="ap", outcome="rework", finished_at=T0 + DAY),
            operation(tenant, "wrong", "check", minutes=30, team="hr", outcome="error", finished_at=T0 + DAY),
            operation(tenant, "auto", "submit-claim", minutes=None, finished_at=T0 - 90 * MINUTE),
            operation(tenant, "auto", "pay", minutes=4, kind="automation", finished_at=T0 + 60 * MINUTE),
        ],
    )


async def test_without_data_every_value_is_null_and_nothing_is_zero(analytics: Harness, tenant: str) -> None:
    document = await ask(analytics, tenant, exact="true")
    assert [kpi["id"] for kpi in document["kpis"]] == IDS
    assert all((kpi["value"], kpi["n"], kpi["band"]) == (None, 0, "insufficient-data") for kpi in document["kpis"])
    counted = {name for kpi in document["kpis"] for name, value in kpi.items() if value == 0}
    assert counted == COUNTS, "only what is counted is 0"
    assert document["period"] == {"from": None, "to": None}
    assert document["groups"] == []


async def test_a_total_is_of_what_was_measured(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, minutes=None)])
    unknown = (await kpis(analytics, tenant))["processing_time"]
    assert (unknown["value"], unknown["total"], unknown["n"], unknown["unknown"]) == (None, None, 0, 1)
    await feed(analytics, [operation(tenant, minutes=0)])
    measured = (await kpis(analytics, tenant))["processing_time"]
    assert (measured["value"], measured["total"], measured["n"]) == (0, 0, 1)


async def test_the_example_gives_the_figures_worked_out_by_hand(analytics: Harness, tenant: str) -> None:
    await feed_example(analytics, tenant)
    got = await kpis(analytics, tenant, exact="true")
    touch = got["processing_time"]
    assert (touch["value"], touch["n"], touch["unknown"], touch["estimated"]) == (66 * 60 / 5, 5, 2, 0)
    assert (touch["median"], touch["max"], touch["total"]) == (600, 1800, 3960)
    assert (touch["wait_mean"], touch["lead_mean"]) == (1200, 1800)
    assert touch["wait"] == {"n": 1, "mean": 1200} | dict.fromkeys(("median", "p90", "p95", "p99", "max"), 1200)
    assert touch["lead"] == {"n": 1, "mean": 1800} | dict.fromkeys(("median", "p90", "p95", "p99", "max"), 1800)
    assert touch["p90"] == pytest.approx(1200 + 0.6 * 600)
    errors = got["error_rate"]
    assert (errors["value"], errors["n"], errors["errors"], errors["rework"]) == (2 / 7, 7, 1, 1)
    assert (got["automation_level"]["value"], got["automation_level"]["person"]) == (2 / 7, 5)
    throughput = got["case_throughput_time"]
    assert (throughput["n"], throughput["events"], throughput["variants"]) == (4, 12, 4)
    spans = [90 * 60, 20 * 60 + 86_400, 30 * 60, 150 * 60]
    assert throughput["value"] == sum(spans) / 4
    assert (throughput["median"], throughput["max"]) == ((90 + 150) * 60 / 2, 20 * 60 + 86_400)
    rework = got["case_rework_rate"]
    assert (rework["value"], rework["rework_events"], rework["rework_event_rate"]) == (1 / 4, 1, 1 / 7)
    assert (got["no_touch_rate"]["value"], got["no_touch_rate"]["no_touch_cases"]) == (1 / 4, 1)
    assert got["first_pass_yield"]["value"] == 2 / 4


async def test_filters_select_operations_and_the_cases_that_hold_them(analytics: Harness, tenant: str) -> None:
    await feed_example(analytics, tenant)
    await feed(analytics, [operation(tenant, "clean", "check", minutes=9, process="other")])
    for filters, operations, cases in [
        ({"process": "p"}, 7, 4),
        ({"process": "other"}, 1, 1),
        ({"activity": "pay"}, 2, 2),
        ({"team": "ap"}, 3, 2),
        ({"actor_kind": "automation"}, 2, 2),
        ({"process": "p", "activity": "check", "team": "hr"}, 1, 1),
        ({"process": "nothing"}, 0, 0),
        ({"process": "", "activity": "", "team": "", "actor_kind": "", "begin": "", "end": "", "group_by": ""}, 8, 5),
    ]:
        got = await kpis(analytics, tenant, **filters)
        assert (got["error_rate"]["n"], got["case_throughput_time"]["n"]) == (operations, cases), filters


@pytest.mark.parametrize(
    ("begin", "end", "operations", "cases"),
    [
        ("2026-03-02", "2026-03-03", 5, 2),
        ("2026-03-03", None, 2, 2),
        (None, "2026-03-02T09:00:00Z", 1, 0),
        (None, "2026-03-02T09:00:00.000001Z", 3, 0),
        ("2026-03-02T10:00:00+01:00", "2026-03-02T11:00:00.000001+01:00", 4, 2),
        ("2026-03-02T09:00:00.000001Z", "2026-03-02T09:30:00Z", 0, 0),
        ("2026-03-02T08:59:00Z", "2026-03-02T09:01:00Z", 2, 0),
        ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z", 0, 0),
    ],
)
async def test_the_period_is_half_open_to_the_microsecond(
    analytics: Harness, tenant: str, begin: str | None, end: str | None, operations: int, cases: int
) -> None:
    await feed_example(analytics, tenant)
    bounds = {name: value for name, value in (("begin", begin), ("end", end)) if value}
    got = await kpis(analytics, tenant, **bounds)
    touched = await kpis(analytics, tenant, **bounds, details="false")
    assert (got["error_rate"]["n"], got["case_throughput_time"]["n"]) == (operations, cases)
    assert touched["processing_time"]["value"] == got["processing_time"]["value"]
    assert (got["processing_time"]["max"] is None) == (got["processing_time"]["n"] == 0)


async def test_groups_divide_the_operations_and_repeat_a_case_where_it_has_some(
    analytics: Harness, tenant: str
) -> None:
    await feed_example(analytics, tenant)
    for group_by in (["activity"], ["team"], ["actor_kind"], ["process"], ["hour"], ["day"], ["week"], ["month"]):
        document = await ask(analytics, tenant, group_by=group_by, exact="true")
        assert by_id(document["kpis"]) == await kpis(analytics, tenant, exact="true")
        groups = [by_id(group["kpis"]) for group in document["groups"]]
        assert sum(group["error_rate"]["n"] for group in groups) == 7
        assert sum(group["processing_time"]["total"] or 0 for group in groups) == 3960
    by_activity = {
        tuple(group["group"].values()): by_id(group["kpis"])
        for group in (await ask(analytics, tenant, group_by=["activity", "team"], exact="true"))["groups"]
    }
    assert list(by_activity) == [("check", "ap"), ("check", "hr"), ("pay", None), ("submit-claim", None)]
    assert [group["case_throughput_time"]["n"] for group in by_activity.values()] == [2, 1, 2, 1]
    assert by_activity["check", "ap"]["processing_time"]["median"] == 900
    days = (await ask(analytics, tenant, group_by="day"))["groups"]
    assert [group["group"] for group in days] == [{"day": "2026-03-02"}, {"day": "2026-03-03"}]
    assert [by_id(group["kpis"])["case_throughput_time"]["n"] for group in days] == [2, 2]
    weeks = await ask(analytics, tenant, group_by=["week", "process"])
    assert [group["group"] for group in weeks["groups"]] == [{"week": "2026-03-02", "process": "p"}]
    hours = await ask(analytics, tenant, group_by="hour", begin="2026-03-02T10:00:00Z")
    assert hours["groups"][0]["group"] == {"hour": "2026-03-02T10:00:00Z"}


@contextmanager
def counted_statements(analytics: Harness) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    engine = analytics.runtime.database.engine.sync_engine
    listeners.listen(engine, "before_cursor_execute", note)
    yield statements
    listeners.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("group_by", "of_cases"), [([], 2), (["process", "day"], 2), (["activity"], 1), (["team", "hour"], 1)]
)
async def test_the_number_of_statements_does_not_grow_with_groups(
    analytics: Harness, tenant: str, group_by: list[str], of_cases: int
) -> None:
    await feed_example(analytics, tenant)
    with counted_statements(analytics) as statements:
        await ask(analytics, tenant, group_by=group_by)
    # the tenant, no parallel workers, operations, touch times, answers, scales; cases, and their percentiles where roll-ups tell these
    assert len(statements) == 6 + of_cases, statements


async def test_satisfaction_is_hidden_below_five_answers(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [answer(tenant, score) for score in (5, 4, 3, 1)])
    hidden = (await kpis(analytics, tenant))["internal_satisfaction"]
    assert (hidden["value"], hidden["mean"], hidden["satisfied"], hidden["n"]) == (None, None, None, 4)
    assert hidden["band"] == "insufficient-data"
    await feed(analytics, [answer(tenant, 5, team="it", process="helpdesk", at=T0 + DAY)])
    shown = (await kpis(analytics, tenant))["internal_satisfaction"]
    assert (shown["value"], shown["mean"], shown["satisfied"], shown["n"]) == (3 / 5, 18 / 5, 3, 5)
    assert shown["band"] == "poor"
    for filters, n in [
        ({"team": "ap"}, 4),
        ({"process": "helpdesk"}, 1),
        ({"end": "2026-03-03"}, 4),
        ({"activity": "x"}, 0),
    ]:
        assert (await kpis(analytics, tenant, **filters))["internal_satisfaction"]["n"] == n
    teams = (await ask(analytics, tenant, group_by="team"))["groups"]
    assert [by_id(group["kpis"])["internal_satisfaction"]["n"] for group in teams] == [4, 1]


async def test_observations_widen_cases_and_are_no_operations(analytics: Harness, tenant: str) -> None:
    late = observation(tenant, "c1", T0 + 5 * MINUTE)
    await feed(analytics, [operation(tenant, minutes=None), late, observation(tenant, "seen only", T0)])
    await feed(analytics, [late])
    got = await kpis(analytics, tenant)
    assert (got["case_throughput_time"]["n"], got["case_throughput_time"]["events"]) == (2, 3)
    assert (got["case_throughput_time"]["value"], got["case_rework_rate"]["n"]) == (150, 1)
    assert got["error_rate"]["n"] == 1


async def test_both_stamps_of_work_are_events_and_neither_a_request_nor_an_assumed_start_is(
    analytics: Harness, tenant: str
) -> None:
    """Two rows of a table, one of them with a start, are three events, as the same work is in a log of events."""
    await feed(analytics, [operation(tenant, "c1", minutes=5), operation(tenant, "c2", minutes=None)])
    assert (await kpis(analytics, tenant))["case_throughput_time"]["events"] == 3
    await feed(analytics, [operation(tenant, "c3", minutes=5, estimated=True, requested_at=T0 - 30 * MINUTE)])
    assert (await kpis(analytics, tenant))["case_throughput_time"]["events"] == 4


async def test_a_correction_counts_once_whatever_else_is_wrong(analytics: Harness, tenant: str) -> None:
    good, bad = operation(tenant, "c1"), operation(tenant, "c2", outcome="error")
    fixes = [operation(tenant, f"fix{n}", corrects=wrong.id) for n, wrong in enumerate((good, good, bad))]
    await feed(analytics, [*fixes, good, bad])
    errors = (await kpis(analytics, tenant))["error_rate"]
    assert (errors["value"], errors["corrected"], errors["defects"], errors["errors"]) == (2 / 5, 2, 2, 1)


async def test_the_requesters_own_submission_is_no_touch(analytics: Harness, tenant: str) -> None:
    events = [operation(tenant, "only asked", "request-leave"), operation(tenant, "asked", "submit-claim")]
    events += [operation(tenant, "asked", "pay", kind="automation"), operation(tenant, "touched", "submitted")]
    await feed(analytics, events)
    touch = (await kpis(analytics, tenant))["no_touch_rate"]
    assert (touch["value"], touch["n"], touch["no_touch_cases"]) == (1 / 2, 2, 1)


async def test_tenants_with_the_same_cases_do_not_mix(analytics: Harness, tenant: str, other_tenant: str) -> None:
    await feed_example(analytics, tenant)
    await feed(analytics, [operation(other_tenant, "clean", "check", minutes=1)])
    assert (await kpis(analytics, other_tenant))["error_rate"]["n"] == 1
    assert (await kpis(analytics, tenant))["error_rate"]["n"] == 7


async def test_texts_come_in_the_callers_language(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "viewer", **{"Accept-Language": "es-ES,en;q=0.5"}) as client:
        spanish = (await client.get("/analytics/kpis")).json()["kpis"][0]
    english = (await kpis(analytics, tenant))["processing_time"]
    assert "Tiempo medio" in spanish["definition"]["text"]
    assert "Mean touch time" in english["definition"]["text"]
    assert spanish["definition"]["id"] == english["definition"]["id"]
    assert spanish["advice"] != english["advice"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("from=2026-02-30", "invalid-input"),
        ("from=2026-02-01T10:00:00", "invalid-input"),
        ("from=0001-01-01T00:00:00%2B14:00", "invalid-input"),
        ("to=9999-12-31T23:59:59Z", "invalid-input"),
        ("from=2026-02-02&to=2026-02-01", "bad-period"),
        ("group_by=colour", "invalid-input"),
        ("group_by=day&group_by=team&group_by=process", "invalid-input"),
        ("actor_kind=robot", "invalid-input"),
        ("proces=p", "invalid-input"),
        ("currency=euro", "invalid-input"),
    ],
)
async def test_what_cannot_be_answered_is_refused(analytics: Harness, tenant: str, query: str, code: str) -> None:
    async with analytics.client(tenant, "viewer") as client:
        refused = await client.get(f"/analytics/kpis?{query}")
    assert refused.status_code == 422
    assert problem(refused)["code"] == code


async def test_a_token_is_needed(analytics: Harness) -> None:
    async with analytics.anonymous() as client:
        assert problem(await client.get("/analytics/kpis"))["code"] == "invalid-token"


async def test_too_many_groups_are_refused_with_a_hint(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, f"c{n}", f"a{n}", finished_at=T0) for n in range(2_001)])
    async with analytics.client(tenant, "viewer") as client:
        with counted_statements(analytics) as statements:
            refused = problem(await client.get("/analytics/kpis", params={"group_by": "activity"}))
    assert (refused["code"], refused["groups"]) == ("too-many-groups", 2_001)
    assert len(statements) == 3, "after the tenant, the setting and the operations there is nothing more to read"


@pytest.mark.parametrize(
    ("made", "group_by"),
    [
        (lambda tenant, n: operation(tenant, f"c{n}", f"a{n}"), "activity"),
        (lambda tenant, n: observation(tenant, f"c{n}", T0 + n * DAY), "day"),
        (lambda tenant, n: answer(tenant, 5, team=f"t{n}"), "team"),
    ],
    ids=["operations", "cases", "answers"],
)
async def test_no_more_groups_are_read_than_tell_that_they_are_too_many(
    analytics: Harness,
    tenant: str,
    monkeypatch: pytest.MonkeyPatch,
    made: Callable[[str, int], Event],
    group_by: GroupBy,
) -> None:
    await feed(analytics, [made(tenant, n) for n in range(9)])
    for limit, expected in ((9, 9), (8, 9), (3, 4)):
        for module in ("queries", "cases"):
            monkeypatch.setattr(f"services.analytics.indicators.{module}.MAX_GROUPS", limit)
        async with analytics.runtime.database.session(tenant) as session:
            read = await read_figures(session, Selection(group_by=(group_by,)))
        assert len(read.groups) == expected, limit


async def test_a_group_that_is_read_is_whole(analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each of its currencies, and the last of as many groups as there may be."""
    monkeypatch.setattr("services.analytics.indicators.queries.MAX_GROUPS", 3)
    await feed(
        analytics,
        [
            operation(tenant, f"c{n}", f"a{n % 3}", cost={"amount": "2", "currency": currency})
            for n in range(6)
            for currency in ("EUR", "USD")
        ],
    )
    document = await ask(analytics, tenant, group_by="activity")
    assert [group["group"] for group in document["groups"]] == [{"activity": f"a{n}"} for n in range(3)]
    for group in document["groups"]:
        cost = by_id(group["kpis"])["cost_per_operation"]
        assert [(each["currency"], each["total"], each["measured"]) for each in cost["currencies"]] == [
            ("EUR", 4, 2),
            ("USD", 4, 2),
        ]


async def test_events_without_work_leave_no_trace(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [event(tenant, {"name": "x"})])
    assert (await kpis(analytics, tenant))["error_rate"]["n"] == 0

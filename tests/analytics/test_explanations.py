"""GET /analytics/kpis/{id}/explanation: what it lists gives what it shows."""

import json
from base64 import urlsafe_b64decode
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.analytics.cursors import encode_place
from shared.events import MAX_CASE, MAX_PROCESS, Event
from tests.analytics.explaining import LISTED, digest_of, evaluate, explain, explain_all, listed, recompute, respond
from tests.analytics.feeding import MINUTE, T0, answer, feed, kpis, observation, operation
from tests.analytics.test_costs import MODEL, put
from tests.analytics.test_kpis import counted_statements, feed_example
from tests.fixtures.services import Harness, problem

DAY = timedelta(days=1)
CUT = {"begin": (T0 - 10 * MINUTE).isoformat(), "end": (T0 + 20 * MINUTE).isoformat()}

works = st.fixed_dictionaries(
    {
        "case": st.sampled_from(["c1", "c2", 'c "3"\n\u00fc\u001f']),
        "activity": st.sampled_from(["submit-claim", "check", "pay"]),
        "process": st.sampled_from(["p", "q"]),
        "kind": st.sampled_from(["person", "automation"]),
        "team": st.sampled_from([None, "ap", "hr"]),
        "finished_at": st.sampled_from([T0, T0 - timedelta(microseconds=1), T0 + 25 * MINUTE, T0 + DAY]),
        "minutes": st.sampled_from([None, 0, 7.123, 0.1, 120]),
        "estimated": st.booleans(),
        "outcome": st.sampled_from(["done", "error", "rework", "cancelled"]),
        "cost": st.sampled_from([None, None, ("1.10", "EUR"), ("-0.000000000001", "EUR"), ("3", "USD")]),
        "corrects": st.none() | st.integers(0, 9),
    }
)


def event_of(tenant: str, ids: list[UUID], place: int, work: dict[str, Any]) -> Event:
    more = {name: work[name] for name in ("process", "outcome", "estimated", "minutes", "finished_at", "kind", "team")}
    if work["cost"]:
        more["cost"] = dict(zip(("amount", "currency"), work["cost"], strict=True))
    if work["corrects"] not in {None, place}:
        more["corrects"] = ids[work["corrects"]]
    return operation(tenant, work["case"], work["activity"], event_id=ids[place], **more)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    given_works=st.lists(works, min_size=1, max_size=10),
    filters=st.sampled_from([{}, CUT, {"activity": "check"}, {"process": "p", "team": "ap"}, {"actor_kind": "person"}]),
    currency=st.sampled_from([{}, {"currency": "EUR"}, {"currency": "USD"}]),
    limit=st.integers(3, 6),
)
async def test_the_list_gives_the_value_the_inputs_and_the_digest(
    analytics: Harness,
    given_works: list[dict[str, Any]],
    filters: dict[str, str],
    currency: dict[str, str],
    limit: int,
) -> None:
    tenant, ids = f"t-{uuid4().hex}", [uuid4() for _ in range(10)]
    await put(analytics, tenant, MODEL)
    await feed(analytics, [event_of(tenant, ids, place, work) for place, work in enumerate(given_works)])
    await feed(analytics, [observation(tenant, "c1", T0 + 3 * MINUTE), observation(tenant, "c9", T0)])
    shown = await kpis(analytics, tenant, **filters, **currency)
    for kpi in LISTED:
        document, items = await explain_all(analytics, tenant, kpi, limit, **filters, **currency)
        told = (document["value"], document["unit"], document["n"], document["definition"], document["band"]["band"])
        assert told == tuple(shown[kpi][name] for name in ("value", "unit", "n", "definition", "band"))
        assert (len(items), recompute(document, items)) == (document["n"], document["value"]), kpi
        formula, inputs = document["formula"], document["inputs"]
        assert inputs[formula["denominator"]] == str(len(items))
        if items:
            assert float(evaluate(formula["numerator"], inputs) / len(items)) == document["value"]
        assert document["digest"] == {"algorithm": "sha-256", "value": digest_of(items), "n": len(items)}
        await check_left_out(document, shown)


async def check_left_out(document: dict[str, Any], shown: dict[str, dict[str, Any]]) -> None:
    """What is listed and what is left out are together what was selected."""
    skipped = sum(each["n"] or 0 for each in document["left_out"])
    over = "case_throughput_time" if document["cases"] else "error_rate"
    assert document["n"] + skipped == shown[over]["n"], document["id"]


async def test_the_example_is_explained_item_by_item(analytics: Harness, tenant: str) -> None:
    await feed_example(analytics, tenant)
    shown = await kpis(analytics, tenant)
    for kpi in LISTED:
        document, items = await explain_all(analytics, tenant, kpi, 2)
        assert recompute(document, items) == document["value"] == shown[kpi]["value"]
    given = {item["case"]: item["contributes"]["first_pass_cases"] for item in items}
    assert given == {"clean": "1", "auto": "1", "twice": "0", "wrong": "0"}


async def test_every_digit_of_a_cost_can_be_followed(analytics: Harness, tenant: str) -> None:
    await put(analytics, tenant, MODEL)
    events = [
        operation(tenant, "1", "check", team="ap", minutes=20),
        operation(tenant, "2", "check", team="ap", minutes=20, finished_at=T0 + DAY),
        operation(tenant, "3", "other", team="hr", minutes=30, finished_at=T0 + 2 * DAY),
        operation(tenant, "4", "check", kind="automation", finished_at=T0 + 3 * DAY),
        operation(tenant, "5", "check", team="ap", minutes=None, finished_at=T0 + 4 * DAY),
        operation(tenant, "6", "check", cost={"amount": "7.00", "currency": "EUR"}, finished_at=T0 + 5 * DAY),
        operation(tenant, "7", "other", team="ap", minutes=None),
        operation(tenant, "8", "other", cost={"amount": "9", "currency": "USD"}),
    ]
    await feed(analytics, events)
    document = await explain(analytics, tenant, "cost_per_operation", currency="EUR")
    items = {item["case"]: item for item in document["operations"]["items"]}
    assert list(items) == ["1", "2", "3", "4", "5", "6"], "in the order of their moment"
    assert items["1"]["id"] == str(events[0].id)
    minutes = 60_000_000
    own = {"team": "ap", "valid_from": "2026-01-01", "amount": "30"}
    later = {"team": "ap", "valid_from": "2026-03-03", "amount": "36.50"}
    fixed = {"valid_from": "2026-01-01", "amount": "0.10"}
    assert {case: item["cost"] for case, item in items.items()} == {
        "1": cost("10.100000000000", 20 * minutes, own, fixed),
        "2": cost("12.266666666667", 20 * minutes, later, fixed),
        "3": cost("6.000000000000", 30 * minutes, {"team": None, "valid_from": "2026-03-01", "amount": "12"}, None),
        "4": cost("0.020000000000", 10 * minutes, None, fixed | {"amount": "0.02"}),
        "5": cost("0.100000000000", None, None, fixed),
        "6": cost("7.000000000000", 10 * minutes, None, None) | {"source": "measured"},
    }
    assert items["2"]["contributes"] == {
        "measured_cost": "0",
        "fixed_cost": "0.1",
        "hourly_cost_us": "43800000000",
    }
    assert document["inputs"] == {
        "measured_cost": "7",
        "fixed_cost": "0.32",
        "hourly_cost_us": str(36_000_000_000 + 43_800_000_000 + 21_600_000_000),
        "cost_n": "6",
    }
    assert [(each["reason"], each["n"], each["currency"]) for each in document["left_out"]][:2] == [
        ("no-cost", 1, None),
        ("other-currency", 1, "USD"),
    ]


def cost(amount: str, touch_us: int | None, rate: Any, fixed: Any) -> dict[str, Any]:
    told = {"source": "modelled", "currency": "EUR", "amount": amount, "touch_us": touch_us}
    return told | {"hourly_rate": rate, "fixed_cost": fixed}


async def test_costs_in_several_currencies_have_no_value_and_no_list(analytics: Harness, tenant: str) -> None:
    await feed(
        analytics,
        [operation(tenant, f"{n}", cost={"amount": "2", "currency": code}) for n, code in enumerate(["EUR", "USD"])],
    )
    document = await explain(analytics, tenant, "cost_per_operation")
    assert (document["value"], document["unit"], document["n"]) == (None, None, 0)
    assert document["operations"] == {"items": [], "next_cursor": None}
    assert document["digest"]["value"] == digest_of([])
    told = [(each["reason"], each["n"], each["currency"]) for each in document["left_out"]]
    assert told[:2] == [("several-currencies", 1, "EUR"), ("several-currencies", 1, "USD")]


async def test_what_was_not_counted_is_told_with_its_reason(analytics: Harness, tenant: str) -> None:
    await feed_example(analytics, tenant)
    await feed(analytics, [operation(tenant, "guess", estimated=True), observation(tenant, "seen", T0)])
    await feed(analytics, [operation(tenant, "mine", "submit-claim")])
    reasons = {
        kpi: {each["reason"]: each["n"] for each in (await explain(analytics, tenant, kpi))["left_out"]}
        for kpi in LISTED
    }
    always = {"late": 0, "duplicate": None, "dead-letter": None}
    assert reasons["processing_time"] == {"estimated-start": 1, "no-start": 2} | always
    assert reasons["error_rate"] == reasons["automation_level"] == reasons["case_throughput_time"] == always
    assert reasons["case_rework_rate"] == reasons["first_pass_yield"] == {"no-operation": 1} | always
    assert reasons["no_touch_rate"] == {"no-operation": 1, "only-submission": 1} | always


async def test_a_case_names_its_events(
    analytics: Harness, tenant: str, other_tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [operation(tenant, "c", f"a{n}", finished_at=T0 + n * MINUTE) for n in (2, 1, 3)]
    events.append(observation(tenant, "c", T0))
    await feed(analytics, [*events, operation(other_tenant, "c"), operation(tenant, "c", process="other")])
    document = await explain(analytics, tenant, "case_throughput_time", process="p")
    (case,) = document["cases"]["items"]
    in_order = [str(events[place].id) for place in (3, 1, 0, 2)]
    assert (case["event_ids"], case["more_events"]) == (in_order, False)
    assert (case["first_at"], case["last_at"]) == ("2026-03-02T08:51:00Z", "2026-03-02T09:03:00Z")
    assert case["contributes"] == {"duration_us": str(12 * 60_000_000)}
    monkeypatch.setattr("services.analytics.explanations.items.MAX_EVENT_IDS", 3)
    (case,) = (await explain(analytics, tenant, "first_pass_yield", process="p"))["cases"]["items"]
    assert (case["event_ids"], case["more_events"]) == (in_order[:3], True)


async def test_the_band_comes_with_its_rule(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [operation(tenant, f"c{n}", minutes=10) for n in range(4)])
    band = (await explain(analytics, tenant, "processing_time"))["band"]
    assert (band["band"], band["why"], band["limit"]) == ("insufficient-data", "too-few", None)
    await feed(analytics, [operation(tenant, "c4", minutes=10, cost={"amount": "99", "currency": "EUR"})])
    band = (await explain(analytics, tenant, "processing_time"))["band"]
    assert (band["band"], band["why"], band["limit"]) == ("good", "within-limit", 900)
    assert (band["scale"]["origin"], band["scale"]["better"], band["scale"]["excellent"]) == ("default", "lower", 300)
    own = {"unit": "s", "excellent": 1, "good": 2, "acceptable": 3, "minimum_n": 2, "source": "ours"}
    async with analytics.client(tenant, "admin") as client:
        address = "/analytics/bands/processing_time?process=p"
        assert (await client.put(address, json=own, headers={"If-Match": '"0"'})).status_code == 200
    band = (await explain(analytics, tenant, "processing_time", process="p"))["band"]
    assert (band["band"], band["why"], band["limit"]) == ("poor", "beyond-limits", None)
    assert (band["scale"]["origin"], band["scale"]["source"], band["scale"]["process"]) == ("tenant", "ours", "p")
    band = (await explain(analytics, tenant, "processing_time", process="nothing"))["band"]
    assert (band["band"], band["why"]) == ("insufficient-data", "no-value")
    await feed(
        analytics,
        [
            operation(tenant, "c", process=process, cost={"amount": "1", "currency": code})
            for process, code in (("payroll", "EUR"), ("q", "USD"))
        ],
    )
    for reason, process in (("no-scale", "payroll"), ("other-unit", "q")):
        band = (await explain(analytics, tenant, "cost_per_operation", process=process))["band"]
        assert (band["band"], band["why"]) == ("insufficient-data", reason)


async def test_answers_stay_private(analytics: Harness, tenant: str) -> None:
    await feed(analytics, [answer(tenant, score) for score in (5, 4, 3, 1)])
    hidden = await explain(analytics, tenant, "internal_satisfaction")
    assert (hidden["value"], hidden["inputs"]) == (None, {"satisfied": None, "answers": "4"})
    assert [(each["reason"], each["n"]) for each in hidden["left_out"]][:1] == [("too-few-answers", 4)]
    await feed(analytics, [answer(tenant, 5)])
    shown = await explain(analytics, tenant, "internal_satisfaction")
    assert (shown["value"], shown["inputs"]) == (3 / 5, {"satisfied": "3", "answers": "5"})
    assert [each["reason"] for each in shown["left_out"]] == ["late", "duplicate", "dead-letter"]
    assert "private" in shown["private"]
    assert (shown["operations"], shown["cases"], shown["digest"]) == (None, None, None)


async def test_texts_come_in_the_callers_language(analytics: Harness, tenant: str) -> None:
    period = {"compare_to_to": "2026-03-01"}
    spanish = (await respond(analytics, tenant, "internal_satisfaction", period, **{"Accept-Language": "es"})).json()
    english = await explain(analytics, tenant, "internal_satisfaction", **period)

    def texts(document: dict[str, Any]) -> list[str]:
        definitions = [document["definition"]["text"], document["comparison"]["definition"]["text"]]
        left = [each["text"] for each in document["left_out"]]
        return [document["formula"]["text"], document["private"], *definitions, *left]

    assert all(one != other for one, other in zip(texts(english), texts(spanish), strict=True))
    assert "Respuestas de 4 o 5" in spanish["formula"]["text"]


@pytest.mark.parametrize(
    ("kpi", "query", "code"),
    [
        ("speed", "", "invalid-input"),
        ("error_rate", "proces=p", "invalid-input"),
        ("error_rate", "group_by=day", "invalid-input"),
        ("error_rate", "currency=euro", "invalid-input"),
        ("error_rate", "limit=201", "invalid-input"),
        ("error_rate", "limit=1.0", "invalid-input"),
        ("error_rate", "from=2026-02-30", "invalid-input"),
        ("error_rate", "by=hour&compare_to_to=2026-02-01", "invalid-input"),
        ("error_rate", "by=team", "invalid-input"),
        ("error_rate", "from=2026-02-02&to=2026-02-01", "bad-period"),
        ("error_rate", "compare_to_from=2026-02-02&compare_to_to=2026-02-01", "bad-period"),
        ("internal_satisfaction", "compare_to_to=2026-02-01&by=activity", "no-such-parts"),
        ("internal_satisfaction", "compare_to_to=2026-02-01&by=actor_kind", "no-such-parts"),
        ("error_rate", "cursor=AAAA", "invalid-cursor"),
        ("error_rate", "cursor=e30", "invalid-cursor"),
        ("error_rate", "cursor=%C3%A9", "invalid-cursor"),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    analytics: Harness, tenant: str, kpi: str, query: str, code: str
) -> None:
    async with analytics.client(tenant, "viewer") as client:
        refused = await client.get(f"/analytics/kpis/{kpi}/explanation?{query}")
    assert (refused.status_code, problem(refused)["code"]) == (422, code)


async def test_a_cursor_belongs_to_its_list(analytics: Harness, tenant: str) -> None:
    await feed_example(analytics, tenant)
    cursors = {
        kpi: listed(await explain(analytics, tenant, kpi, limit=1))["next_cursor"]
        for kpi in ("error_rate", "first_pass_yield")
    }
    for kpi, filters, from_list in [
        ("error_rate", {"process": "p"}, "error_rate"),
        ("error_rate", {"end": "2026-04-01"}, "error_rate"),
        ("automation_level", {}, "error_rate"),
        ("error_rate", {}, "first_pass_yield"),
        ("case_rework_rate", {}, "first_pass_yield"),
    ]:
        refused = await respond(analytics, tenant, kpi, filters | {"cursor": cursors[from_list]})
        assert problem(refused)["code"] == "invalid-cursor", (kpi, filters)


@pytest.mark.parametrize(
    ("kpi", "key"),
    [
        *(("first_pass_yield", key) for key in (["p", "c\0"], ["p"], ["p", 5], ["p", ["c"]], [])),
        *(("error_rate", key) for key in (["zz"], [5], ["p", "c"])),
    ],
)
async def test_a_made_up_cursor_never_reaches_the_database(
    analytics: Harness, tenant: str, kpi: str, key: list[Any]
) -> None:
    await feed_example(analytics, tenant)
    cursor = listed(await explain(analytics, tenant, kpi, limit=1))["next_cursor"]
    mark, moment, *_ = json.loads(urlsafe_b64decode(cursor + "=="))
    made_up = await respond(analytics, tenant, kpi, {"cursor": encode_place(mark, moment, *key)})
    assert problem(made_up)["code"] == "invalid-cursor"


async def test_the_longest_names_fit_into_a_cursor(analytics: Harness, tenant: str) -> None:
    process, case = "\U0001f9fe" * MAX_PROCESS, "\x01" * (MAX_CASE - 1)  # as long as names become in JSON
    cases = [operation(tenant, case + end, process=process) for end in "ab"]
    await feed(analytics, cases)
    document, items = await explain_all(analytics, tenant, "case_throughput_time", 1)
    assert (len(items), document["digest"]["value"]) == (2, digest_of(items))


async def test_tenants_do_not_mix(analytics: Harness, tenant: str, other_tenant: str) -> None:
    await feed_example(analytics, tenant)
    for kpi in LISTED:
        document = await explain(analytics, other_tenant, kpi)
        assert (listed(document)["items"], document["n"], document["digest"]["n"]) == ([], 0, 0)
    async with analytics.anonymous() as client:
        assert problem(await client.get("/analytics/kpis/error_rate/explanation"))["code"] == "invalid-token"


@pytest.mark.parametrize(
    ("kpi", "plain", "comparing"),
    [("cost_per_operation", 6, 7), ("error_rate", 6, 7), ("no_touch_rate", 6, 9), ("internal_satisfaction", 4, 5)],
)
async def test_the_number_of_statements_does_not_grow(
    analytics: Harness, tenant: str, kpi: str, plain: int, comparing: int
) -> None:
    """The tenant, figures, items, digest, scales, what was withdrawn; a second period: its figures, and of cases the shares of both."""
    await put(analytics, tenant, MODEL)
    for _ in range(2):
        await feed_example(analytics, tenant)
        await feed(analytics, [answer(tenant, 5, at=T0 + n % 2 * DAY) for n in range(12)])
        for parameters, expected in [
            ({}, plain),
            ({"details": "false"}, plain - (kpi != "internal_satisfaction")),
            ({"begin": "2026-03-03", "compare_to_to": "2026-03-03"}, comparing),
        ]:
            with counted_statements(analytics) as statements:
                await explain(analytics, tenant, kpi, **parameters)
            assert len(statements) == expected, statements

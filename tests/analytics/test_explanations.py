"""GET /analytics/kpis/{id}/explanation: what it lists gives what it shows."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.events import Event
from tests.analytics.explaining import LISTED, digest_of, evaluate, explain_all, recompute
from tests.analytics.feeding import MINUTE, T0, feed, kpis, observation, operation
from tests.analytics.test_costs import MODEL, put
from tests.fixtures.services import Harness

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


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
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

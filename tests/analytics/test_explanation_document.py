"""What docs/kpi.md says of explanations and comparisons, carried out."""

from datetime import UTC, datetime
from typing import Any

from services.analytics.explanations.definition import COMPARISON, FORMULAS
from tests.analytics.explaining import explain, recompute
from tests.analytics.feeding import event, feed, operation
from tests.analytics.test_kpi_document import TEXT, block
from tests.fixtures.services import Harness


def test_the_document_holds_the_method_word_by_word() -> None:
    assert f"`{COMPARISON.id}`, version {COMPARISON.version}" in TEXT
    assert COMPARISON.en in TEXT
    assert block("explanation")["formula"]["numerator"] == FORMULAS["cost_per_operation"].numerator


async def test_the_worked_example_is_explained(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "admin") as client:
        stored = await client.put("/analytics/cost-model", json=block("cost-model"), headers={"If-Match": '"0"'})
        reported = await client.post("/analytics/operations", json={"operations": block("operations")})
    assert (stored.status_code, reported.status_code) == (200, 202)
    await feed(analytics, [event(tenant, waiting.payload) for waiting in await analytics.events(tenant)])
    got, expected = await explain(analytics, tenant, **block("explanation-question")), block("explanation")
    items = got["operations"]["items"]
    assert recompute(got, items) == got["value"] == expected["value"]
    assert {name: got["formula"][name] for name in expected["formula"]} == expected["formula"]
    assert {name: got["band"][name] for name in expected["band"]} == expected["band"]
    assert got["inputs"] == expected["inputs"]
    assert {each["reason"]: each["n"] for each in got["left_out"]} == expected["left_out"]
    assert [[item["case"], item["activity"], item["contributes"]] for item in items] == expected["operations"]


async def test_the_compared_months_give_the_parts(analytics: Harness, tenant: str) -> None:
    question: dict[str, Any] = block("comparison-question")
    months: dict[str, dict[str, list[int]]] = block("compared-minutes")
    await feed(
        analytics,
        [
            operation(
                tenant,
                f"{month}-{activity}-{place}",
                activity,
                minutes=minutes,
                finished_at=datetime.fromisoformat(f"{month}-10T12:00").replace(tzinfo=UTC),
                process=question["process"],
            )
            for month, by_activity in months.items()
            for activity, all_minutes in by_activity.items()
            for place, minutes in enumerate(all_minutes)
        ],
    )
    got, expected = (await explain(analytics, tenant, **question))["comparison"], block("comparison")
    assert got["difference"] == expected["difference"]
    assert [{name: part[name] for name in ("group", "mix", "rate", "total")} for part in got["parts"]] == expected[
        "parts"
    ]

"""What docs/kpi.md says of forecasts and of the what-if calculator, carried out."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from services.analytics.forecasts.definition import FORECAST
from services.analytics.what_if.definition import FIGURES, WHAT_IF
from services.analytics.what_if.inputs import UNITS
from tests.analytics.feeding import event, feed
from tests.analytics.test_kpi_document import TEXT, block
from tests.fixtures.services import Harness


@pytest.mark.parametrize("method", [FORECAST, WHAT_IF])
def test_the_document_holds_the_methods_word_by_word(method: Any) -> None:
    assert f"`{method.id}`, version {method.version}" in TEXT
    assert method.en in TEXT


def test_the_document_holds_the_formulas_and_every_input() -> None:
    assert block("formulas") == FIGURES
    for name in UNITS:
        assert f"`{name}`" in TEXT


def operations() -> list[dict[str, Any]]:
    """Return the operations of the forecast's example, each from 9:00 on its day."""
    told = block("arrivals")
    first = datetime.combine(date.fromisoformat(told["first"]), time(9))
    counts = [count for week in told["per_day"] for count in week]
    return [
        {
            "process": "forecast-example",
            "activity": "check",
            "case": f"{day}-{each}",
            "actor": {"kind": "person"},
            "started_at": f"{(first + timedelta(days=day)).isoformat()}Z",
            "finished_at": f"{(first + timedelta(days=day, minutes=told['minutes'])).isoformat()}Z",
        }
        for day, count in enumerate(counts)
        for each in range(count)
    ]


async def test_the_example_of_the_forecast_gives_its_figures(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant) as client:
        reported = await client.post("/analytics/operations", json={"operations": operations()})
    assert reported.status_code == 202, reported.text
    await feed(analytics, [event(tenant, waiting.payload) for waiting in await analytics.events(tenant)])
    async with analytics.client(tenant, "viewer") as client:
        answered = await client.get("/analytics/forecasts", params=block("forecast-question"))
    assert answered.status_code == 200, answered.text
    got, expected = answered.json(), block("forecast")
    assert {name: got["history"][name] for name in expected["history"]} == expected["history"]
    days = [
        {
            **{name: day[name] for name in ("day", "basis", "n")},
            "arrivals": day["arrivals"]["expected"],
            "workload": day["workload"]["expected"],
            "hours": day["staffing"]["hours"],
            "heads": day["staffing"]["heads"],
        }
        for day in got["days"]
    ]
    assert days == expected["days"]


async def test_the_example_of_the_calculator_gives_its_figures(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "viewer") as client:
        answered = await client.get("/analytics/what-if", params=block("what-if-question"))
    assert answered.status_code == 200, answered.text
    got = answered.json()
    assert {
        "monthly_cost": {option: figure["amount"] for option, figure in got["monthly_cost"].items()},
        "monthly_saving": got["monthly_saving"]["amount"],
        "break_even_month": got["break_even"]["month"],
        "totals": {option: got["comparison"][option]["amount"] for option in ("now", "planned", "outsourced")},
        "verdict": got["comparison"]["verdict"],
        "reasons": [reason["code"] for reason in got["comparison"]["reasons"]],
        "indicators": {
            each["id"]: [each["now"]["value"], each["now"]["band"], each["planned"]["value"], each["planned"]["band"]]
            for each in got["indicators"]
        },
    } == block("what-if")

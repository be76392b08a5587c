"""GET /analytics/what-if, over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil
from typing import Any

import httpx
import pytest

from shared import clock
from shared.money import round_money
from tests.analytics.feeding import T0, answer, feed, operation
from tests.analytics.test_kpis import counted_statements
from tests.fixtures.services import Harness, problem

# The example of test_what_if_rules.py.
BY_HAND = {
    "volume": "1000",
    "minutes": "12",
    "error_share": "0.1",
    "error_share_planned": "0.02",
    "correction_factor": "0.5",
    "hourly_cost": "25",
    "automation_share": "0.2",
    "automation_share_planned": "0.7",
    "automated_cost": "0.50",
    "investment": "20000",
    "running_cost": "300",
    "satisfaction": "0.75",
    "satisfaction_planned": "0.85",
    "outsourcing_price": "2.40",
    "outsourcing_error_share": "0.04",
}
NEEDED = {"volume": "100", "minutes": "6", "error_share": "0", "hourly_cost": "30"}
PERIOD = {"begin": "2026-03-01", "end": "2026-03-31T10:30:00Z"}  # 30.4375 days: one month


@pytest.fixture(autouse=True)
def after_the_period() -> Iterator[None]:
    with clock.frozen(datetime(2026, 6, 1, 12, tzinfo=UTC)):
        yield


async def ask(
    analytics: Harness, tenant: str, query: str | None = None, language: str = "en", **parameters: Any
) -> httpx.Response:
    names = {"begin": "from", "end": "to"}
    async with analytics.client(tenant, "viewer", **{"Accept-Language": language}) as client:
        if query is not None:
            return await client.get(f"/analytics/what-if?{query}")
        return await client.get(
            "/analytics/what-if", params={names.get(name, name): value for name, value in parameters.items()}
        )


async def what_if(analytics: Harness, tenant: str, query: str | None = None, **parameters: Any) -> dict[str, Any]:
    answered = await ask(analytics, tenant, query, **parameters)
    assert answered.status_code == 200, answered.text
    document: dict[str, Any] = answered.json()
    return document


def inputs_of(document: dict[str, Any]) -> dict[str, tuple[str | None, str]]:
    return {each["name"]: (each["value"], each["source"]) for each in document["inputs"]}


def check_by_hand(document: dict[str, Any]) -> None:
    """Evaluate every formula of an answer with the inputs it shows, and compare with the figure beside it."""
    names: dict[str, Any] = {
        name: Fraction(value) for name, (value, _) in inputs_of(document).items() if value is not None
    }
    names["ceil"] = ceil

    def evaluate(formula: str) -> Any:
        return eval(formula, {"__builtins__": {}}, names)

    for name, part in (("cost", document["monthly_cost"]), ("total", document["comparison"])):
        for option in ("now", "planned", "outsourced"):
            if part[option] is not None:
                exact = evaluate(part[option]["formula"])
                with localcontext(prec=80):
                    amount = Decimal(exact.numerator) / Decimal(exact.denominator)
                assert part[option]["amount"] == f"{round_money(amount, document['currency']):f}"
                names[f"{name}_{option}"] = Fraction(part[option]["amount"])
    names["monthly_saving"] = evaluate(document["monthly_saving"]["formula"])
    assert Fraction(document["monthly_saving"]["amount"]) == names["monthly_saving"]
    if document["break_even"]["month"] is not None:
        assert evaluate(document["break_even"]["formula"]) == document["break_even"]["month"]
    for indicator in document["indicators"]:
        for state in (indicator["now"], indicator["planned"]):
            if state["value"] is not None:
                assert state["value"] == float(evaluate(state["formula"])), indicator["id"]


async def test_a_scenario_that_is_wholly_given(analytics: Harness, tenant: str) -> None:
    got = await what_if(analytics, tenant, **BY_HAND)
    check_by_hand(got)
    assert {option: got["monthly_cost"][option]["amount"] for option in got["monthly_cost"]} == {
        "now": "4350.00",
        "planned": "2200.00",
        "outsourced": "2500.00",
    }
    assert (got["monthly_saving"]["amount"], got["break_even"]["month"], got["period"]) == ("2150.00", 10, None)
    assert (got["currency"], got["currency_source"]) == ("EUR", "default")
    assert [(each["id"], each["unit"], each["now"]["band"], each["planned"]["band"]) for each in got["indicators"]] == [
        ("processing_time", "s", "good", "excellent"),
        ("error_rate", "ratio", "poor", "good"),
        ("cost_per_operation", "EUR", "good", "excellent"),
        ("automation_level", "ratio", "acceptable", "excellent"),
        ("internal_satisfaction", "ratio", "acceptable", "good"),
    ]
    for each in got["indicators"]:
        assert each["band_source"]
        assert each["now"]["advice"] != each["planned"]["advice"]
        assert each["definition"]["id"].startswith("trastienda.")
    assert (got["comparison"]["verdict"], got["comparison"]["cheapest"]) == ("buy", "outsourced")
    assert got["comparison"]["reasons"][0]["text"] == "Over 36 months outsourcing costs least: 90000.00 EUR."
    assert inputs_of(got)["correction_minutes"] == ("6", "given")


async def test_what_is_said_is_said_in_spanish_too(analytics: Harness, tenant: str) -> None:
    got = await what_if(analytics, tenant, language="es", **NEEDED)
    assert got["break_even"] == {
        "month": None,
        "reason": "no-saving",
        "text": "No hay nada que recuperar: no se invierte nada y un mes cuesta lo mismo que ahora.",
        "formula": "ceil(investment / monthly_saving)",
    }
    assert [reason["code"] for reason in got["comparison"]["reasons"]] == [
        "cheapest",
        "close",
        "change-does-not-pay",
        "no-outsourcing-price",
    ]
    same = "En 36 meses el trabajo según lo previsto cuesta lo mismo que ahora: 10800.00 EUR."
    assert got["comparison"]["reasons"][2]["text"] == same
    assert "Sin outsourcing_price" in got["comparison"]["reasons"][-1]["text"]
    assert (got["comparison"]["verdict"], got["comparison"]["outsourced"]) == (None, None)
    assert {each["note"] for each in got["inputs"] if each["name"] == "investment"} == {"0 si no se indica."}


@pytest.mark.parametrize(
    ("change", "month", "text"),
    [
        ({}, None, "There is nothing to pay back: no investment is made, and a month costs as much as now."),
        ({"automation_share_planned": "0.5"}, 0, "At once: there is no investment to pay back."),
        ({"investment": "1"}, None, "Never: the change saves nothing per month."),
        ({"running_cost": "1"}, None, "Never: the change saves nothing per month."),
        (
            {"automation_share_planned": "0.5", "investment": "150"},
            1,
            "By the end of month 1 the savings have paid the investment.",
        ),
    ],
)
async def test_the_text_tells_whether_there_is_something_to_pay_back(
    analytics: Harness, tenant: str, change: dict[str, str], month: int | None, text: str
) -> None:
    got = await what_if(analytics, tenant, **NEEDED, **change)
    assert (got["break_even"]["month"], got["break_even"]["text"]) == (month, text)


MODEL = {
    "currency": "EUR",
    "hourly_rates": [
        {"team": "ap", "valid_from": "2026-01-01", "amount": "30"},
        {"team": None, "valid_from": "2026-01-01", "amount": "20"},
    ],
    "fixed_costs": [
        {"process": "p", "activity": "match", "actor_kind": "automation", "valid_from": "2026-01-01", "amount": "0.06"}
    ],
}


async def work(analytics: Harness, tenant: str) -> None:
    """Set the cost model and let ten operations be done, five of them by automation."""
    async with analytics.client(tenant, "admin") as client:
        assert (await client.put("/analytics/cost-model", json=MODEL, headers={"If-Match": '"0"'})).status_code == 200
    minute = timedelta(minutes=1)
    await feed(
        analytics,
        [
            *(operation(tenant, f"a{n}", team="ap", minutes=9, finished_at=T0 + n * minute) for n in range(3)),
            operation(tenant, "b", team="hr", minutes=27, outcome="error"),
            operation(tenant, "c", team="hr", minutes=None),
            *(operation(tenant, f"m{n}", "match", kind="automation", minutes=0.5) for n in range(5)),
            operation(tenant, "elsewhere", process="other"),
            *(answer(tenant, score) for score in (5, 4, 4, 2, 1)),
        ],
    )


async def test_live_figures_fill_in_what_is_left_out(analytics: Harness, tenant: str) -> None:
    await work(analytics, tenant)
    got = await what_if(analytics, tenant, process="p", automation_share_planned="0.75", **PERIOD)
    check_by_hand(got)
    assert got["period"] == {"from": "2026-03-01T00:00:00Z", "to": "2026-03-31T10:30:00Z"}
    assert (got["currency"], got["currency_source"]) == ("EUR", "measured")
    measured = {name: value for name, (value, source) in inputs_of(got).items() if source == "measured"}
    assert measured == {
        "volume": "10.339703",  # 10 in 29.4375 days: from 2 March, the day of the first
        "minutes": "13.5",
        "automated_minutes": "0.5",
        "error_share": "0.1",
        "hourly_cost": "25",  # 27 minutes at 30 and 27 minutes at 20
        "automation_share": "0.5",
        "automated_cost": "0.06",
        "satisfaction": "0.6",
    }
    assert inputs_of(got)["correction_minutes"] == ("0", "default")
    assert got["monthly_cost"]["now"]["amount"] == "29.39"  # 10.339703 x (5.625 + 0.06) / 2


async def test_a_volume_is_counted_over_the_days_there_were(analytics: Harness, tenant: str) -> None:
    await work(analytics, tenant)
    with clock.frozen(datetime(2026, 3, 12, tzinfo=UTC)):
        ahead = await what_if(analytics, tenant, process="p", begin="2025-01-01", end="2027-01-01")
        usual = await what_if(analytics, tenant, process="p")
        refused = problem(await ask(analytics, tenant, process="p", begin="2026-04-01", end="2026-05-01"))
    assert ahead["period"] == {"from": "2025-01-01T00:00:00Z", "to": "2026-03-12T00:00:00Z"}
    assert inputs_of(ahead)["volume"] == inputs_of(usual)["volume"] == ("30.4375", "measured")  # 10 in ten days
    note = next(each["note"] for each in ahead["inputs"] if each["name"] == "volume")
    assert "2026-03-02T00:00:00Z/2026-03-12T00:00:00Z" in note
    assert refused["missing"] == ["volume", "minutes", "error_share"]
    later = await what_if(analytics, tenant, process="p", begin="2026-03-02T08:00:00Z", end="2026-03-05T08:00:00Z")
    assert inputs_of(later)["volume"] == ("101.458333", "measured")  # no part of the period is before the first


async def test_a_measured_credit_can_be_sent_back(analytics: Harness, tenant: str) -> None:
    credit = {"amount": "-12345678901.5", "currency": "EUR"}
    await feed(analytics, [operation(tenant, f"{n}", kind="automation", cost=credit) for n in range(5)])
    got = await what_if(analytics, tenant, process="p", minutes="5", hourly_cost="30", **PERIOD)
    assert inputs_of(got)["automated_cost"] == ("-12345678901.5", "measured")
    check_by_hand(got)
    again = await what_if(analytics, tenant, got["scenario"])
    for part in ("monthly_cost", "monthly_saving", "break_even", "comparison", "indicators", "scenario"):
        assert again[part] == got[part], part


async def test_cases_are_not_read_for_a_what_if(analytics: Harness, tenant: str) -> None:
    await work(analytics, tenant)
    with counted_statements(analytics) as statements:
        await what_if(analytics, tenant, process="p", **PERIOD)
    assert not any("case_state" in statement for statement in statements), statements


async def test_what_is_given_goes_before_what_is_measured(analytics: Harness, tenant: str) -> None:
    await work(analytics, tenant)
    given = {"minutes": "20", "currency": "USD", "hourly_cost": "9"}
    found = inputs_of(await what_if(analytics, tenant, process="p", **given, **PERIOD))
    assert (found["minutes"], found["hourly_cost"]) == (("20", "given"), ("9", "given"))
    assert found["automated_cost"] == ("0", "default")  # what is known of it is in another currency
    refused = problem(await ask(analytics, tenant, process="p", currency="USD", **PERIOD))
    assert refused["missing"] == ["hourly_cost"]


async def test_the_scenario_of_an_answer_gives_it_again_whatever_happens(analytics: Harness, tenant: str) -> None:
    await work(analytics, tenant)
    got = await what_if(analytics, tenant, process="p", automation_share_planned="0.75", **PERIOD)
    await feed(analytics, [operation(tenant, "later", minutes=50, outcome="error")])
    again = await what_if(analytics, tenant, got["scenario"])
    for part in ("monthly_cost", "monthly_saving", "break_even", "comparison", "indicators", "scenario", "currency"):
        assert again[part] == got[part], part
    assert {source for value, source in inputs_of(again).values() if value is not None} == {"given"}


async def test_what_is_neither_given_nor_measured_is_named(analytics: Harness, tenant: str) -> None:
    refused = problem(await ask(analytics, tenant, minutes="5"))
    assert (refused["status"], refused["code"]) == (422, "missing-inputs")
    assert refused["missing"] == ["volume", "error_share", "hourly_cost"]
    spanish = problem(await ask(analytics, tenant, language="es", minutes="5"))
    assert "volume, error_share, hourly_cost" in spanish["detail"]
    assert spanish["detail"] != refused["detail"]
    unmeasured = problem(await ask(analytics, tenant, process="nothing"))
    assert unmeasured["missing"] == ["volume", "minutes", "error_share", "hourly_cost"]


async def test_a_tenants_own_scale_and_currency_decide_the_band(analytics: Harness, tenant: str) -> None:
    dollars = await what_if(analytics, tenant, currency="USD", **NEEDED)
    cost = next(each for each in dollars["indicators"] if each["id"] == "cost_per_operation")
    assert (cost["unit"], cost["now"]["band"], cost["band_source"]) == ("USD", "insufficient-data", None)
    scale = {"unit": "USD", "excellent": 1, "good": 3, "acceptable": 4, "source": "Ours"}
    async with analytics.client(tenant, "admin") as client:
        await client.put("/analytics/bands/cost_per_operation", json=scale, headers={"If-Match": '"0"'})
    dollars = await what_if(analytics, tenant, currency="USD", **NEEDED)
    cost = next(each for each in dollars["indicators"] if each["id"] == "cost_per_operation")
    assert (cost["now"]["value"], cost["now"]["band"], cost["band_source"]) == (3, "good", "Ours")


async def test_live_figures_are_the_tenants_own(analytics: Harness, tenant: str, other_tenant: str) -> None:
    await feed(analytics, [operation(tenant, "a", team="ap")])
    mine = await what_if(analytics, tenant, process="p", hourly_cost="30", **PERIOD)
    assert inputs_of(mine)["volume"] == ("1.03397", "measured")
    theirs = problem(await ask(analytics, other_tenant, process="p", hourly_cost="30", **PERIOD))
    assert theirs["missing"] == ["volume", "minutes", "error_share"]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"volume": "0"}, "invalid-input"),
        ({"volume": "-1"}, "invalid-input"),
        ({"volume": "1e3"}, "invalid-input"),
        ({"minutes": "NaN"}, "invalid-input"),
        ({"minutes": "1,5"}, "invalid-input"),
        ({"error_share": "1.01"}, "invalid-input"),
        ({"error_share": "10 %"}, "invalid-input"),
        ({"satisfaction": "-0.1"}, "invalid-input"),
        ({"currency": "euro"}, "invalid-input"),
        ({"horizon_months": "0"}, "invalid-input"),
        ({"horizon_months": "121"}, "invalid-input"),
        ({"correction_minutes": "3", "correction_factor": "1"}, "invalid-input"),
        ({"live": "perhaps"}, "invalid-input"),
        ({"team": "ap"}, "invalid-input"),
        ({"begin": "2026-03-02", "end": "2026-03-01"}, "bad-period"),
        ({"begin": "2026-03-02T10:00"}, "invalid-input"),
    ],
)
async def test_a_bad_scenario_is_refused(analytics: Harness, tenant: str, bad: dict[str, str], code: str) -> None:
    assert problem(await ask(analytics, tenant, **{**NEEDED, **bad}))["code"] == code


async def test_the_largest_numbers_are_computed(analytics: Harness, tenant: str) -> None:
    most = {"volume": "999999999.999999", "minutes": "999999999.999999", "hourly_cost": "999999999.999999"}
    got = await what_if(
        analytics, tenant, error_share="1", correction_factor="999.999999", outsourcing_price="0", **most
    )
    check_by_hand(got)
    again = await what_if(analytics, tenant, got["scenario"])
    assert again["monthly_cost"] == got["monthly_cost"]

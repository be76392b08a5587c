"""Ask for explanations, page through what they list, and compute again what they say."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import groupby
from typing import Any

import httpx

from tests.fixtures.services import Harness

NAMES = {"begin": "from", "end": "to"}
OF_CASES = ("case_throughput_time", "case_rework_rate", "no_touch_rate", "first_pass_yield")
LISTED = ("processing_time", "error_rate", "cost_per_operation", "automation_level", *OF_CASES)


async def respond(
    analytics: Harness, tenant: str, kpi: str, parameters: Mapping[str, Any], **headers: str
) -> httpx.Response:
    async with analytics.client(tenant, "viewer", **headers) as client:
        asked = {NAMES.get(name, name): value for name, value in parameters.items()}
        return await client.get(f"/analytics/kpis/{kpi}/explanation", params=asked)


async def explain(analytics: Harness, tenant: str, kpi: str, **parameters: Any) -> dict[str, Any]:
    answered = await respond(analytics, tenant, kpi, parameters)
    assert answered.status_code == 200, answered.text
    document: dict[str, Any] = answered.json()
    return document


def listed(document: Mapping[str, Any]) -> Any:
    return document["cases"] if document["id"] in OF_CASES else document["operations"]


async def explain_all(
    analytics: Harness, tenant: str, kpi: str, limit: int, **parameters: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the first page's document, and the items of all pages."""
    first = await explain(analytics, tenant, kpi, limit=limit, **parameters)
    page, items = listed(first), list(listed(first)["items"])
    while page["next_cursor"]:
        more = await explain(
            analytics, tenant, kpi, limit=limit, cursor=page["next_cursor"], details="false", **parameters
        )
        page = listed(more)
        items += page["items"]
    return first, items


def evaluate(expression: str, inputs: Mapping[str, str]) -> Fraction:
    """Evaluate sums and quotients of inputs exactly."""
    total = Fraction()
    for term in expression.split(" + "):
        name, _, divisor = term.partition(" / ")
        total += Fraction(inputs[name]) / Fraction(divisor or 1)
    return total


def recompute(document: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the value by the formula that is answered, from nothing but the items."""
    formula = document["formula"]
    names = {name for item in items for name in item["contributes"]}
    sums = {name: str(sum(Fraction(item["contributes"][name]) for item in items)) for name in names}
    return float(evaluate(formula["numerator"], sums) / len(items)) if items else None


def digest_of(items: Sequence[Mapping[str, Any]]) -> str:
    """Compute the digest as docs/kpi.md says."""

    def hour(item: Mapping[str, Any]) -> datetime:
        at = datetime.fromisoformat(item.get("finished_at") or item["last_at"])
        return at.replace(minute=0, second=0, microsecond=0)

    def line(item: Mapping[str, Any]) -> str:
        key = [item["id"]] if "id" in item else [item["process"], item["case"]]
        return json.dumps([*key, *item["contributes"].values()], ensure_ascii=False)

    hours = [hashlib.sha256("\n".join(map(line, of)).encode()).hexdigest() for _, of in groupby(items, hour)]
    return hashlib.sha256("\n".join(hours).encode()).hexdigest()

"""What became of one bad operation or answer between two good operations, as the indicators tell it."""

from decimal import Decimal
from typing import Any

import pytest

from tests.analytics.feeding import kpis
from tests.fixtures.services import Harness

Figures = dict[str, dict[str, Any]]
GOOD = 2  # operations, of ten minutes and 2 EUR each
ANSWERS = 5


async def figures_of(analytics: Harness, tenant: str, **parameters: str) -> Figures:
    return await kpis(analytics, tenant, **parameters)


def outcome_of(figures: Figures, refusal: str | None, cost: Decimal | None = None) -> str:
    """Return it in the document's words. `refusal` is what the door said; `cost` what the operation has cost.

    Fails for a figure that the bad one spoilt: the good ones are counted with their time and cost, and what is not known
    is left out of a mean, never taken for 0.
    """
    operations, answers = figures["error_rate"]["n"], figures["internal_satisfaction"]["n"]
    assert operations in {GOOD, GOOD + 1}
    assert answers in {0, ANSWERS, ANSWERS + 1}
    if answers:
        assert figures["internal_satisfaction"]["value"] == 1.0
    times, costs = figures["processing_time"], figures["cost_per_operation"]
    lacking = _lacking(figures)
    assert times["n"] == operations - times["unknown"]
    assert times["value"] == pytest.approx(600, abs=1e-5)
    spent = sum(Decimal(str(each["total"])) for each in costs["currencies"])
    priced = operations - costs["unknown"]
    assert spent == GOOD * 2 + (cost or Decimal(2)) * (priced - GOOD)
    if operations + answers in {GOOD, GOOD + ANSWERS}:
        assert not lacking
        return refusal or "ignored"
    assert refusal is None
    return ", ".join(["counted", *lacking])


def _lacking(figures: Figures) -> list[str]:
    """Say what a counted operation lacks, by the members of the answer that tell it."""
    times, costs = figures["processing_time"], figures["cost_per_operation"]
    found = []
    if times["estimated"]:
        assert (times["unknown"], times["estimated"]) == (1, 1)
        found.append("start assumed")
    elif times["unknown"]:
        assert times["unknown"] == 1
        found.append("start unknown")
    if costs["unknown"]:
        assert costs["unknown"] == 1
        found.append("cost unknown")
    if len(costs["currencies"]) > 1:
        assert (costs["value"], costs["reason"]) == (None, "several-currencies")
        found.append("cost apart")
    return found

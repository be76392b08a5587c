"""docs/kpi.md says what the service does: its definitions, its bands, and an example that is carried out."""

import json
import re
from pathlib import Path
from typing import Any

from services.analytics.bands.defaults import DEFAULTS
from services.analytics.control_charts.definitions import LIMITS, RULES
from services.analytics.definition import Method
from services.analytics.indicators.definitions import DEFINITIONS, IN_WORKING_TIME
from services.analytics.processes import definitions
from tests.analytics.feeding import event, feed, kpis
from tests.fixtures.services import Harness

TEXT = (Path(__file__).parents[2] / "docs/kpi.md").read_text()


def block(name: str) -> Any:
    found = re.search(rf"```json {name}\n(.*?)```", TEXT, re.DOTALL)
    assert found, name
    return json.loads(found.group(1))


def test_the_document_holds_every_definition_word_by_word() -> None:
    described = [each for each in vars(definitions).values() if isinstance(each, Method)]
    assert described
    described += [*LIMITS.values(), *RULES.values()]
    told = {(each.id, each.version, each.en) for each in described}
    told |= {(each.id, each.version, each.en) for each in DEFINITIONS.values()}
    for name, version, text in told:
        assert f"`{name}`, version {version}" in TEXT
        assert text in TEXT


async def test_the_question_of_the_document_is_answered(analytics: Harness, tenant: str) -> None:
    (question,) = re.findall(r"^    GET (\S+)$", TEXT, re.MULTILINE)
    async with analytics.client(tenant, "viewer") as client:
        answered = await client.get(question)
    assert answered.status_code == 200, answered.text
    assert answered.json()["filters"]["process"] == "accounts-payable"


def test_the_document_holds_every_default_scale() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TEXT.splitlines() if line.startswith("| `")]
    told = {
        (row[0].strip("`"), row[1], row[2], float(row[3].split()[1]), float(row[4]), float(row[5]), row[6])
        for row in rows
        if len(row) == 7
    }
    assert told == {
        (scale.kpi, scale.process or "any", scale.unit, scale.excellent, scale.good, scale.acceptable, scale.source)
        for scale in DEFAULTS
    }


async def test_the_worked_example_gives_its_figures(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "admin") as client:
        stored = await client.put("/analytics/cost-model", json=block("cost-model"), headers={"If-Match": '"0"'})
        reported = await client.post("/analytics/operations", json={"operations": block("operations")})
    assert (stored.status_code, reported.status_code) == (200, 202)
    await feed(analytics, [event(tenant, waiting.payload) for waiting in await analytics.events(tenant)])
    got = await kpis(analytics, tenant, process="example", exact="true")
    for kpi, expected in block("indicators").items():
        assert {name: got[kpi][name] for name in expected} == expected, kpi


async def test_the_worked_example_in_working_time_gives_its_figures(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "admin") as client:
        stored = await client.put("/analytics/calendars/office", json=block("calendar"), headers={"If-Match": '"0"'})
        reported = await client.post("/analytics/operations", json={"operations": block("working-operations")})
    assert (stored.status_code, reported.status_code) == (200, 202)
    await feed(analytics, [event(tenant, waiting.payload) for waiting in await analytics.events(tenant)])
    got = await kpis(analytics, tenant, process="working-example", calendar="office")
    for kpi, expected in block("working-indicators").items():
        assert {name: got[kpi][name] for name in expected} == expected, kpi


def test_the_document_holds_what_working_time_adds_word_by_word() -> None:
    for english, _spanish in IN_WORKING_TIME.values():
        assert english in TEXT

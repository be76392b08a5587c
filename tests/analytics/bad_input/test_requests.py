"""Bad requests between good ones: refused with the place and the reason, or taken and counted as the document says."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from shared.consumer import Consumer
from shared.contracts.analytics import OperationRecorded, SurveyAnswered
from tests.analytics.bad_input.document import of_door
from tests.analytics.bad_input.kinds import ANSWER, ANSWERS, GOOD, OPERATIONS, OWN_ID, Kind, as_json, changed, values
from tests.analytics.bad_input.outcome import figures_of, outcome_of
from tests.fixtures.services import Harness, problem

POST = "POST"
TOPICS = "|".join(event.topic.replace(".", "[.]") for event in (OperationRecorded, SurveyAnswered))
BEGIN, END = '{"operations": [', "]}"


@pytest.fixture
def prefix() -> str:
    return f"r-{uuid4().hex[:8]}"


@asynccontextmanager
async def caller(analytics: Harness, tenant: str, path: str) -> AsyncIterator["Caller"]:
    async with analytics.client(tenant, "operator", **{"Content-Type": "application/json"}) as client:
        yield Caller(client, path)


class Caller:
    def __init__(self, client: httpx.AsyncClient, path: str) -> None:
        self._client, self._path = client, path

    async def good(self, body: str, times: int = 1) -> None:
        for _ in range(times):
            answer = await self._client.post(self._path, content=body)
            assert answer.is_success, answer.text

    async def bad(self, body: bytes) -> str | None:
        """Return the refusal in the document's words, if it is one: it names a place, or that the whole is no JSON."""
        answer = await self._client.post(self._path, content=body)
        if answer.is_success:
            return None
        assert answer.status_code == 422
        said = problem(answer)
        assert said["hint"]
        if "errors" not in said:
            return f"refused `{said['code']}`"
        [first, *_] = said["errors"]
        assert first["at"].startswith("body")
        assert first["message"]
        return f"refused `{first['type']}`"


async def drain(analytics: Harness) -> None:
    """Publish what waits, and let the service's consumer work until nothing is left."""
    await analytics.relay()
    runtime, stop = analytics.runtime, asyncio.Event()
    [consumption] = analytics.service.consumptions
    mine = replace(consumption.under(runtime.settings), pattern=TOPICS)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(Consumer(mine, runtime.worker, runtime.log).run(stop))
        while sum((await runtime.log.lag(mine.group, TOPICS)).values()):  # noqa: ASYNC110 - the log tells nobody
            await asyncio.sleep(0.05)
        stop.set()


def item_of(kind: Kind) -> str:
    """Return the item; where a message has a known id in its header, the item says it itself."""
    return (replace(kind, change={**kind.change, "id": str(OWN_ID)}) if kind.own_id else kind).block


async def test_operations(analytics: Harness, prefix: str) -> None:
    good = f"{BEGIN}{as_json(GOOD)}{END}"
    bad = {
        f"o{n}": (name, f"{BEGIN}{item_of(kind)}{END}".encode()) for n, (name, kind) in enumerate(OPERATIONS.items())
    }
    bodies = {f"v{n}": each for n, each in enumerate(values(BEGIN, END).items())}
    refusals = {}
    for suffix, (_, body) in {**bad, **bodies}.items():
        async with caller(analytics, f"{prefix}-{suffix}", "/analytics/operations") as call:
            await call.good(good)
            refusals[suffix] = await call.bad(body)
            await call.good(good)
    await drain(analytics)
    found: dict[str, dict[str, str]] = {"An operation": {}, "A message or a request": {}}
    for suffix, (name, _) in {**bad, **bodies}.items():
        figures = await figures_of(analytics, f"{prefix}-{suffix}")
        section = "An operation" if suffix in bad else "A message or a request"
        cost = OPERATIONS[name].cost if suffix in bad else None
        found[section][name] = outcome_of(figures, refusals[suffix], cost)
    assert found == {section: of_door(section, POST) for section in found}


async def test_answers(analytics: Harness, prefix: str) -> None:
    refusals = {}
    for place, change in enumerate(ANSWERS.values()):
        async with caller(analytics, f"{prefix}-{place}", "/analytics/operations") as call:
            await call.good(f"{BEGIN}{as_json(GOOD)}{END}", times=2)
        async with caller(analytics, f"{prefix}-{place}", "/analytics/survey-answers") as call:
            await call.good(json.dumps(ANSWER), times=2)
            refusals[place] = await call.bad(changed(ANSWER, change).encode())
            await call.good(json.dumps(ANSWER), times=3)
    await drain(analytics)
    found = {}
    for place, name in enumerate(ANSWERS):
        found[name] = outcome_of(await figures_of(analytics, f"{prefix}-{place}"), refusals[place])
    assert found == of_door("An answer", POST)

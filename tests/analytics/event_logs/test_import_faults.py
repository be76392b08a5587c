"""Imports that die, break off, or find nobody at home: the figures end exact and nothing is left behind."""

import asyncio
import random
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from services.analytics.event_logs.job import import_event_log
from services.analytics.operations.facts import operation_of
from services.analytics.operations.fields import Plausible
from shared.app import Runtime
from shared.eventlog import Message, Position
from shared.events import Work, from_message
from shared.jobs import JobContext
from shared.storage import ObjectNotFoundError
from tests.analytics.event_logs.importing import (
    LOG,
    MONDAY,
    assert_no_upload_left,
    at_work,
    end_of,
    long_log,
    report_of,
    rows,
    send,
    stamp,
    state,
)
from tests.analytics.event_logs.logs import event, trace, xes
from tests.analytics.event_logs.test_longer_logs import ASKED, as_xes, figures, invented
from tests.fakes.eventlog import received
from tests.fixtures.services import Harness


async def test_the_upload_is_gone_when_it_is_no_longer_needed(analytics: Harness, tenant: str) -> None:
    address = await send(analytics, tenant, LOG)
    key = (await rows(analytics, tenant, "job", "id"))[0]["params"]["key"]
    assert b"".join([chunk async for chunk in analytics.runtime.store.open(key, 0, 10)]) == LOG[:10]
    async with at_work(analytics.runtime):
        await end_of(analytics, tenant, address)
    with pytest.raises(ObjectNotFoundError):
        await anext(analytics.runtime.store.open(key, 0, 10))


async def test_an_upload_that_breaks_off_leaves_nothing(analytics: Harness, tenant: str) -> None:
    arrives: Iterator[dict[str, Any]] = iter(
        [
            {"type": "http.request", "body": b"<log>" + b" " * 3_000_000, "more_body": True},
            {"type": "http.request", "body": b" " * 3_000_000, "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(arrives)

    async def send_answer(message: Any) -> None:
        answered.append(message)

    token = analytics.issuer.token(tenant, "operator")
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/analytics/event-logs",
        "raw_path": b"/analytics/event-logs",
        "query_string": b"process=p",
        "root_path": "",
        "scheme": "http",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
        "app": analytics.app,
    }
    await analytics.app(scope, receive, send_answer)
    assert answered[0]["status"] == 400
    assert msgspec.json.decode(answered[1]["body"])["code"] == "incomplete-body"
    assert await rows(analytics, tenant, "job", "id") == []
    await assert_no_upload_left(analytics, tenant)


class DiesError(Exception):
    """The process ends here."""


class DyingLog:
    """The event log of a process that dies with the n-th publication, before or after it took place."""

    def __init__(self, runtime: Runtime, dies_at: int, *, published: bool) -> None:
        self._log, self._left, self._published = runtime.log, dies_at, published

    @property
    def identity(self) -> str:
        return self._log.identity

    async def publish(self, messages: list[Message]) -> list[Position]:
        self._left -= 1
        positions: list[Position] = []
        if self._left or self._published:
            positions = list(await self._log.publish(messages))
        if not self._left:
            raise DiesError
        return positions


async def _run_once(runtime: Runtime, tenant: str, address: str) -> Mapping[str, Any]:
    """Work on the job as a runner would, from the cursor that is stored."""
    async with runtime.worker.session(None) as session:
        query = text("SELECT id, params, cursor, attempts FROM job WHERE id = :id")
        row = (await session.execute(query, {"id": address.rsplit("/", 1)[1]})).one()
    return await import_event_log(
        runtime, JobContext(row.id, tenant, row.params, row.cursor, runtime.worker, row.attempts)
    )


@pytest.mark.parametrize("published", [False, True])
async def test_figures_are_exact_whatever_publication_an_import_dies_with(
    analytics: Harness, tenant: str, other_tenant: str, published: bool
) -> None:
    content = xes(*long_log(900))
    runtime = analytics.runtime
    address = await send(analytics, tenant, content)
    dying = Runtime(*(getattr(runtime, name) for name in Runtime.__dataclass_fields__))
    for dies_at in (1, 2, 2):
        dying.log = DyingLog(runtime, dies_at, published=published)  # type: ignore[assignment] # what an import uses of it
        with pytest.raises(DiesError):
            await _run_once(dying, tenant, address)
    async with at_work(runtime):
        report = (await end_of(analytics, tenant, address))["result"]
        expected = await report_of(analytics, other_tenant, content)
    assert report == expected
    assert (report["operations"], report["cases"]) == (4_500, 900)
    ignored = {"tenant_id", "id", "actor_id", "known_at"}  # known_at: when each of the two was asked for
    mine, other = [
        [
            sorted(str({k: v for k, v in row.items() if k not in ignored}) for row in each)
            for each in await state(analytics, of)
        ]
        for of in (tenant, other_tenant)
    ]
    assert mine == other


def growing(*, whole: bool) -> bytes:
    """Return cases of which the shorter log knows an open start and the end of a repeated activity alone."""
    return xes(
        *[
            trace(
                f"c{n:05}",
                event("A", stamp(n), "start"),
                *([event("B", stamp(n + 1), "complete"), event("A", stamp(n + 2), "complete")] if whole else []),
                event("B", stamp(n + 3), "complete"),
            )
            for n in range(1_200)
        ]
    )


@pytest.mark.parametrize("published", [False, True])
async def test_a_revision_that_dies_goes_on_and_tells_all_that_it_did(
    analytics: Harness, tenant: str, published: bool
) -> None:
    runtime = analytics.runtime
    async with at_work(runtime):
        await report_of(analytics, tenant, growing(whole=False))
    address = await send(analytics, tenant, growing(whole=True))
    dying = Runtime(*(getattr(runtime, name) for name in Runtime.__dataclass_fields__))
    for dies_at in (2, 2):
        dying.log = DyingLog(runtime, dies_at, published=published)  # type: ignore[assignment] # what an import uses of it
        with pytest.raises(DiesError):
            await _run_once(dying, tenant, address)
        async with at_work(runtime, on_jobs=False):
            await asyncio.sleep(1)  # some of it is seen by the next attempt
    async with at_work(runtime):
        report = (await end_of(analytics, tenant, address))["result"]
        again = await report_of(analytics, tenant, growing(whole=True))
    assert report["changes"] == {"new": 2_400, "revised": 1_200, "withdrawn": 1_200}
    assert again["changes"] == {"same": 3_600}
    assert (
        len(await rows(analytics, tenant, "operation", "id")),
        await rows(analytics, tenant, "observation", "id"),
    ) == (
        3_600,
        [],
    )


@pytest.mark.parametrize("seed", [0, 3])
async def test_a_revision_that_dies_in_the_middle_of_a_case_leaves_what_the_last_version_says(
    analytics: Harness, tenant: str, other_tenant: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At many equal moments, of which the order is said anew; some is seen by the next attempt, and some is not."""
    monkeypatch.setattr("services.analytics.event_logs.publishing._PUBLISH_EVENTS", 7)
    events, chance, runtime = invented(seed, step=1_000), random.Random(seed), analytics.runtime
    async with at_work(runtime):
        await report_of(analytics, tenant, as_xes(chance.sample(events, 80)), **ASKED)
    fewer = sorted(chance.sample(events, 100), key=lambda each: each[1])
    address = await send(analytics, tenant, as_xes(fewer), missing="withdraw", **ASKED)
    dying = Runtime(*(getattr(runtime, name) for name in Runtime.__dataclass_fields__))
    for _ in range(3):  # so few that there is always something left to die with
        dying.log = DyingLog(runtime, chance.randint(1, 5), published=chance.random() < 0.5)  # type: ignore[assignment] # what an import uses of it
        with pytest.raises(DiesError):
            await _run_once(dying, tenant, address)
        if chance.random() < 0.5:
            async with at_work(runtime, on_jobs=False):
                await asyncio.sleep(0.5)
    async with at_work(runtime):
        await end_of(analytics, tenant, address)
        await report_of(analytics, other_tenant, as_xes(fewer), **ASKED)
    assert await figures(analytics, tenant) == await figures(analytics, other_tenant)


async def test_a_finished_import_that_is_taken_up_again_only_tells_its_report(analytics: Harness, tenant: str) -> None:
    async with at_work(analytics.runtime):
        address = await send(analytics, tenant, LOG)
        job = await end_of(analytics, tenant, address)
    assert await _run_once(analytics.runtime, tenant, address) == job["result"]


async def test_an_import_whose_upload_is_gone_says_so(analytics: Harness, tenant: str) -> None:
    address = await send(analytics, tenant, LOG)
    await analytics.runtime.store.delete_prefix(f"{tenant}/")
    async with at_work(analytics.runtime):
        job = await end_of(analytics, tenant, address)
    assert (job["status"], job["error"]["code"]) == ("failed", "event-log-upload-lost")


async def test_success_means_that_the_consumer_has_counted(analytics: Harness, tenant: str) -> None:
    runtime = analytics.runtime
    address = await send(analytics, tenant, LOG)
    import_ = asyncio.create_task(_run_once(runtime, tenant, address))
    await asyncio.sleep(1.0)
    assert not import_.done(), "nobody consumes yet"
    async with at_work(runtime, on_jobs=False):
        report = await asyncio.wait_for(import_, 30)
        assert len(await rows(analytics, tenant, "operation", "id")) == report["operations"]


async def test_every_operation_that_an_import_publishes_can_be_kept(analytics: Harness, tenant: str) -> None:
    published: list[Message] = []

    class Recording(DyingLog):
        async def publish(self, messages: list[Message]) -> list[Position]:
            published.extend(messages)
            return []

    odd = xes(
        trace("c" * 200, event("A" * 200, "1970-01-01T00:00:00Z", org__resource="r" * 255, org__group="t" * 255)),
        trace("c" * 201, event("A", stamp(0))),
        trace("d", event("A", "1969-12-31T23:59:59Z"), event("A", "2999-01-01T00:00:00Z")),
        trace("e", event("A", stamp(0), Costs="99999999999.123456789"), event("A", stamp(0), Costs="-1"), event("A", stamp(0), Costs="1e11")),
        trace("f", event("A", stamp(0), org__group="t" * 256), event("\u20ac\U0001f600", stamp(0))),
    )  # fmt: skip
    address = await send(analytics, tenant, odd, cost_attribute="Costs", automatic="r" * 255)
    runtime = Runtime(*(getattr(analytics.runtime, name) for name in Runtime.__dataclass_fields__))
    runtime.log = Recording(runtime, 0, published=True)  # type: ignore[assignment] # what an import uses of it
    report = await _run_once(runtime, tenant, address)
    assert report["rejected"] == {"text-too-long": 2, "implausible-stamp": 2}
    assert report["remarks"] == {"unreadable-cost": 1}
    decoder = msgspec.json.Decoder(dict[str, Any])
    for message in published:
        work = msgspec.convert(decoder.decode(message.value)["work"], Work)
        taken = from_message(received(message))
        assert operation_of(taken, work, Plausible.at(MONDAY + timedelta(days=300))).process == "repair"
    assert len(published) == report["operations"] == 5


async def test_what_the_consumer_could_not_keep_is_rejected_and_not_published(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order that no question makes today stands for every disagreement between intake and consumer."""
    address = await send(analytics, tenant, LOG)
    async with analytics.runtime.worker.transaction(tenant) as session:
        change = text("""UPDATE job SET params = jsonb_set(params, '{process}', '" "') WHERE tenant_id = :tenant""")
        await session.execute(change, {"tenant": tenant})

    async def publish(messages: list[Message]) -> list[Position]:
        raise AssertionError(f"{len(messages)} messages that the consumer could not keep")

    monkeypatch.setattr(analytics.runtime.log, "publish", publish)
    async with at_work(analytics.runtime):
        job = await end_of(analytics, tenant, address)
    report = job["result"]
    assert (job["status"], report["operations"], report["observations"], report["paired"]) == ("succeeded", 0, 0, 0)
    assert (report["events"], report["rejected"]) == (9, {"no-case": 1, "unusable": 6})
    samples = [sample for sample in report["samples"] if sample["reason"] == "unusable"]
    assert (len(samples), samples[0]["position"]) == (5, "case c1")
    assert samples[0]["text"].startswith("work.process: ")

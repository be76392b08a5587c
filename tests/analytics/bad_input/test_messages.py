"""Bad messages among good ones: the consumer sets them aside, or keeps what can be kept and says what it lacks."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from deploy.standalone.issuer import DevelopmentIssuer
from deploy.standalone.seaweed import ObjectStoreAccess
from services.analytics import metrics as own
from shared import metrics
from shared.consumer import Consumer, Limits
from shared.contracts.analytics import ObservationRecorded, SurveyAnswered
from shared.eventlog import Message, Received
from shared.ids import uuid7
from tests.analytics.bad_input.document import of_door
from tests.analytics.bad_input.kinds import (
    ABSENT,
    ANSWER,
    ANSWERS,
    GOOD,
    HEADERS,
    OBSERVATION,
    OBSERVATIONS,
    OPERATIONS,
    OWN_ID,
    as_json,
    changed,
    values,
)
from tests.analytics.bad_input.outcome import figures_of, outcome_of
from tests.fixtures.services import Harness, create_database, running

KAFKA = "Kafka"
OTHER = "test.thing.done.v1"
COPY = "the ce_id of an event before it"


def message_of(tenant: str, value: str | bytes, kind: str = OTHER, **headers: Any) -> Message:
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid7()),
        "ce_type": kind,
        "ce_source": "/test",
        "ce_subject": "s",
        "ce_time": "2026-03-02T09:00:01Z",
        "ce_tenant": tenant,
        "content-type": "application/json",
        **headers,
    }
    told_ = {name: text for name, text in attributes.items() if text is not ABSENT}
    return Message("", tenant, value if isinstance(value, bytes) else value.encode(), told_)


def work(tenant: str, block: str | None = None, kind: str = OTHER, **headers: Any) -> Message:
    return message_of(tenant, f'{{"work": {block or as_json(GOOD)}}}', kind, **headers)


@dataclass
class Stream:
    """What a producer sends: good messages before and after every bad one, each kind for a tenant of its own."""

    analytics: Harness
    prefix: str
    topic: str = field(default_factory=lambda: f"bad-{uuid4().hex[:12]}.things")
    tenants: dict[tuple[str, str], str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    bad: dict[str, Message] = field(default_factory=dict)  # by tenant

    @property
    def group(self) -> str:
        return f"on-{self.topic}"

    def tenant_of(self, section: str, kind: str) -> str:
        return self.tenants.setdefault((section, kind), f"{self.prefix}-{len(self.tenants)}")

    def add(self, before: Sequence[Message], bad: Message, after: Sequence[Message]) -> None:
        self.bad[bad.key] = bad
        self.messages += [replace(each, topic=self.topic) for each in (*before, bad, *after)]

    async def consume(self) -> None:
        """Publish, and let the service's consumer work until nothing is left."""
        runtime = self.analytics.runtime
        await runtime.log.ensure_topics([self.topic])
        await runtime.log.publish(self.messages)
        [consumption] = self.analytics.service.consumptions
        pattern = self.topic.replace(".", r"\.")
        mine = replace(consumption.under(runtime.settings), group=self.group, pattern=pattern)
        stop = asyncio.Event()
        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            tasks.create_task(Consumer(mine, runtime.worker, runtime.log).run(stop))
            while sum((await runtime.log.lag(self.group, pattern)).values()) or not self._begun():  # noqa: ASYNC110 - there is nothing else to wait for
                await asyncio.sleep(0.05)
            stop.set()

    def _begun(self) -> bool:
        return bool(metrics.events_consumed_total.labels(self.group)._value.get())

    async def letters(self) -> list[Received]:
        pattern = f"{self.topic}.dead".replace(".", r"\.")
        async with self.analytics.runtime.log.read(pattern, {}) as batches:
            return [each async for batch in batches for each in batch]


def fill(stream: Stream) -> None:
    for name, kind in OPERATIONS.items():
        tenant = stream.tenant_of("An operation", name)
        own_id = {"ce_id": str(OWN_ID)} if kind.own_id else {}
        stream.add([work(tenant)], work(tenant, kind.block, **own_id), [work(tenant)])
    for name, value in values('{"work": ', "}").items():
        tenant = stream.tenant_of("A message or a request", name)
        stream.add([work(tenant)], message_of(tenant, value), [work(tenant)])
    for name, headers in HEADERS.items():
        tenant = stream.tenant_of("The headers of a message", name)
        good = work(tenant)
        own = {key: good.headers["ce_id"] if text == "@before" else text for key, text in headers.items()}
        stream.add([good], work(tenant, **own), [work(tenant)])
    for name, change in ANSWERS.items():
        tenant = stream.tenant_of("An answer", name)
        good = message_of(tenant, json.dumps(ANSWER), SurveyAnswered.type)
        bad = message_of(tenant, changed(ANSWER, change), SurveyAnswered.type)
        again = [replace(good, headers={**good.headers, "ce_id": str(uuid7())}) for _ in range(4)]
        stream.add([good, *again[:1]], bad, [*again[1:], work(tenant), work(tenant)])
    for name, change in OBSERVATIONS.items():
        tenant = stream.tenant_of("An observation", name)
        stream.add(
            [work(tenant)], message_of(tenant, changed(OBSERVATION, change), ObservationRecorded.type), [work(tenant)]
        )


def counts() -> Counter[str]:
    lacking = {name: own.operations_incomplete_total.labels(name) for name in ("start", "cost")}
    counters = {
        "ignored": own.events_ignored_total,
        "operations": own.facts_stored_total.labels("operations"),
        **lacking,
    }
    return Counter({name: int(counter._value.get()) for name, counter in counters.items()})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def on_kafka(
    postgres_url: str, s3: ObjectStoreAccess, issuer: DevelopmentIssuer, kafka_bootstrap: str
) -> AsyncIterator[Harness]:
    url = await create_database(postgres_url, f"bad_input_{uuid4().hex[:8]}")
    async with running("analytics", url, s3, issuer, kafka_bootstrap=kafka_bootstrap) as harness:
        yield harness


@pytest.fixture(params=["analytics", pytest.param("on_kafka", marks=pytest.mark.kafka)])
def stage(request: pytest.FixtureRequest) -> Harness:
    harness: Harness = request.getfixturevalue(request.param)
    return harness


async def test_every_kind_becomes_what_the_document_says(stage: Harness) -> None:
    stream = Stream(stage, f"b-{uuid4().hex[:8]}")
    fill(stream)
    before = counts()
    await stream.consume()
    letters = {letter.key: letter for letter in await stream.letters()}
    for letter in letters.values():
        whole = stream.bad[letter.key]
        assert whole.value.startswith(letter.value)  # one near the largest size is cut
        assert whole.headers.items() <= letter.headers.items()
        assert letter.headers["dead_text"]
    found: dict[str, dict[str, str]] = {}
    operations = 0
    for (section, name), tenant in stream.tenants.items():
        figures = await figures_of(stage, tenant)
        operations += figures["error_rate"]["n"]
        letter_ = letters.get(tenant)
        refusal = None if letter_ is None else f"dead `{letter_.headers['dead_reason']}`"
        cost = OPERATIONS[name].cost if section == "An operation" else None
        outcome = "no change" if name == COPY else outcome_of(figures, refusal, cost)
        found.setdefault(section, {})[name] = outcome
    assert found == {section: of_door(section, KAFKA) for section in found}

    reasons = Counter(letter.headers["dead_reason"] for letter in letters.values())
    counted = {reason: metrics.dead_letters_total.labels(stream.group, reason)._value.get() for reason in reasons}
    assert counted == reasons
    assert metrics.events_consumed_total.labels(stream.group)._value.get() == len(stream.messages)
    ends = [outcome for section in found.values() for outcome in section.values()]
    assert counts() - before == {
        "ignored": ends.count("ignored"),
        "operations": operations,
        "start": sum("start" in end for end in ends),
        "cost": sum("cost unknown" in end for end in ends),
    }


async def test_no_row_of_bad_messages_stops_the_consumer(stage: Harness, tenant: str) -> None:
    stream = Stream(stage, tenant)
    bad = [
        message_of(tenant, "{"),
        work(tenant, ce_type="billing.invoice.approved.v2"),
        message_of(tenant, "{}", ce_id=ABSENT),
    ]
    stream.messages = [replace(each, topic=stream.topic) for each in (*(bad * Limits().dead_in_a_row), work(tenant))]
    await stream.consume()
    assert (await figures_of(stage, tenant))["error_rate"]["n"] == 1
    assert Counter(letter.headers["dead_reason"] for letter in await stream.letters()) == dict.fromkeys(
        ("bad-json", "unknown-version", "missing-attribute"), Limits().dead_in_a_row
    )

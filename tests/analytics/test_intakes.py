"""Whatever an intake accepts can be kept: the consumer refuses nothing of it. Otherwise it would be lost in silence."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.event_logs.errors import UnreadableLogError
from services.analytics.event_logs.formats import LogReader
from services.analytics.event_logs.publication import Publication
from services.analytics.event_logs.rules import LogPairing
from services.analytics.event_logs.schemas import ImportOrder, ImportQuery
from services.analytics.operations import service as operations
from services.analytics.operations.facts import Arrivals
from services.analytics.operations.fields import BadFieldError, Plausible
from services.analytics.operations.schemas import OperationsIn
from services.analytics.surveys import service as surveys
from services.analytics.surveys.schemas import AnswerIn
from services.analytics.withdrawals import service as withdrawals
from services.analytics.withdrawals.schemas import WithdrawalsIn
from shared import clock
from shared.auth import InvalidToken, Principal, principal_of
from shared.contracts.analytics import ObservationRecorded, OperationRecorded, SurveyAnswered
from shared.errors import InvalidInput
from shared.eventlog import Message
from shared.events import from_message, to_message
from shared.ids import uuid7
from shared.outbox import Recorded
from shared.work import Effort, actor_of
from tests.analytics.event_logs.importing import rows
from tests.analytics.feeding import event, feed, operation
from tests.fakes.eventlog import received
from tests.fixtures.services import Harness, problem

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
BY = Principal("ana", "t", frozenset())

UNADDRESSABLE = ("a\nb", "a\x7f", "a\x9bb", ".", "..", "./a", "a/../b", "a/..")
ODD = (*UNADDRESSABLE, "", " ", "\t", "\x1c\x85", "\u3000", "\u200b", "\0", "a\0b", "-", '"', "é\U0001f600")
LENGTHS = [length + more for length in (100, 200, 255, 2_000) for more in (0, 1)]
TEXTS = st.sampled_from(ODD) | st.text(max_size=4) | st.sampled_from(LENGTHS).map("x".__mul__)
NAMES = st.sampled_from(["name"] * 9) | TEXTS
ODD_MOMENTS = (
    "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00",
    "2026-03-02T09:00:00Z", "2026-03-02 09:00:00.123456789+01:00", "2026-03-02T09:00:00", "2027-03-03T08:59:59.999999Z",
    "2027-03-03T09:00:00Z", "2027-03-03T09:00:00.000001Z", "9999-12-31T23:59:59-14:00", "1772442000", "",
)  # fmt: skip
STAMPS = st.sampled_from(ODD_MOMENTS) | st.builds(
    lambda days: (NOW + timedelta(days=days)).isoformat(), st.floats(-3, 3) | st.floats(365, 367)
)
ODD_AMOUNTS = (
    "1e999", "1e1000000", "-1e11", "99999999999.9999999999", "1e-400", "0E+999", "1,5", "1.234,56", "NaN", "Infinity", "-0", "1_0",
    "999999999999999", "1000000000000.000001", "0.1234567", "\u0663",
)  # fmt: skip
AMOUNTS = st.sampled_from(ODD_AMOUNTS) | st.decimals().map(str)


def kept(messages: list[Message]) -> Arrivals:
    """Return what the consumer keeps; it refuses none."""
    arrivals = Arrivals()
    for message in messages:
        arrivals.add(from_message(received(message)), Plausible.at(NOW))
    facts = (arrivals.operations, arrivals.observations, arrivals.answers, arrivals.withdrawals)
    assert sum(len(each) for each in facts) == len(messages)
    return arrivals


class Session:
    """A transaction that records events and keeps no row."""

    def __init__(self) -> None:
        self.info: dict[str, Any] = {"tenant": "t"}

    def in_nested_transaction(self) -> bool:
        return False

    def add(self, _row: Any) -> None:
        return

    async def flush(self) -> None:
        return

    @property
    def messages(self) -> list[Message]:
        recorded: list[Recorded] = self.info.get("outbox", [])
        return [
            to_message(item.id, item.data, subject=item.subject, tenant="t", at=NOW, work=item.work)
            for item in recorded
        ]


WORK = {"activity": "a", "case": "c", "actor": {"kind": "person"}, "finished_at": "2026-03-02T09:00:00Z"}


@pytest.mark.parametrize("name", UNADDRESSABLE)
@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_process_that_no_address_reaches_is_refused_everywhere(
    analytics: Harness, tenant: str, name: str, language: str
) -> None:
    answer = {"score": 5, "team": "t", "process": name}
    async with analytics.client(tenant, **{"Accept-Language": language}) as client:
        refused = [
            await client.post("/analytics/operations", json={"operations": [{**WORK, "process": name}]}),
            await client.post("/analytics/survey-answers", json=answer),
            await client.post("/analytics/event-logs", params={"process": name}, content=b"case"),
        ]
    for each in refused:
        (error,) = problem(each)["errors"]
        assert (error["at"].split(".")[-1], error["type"]) == ("process", "unaddressable_process")
        assert ("address" if language == "en" else "dirección") in error["message"]
    for sent in (
        event("t", {"work": {**WORK, "process": name}}),
        event("t", {"process": name, "case": "c", "at": NOW}, ObservationRecorded.type),
        event("t", {**answer, "answered_at": NOW}, SurveyAnswered.type),
    ):
        with pytest.raises(BadFieldError, match="address"):
            Arrivals().add(sent, Plausible.at(NOW))


@pytest.mark.parametrize(
    "name", ["...", ".a", "a/b.c", "/a/", "a//b", "a b", "ü?#%/", "edges", "a/edges", "\u2028", "\\"]
)
async def test_a_process_that_is_taken_can_be_asked_for(analytics: Harness, tenant: str, name: str) -> None:
    async with analytics.client(tenant, "admin") as client:
        taken = await client.post("/analytics/operations", json={"operations": [{**WORK, "process": f"x{name}"}]})
        path = f"/analytics/processes/{quote(f'x{name}', safe='')}/settings"
        found = await client.get(path)
    assert (taken.status_code, found.status_code) == (202, 200)
    assert found.json()["process"] == f"x{name}"


ACTORS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["person", "automation"])}, optional={"id": NAMES | st.none(), "team": NAMES | st.none()}
)
IDS = st.sampled_from([str(UUID(int=n)) for n in range(3)])
WORKS = st.fixed_dictionaries(
    {"process": NAMES, "activity": NAMES, "case": NAMES, "actor": ACTORS, "finished_at": STAMPS},
    optional={
        "id": IDS,
        "corrects": IDS,
        "requested_at": STAMPS,
        "started_at": STAMPS,
        "outcome": st.sampled_from(["done", "error", "rework", "cancelled"]),
        "cost": st.fixed_dictionaries({"amount": AMOUNTS, "currency": st.sampled_from(["EUR", "ÄÖÜ", "EU", "eur"])}),
        "estimated": st.booleans(),
    },
)


@given(st.lists(WORKS, min_size=1, max_size=3))
def test_reported_operations(items: list[dict[str, Any]]) -> None:
    session = Session()
    try:
        body = OperationsIn.model_validate({"operations": items})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "now", lambda: NOW)
            plausible = Plausible.at(NOW)
            operations.record_operations(cast(AsyncSession, session), body.operations, BY, b"key", plausible, "en")
    except (ValidationError, InvalidInput):
        return
    kept(session.messages)


@given(st.lists(st.fixed_dictionaries({"event": IDS, "reason": TEXTS}), min_size=1, max_size=3))
def test_withdrawals(items: list[dict[str, Any]]) -> None:
    session = Session()
    try:
        body = WithdrawalsIn.model_validate({"withdrawals": items})
    except ValidationError:
        return
    if "\0" in "".join(item.reason for item in body.withdrawals):
        return  # refused in every body, before its schema is asked
    withdrawals.record_withdrawals(cast(AsyncSession, session), body.withdrawals)
    kept(session.messages)


ANSWERS = st.fixed_dictionaries(
    {"score": st.integers(-1, 7), "team": NAMES, "process": NAMES},
    optional={"comment": NAMES, "answered_at": STAMPS},
)


@given(ANSWERS)
async def test_survey_answers(answer: dict[str, Any]) -> None:
    session = Session()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "now", lambda: NOW)
            given = AnswerIn.model_validate(answer)
            await surveys.record_answer(cast(AsyncSession, session), given, Plausible.at(NOW), "en")
    except (ValidationError, InvalidInput):
        return
    kept(session.messages)


KEYS = ("case:concept:name", "concept:name", "lifecycle:transition", "time:timestamp", "start_timestamp",
        "org:resource", "org:group", "cost")  # fmt: skip
USUAL = ("c", "a", "complete", "2026-03-02T09:00:00Z", "2026-03-02T08:00:00Z", "r", "t", "1")
PLACES = {TEXTS: (0, 1, 2, 5, 6), STAMPS: (3, 4), AMOUNTS: (7,)}
CHANGES = st.one_of([st.tuples(st.sampled_from(places), values) for values, places in PLACES.items()])
EVENTS = st.lists(CHANGES | st.tuples(st.just(2), st.just("start")), max_size=2).map(
    lambda changes: tuple(dict(changes).get(place, usual) for place, usual in enumerate(USUAL))
)
QUERIES = st.fixed_dictionaries(
    {"process": NAMES, "automatic": st.lists(NAMES, max_size=2)},
    optional={"currency": st.sampled_from(["EUR", "eur", "ÄÖÜ"]), "start_column": st.just("start_timestamp")},
)


def as_table(events: list[tuple[str, ...]], encoding: str) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([KEYS, *events])
    return out.getvalue().encode(encoding, "surrogatepass")


def as_xes(events: list[tuple[str, ...]]) -> bytes:
    attributes = (
        "".join(
            f"<string key={quoteattr(key)} value={quoteattr(value)}/>" for key, value in zip(KEYS, event, strict=True)
        )
        for event in events
    )
    return f"<log>{''.join(f'<event>{each}</event>' for each in attributes)}</log>".encode("utf-8", "surrogatepass")


def read(events: list[tuple[str, ...]], query: dict[str, Any], form: str) -> None:
    if "\0" in "".join([query["process"], *query["automatic"]]):
        return  # no address may hold it, whatever route it leads to
    try:
        content = as_xes(events) if form == "xes" else as_table(events, form)
        asked = ImportQuery.model_validate({**query, "cost_attribute": "cost"})
        reader = LogReader(asked.read_options(Plausible.at(NOW)))
        found = [event for each in reader.feed(content) for event in each]
        found += [event for each in reader.finish() for event in each]
    except (ValidationError, UnreadableLogError, UnicodeEncodeError):
        return
    assert "\0" not in str(reader.tally.samples), "no job's result could hold it"
    order = ImportOrder(
        "t/x", 1, asked.process, asked.automatic, asked.currency, asked.read_options(Plausible.at(NOW)), NOW, None
    )
    pairing, publication = LogPairing(frozenset()), Publication("t", order, b"key")
    found.sort(key=lambda event: (event.case, event.at, event.ordinal))
    items = [item for event in found for item in pairing.add(event)] + pairing.close()
    said = [publication.say(item) for item in items]
    kept([publication.message_of(each, each.event) for each in said])


FORMS = ("xes", "utf-8", "utf-16", "cp1252")
USUAL_QUERY = {"process": "p", "automatic": ["machine"], "start_column": "start_timestamp"}
ODD_NAMES = (*ODD, *map("x".__mul__, LENGTHS))
ODD_VALUES = {
    **dict.fromkeys((0, 1, 2, 6), ODD_NAMES),
    **dict.fromkeys((3, 4), ODD_MOMENTS),
    5: (*ODD_NAMES, "machine"),
    7: ODD_AMOUNTS,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_log_with_one_odd_value(form: str) -> None:
    for at, values in ODD_VALUES.items():
        for value in values:
            read([tuple(value if place == at else usual for place, usual in enumerate(USUAL))], USUAL_QUERY, form)
    for name in ODD_NAMES:
        read([USUAL], {**USUAL_QUERY, "process": name}, form)
        read([(*USUAL[:5], name, *USUAL[6:])], {**USUAL_QUERY, "automatic": [name]}, form)


@given(st.lists(EVENTS, min_size=1, max_size=4), QUERIES, st.sampled_from(FORMS))
def test_a_log_of_odd_values(events: list[tuple[str, ...]], query: dict[str, Any], form: str) -> None:
    read(events, query, form)


@given(TEXTS, TEXTS, st.sampled_from(["person", "automation"]), *[st.integers(-5, 5)] * 3)
def test_work_of_the_other_services(
    subject: str, team: str, kind: str, requested: int, started: int, finished: int
) -> None:
    claims = {"sub": subject, "team": team, "tenant": "t", "scope": "", "exp": 1, "actor_kind": kind}
    try:
        principal = principal_of(claims)
    except InvalidToken:
        return
    moments = (NOW + timedelta(minutes=each) for each in (requested, started, finished))
    requested_at, started_at, finished_at = moments
    effort = Effort(actor_of(principal, b"key"), started_at, finished_at, estimated=False)
    work = effort.on("p", "a", uuid7(), requested_at=requested_at)
    kept([to_message(uuid7(), OperationRecorded(source="x"), subject="s", tenant="t", at=NOW, work=work)])


async def test_an_intake_whose_clock_is_ahead(analytics: Harness, tenant: str) -> None:
    moment = Plausible.at(clock.now() + timedelta(hours=1)).latest
    await feed(analytics, [operation(tenant, minutes=None, finished_at=moment)])
    assert len(await rows(analytics, tenant, "operation", "id")) == 1

"""What is read at little cost is read as by the careful way, which alone says what is wrong."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.analytics.operations import consume, facts
from services.analytics.operations.facts import Fact, fact_of
from services.analytics.operations.fields import Plausible
from shared import clock
from shared.eventlog import Message, Received
from shared.events import Event, MalformedEventError, from_message
from tests.analytics.feeding import MINUTE, T0, event, observation, operation
from tests.analytics.test_intakes import AMOUNTS, LENGTHS, ODD, ODD_MOMENTS, TEXTS
from tests.fakes.eventlog import received

PLAUSIBLE = Plausible.at(T0)
SELF = UUID(int=1)
USUAL: dict[str, Any] = {
    "process": "p",
    "activity": "a",
    "case": "c",
    "actor": {"kind": "person", "id": "x", "team": "t"},
    "requested_at": T0 - 2 * MINUTE,
    "started_at": T0 - MINUTE,
    "finished_at": T0,
}
STAMPS = st.sampled_from(ODD_MOMENTS) | st.sampled_from([T0 + n * MINUTE for n in range(-3, 3)]) | st.none()
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("process", "activity", "case"), TEXTS),
        "actor": st.fixed_dictionaries(
            {"kind": st.sampled_from(["person", "automation", "robot"])},
            optional=dict.fromkeys(("id", "team"), TEXTS | st.none()),
        ),
        **dict.fromkeys(("requested_at", "started_at", "finished_at"), STAMPS),
        "outcome": st.sampled_from(["done", "rework", "lost"]),
        "corrects": st.sampled_from([str(SELF), str(UUID(int=2)), None]),
        "cost": st.fixed_dictionaries({"amount": AMOUNTS, "currency": st.sampled_from(["EUR", "eur", "ÄÖÜ"])}),
        "estimated": st.booleans(),
    },
)


def outcome(sent: Event) -> Fact | tuple[str, str] | None:
    try:
        return fact_of(sent, PLAUSIBLE)
    except MalformedEventError as error:
        return error.reason, str(error)


def assert_alike(work: dict[str, Any]) -> None:
    sent = event("t", {"work": work}, event_id=SELF)
    quick = outcome(sent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts, "_is_usual", lambda *_: False)
        assert outcome(sent) == quick


@given(CHANGES)
def test_work_is_judged_alike(changes: dict[str, Any]) -> None:
    assert_alike(USUAL | changes)


@pytest.mark.parametrize("name", ["process", "activity", "case", "id", "team"])
def test_odd_texts_are_judged_alike(name: str) -> None:
    for text in (*ODD, *map("x".__mul__, LENGTHS), *map(" ".__mul__, LENGTHS), *map("é".__mul__, LENGTHS)):
        actor = {**USUAL["actor"], **({name: text} if name in {"id", "team"} else {})}
        assert_alike(USUAL | {"actor": actor} | ({name: text} if name not in actor else {}))


@pytest.mark.parametrize("name", ["requested_at", "started_at", "finished_at"])
@pytest.mark.parametrize(
    "moment", [*ODD_MOMENTS, T0 + 366 * timedelta(days=1), T0 + timedelta(days=366, microseconds=1)]
)
def test_odd_stamps_are_judged_alike(name: str, moment: Any) -> None:
    assert_alike(USUAL | {name: moment})
    assert_alike({**dict.fromkeys(("requested_at", "started_at")), "finished_at": moment, **USUAL, name: moment})


def test_usual_work_needs_no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the others here compare the careful way with itself."""
    monkeypatch.setattr(facts, "_check_texts", None)
    for leave_out in ((), ("requested_at",), ("started_at",), ("requested_at", "started_at")):
        work = {name: value for name, value in USUAL.items() if name not in leave_out}
        assert fact_of(event("t", {"work": work}), PLAUSIBLE) is not None
    cost = {"amount": "1.50", "currency": "EUR"}
    assert fact_of(event("t", {"work": {**USUAL, "cost": cost, "corrects": UUID(int=2)}}), PLAUSIBLE) is not None


IDS = ("{i}", "{I}", "{{{i}}}", "urn:uuid:{i}", "{h}", "{h}0", "{i} ", "x", "")
TIMES = (
    "2026-03-02T09:00:00.123456+00:00", "2026-03-02T09:00:00.1234567+00:00", "2026-03-02T09:00:00.9999999Z",
    "2026-03-02t09:00:00z", "2026-03-02T09:00Z", "2026-W10-1T09:00:00Z", "2026-03-02T09:00:00", "2026-03-02T09:00:60Z",
    "2026-03-02T24:00:00Z", "2026-03-02T09:00:00+01:00:30", "2026-03-02T09:00:00+24:00", "1772442000", "", "x",
)  # fmt: skip
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "ce_specversion": st.sampled_from(["1.0", "1.1", ""]),
        "ce_id": st.builds(
            lambda form, id_: form.format(i=id_, I=str(id_).upper(), h=id_.hex), st.sampled_from(IDS), st.uuids()
        ),
        "ce_type": st.sampled_from(["test.thing.done.v1", "analytics.observation.recorded.v1", ""]),
        "ce_source": st.sampled_from(["/test", ""]),
        "ce_time": st.sampled_from(TIMES),
        "ce_tenant": st.sampled_from(["t", "", "\0"]),
        "ce_subject": st.text(max_size=2),
        "ce_traceparent": st.text(max_size=2),
        "other": st.text(max_size=2),
    },
)
WHOLE = {
    "ce_specversion": "1.0",
    "ce_id": str(SELF),
    "ce_type": "test.thing.done.v1",
    "ce_source": "/test",
    "ce_time": T0.isoformat(),
    "ce_tenant": "t",
}
VALUES = st.sampled_from([b"", b"{}", b"[]", b"\xff", operation("t").data, observation("t", "c", T0).data])


def as_read(message: Received) -> tuple[dict[str, Any], Fact | None] | tuple[str, str]:
    try:
        found = consume.read(message)
    except MalformedEventError as error:
        return error.reason, str(error)
    values = msgspec.structs.asdict(found)
    return values, values.pop("fact")


def as_carefully_read(message: Received) -> tuple[dict[str, Any], Fact | None] | tuple[str, str]:
    try:
        found = from_message(message)
        return msgspec.structs.asdict(found), fact_of(found, Plausible.at(clock.now() + timedelta(days=1)))
    except MalformedEventError as error:
        return error.reason, str(error)


@given(HEADERS, st.sets(st.sampled_from(sorted(WHOLE)), max_size=1), VALUES)
@example({"ce_time": TIMES[1]}, set(), operation("t").data)
@example({"ce_time": TIMES[3]}, set(), operation("t").data)
def test_attributes_are_read_alike(headers: dict[str, str], absent: set[str], value: bytes) -> None:
    whole = {name: text for name, text in {**WHOLE, **headers}.items() if name not in absent}
    message = received(Message("test.things", "k", value, whole), 7)
    assert as_read(message) == as_carefully_read(message)


def test_usual_attributes_need_no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consume, "from_message", None)
    got = consume.read(received(Message("test.things", "k", operation("t").data, WHOLE), 7))
    assert (got.id, got.tenant, got.time, got.topic) == (SELF, "t", T0, "test.things")
    assert got.fact is not None


def test_what_is_plausible_lies_a_day_behind_the_latest_intake() -> None:
    latest = Plausible.at(clock.now()).latest
    assert (
        latest + timedelta(days=1) <= consume._plausible(clock.now().toordinal()).latest <= latest + timedelta(days=2)
    )

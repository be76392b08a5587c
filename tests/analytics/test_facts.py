"""Reading events: what is measured, what is unknown, and which field is wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from services.analytics.operations import facts
from services.analytics.operations.facts import Arrivals, OperationFact
from services.analytics.operations.fields import Plausible, check_currency
from services.analytics.operations.origin import check_origin
from shared.contracts.analytics import ObservationRecorded, SurveyAnswered
from shared.events import Event, MalformedEventError
from tests.analytics.feeding import MINUTE, T0, answer, event, observation, operation

PLAUSIBLE = Plausible.at(T0)
MINUTE_US = 60_000_000


def read(*events: Event) -> Arrivals:
    arrivals = Arrivals()
    for each in events:
        arrivals.add(each, PLAUSIBLE)
    return arrivals


def fact(**more: Any) -> OperationFact:
    return read(operation("t", **more)).operations[0]


def test_times_are_measured_in_microseconds() -> None:
    got = fact(minutes=10, requested_at=T0 - 25 * MINUTE, finished_at=T0)
    assert (got.touch_us, got.wait_us, got.lead_us) == (10 * MINUTE_US, 15 * MINUTE_US, 25 * MINUTE_US)


def test_without_a_start_touch_and_wait_are_unknown_not_zero() -> None:
    got = fact(minutes=None, requested_at=T0 - MINUTE)
    assert (got.touch_us, got.wait_us, got.lead_us) == (None, None, MINUTE_US)


def test_an_estimated_start_measures_nothing() -> None:
    got = fact(minutes=0, estimated=True, requested_at=T0 - MINUTE)
    assert (got.touch_us, got.wait_us, got.lead_us, got.estimated) == (None, None, MINUTE_US, True)


def test_a_microsecond_is_not_lost_over_decades() -> None:
    start = datetime(1970, 1, 2, tzinfo=UTC)
    work = {"started_at": start, "minutes": None}
    assert fact(finished_at=T0, **work).touch_us == (T0 - start) // timedelta(microseconds=1)


def test_offsets_are_understood() -> None:
    got = fact(minutes=None, started_at="2026-03-02T09:30:00+01:00", finished_at=T0)
    assert got.touch_us == 30 * MINUTE_US


def test_events_are_told_apart() -> None:
    arrivals = read(operation("t"), observation("t", "c", T0), answer("t", 4), event("t", {"name": "no work"}))
    counts = (len(arrivals.operations), len(arrivals.observations), len(arrivals.answers), arrivals.ignored)
    assert counts == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"finished_at": None}, "$.work.finished_at"),
        ({"finished_at": "yesterday"}, "$.work.finished_at"),
        ({"finished_at": "2026-03-02T09:00:00"}, "work.finished_at"),
        ({"finished_at": "1850-01-01T00:00:00Z"}, "work.finished_at"),
        ({"finished_at": "2126-01-01T00:00:00Z"}, "work.finished_at"),
        ({"started_at": "2026-03-02T09:00:00.000001Z"}, "work.finished_at"),
        ({"requested_at": "2026-03-02T08:59:00Z", "started_at": "2026-03-02T08:58:00Z"}, "work.started_at"),
        ({"process": ""}, "work.process"),
        ({"process": " "}, "work.process"),
        ({"process": 7}, "$.work.process"),
        ({"activity": "x" * 201}, "work.activity"),
        ({"case": "a\x00b"}, "work.case"),
        ({"actor": {"kind": "robot"}}, "$.work.actor.kind"),
        ({"actor": {"kind": "person", "team": "x" * 256}}, "work.actor.team"),
        ({"outcome": "fine"}, "$.work.outcome"),
        ({"corrects": "no-id"}, "$.work.corrects"),
        ({"cost": {"amount": "NaN", "currency": "EUR"}}, "work.cost.amount"),
        ({"cost": {"amount": "1e13", "currency": "EUR"}}, "work.cost.amount"),
        ({"cost": {"amount": "1e-13", "currency": "EUR"}}, "work.cost.amount"),
        ({"cost": {"amount": "0E+99999999", "currency": "EUR"}}, "work.cost.amount"),
        ({"cost": {"amount": "1", "currency": "euro"}}, "work.cost.currency"),
    ],
)
def test_a_bad_work_block_is_refused_by_the_name_of_its_field(change: dict[str, Any], field: str) -> None:
    bad = operation("t", minutes=None, **change)
    with pytest.raises(MalformedEventError) as refused:
        read(bad)
    assert field in str(refused.value)


def test_an_operation_cannot_correct_itself() -> None:
    event_id = uuid4()
    with pytest.raises(MalformedEventError, match=r"work\.corrects"):
        read(operation("t", event_id=event_id, corrects=event_id))


@pytest.mark.parametrize(("score", "field"), [(0, "score"), (6, "score"), (4.5, r"\$\.score"), ("4", r"\$\.score")])
def test_a_score_is_a_whole_number_from_1_to_5(score: Any, field: str) -> None:
    with pytest.raises(MalformedEventError, match=field):
        read(answer("t", score))


@pytest.mark.parametrize("kind", ["x.y.done.v1", ObservationRecorded.type, SurveyAnswered.type])
@pytest.mark.parametrize("data", [b"{", b"[]", b"7", b'{"work": 7}', b'{"work": {}, "score": 9}', b"\xff", b""])
def test_what_is_not_understood_is_refused_with_a_reason(kind: str, data: bytes) -> None:
    bad = msgspec.structs.replace(event("t", {}, kind), data=data)
    with pytest.raises(MalformedEventError) as refused:
        read(bad)
    assert refused.value.reason in {"bad-json", "bad-data"}


def test_what_is_refused_is_not_remembered() -> None:
    """Whoever may publish could fill the memory with texts of any length otherwise."""
    caches = (check_origin, facts._check_labels, check_currency)
    for cache in caches:
        cache.cache_clear()
    for bad in (
        operation("t", activity="x" * 201),
        operation("t", cost={"amount": "1", "currency": "x" * 201}),
        event("t", {}, kind="x" * 256),
        event("x" * 65, {}),
    ):
        with pytest.raises(MalformedEventError):
            read(bad)
    # The type and tenant of the first two, and the labels of the second, are fine.
    assert [cache.cache_info().currsize for cache in caches] == [1, 1, 0]

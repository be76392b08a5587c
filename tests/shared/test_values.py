"""Identifiers, money, time, trace context, versions, cursors: laws that hold for all inputs."""

import base64
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi import Request, Response
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared import clock
from shared.clock import frozen
from shared.etag import PreconditionFailed, PreconditionRequired, check_version, set_etag
from shared.ids import stable_id, uuid7
from shared.money import DecimalString, minor_digits, round_money
from shared.pagination import InvalidCursor, PageRequest, _encode
from shared.schemas import Day, Id, Instant
from shared.tracing import TraceContext, acceptable_request_id, continue_trace


def test_uuid7_has_its_version_variant_and_time() -> None:
    before = time.time_ns() // 1_000_000
    made = [uuid7() for _ in range(1_000)]
    after = time.time_ns() // 1_000_000
    assert {(value.version, value.variant) for value in made} == {(7, "specified in RFC 4122")}
    times = [value.int >> 80 for value in made]
    assert before <= times[0]
    assert times[-1] <= after
    assert times == sorted(times)
    assert len(set(made)) == 1_000


def test_uuid7_sorts_by_the_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for millisecond in (0, 1, 255, 256, 2**40, 2**47):
        monkeypatch.setattr(time, "time_ns", lambda at=millisecond: at * 1_000_000)
        made.append(uuid7())
    monkeypatch.undo()
    assert made == sorted(made)
    assert [str(value) for value in made] == sorted(str(value) for value in made)


TEXTS = st.lists(st.text(max_size=8), max_size=4)


@given(TEXTS, TEXTS)
def test_a_stable_id_tells_every_list_of_parts_apart(one: list[str], other: list[str]) -> None:
    assert (stable_id(*one) == stable_id(*other)) == (one == other)


def test_a_stable_id_stays_what_it_is() -> None:
    """Stored events carry it: a change here would make everything that is sent twice count twice."""
    assert stable_id("a", 1) == UUID("09f75bb7-4437-5445-a9b3-a7d05e498621")
    assert stable_id("a", 1) == stable_id("a", "1")


def test_time_can_be_held_still() -> None:
    at = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    with frozen(at):
        assert clock.now() == at
        assert clock.now().tzinfo is UTC
    assert clock.now() > at


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.005", "EUR", "0.01"),
        ("-0.005", "EUR", "-0.01"),
        ("2.675", "EUR", "2.68"),
        ("1.5", "JPY", "2"),
        ("1.0005", "KWD", "1.001"),
        ("1.005", "XXX", "1.01"),
    ],
)
def test_money_rounds_half_away_from_zero_in_its_smallest_unit(amount: str, currency: str, rounded: str) -> None:
    assert str(round_money(Decimal(amount), currency)) == rounded


@given(st.decimals(-(10**12), 10**12, places=6), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_rounded_money_is_near_and_stays(amount: Decimal, currency: str) -> None:
    rounded = round_money(amount, currency)
    assert abs(rounded - amount) * 2 <= Decimal(1).scaleb(-minor_digits(currency))
    assert round_money(rounded, currency) == rounded


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "1e3", "1.", ".5", "+1", "1,0", "", " 1", "1" * 16, "1.1234567", "\u0661"]
)
def test_what_is_no_decimal_string(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(DecimalString).validate_python(text)


def test_decimal_strings() -> None:
    for text in ("0", "-0.01", "123456789012345.123456"):
        assert TypeAdapter(DecimalString).validate_python(text) == text


TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_trace_goes_on_in_a_new_span() -> None:
    parent = TraceContext.parse(f"00-{TRACE}-{SPAN}-00")
    assert parent == TraceContext(TRACE, SPAN, "00")
    child = continue_trace(f"00-{TRACE}-{SPAN}-00")
    assert (child.trace_id, child.flags) == (TRACE, "00")
    assert child.span_id != SPAN
    assert TraceContext.parse(child.traceparent) == child


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "x",
        f"00-{TRACE}-{SPAN}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-01-more",
    ],
)
def test_a_malformed_trace_begins_anew(header: str | None) -> None:
    assert TraceContext.parse(header) is None
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", continue_trace(header).traceparent)


@pytest.mark.parametrize(
    "header", [None, "", "short", "x" * 65, "with space!", "line\nbreak", "12345678\n", 'quote"12345']
)
def test_an_unsafe_request_id_is_not_taken(header: str | None) -> None:
    assert acceptable_request_id(header) is None


def test_a_safe_request_id_is_taken() -> None:
    assert acceptable_request_id("01a20410-dc7c_710f.X") == "01a20410-dc7c_710f.X"


@pytest.mark.parametrize("header", ['"3"', 'W/"3"', '"1", "3"', '"1",W/"3"', "*", "3"])
def test_the_seen_version_may_be_edited(header: str) -> None:
    check_version(header, 3)


@pytest.mark.parametrize("header", ['"2"', '"33"', "", '""', '"1", "2"', 'W/"2"'])
def test_another_version_may_not(header: str) -> None:
    with pytest.raises(PreconditionFailed):
        check_version(header, 3)


def test_an_edit_needs_a_version_where_it_is_required() -> None:
    with pytest.raises(PreconditionRequired):
        check_version(None, 3)
    check_version(None, 3, required=False)
    response = Response()
    set_etag(response, 3)
    check_version(response.headers["etag"], 3)


def of_list(path: str) -> Request:
    return Request({"type": "http", "path": path, "headers": [], "server": ("localhost", 80)})


@given(st.uuids())
def test_a_cursor_gives_its_id_back_to_its_own_list_alone(last: UUID) -> None:
    cursor = _encode(last, "/billing/invoices")
    assert PageRequest(of_list("/billing/invoices"), cursor).after == last
    with pytest.raises(InvalidCursor):
        PageRequest(of_list("/hr/employees"), cursor)


@given(st.text(max_size=64) | st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_cursor_is_refused_as_one(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        PageRequest(of_list("/billing/invoices"), cursor)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Day, "1700006400"),
        (Day, 1700006400),
        (Day, "2026-02-30"),
        (Day, "2026-01-01T00:00:00Z"),
        (Instant, "2026-01-01"),
        (Instant, "2026-01-01T00:00:00"),
        (Instant, 1700006400),
        (Instant, "9999-12-31T23:59:59-14:00"),
        (Id, 7),
        (Id, "x"),
        (Id, None),
    ],
)
def test_what_is_no_day_instant_or_id(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)


def test_an_instant_is_kept_in_utc() -> None:
    instant: datetime = TypeAdapter(Instant).validate_python("2026-01-01T01:00:00+01:00")
    assert (instant, instant.tzinfo) == (datetime(2026, 1, 1, tzinfo=UTC), UTC)

from collections import deque
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.event_logs.errors import (
    DoctypeRefusedError,
    MalformedXmlError,
    NotXesError,
    TooDeepError,
    TooLongError,
    TruncatedLogError,
    UnreadableLogError,
)
from services.analytics.event_logs.formats import ReadOptions
from services.analytics.event_logs.xes import MAX_DEPTH, MAX_TOKEN_BYTES, XesReader
from tests.analytics.event_logs.logs import element, event, read, trace, xes

STAMP = "2026-01-05T09:00:00Z"


def test_an_event_is_read_with_all_it_has() -> None:
    content = xes(
        trace("c1", event("Repair", STAMP, "COMPLETE", org__resource="Ana", org__role="clerk", cost__total="12.5"))
    )
    (found,), tally = read(content, ReadOptions(cost_attribute="cost:total"))
    assert (found.case, found.activity, found.transition, found.resource) == ("c1", "Repair", "complete", "Ana")
    assert (found.at.isoformat(), found.team, str(found.cost)) == ("2026-01-05T09:00:00+00:00", "clerk", "12.5")
    assert (tally.events, tally.used, tally.rejected, tally.remarks) == (1, 1, {}, {})


def test_the_group_comes_before_the_role() -> None:
    (found,), _ = read(xes(trace("c", event("A", STAMP, org__role="clerk", org__group="Back office"))))
    assert found.team == "Back office"


def test_defaults_of_global_are_neither_cases_nor_events() -> None:
    scope = f'<global scope="event">{element("string", "concept:name", "default")}{element("date", "time:timestamp", STAMP)}</global>'
    named = f'<global scope="trace">{element("string", "concept:name", "default case")}</global>'
    found, tally = read(xes(scope, named, trace("c", event("A", STAMP), event(None, STAMP))))
    assert [each.activity for each in found] == ["A"]
    assert tally.rejected == {"no-activity": 1}


def test_only_an_events_own_attributes_count() -> None:
    nested = (
        '<string key="note" value="x"><string key="concept:name" value="wrong"/><date key="time:timestamp" value="1999-01-01"/></string>'
        '<list key="cost:drivers"><values><string key="org:resource" value="wrong"/></values></list>'
        '<container key="more"><event><string key="concept:name" value="wrong"/></event></container>'
    )
    content = xes(
        '<string key="concept:name" value="name of the log"/>',
        f'<trace><string key="x" value="y"><string key="concept:name" value="wrong"/></string>'
        f"{element('string', 'concept:name', 'c')}"
        f"<event>{nested}{element('string', 'concept:name', 'A')}{element('date', 'time:timestamp', STAMP)}</event>"
        f"<event>{element('string', 'concept:name', 'B')}{element('date', 'time:timestamp', STAMP)}{nested}</event></trace>",
    )
    found, tally = read(content)
    assert [(each.case, each.activity, each.resource) for each in found] == [("c", "A", None), ("c", "B", None)]
    assert tally.events == 2


def test_values_may_have_any_type_and_order_of_parts() -> None:
    content = xes(
        '<trace><int value="7" key="concept:name"/><event><id key="org:resource" value="r-1"/>'
        '<boolean key="concept:name" value="true"/><string extra="1" key="lifecycle:transition" value="start"/>'
        f'<string key="time:timestamp" value="{STAMP}"/><float key="Costs" value="1E1"/><string key="org:group"/></event></trace>'
    )
    (found,), _ = read(content, ReadOptions(cost_attribute="Costs"))
    assert (found.case, found.activity, found.transition, found.resource) == ("7", "true", "start", "r-1")
    assert (found.team, str(found.cost)) == (None, "10")


@pytest.mark.parametrize(
    ("opening", "closing", "prefix"),
    [
        ('<log xmlns="http://www.xes-standard.org/">', "</log>", ""),
        ('<x:log xmlns:x="http://www.xes-standard.org/">', "</x:log>", "x:"),
    ],
)
def test_namespaces(opening: str, closing: str, prefix: str) -> None:
    body = trace("c", event("A", STAMP), event("B", STAMP)) + trace("d", event("A", STAMP))
    body = body.replace("</", "\0").replace("<", f"<{prefix}").replace("\0", f"</{prefix}")
    found, _ = read(f"{opening}{body}{closing}".encode())
    assert [(each.case, each.activity) for each in found] == [("c", "A"), ("c", "B"), ("d", "A")]


def test_a_standard_extension_may_have_another_prefix() -> None:
    content = xes(
        '<extension name="Lifecycle" prefix="lc" uri="http://www.xes-standard.org/lifecycle.xesext"/>',
        '<extension name="Concept" prefix="cn" uri="http://code.deckfour.org/xes/concept.xesext"/>',
        f'<trace><string key="cn:name" value="c"/><event><string key="cn:name" value="A"/>'
        f'<string key="lc:transition" value="start"/><date key="time:timestamp" value="{STAMP}"/></event></trace>',
    )
    (found,), _ = read(content)
    assert (found.case, found.activity, found.transition) == ("c", "A", "start")


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "UTF-16LE", "ISO-8859-1", "windows-1252"])
def test_encodings(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding.removesuffix("LE")}"?><log>{trace("ñandú", event("Facturación", STAMP))}</log>'
    mark = "\N{ZERO WIDTH NO-BREAK SPACE}" if encoding == "UTF-16LE" else ""
    (found,), _ = read((mark + text).encode(encoding))
    assert (found.case, found.activity) == ("ñandú", "Facturación")


def test_a_trace_may_be_named_after_its_events() -> None:
    late = f"<trace>{event('A', STAMP)}{event('B', STAMP)}{element('string', 'concept:name', 'late')}</trace>"
    found, tally = read(xes(late, trace("next", event("C", STAMP))))
    assert [(each.case, each.activity, each.ordinal) for each in found] == [
        ("late", "A", 1),
        ("late", "B", 2),
        ("next", "C", 3),
    ]
    assert tally.rejected == {}


def test_events_outside_traces_may_name_their_case() -> None:
    content = xes(
        trace("c", event("A", STAMP, case__concept__name="not this")),
        event("B", STAMP, case__concept__name="loose"),
        event("C", STAMP),
    )
    found, tally = read(content)
    assert [(each.case, each.activity) for each in found] == [("c", "A"), ("loose", "B")]
    assert tally.rejected == {"no-case": 1}


def test_what_cannot_be_used_is_counted_with_its_place() -> None:
    content = xes(
        trace(None, event("A", STAMP), event("B", STAMP)),
        trace("empty"),
        trace("  ", event("A", STAMP)),
        trace("c", event("A", STAMP), event("", STAMP), event("A", None), event("A", "soon"), event("A" * 201, STAMP)),
        trace("d", event("A", STAMP, Costs="1,234"), event("A", "2026-01-05T09:00:00")),
    )
    found, tally = read(content, ReadOptions(cost_attribute="Costs"))
    assert tally.rejected == {
        "no-case": 3, "no-activity": 1, "no-stamp": 1, "unreadable-stamp": 1, "text-too-long": 1,
    }  # fmt: skip
    assert tally.remarks == {"unreadable-cost": 1, "empty-trace": 1}
    assert (tally.events, tally.used, len(found), tally.naive_stamps) == (10, 3, 3, 1)
    samples = {(sample.reason, sample.position, sample.text) for sample in tally.samples}
    assert {
        ("no-case", "event 1", "A"),
        ("empty-trace", "trace 2", "empty"),
        ("unreadable-stamp", "event 7", "soon"),
    } <= samples
    assert ("unreadable-cost", "event 9", "1,234") in samples


def test_only_the_first_few_of_a_kind_are_kept_as_samples() -> None:
    _, tally = read(xes(trace("c", *[event("A", "soon")] * 50, event("B", STAMP))))
    assert tally.rejected == {"unreadable-stamp": 50}
    assert [sample.position for sample in tally.samples] == [f"event {number}" for number in range(1, 6)]


def test_a_document_type_is_refused_at_once() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE log [<!ENTITY a "aaaa">]><log/>'
    with pytest.raises(DoctypeRefusedError):
        XesReader().feed(bomb)


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"<log><trace>", TruncatedLogError),
        (b"<log><trace><string key=", TruncatedLogError),
        (b"<?xml version='1.0'?>", TruncatedLogError),
        (b"<log><trace></log>", MalformedXmlError),
        (b"<log>&undefined;</log>", MalformedXmlError),
        ("<?xml version='1.0' encoding='UTF-8'?><log><x a='ñ'/></log>".encode("latin-1"), MalformedXmlError),
        (b"<log/><log/>", MalformedXmlError),
        (b"<WorkflowLog/>", NotXesError),
        (b"<html><log/></html>", NotXesError),
        (b"<log>" + b"<list>" * (MAX_DEPTH + 1), TooDeepError),
        (b"<log><trace><event>" + b"<list>" * (MAX_DEPTH + 1), TooDeepError),
    ],
)
def test_a_file_that_is_no_whole_xes_is_refused(content: bytes, refusal: type[UnreadableLogError]) -> None:
    with pytest.raises(refusal):
        read(content)


def _endless_attribute() -> Iterator[bytes]:
    yield b'<log><trace><event><string key="note" value="'
    for _ in range(MAX_TOKEN_BYTES // 65536 + 2):
        yield b"x" * 65536


def test_an_endless_attribute_is_refused_before_it_fills_the_memory() -> None:
    reader = XesReader()
    with pytest.raises(TooLongError):
        deque(map(reader.feed, _endless_attribute()), maxlen=0)


def test_a_long_attribute_within_the_limit_is_fine() -> None:
    found, _ = read(xes(trace("c", event("A", STAMP, note="x" * (MAX_TOKEN_BYTES // 2)))))
    assert len(found) == 1


def test_memory_of_the_reader_does_not_grow_with_the_log() -> None:
    reader = XesReader()
    reader.feed(b"<log>")
    one = trace("c", *[event("A", STAMP)] * 100).encode()
    assert all(len(reader.feed(one)) >= 99 for _ in range(50))
    assert (len(reader._found), len(reader._waiting), len(reader._ended)) == (0, 0, 3)


@given(st.integers(min_value=1, max_value=400), st.booleans())
def test_where_the_chunks_end_changes_nothing(chunk: int, is_utf16: bool) -> None:
    text = xes(
        "<!-- a comment --><global scope='event'><string key='concept:name' value='no'/></global>",
        trace(
            "ñ 1", event("A & B", STAMP, "start"), event("A & B", "bad"), event("A & B", STAMP, "complete", Costs="3")
        ),
        trace(None, event("C", STAMP)),
        f"<trace>{event('D', STAMP)}{element('string', 'concept:name', 'late')}</trace>",
        head="",
    ).decode()
    content = text.encode("utf-16" if is_utf16 else "utf-8")
    assert read(content, chunk=chunk) == read(content)


def test_events_that_wait_for_their_traces_name_hold_only_what_an_operation_may() -> None:
    reader = XesReader()
    huge = "x" * 500_000
    content = xes(
        f"<trace>{event('A' + huge, '2026-01-05T09:00:00.' + '0' * 900 + '+02:00', huge, org__resource=huge)}"
    )
    reader.feed(content.removesuffix(b"</log>") + event("B", STAMP).encode() * 2)
    assert sum(len(value) for values in reader._waiting for value in values if value) < 2_000
    found = reader.feed(b'<string key="concept:name" value="c"/></trace></log>') + reader.finish()
    assert [(each.case, each.activity) for each in found] == [("c", "B"), ("c", "B")]


def test_a_cut_moment_of_a_waiting_event_is_no_moment() -> None:
    odd = event("A", "2026-01-05T09:00:00." + "0" * 900 + "+02:00")
    found, tally = read(xes(f"<trace>{odd}{element('string', 'concept:name', 'c')}</trace>"))
    assert (found, dict(tally.rejected)) == ([], {"unreadable-stamp": 1})


def test_all_waiting_events_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.analytics.event_logs.xes.MAX_UNNAMED_CHARACTERS", 300)
    unnamed = event("A" * 100, STAMP) * 4
    found, tally = read(xes(f"<trace>{unnamed}{element('string', 'concept:name', 'c')}</trace>"))
    assert (len(found), dict(tally.rejected)) == (1, {"no-case": 3})

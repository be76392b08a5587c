"""Object-centric logs: JSON of both versions and SQLite, whole and in pieces, sound and hostile."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.event_logs.errors import (
    CaseTypeNeededError,
    DamagedDatabaseError,
    MalformedJsonError,
    NoRoomError,
    NotOcelError,
    TooLongError,
    TruncatedLogError,
    UnreadableLogError,
)
from services.analytics.event_logs.formats import Format, ReadOptions
from services.analytics.event_logs.json_sections import JsonSections
from tests.analytics.event_logs.logs import read
from tests.analytics.event_logs.ocels import EVENTS, OBJECTS, Event, ocel1, ocel2, ocel_sqlite

ORDERS = ReadOptions(case_object_type="order", cost_attribute="cost")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        "2": ocel2(),
        "2, objects first": ocel2(objects_first=True),
        "1": ocel1(),
        "1, with its headers": ocel1(headers={"ocel:global-log": {"ocel:version": "1.0"}, "ocel:global-event": {}}),
        "with a mark": b"\xef\xbb\xbf" + ocel2(),
        "sqlite": ocel_sqlite(folder),
    }


@pytest.mark.parametrize("chunk", [1, 7, 65536])
def test_every_version_gives_the_same_events(tmp_path: Path, chunk: int) -> None:
    for name, content in contents(tmp_path).items():
        events, tally = read(content, ORDERS, chunk=chunk)
        brief = [(event.case, event.activity, event.at.strftime("%H:%M"), event.resource) for event in events]
        assert sorted(brief) == [
            ("o1", "Place", "09:00", "Ana"),
            ("o1", "Ship", "10:00", None),
            ("o2", "Ship", "10:00", None),
        ], name
        assert str(next(event.cost for event in events if event.activity == "Place")) == "1.5"
        assert (tally.events, dict(tally.rejected)) == (5, {"no-case": 2}), name


def test_another_type_gives_other_cases(tmp_path: Path) -> None:
    for content in contents(tmp_path).values():
        events, _ = read(content, ReadOptions(case_object_type="item"))
        assert {(event.case, event.activity, event.team) for event in events} == {
            ("i1", "Place", None), ("i2", "Place", None), ("i1", "Pack", "Hall"), ("i1", "Ship", None),
        }  # fmt: skip


def test_several_types_want_a_choice_and_one_does_not(tmp_path: Path) -> None:
    for content in contents(tmp_path).values():
        for chosen in (None, "invoice"):
            with pytest.raises(CaseTypeNeededError) as refusal:
                read(content, ReadOptions(case_object_type=chosen))
            assert refusal.value.values["object_types"] == ["item", "order"]
    orders = {key: kind for key, kind in OBJECTS.items() if kind == "order"}
    events, _ = read(ocel2(objects=orders))
    assert {event.case for event in events} == {"o1", "o2"}


def test_an_object_named_twice_by_an_event_counts_once() -> None:
    events, tally = read(ocel2([("e", "A", "2026-01-05T09:00:00Z", {}, ("o1", "o1"))]), ORDERS)
    assert (len(events), tally.events) == (1, 1)


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"{", TruncatedLogError),
        (ocel2()[:-1], TruncatedLogError),
        (ocel2()[:200], TruncatedLogError),
        (ocel2() + b"x", MalformedJsonError),
        (b"{} ", NotOcelError),
        (b'{"events": []}', NotOcelError),
        (b'{"objects": [{"id": "o", "type": "t"}]}', NotOcelError),
        (b'{"events": [' + b"[" * 100_000, UnreadableLogError),
        (b'{"events": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", MalformedJsonError),
        (b'{"events": [NaN                    ]}', MalformedJsonError),
        (b'{"events": [{"id": \xff}]}' + b" " * 50, MalformedJsonError),
        (b'{"events": [{} {}                     ]}', MalformedJsonError),
        (b'{"events": [{},                       ]}', MalformedJsonError),
        (b'{"events" {}                          }', MalformedJsonError),
        (b'{"events": [{"id": "' + b"x" * 5_000_000, TooLongError),
        (b'{"junk": "' + b"x" * 5_000_000, TooLongError),
    ],
)
@pytest.mark.parametrize("chunk", [9, 65536])
def test_what_is_no_ocel_is_refused(content: bytes, refusal: type[UnreadableLogError], chunk: int) -> None:
    if len(content) > 1_000_000:
        chunk = 65536
    with pytest.raises(refusal):
        read(content, ReadOptions(format=Format.OCEL), chunk=chunk)


def test_texts_that_no_database_holds_are_counted() -> None:
    at = "2026-01-05T09:00:00Z"
    events, tally = read(
        ocel2([("e", "a\0b", at, {}, ("o1",)), ("f", "\ud800", at, {}, ("o1",)), ("g", "A", at, {}, ("\ud800",))]),
        ORDERS,
    )
    assert (events, tally.events, dict(tally.rejected)) == ([], 3, {"unreadable-text": 2, "no-case": 1})


@pytest.mark.parametrize("related", ["true", "7", '"o1"', '{"objectId": "o1"}', "null"])
@pytest.mark.parametrize("name", ["relationships", "ocel:omap"])
def test_what_is_no_list_of_objects_relates_to_none(name: str, related: str) -> None:
    event = f'{{"type": "A", "time": "2026-01-05T09:00:00Z", "{name}": {related}}}'
    log = f'{{"events": [{event}], "objects": [{{"id": "o1", "type": "order"}}]}}'
    events, tally = read(log.encode())
    assert (events, dict(tally.rejected)) == ([], {"no-case": 1})


def test_strange_members_do_not_stop_the_reading() -> None:
    content = b"""{"events": [1, null, "x", [2], {"id": 3, "type": {"a": 1}, "time": 5, "attributes": [7, {"name": 8}],
        "relationships": [9, {"objectId": []}]}, {"type": "A", "time": "2026-01-05T09:00:00Z",
        "relationships": [{"objectId": "o"}]}], "objects": [1, {"id": [2], "type": 3}, {"id": "o", "type": "t"}]}"""
    events, tally = read(content)
    assert [(event.case, event.activity) for event in events] == [("o", "A")]
    assert tally.events == 6


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), JSON), st.integers(1, 20), st.sampled_from([None, 1]))
def test_members_are_those_that_a_whole_parser_finds(
    document: dict[str, object], chunk: int, indent: int | None
) -> None:
    content = json.dumps(document, indent=indent).encode()
    sections = JsonSections({"a", "b"})
    found = [member for at in range(0, len(content), chunk) for member in sections.feed(content[at : at + chunk])]
    found += sections.finish()
    parsed = json.loads(content, parse_int=str)
    expected = []
    for name in parsed:
        if name in {"a", "b"} and isinstance(parsed[name], list):
            expected += [(name, None, value) for value in parsed[name]]
        elif name in {"a", "b"} and isinstance(parsed[name], dict):
            expected += [(name, key, value) for key, value in parsed[name].items()]
    assert found == expected


HOSTILE = {
    "a view in a table's place": "DROP TABLE object; CREATE VIEW object AS SELECT 'o1' AS ocel_id, 'order' AS ocel_type;",
    "a virtual table": "DROP TABLE object; CREATE VIRTUAL TABLE object USING fts5(ocel_id, ocel_type);",
    "a column that is computed": (
        "DROP TABLE object; CREATE TABLE object (ocel_id TEXT, ocel_type TEXT AS (hex(zeroblob(100000000))));"
    ),
    "no object": "DROP TABLE object;",
    "another column": "ALTER TABLE object RENAME COLUMN ocel_type TO kind;",
    "nothing in it": "DELETE FROM object;",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_database_that_is_not_what_it_should_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotOcelError):
        read(ocel_sqlite(tmp_path, after=HOSTILE[name]), ORDERS)


def test_triggers_views_and_indexes_of_a_file_change_nothing(tmp_path: Path) -> None:
    after = """
        CREATE TRIGGER t AFTER INSERT ON object BEGIN DELETE FROM object; END; CREATE VIEW v AS SELECT * FROM object;
        CREATE INDEX i ON object (ocel_type) WHERE ocel_type = 'none'; CREATE TABLE "event_""; DROP TABLE x" (a);"""
    assert len(read(ocel_sqlite(tmp_path, after=after), ORDERS)[0]) == 3


def test_events_of_one_moment_stay_in_the_order_of_the_file(tmp_path: Path) -> None:
    at = "2026-01-05T09:00:00Z"
    events: list[Event] = [(f"e{n}", "BA"[n % 2], at, {}, ("o1",)) for n in range(6)]
    for log in (ocel2(events), ocel1(events), ocel_sqlite(tmp_path, events)):
        assert [(event.activity, event.ordinal) for event in read(log, ORDERS)[0]] == [
            ("BA"[n % 2], n + 1) for n in range(6)
        ]


def test_an_event_without_its_own_row_is_counted(tmp_path: Path) -> None:
    after = "DELETE FROM event_Place; INSERT INTO event_Pack SELECT * FROM event_Pack; INSERT INTO object SELECT * FROM object;"
    events, tally = read(ocel_sqlite(tmp_path, after=after), ORDERS)
    assert {event.activity for event in events} == {"Ship"}
    assert dict(tally.rejected) == {"no-case": 2, "no-stamp": 1}


def test_a_value_above_the_limit_is_refused(tmp_path: Path) -> None:
    after = "UPDATE object SET ocel_type = hex(zeroblob(1000000));"
    with pytest.raises(DamagedDatabaseError):
        read(ocel_sqlite(tmp_path, after=after), ORDERS)


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.analytics.event_logs.ocel_sqlite.MAX_SECONDS", -1.0)
    monkeypatch.setattr("services.analytics.event_logs.ocel_sqlite._INSTRUCTIONS", 1)
    with pytest.raises(DamagedDatabaseError):
        read(ocel_sqlite(tmp_path), ORDERS)


@pytest.mark.parametrize("damage", [slice(16, 100), slice(100, 140), slice(4096, 4200), slice(-2000, None)])
def test_a_damaged_database_is_refused_or_read_and_never_more(tmp_path: Path, damage: slice) -> None:
    content = bytearray(ocel_sqlite(tmp_path))
    content[damage] = b"\xff" * len(content[damage])
    with suppress(UnreadableLogError):
        read(bytes(content), ORDERS)


def test_a_schema_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """SQLite quotes it in its message, which is no text then either."""
    content = ocel_sqlite(tmp_path).replace(b"CREATE TABLE", b"CREATE T\x9eBLE", 1)
    with pytest.raises(DamagedDatabaseError):
        read(content, ORDERS)


def test_many_events_are_read_in_pages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("services.analytics.event_logs.ocel.PAGE", 2)
    monkeypatch.setattr("services.analytics.event_logs.ocel_sqlite.PAGE", 2)
    for content in (ocel2(EVENTS), ocel_sqlite(tmp_path)):
        assert len(read(content, ORDERS)[0]) == 3


def test_a_log_for_which_there_is_no_room_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("services.analytics.event_logs.ocel.MAX_SCRATCH_PAGES", 8)
    many: list[Event] = [(f"e{n}", "Place", "2026-01-05T09:00:00Z", {}, ("o1",)) for n in range(2_000)]
    for content in (ocel2(many), ocel_sqlite(tmp_path, many)):
        with pytest.raises(NoRoomError):
            read(content, ORDERS)

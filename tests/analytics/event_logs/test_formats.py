import gzip
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.event_logs import formats
from services.analytics.event_logs.errors import (
    DamagedArchiveError,
    EmptyLogError,
    MalformedXmlError,
    MissingColumnError,
    TooManyEventsError,
    TruncatedLogError,
    UnknownEncodingError,
    UnknownFormatError,
    UnreadableLogError,
)
from services.analytics.event_logs.formats import Format, LogReader, ReadOptions
from tests.analytics.event_logs.logs import event, read, table, trace, xes

STAMP = "2026-01-05T09:00:00Z"
XES = xes(*[trace(f"c{number}", event("A", STAMP), event("B", STAMP)) for number in range(40)])
CSV = table(("case", "activity", "timestamp"), *[(f"c{number}", "A", STAMP) for number in range(80)])


@pytest.mark.parametrize("content", [XES, CSV], ids=["xes", "csv"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("chunk", [1, 7, 1024, 65536])
def test_a_file_is_recognised_by_its_content(content: bytes, packed: bool, chunk: int) -> None:
    found, tally = read(gzip.compress(content) if packed else content, chunk=chunk)
    assert (len(found), tally.events) == (80, 80)


def test_several_gzip_members_and_padding_are_one_file() -> None:
    half = len(XES) // 2
    packed = gzip.compress(XES[:half]) + gzip.compress(XES[half:]) + b"\0" * 700
    for chunk in (1, 13, 65536):
        assert len(read(packed, chunk=chunk)[0]) == 80


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(XES)[:-1],
        gzip.compress(XES)[:40],
        gzip.compress(XES)[:-8] + b"\1" * 8,
        gzip.compress(XES) + b"something else",
        gzip.compress(XES) + b"\x1f",
        b"\x1f\x8b\x08 not gzip at all",
    ],
    ids=["last byte", "early", "checksum", "trailer", "half a member", "header"],
)
def test_a_damaged_archive_is_refused(content: bytes) -> None:
    for chunk in (1, 65536):
        with pytest.raises(DamagedArchiveError):
            read(content, chunk=chunk)


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["plain", "gzip"])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(EmptyLogError):
        read(content)


def test_a_file_of_one_byte_is_read_too() -> None:
    with pytest.raises(MissingColumnError):
        read(b"x")


@pytest.mark.parametrize("before", [b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n"])
def test_blanks_and_marks_before_the_xml_do_not_matter(before: bytes) -> None:
    assert read(before + XES) == read(XES)


@pytest.mark.parametrize("declared", ["GBK", "Shift_JIS", "utf-7", "foo", "rot13", "zip", "UTF-16"])
def test_xml_in_an_encoding_that_is_not_read_says_so(declared: str) -> None:
    log = f'<?xml version="1.0" encoding="{declared}"?>'.encode() + XES.partition(b"?>")[2]
    with pytest.raises(UnknownEncodingError):
        read(log)


@pytest.mark.parametrize("order", ["utf-32-le", "utf-32-be"])
def test_utf_32_is_no_csv(order: str) -> None:
    with pytest.raises(UnknownFormatError) as refused:
        read(("\ufeff" + XES.decode()).encode(order))
    assert refused.value.values == {"found": "UTF-32"}


def test_a_log_packed_twice_is_refused_for_what_it_is() -> None:
    with pytest.raises(UnknownFormatError) as refused:
        read(gzip.compress(gzip.compress(XES)))
    assert refused.value.values == {"found": "gzip within gzip"}


def test_a_given_format_is_obeyed() -> None:
    with pytest.raises(MalformedXmlError):
        read(CSV, ReadOptions(format=Format.XES))
    with pytest.raises(MissingColumnError):
        read(XES, ReadOptions(format=Format.CSV))


def test_a_gzip_bomb_is_unpacked_in_pieces() -> None:
    bomb = gzip.compress(b"<log>" + b" " * 100_000_000)
    tracemalloc.start()
    with pytest.raises(TruncatedLogError):
        read(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"<log><trace>", b"\x1f\x8b\x08\0", b"case,activity,timestamp\n"])
)
def test_rubbish_is_read_or_refused_never_a_crash(rubbish: bytes, head: bytes) -> None:
    with suppress(UnreadableLogError):
        found, tally = read(head + rubbish)
        assert len(found) == tally.used


def test_the_account_is_empty_before_the_format_is_known() -> None:
    assert LogReader().tally.events == 0


@pytest.mark.parametrize("refusal", UnreadableLogError.__subclasses__())
def test_every_refusal_says_in_both_languages_what_to_do(refusal: type[UnreadableLogError]) -> None:
    values = dict.fromkeys(
        ("declared", "found", "reason", "line", "limit", "root", "needed", "columns", "reasons", "missing"), "x"
    )
    refused = refusal(**values)
    texts = [refused.detail("en"), refused.detail("es"), refused.hint("en"), refused.hint("es")]
    assert all(texts)
    assert len(set(texts)) == 4


def test_more_events_than_the_quota_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.analytics.event_logs.formats.MAX_EVENTS", 2)
    rows = [(f"c{n}", "A", "2026-01-05T09:00:00Z") for n in range(3)]
    assert len(read(table(("case", "activity", "timestamp"), *rows[:2]))[0]) == 2
    with pytest.raises(TooManyEventsError):
        read(table(("case", "activity", "timestamp"), *rows))


def test_the_quota_of_unpacked_bytes_is_what_a_database_can_stage() -> None:
    assert formats.MAX_UNPACKED_BYTES <= 4 * 1024**3

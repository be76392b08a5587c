import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.event_logs.delimited import MAX_COLUMNS, MAX_ROW_BYTES, Columns
from services.analytics.event_logs.errors import (
    EmptyLogError,
    MissingColumnError,
    TooLongError,
    TooManyColumnsError,
    TruncatedLogError,
    UnknownFormatError,
    UnreadableLogError,
)
from services.analytics.event_logs.formats import ReadOptions
from tests.analytics.event_logs.logs import read, table

STAMP = "2026-01-05T09:00:00Z"
HEADER = ("case_id", "activity", "timestamp")


def _brief(content: bytes, options: ReadOptions | None = None) -> list[tuple[str, str]]:
    return [(each.case, each.activity) for each in read(content, options)[0]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    assert _brief(table(HEADER, ("c", "A", STAMP), delimiter=delimiter)) == [("c", "A")]


def test_a_delimiter_inside_other_columns_names_misleads_nobody() -> None:
    content = f"case;activity;timestamp;a,b,c,d,e\nc;A, B;{STAMP};\n".encode()
    assert _brief(content) == [("c", "A, B")]


def test_a_spreadsheets_separator_line_is_obeyed() -> None:
    assert _brief(f"sep=;\r\ncase;activity;timestamp\r\nc;A;{STAMP}\r\n".encode()) == [("c", "A")]


@pytest.mark.parametrize(
    "header",
    [
        ("case:concept:name", "concept:name", "time:timestamp"),
        ("Case ID", "Activity", "Complete Timestamp"),
        ("CASE", "ACTIVITY", "End Time"),
    ],
)
def test_usual_names_of_columns(header: tuple[str, str, str]) -> None:
    assert _brief(table(header, ("c", "A", STAMP))) == [("c", "A")]


def test_columns_may_be_named() -> None:
    content = table(("expediente", "paso", "fecha", "importe"), ("c", "A", "05/01/2026 09:00", "50,5"), delimiter=";")
    columns = Columns(case="Expediente", activity="paso", stamp="fecha")
    (found,), tally = read(
        content, ReadOptions(columns=columns, cost_attribute="importe", stamp_pattern="%d/%m/%Y %H:%M")
    )
    assert (found.at.isoformat(), str(found.cost), tally.naive_stamps) == ("2026-01-05T09:00:00+00:00", "50.5", 1)


def test_blanks_around_values_are_layout() -> None:
    content = f"case, activity, timestamp, resource\n1, a, {STAMP}, Ana\n1,a,{STAMP},Ana\n".encode()
    assert {(each.case, each.activity, each.resource) for each in read(content)[0]} == {("1", "a", "Ana")}


def test_a_missing_column_is_named_with_the_columns_there_are() -> None:
    with pytest.raises(MissingColumnError) as refused:
        read(table(("case", "what", "timestamp"), ("c", "A", STAMP)))
    assert refused.value.values["columns"] == ["case", "what", "timestamp"]
    assert refused.value.detail("en").endswith("no column for activity; its columns are case, what, timestamp.")
    with pytest.raises(MissingColumnError, match="no column for timestamp;"):
        read(b"case,activity,when\nc,A,1\n")
    with pytest.raises(MissingColumnError) as refused:
        read(table(HEADER, ("c", "A", STAMP)), ReadOptions(columns=Columns(resource="who")))
    assert refused.value.values["needed"] == "who"


def test_a_row_with_a_start_is_an_operation_with_both_stamps() -> None:
    content = table(
        (*HEADER, "start_timestamp"),
        ("c", "A", "2026-01-05T09:00:00Z", "2026-01-05T08:00:00Z"),
        ("c", "B", "2026-01-05T09:00:00Z", ""),
        ("c", "C", "2026-01-05T09:00:00Z", "2026-01-05T09:30:00Z"),
        ("c", "D", "2026-01-05T09:00:00Z", "?"),
    )
    found, tally = read(content)
    assert [each.started_at.hour if each.started_at else None for each in found] == [8, None, None, None]
    assert tally.remarks == {"start-after-end": 1, "unreadable-start": 1}


def test_quoted_fields_hold_delimiters_quotes_and_line_ends() -> None:
    activity = 'Check "A", then\r\nB\nC'
    content = table((*HEADER, "note"), ("c", activity, STAMP, 'say "hi"\n"'), ("d", "B", STAMP, ""))
    found, tally = read(content)
    assert [(each.case, each.activity) for each in found] == [("c", activity), ("d", "B")]
    assert tally.rejected == {}


def test_a_quote_within_an_unquoted_field_is_a_quote() -> None:
    assert _brief(f'case,activity,timestamp\nc,5" pipe,{STAMP}\nd,A,{STAMP}\n'.encode()) == [
        ("c", '5" pipe'),
        ("d", "A"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_of_lines(end: str) -> None:
    lines = ["case,activity,timestamp", f"c,A,{STAMP}", "", ",,", f"d,B,{STAMP}"]
    assert _brief(end.join(lines).encode()) == [("c", "A"), ("d", "B")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding: str) -> None:
    content = f"case;activity;timestamp\nñ;Facturación €;{STAMP}\n".encode(encoding)
    assert _brief(content) == [("ñ", "Facturación €")]
    assert read(content)[1].remarks == ({"not-utf8": 1} if encoding == "cp1252" else {})


def test_what_cannot_be_used_is_counted_with_its_line() -> None:
    content = table(
        HEADER,
        ("c", "A", STAMP),
        ("", "A", STAMP),
        ("c", " ", STAMP),
        ("c", "A"),
        ("c", "A", "soon"),
        ("c", "A", STAMP, "more"),
        ("c", "A", STAMP, ""),
        ("c", "A\0", STAMP),
        ("c", "x" * 200_000, STAMP),
    )
    found, tally = read(content)
    assert tally.rejected == {
        "no-case": 1, "no-activity": 1, "no-stamp": 1, "unreadable-stamp": 1, "extra-fields": 1, "unreadable-text": 2,
    }  # fmt: skip
    assert (tally.events, len(found)) == (9, 2)
    assert {sample.reason: sample.position for sample in tally.samples}["unreadable-stamp"] == "line 6"


def test_what_is_told_of_a_file_holds_no_nul() -> None:
    header = b"case:concept:name,activity,timestamp\n"
    for row in (b"c\0,A,soon\n", b"c\xf1o\0,A,soon\n", b'"c\xf1o\n\0",A,soon\n'):
        _, tally = read(header + row)
        assert tally.samples
        assert "\0" not in "".join(sample.text for sample in tally.samples)
    with pytest.raises(MissingColumnError) as refused:
        read(b"case_id,activity,and something more\0\nc,A\n")
    assert refused.value.values["columns"] == ["case_id", "activity", "and something more\N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"\n\n", EmptyLogError),
        (f'case,activity,timestamp\nc,A,{STAMP}\nd,"B,{STAMP}\n'.encode(), TruncatedLogError),
        ("case,activity,timestamp\n".encode("utf-16")[:-1], TruncatedLogError),
        (b"\xff\xfe" + b"c\0a\0" + b"\x00\xdc" * 2, UnknownFormatError),
        (b"case,activity,timestamp\nc,A," + b"x" * MAX_ROW_BYTES * 2, TooLongError),
        (b'case,activity,timestamp\nc,A,"' + b"x\n" * MAX_ROW_BYTES, TooLongError),
        (b"PK\x03\x04 a spreadsheet", UnknownFormatError),
        (b'[{"case": 1}]', UnknownFormatError),
        (b"\x89PNG\r\n\x1a\n\0\0\0", UnknownFormatError),
        (b"just some words", MissingColumnError),
    ],
)
def test_a_file_that_is_no_whole_table_is_refused(content: bytes, refusal: type[UnreadableLogError]) -> None:
    with pytest.raises(refusal):
        read(content)


_CELLS = st.text(st.sampled_from('ab ",;\r\n"ñ€'), min_size=1, max_size=12).filter(lambda text: not text.isspace())


@given(st.lists(st.tuples(_CELLS, _CELLS), min_size=1, max_size=6), st.sampled_from(",;\t|"))
def test_what_a_csv_writer_writes_comes_back(rows: list[tuple[str, str]], delimiter: str) -> None:
    content = table(HEADER, *[(case, activity, STAMP) for case, activity in rows], delimiter=delimiter)
    assert _brief(content) == [(case.strip(), activity.strip()) for case, activity in rows]


@given(st.integers(min_value=1, max_value=120), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
def test_where_the_chunks_end_changes_nothing(chunk: int, encoding: str) -> None:
    text = f'case;activity;timestamp\r\nñ;"A\r\n""B"";";{STAMP}\r\n;A;{STAMP}\r\n\r\nc;€;{STAMP}'
    content = text.encode(encoding)
    assert read(content, chunk=chunk) == read(content)


@pytest.mark.parametrize("start", ["", "sep=,\n"])
def test_a_header_of_very_many_columns_is_refused(start: str) -> None:
    header = "case,activity,timestamp" + "," * MAX_COLUMNS
    with pytest.raises(TooManyColumnsError):
        read(f"{start}{header}\nc,A,{STAMP}\n".encode())


def test_the_widest_table_allowed_is_read_with_short_rows() -> None:
    header = "case,activity,timestamp" + "," * (MAX_COLUMNS - 4) + ",resource"
    assert _brief(f"{header[: header.rindex(',,')]},resource\nc,A,{STAMP}\n".encode()) == [("c", "A")]


def test_a_header_with_one_huge_name_is_refused() -> None:
    with pytest.raises(TooLongError):
        read(f"case,activity,timestamp,{'x' * 140_000}\nc,A,{STAMP}\n".encode())


def test_a_missing_columns_answer_quotes_no_huge_names() -> None:
    with pytest.raises(MissingColumnError) as refused:
        read(f"case,{'x' * 100_000}\n".encode())
    assert len(refused.value.detail("en")) < 1_000

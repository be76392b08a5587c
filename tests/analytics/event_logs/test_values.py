from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.event_logs.values import check_pattern, parse_amount, parse_stamp

NOON = datetime(2010, 12, 30, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2010-12-30T13:00:00.000+01:00",
        "2010-12-30T12:00:00Z",
        "2010-12-30T12:00:00z",
        "2010-12-30T12:00Z",
        "2010-12-30 13:00:00+0100",
        "2010-12-30 13:00:00.0 +0100",
        "2010-12-30T13:00:00.000000000+01:00",
        "2010-12-30T13:00:00,000+01",
        "2010/12/30 13:00:00.000 +01:00",
        "20101230T120000Z",
        "2010-12-30T11:59:60Z",
        "  2010-12-30T12:00:00 UTC ",
        "2010-12-30T06:15:00-05:45",
    ],
)
def test_variants_of_iso_8601_are_one_moment(text: str) -> None:
    assert parse_stamp(text) == (NOON, False)


def test_a_stamp_without_an_offset_is_taken_as_utc_and_said_so() -> None:
    assert parse_stamp("2010-12-30T12:00:00") == (NOON, True)
    assert parse_stamp("2010/12/30 12:00") == (NOON, True)
    assert parse_stamp("30.12.2010 12.00", "%d.%m.%Y %H.%M") == (NOON, True)
    assert parse_stamp("30.12.2010 13.00 +0100", "%d.%m.%Y %H.%M %z") == (NOON, False)


def test_fractions_of_any_length_are_cut_at_microseconds() -> None:
    assert parse_stamp("2010-12-30T12:00:00.5Z") == (NOON.replace(microsecond=500_000), False)
    assert parse_stamp("2010-12-30T12:00:00.1234567899Z") == (NOON.replace(microsecond=123_456), False)
    assert parse_stamp("2010/12/30 12:00:00.1234567899Z") == (NOON.replace(microsecond=123_456), False)


def test_midnight_may_be_the_end_of_a_day() -> None:
    assert parse_stamp("2010-12-31T24:00:00Z") == (datetime(2011, 1, 1, tzinfo=UTC), False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "30/12/2010 12:00",
        "12-30-2010 12:00",
        "1293710400000",
        "1012101210121",
        "2010-13-01T00:00:00Z",
        "2010-02-30T00:00:00Z",
        "2010-12-30T25:00:00Z",
        "2010-12-30T24:01:00Z",
        "2010-12-30T12:60:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2010-12-30T12:00:00+99:00",
        "201012-30",
        "2010123",
        "\N{ARABIC-INDIC DIGIT TWO}010/12/30",
    ],
)
def test_what_is_no_certain_moment_is_none(text: str) -> None:
    assert parse_stamp(text) is None


def test_a_pattern_that_does_not_fit_is_none() -> None:
    assert parse_stamp("2010-12-30", "%d.%m.%Y") is None


@given(st.text())
def test_any_text_is_a_moment_in_utc_or_none(text: str) -> None:
    parsed = parse_stamp(text)
    assert parsed is None or parsed[0].tzinfo is UTC


@given(st.datetimes(timezones=st.timezones()))
def test_every_aware_stamp_comes_back(at: datetime) -> None:
    try:
        expected = at.astimezone(UTC)
    except OverflowError:
        return
    text = at.isoformat()
    assert parse_stamp(text) == (expected, False)
    assert parse_stamp(f" {text}") == (expected, False)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("50", "50"),
        (" 50.00 ", "50"),
        ("-3.5", "-3.5"),
        (".5", "0.5"),
        ("2.3832541524E7", "23832541.524"),
        ("1.234", "1.234"),
        ("50,5", "50.5"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("0.1234567891", "0.123456789"),
        ("1e3", "1000"),
    ],
)
def test_amounts(text: str, amount: str) -> None:
    assert str(parse_amount(text)) == amount


@pytest.mark.parametrize(
    "text", ["", "1,234", "1,234,567", "NaN", "Infinity", "1e999", "12 EUR", "--1", "1_000", "1e11", "1e-10"]
)
def test_an_amount_with_two_readings_or_none_is_none(text: str) -> None:
    assert parse_amount(text) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**10), max_value=10**10))
def test_every_amount_comes_back(amount: Decimal) -> None:
    assert parse_amount(str(amount)) == amount


@pytest.mark.parametrize("pattern", ["%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%S.%f%z", "%d %b %y, %I.%M %p", "%H%%%M %j"])
def test_formats_of_time_that_can_be_used(pattern: str) -> None:
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize(
    "pattern", ["%Y %Y", "%d%m%Y", "%d1%m", "%Y-%m-%d %c", "%Q", "%Y-%", "years", "%%", "%H:%M:%S %S"]
)
def test_formats_of_time_that_are_read_in_many_ways_or_in_none(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"%|directive"):
        check_pattern(pattern)

"""Figures, days and codes as each language writes them; which format a caller gets."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.rendering.figures import write_amount, write_day, write_number
from services.billing.rendering.messages import RenderingFormat
from services.billing.rendering.rules import preferred_format
from services.billing.rendering.wording import CODES, WORDS, Wording

_AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=6)


@pytest.mark.parametrize(
    ("value", "currency", "en", "es"),
    [
        ("1234.5", "EUR", "1,234.50", "1.234,50"),
        ("-1234567.891", "EUR", "-1,234,567.891", "-1.234.567,891"),
        ("34803", "JPY", "34,803", "34.803"),
        ("0.1", "BHD", "0.100", "0,100"),
        ("0", "EUR", "0.00", "0,00"),
        ("999", "EUR", "999.00", "999,00"),
        ("7", None, "7.00", "7,00"),
        ("1E+4", "EUR", "10,000.00", "10.000,00"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency_and_none_is_lost(
    value: str, currency: str | None, en: str, es: str
) -> None:
    assert write_amount(Decimal(value), currency, "en") == en
    assert write_amount(Decimal(value), currency, "es") == es


@given(_AMOUNTS, st.sampled_from(["EUR", "JPY", "BHD", "XYZ"]))
def test_what_is_written_is_the_very_figure_in_both_languages(value: Decimal, currency: str) -> None:
    en, es = write_amount(value, currency, "en"), write_amount(value, currency, "es")
    assert Decimal(en.replace(",", "")) == value
    assert es == en.translate(str.maketrans(",.", ".,"))


def test_a_figure_too_long_for_a_float_or_an_int_is_written_all_the_same() -> None:
    written = write_number(Decimal("1" + "0" * 6000), "en")
    assert written.replace(",", "") == "1" + "0" * 6000


def test_days_and_places_are_in_words() -> None:
    assert write_day(date(2026, 11, 2), "en") == "2 November 2026"
    assert write_day(date(2026, 11, 2), "es") == "2 de noviembre de 2026"
    assert (Wording("en").country("ES"), Wording("es").country("ES")) == ("Spain (ES)", "España (ES)")
    assert Wording("es").country("1A") == "1A"
    assert Wording("es").currency_of("EUR") == "euro (EUR)"


def test_a_code_is_always_shown_and_named_where_it_is_known() -> None:
    assert Wording("en").code("unit", "HUR") == "hour (HUR)"
    assert Wording("es").code("vat_category", "AE") == "Inversión del sujeto pasivo (AE)"
    assert Wording("en").code("unit", "X9Z") == "X9Z"
    assert Wording("en").code("unit", None) is None


def test_every_word_and_code_is_there_in_both_languages() -> None:
    texts = [*WORDS.values(), *(pair for codes in CODES.values() for pair in codes.values())]
    assert all(len(pair) == 2 and all(pair) for pair in texts)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "html"),
        ("*/*", "html"),
        ("application/pdf", "pdf"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("application/pdf;q=0.4, text/html;q=0.5", "html"),
        ("application/*, text/html;q=0.1", "pdf"),
        ("text/html;q=0, */*", "pdf"),
        ("application/json", None),
        ("application/pdf;q=nonsense", None),
        ("", "html"),
    ],
)
def test_accept_chooses(accept: str | None, expected: RenderingFormat | None) -> None:
    assert preferred_format(accept) == expected

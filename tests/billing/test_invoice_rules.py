"""Laws of a supplier invoice's figures and numbers."""

from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.billing.identifiers import normalise_number, normalise_tax_id
from services.billing.invoices.rules import Difference, Line, Totals, VatAmount, find_differences

CENT = Decimal("0.01")
RATES = [Decimal(rate) for rate in ("0", "4", "5", "10", "21")]
quantities = st.integers(-5_000, 5_000).map(lambda thousandths: Decimal(thousandths) / 1000)
prices = st.integers(0, 10_000_000).map(lambda fractions: Decimal(fractions) / 10_000)
groups = st.lists(st.text("0123456789", min_size=1, max_size=4), min_size=1, max_size=4)
separators = st.text(" -/._#:", min_size=1, max_size=3)


@dataclass(frozen=True)
class Figures:
    lines: list[Line]
    breakdown: list[VatAmount]
    totals: Totals

    def differences(self) -> list[Difference]:
        return find_differences(self.lines, self.breakdown, self.totals, "EUR")


def to_cents(numerator: int, denominator: int) -> Decimal:
    """Return the fraction of cents as an amount, half a cent away from zero; in whole numbers, unlike the rules."""
    sign = -1 if numerator < 0 else 1
    return sign * Decimal((2 * abs(numerator) + denominator) // (2 * denominator)) / 100


@st.composite
def figures(draw: st.DrawFn) -> Figures:
    """Build an invoice from its quantities, prices and rates, so that it adds up."""
    lines = []
    for quantity, price, rate in draw(
        st.lists(st.tuples(quantities, prices, st.sampled_from(RATES)), min_size=1, max_size=8)
    ):
        net = to_cents(int(quantity * 1000) * int(price * 10_000), 100_000)
        lines.append(Line(quantity, price, net, rate))
    breakdown = []
    for rate in draw(st.permutations(sorted({line.vat_rate for line in lines}))):
        base = sum((line.net for line in lines if line.vat_rate == rate), Decimal(0))
        breakdown.append(VatAmount(rate, base, to_cents(int(base * 100) * int(rate), 100)))
    net = sum((line.net for line in lines), Decimal(0))
    tax = sum((vat.tax for vat in breakdown), Decimal(0))
    return Figures(lines, breakdown, Totals(net, tax, net + tax))


@given(figures())
def test_figures_built_to_add_up_never_differ(invoice: Figures) -> None:
    assert invoice.differences() == []


@given(figures(), st.data(), st.sampled_from([CENT, -CENT]))
def test_a_line_one_cent_off_is_found(invoice: Figures, data: st.DataObject, cent: Decimal) -> None:
    place = data.draw(st.integers(0, len(invoice.lines) - 1))
    line = invoice.lines[place]
    lines = [*invoice.lines[:place], replace(line, net=line.net + cent), *invoice.lines[place + 1 :]]
    found = replace(invoice, lines=lines).differences()
    assert Difference(f"lines.{place}.net", line.net, line.net + cent) in found
    assert "totals.net" in [difference.at for difference in found]


@given(figures(), st.data(), st.sampled_from(["base", "tax"]), st.sampled_from([CENT, -CENT]))
def test_a_vat_amount_one_cent_off_is_found(invoice: Figures, data: st.DataObject, name: str, cent: Decimal) -> None:
    place = data.draw(st.integers(0, len(invoice.breakdown) - 1))
    vat = invoice.breakdown[place]
    right = getattr(vat, name)
    wrong = replace(vat, base=vat.base + cent) if name == "base" else replace(vat, tax=vat.tax + cent)
    breakdown = [*invoice.breakdown[:place], wrong, *invoice.breakdown[place + 1 :]]
    found = replace(invoice, breakdown=breakdown).differences()
    assert Difference(f"vat_breakdown.{place}.{name}", right, right + cent) in found


@given(figures(), st.sampled_from(["net", "tax", "gross"]), st.sampled_from([CENT, -CENT]))
def test_a_total_one_cent_off_is_found(invoice: Figures, name: str, cent: Decimal) -> None:
    right = getattr(invoice.totals, name)
    values = {"net": invoice.totals.net, "tax": invoice.totals.tax, "gross": invoice.totals.gross, name: right + cent}
    found = replace(invoice, totals=Totals(**values)).differences()
    if name == "gross":
        assert found == [Difference("totals.gross", right, right + cent)]
    else:
        assert [difference.at for difference in found] == [f"totals.{name}", "totals.gross"]
        assert found[0] == Difference(f"totals.{name}", right, right + cent)


@given(figures(), st.data())
def test_a_rate_left_out_is_found(invoice: Figures, data: st.DataObject) -> None:
    taxed = [vat for vat in invoice.breakdown if vat.base != 0]
    assume(taxed)
    gone = data.draw(st.sampled_from(taxed))
    breakdown = [vat for vat in invoice.breakdown if vat is not gone]
    found = replace(invoice, breakdown=breakdown).differences()
    assert Difference(f"vat_breakdown (rate {gone.rate} is missing)", gone.base, Decimal(0)) in found


@given(st.text(max_size=40))
def test_a_normalised_number_stays_as_it_is(number: str) -> None:
    once = normalise_number(number)
    assert normalise_number(once) == once


@given(groups, st.data())
def test_letter_case_and_separators_do_not_make_another_number(parts: list[str], data: st.DataObject) -> None:
    first, second = ("F" + "".join(data.draw(separators, label="separator") + part for part in parts) for _ in range(2))
    assert normalise_number(first) == normalise_number(second.lower())


@given(st.text("0123456789", min_size=2, max_size=8))
def test_digits_grouped_otherwise_are_another_number(digits: str) -> None:
    places = range(1, len(digits))
    written = [digits, *(f"{digits[:place]}/{digits[place:]}" for place in places)]
    assert all(normalise_number(one) != normalise_number(other) for one, other in combinations(written, 2))


@given(groups, groups)
def test_different_digit_groups_are_different_numbers(first: list[str], second: list[str]) -> None:
    same = normalise_number("-".join(first)) == normalise_number("-".join(second))
    assert same is (first == second)


@given(st.text("B1234567 .-/", max_size=24))
def test_a_tax_id_keeps_nothing_but_letters_and_digits(tax_id: str) -> None:
    assert normalise_tax_id(tax_id.lower()) == "".join(character for character in tax_id if character.isalnum())


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("ES B-12345674", True),
        ("esb12345674", True),
        ("ESX1234567L", False),
        ("ES12345674", False),
        ("FR12345674", False),
    ],
)
def test_a_spanish_vat_number_is_the_nif_behind_es(written: str, same: bool) -> None:
    assert (normalise_tax_id(written) == "B12345674") is same


def test_totals_are_shown_with_the_decimals_of_their_currency() -> None:
    kept = Totals(Decimal("30.000"), Decimal("6.000"), Decimal("36.000"))
    shown = {currency: str(kept.rounded(currency).gross) for currency in ("EUR", "JPY", "TND")}
    assert shown == {"EUR": "36.00", "JPY": "36", "TND": "36.000"}

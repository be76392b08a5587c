"""What the model says, each syntax says and gives back; what it cannot say it refuses."""

import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from services.billing.einvoices.binding import UnreadableError, UnwritableError
from services.billing.einvoices.canonical import canonical_json
from services.billing.einvoices.cii import read_cii, write_cii
from services.billing.einvoices.judge import Judge
from services.billing.einvoices.model import Invoice, Line, PaymentMeans, Price
from services.billing.einvoices.terms import term_at, terms_of
from services.billing.einvoices.ubl import read_ubl, write_ubl
from tests.billing.einvoices.samples import INVOICE
from tests.billing.einvoices.whole_invoices import invent

INVENTED = st.randoms(use_true_random=False).map(invent)
SYNTAXES: list[tuple[Callable[[Invoice], bytes], Callable[[Any], Invoice]]] = [
    (write_ubl, read_ubl),
    (write_cii, read_cii),
]


@given(INVENTED)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_again(invoice: Invoice) -> None:
    assert read_ubl(etree.fromstring(write_ubl(invoice))) == invoice
    assert read_cii(etree.fromstring(write_cii(invoice))) == invoice


@given(INVENTED)
@settings(max_examples=30, deadline=None)
def test_the_model_is_json_and_back(invoice: Invoice) -> None:
    assert msgspec.json.decode(msgspec.json.encode(invoice), type=Invoice) == invoice


@pytest.mark.parametrize("write", [write_ubl, write_cii])
def test_invented_invoices_break_no_rule(judge: Judge, write: Callable[[Invoice], bytes]) -> None:
    for seed in range(25):
        judged = judge.judge(write(invent(random.Random(seed))))
        assert judged.verdict == "valid", (
            seed,
            judged.stages,
            [each for each in judged.findings if each.severity == "fatal"],
        )


def test_every_term_of_the_standard_has_its_place() -> None:
    numbers = [number for _, number in terms_of(Invoice)]
    assert len(numbers) == len(set(numbers))
    assert {f"BT-{number}" for number in range(1, 166) if number != 4} <= set(numbers)  # there is no BT-4
    inside = {"BG-2", "BG-19", "BG-30"}  # their terms stand in the group around them
    assert {f"BG-{number}" for number in range(1, 33)} - inside <= set(numbers)
    assert term_at(Invoice, "seller.address.city") == "BT-37"
    assert term_at(Invoice, "lines.3.allowances.0.amount") == "BT-136"


def test_what_a_syntax_has_no_place_for_is_refused() -> None:
    credit_note = Invoice(type_code="381", due_date=date(2026, 1, 31))
    with pytest.raises(UnwritableError, match="due_date"):
        write_ubl(credit_note)  # UBL says a credit note's due date with its payment means
    write_ubl(msgspec.structs.replace(credit_note, payment_means=(PaymentMeans(code="30"),)))
    with pytest.raises(UnwritableError):
        write_cii(Invoice(number="a\x00b"))


@pytest.mark.parametrize(("was", "becomes"), [(b"121.00<", b"12,1<"), (b"2026-11-02", b"2026-02-30")])
def test_a_value_that_is_none_is_named(was: bytes, becomes: bytes) -> None:
    with pytest.raises(UnreadableError, match=becomes.decode().rstrip("<")):
        read_ubl(etree.fromstring(INVOICE.replace(was, becomes)))


def test_a_number_too_large_to_be_rounded_is_named(judge: Judge) -> None:
    judged = judge.judge(INVOICE.replace(b">21.00<", b">" + b"9" * 200 + b"<"))
    assert judged.stages[-1].obstacle == "unreadable-value"
    assert "30 digits" in judged.stages[-1].detail


def test_figures_are_kept_as_they_are() -> None:
    wrong = read_ubl(etree.fromstring(INVOICE.replace(b"121.00", b"999.990")))
    assert wrong.totals is not None
    assert str(wrong.totals.due) == "999.990"


def test_prices_are_said_as_each_syntax_can() -> None:
    def priced(net: str, discount: str | None = None, gross: str | None = None) -> Invoice:
        net_price, *others = (None if text is None else Decimal(text) for text in (net, discount, gross))
        return Invoice(lines=(Line(price=Price(net=net_price, discount=others[0], gross=others[1])),))

    whole, same = priced(net="3", discount="1", gross="4"), priced(net="3", gross="3")
    with pytest.raises(UnwritableError, match="gross price 4"):
        write_ubl(priced(net="3", gross="4"))
    assert read_cii(etree.fromstring(write_cii(priced(net="3", discount="1")))) == whole
    assert read_ubl(etree.fromstring(write_ubl(same))) == priced(net="3")
    assert {canonical_json(each) for each in (whole, priced(net="3.0", discount="1.00"))} == {
        b'{"lines":[{"price":{"net":"3","discount":"1"}}]}'
    }
    assert (
        canonical_json(same)
        == canonical_json(priced(net="3", gross="3", discount="0"))
        == canonical_json(priced(net="3"))
    )


@given(INVENTED)
@settings(max_examples=30, deadline=None)
def test_the_same_invoice_is_the_same_text_whatever_syntax_said_it(invoice: Invoice) -> None:
    said = {canonical_json(read(etree.fromstring(write(invoice)))) for write, read in SYNTAXES}
    assert said == {canonical_json(invoice)}

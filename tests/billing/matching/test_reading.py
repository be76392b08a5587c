"""What matching reads in an electronic invoice: an order that was placed for just that is billed by it."""

import json
from decimal import Decimal
from random import Random
from uuid import uuid4

import msgspec

from services.billing.einvoices.canonical import canonical_json, without_attachments
from services.billing.einvoices.model import Invoice
from services.billing.matching.reading import Said, order_keys, read_electronic
from services.billing.matching.rules import match_invoice
from services.billing.matching.shapes import Billed, Deviation, Ordered, Tolerance, Verdict
from tests.billing.einvoices.whole_invoices import invent

_CHARGED = Deviation.CHARGE_NOT_ORDERED


def said_by(seed: int) -> Said:
    """Return what the invoice says once it has been stored as JSON."""
    kept = json.loads(canonical_json(without_attachments(invent(Random(seed)))))
    return read_electronic(msgspec.convert(kept, Invoice), is_credit_note=False)


def ordered(line: Billed) -> Ordered:
    assert line.quantity is not None
    assert line.price is not None
    return Ordered(
        id=uuid4(),
        order_number="PO-1",
        reference=line.order_line or uuid4().hex,
        description=line.description,
        quantity=max(line.quantity, Decimal(1)),
        unit=line.unit or "",
        unit_price=line.price,
        currency="EUR",
        receipt_required=False,
        seller_item=line.seller_item,
        buyer_item=line.buyer_item,
        standard_item=line.standard_item,
    )


def test_every_line_of_a_stored_invoice_is_read() -> None:
    matched, charged = 0, 0
    for seed in range(60):
        said = said_by(seed)
        for line in said.lines:
            assert line.is_usable
            if (
                line.price_base != 1
                or line.quantity is None
                or line.quantity <= 0
                or line.price_unit not in (None, line.unit)
            ):
                continue
            outcome = match_invoice([line], [ordered(line)], "EUR", Tolerance(), charges=said.charges)
            has_charges = bool(line.charges or said.charges)
            assert outcome.reasons == ([_CHARGED] if has_charges else []), seed
            charged += has_charges
            matched += outcome.verdict is Verdict.MATCHED_2WAY
    assert matched > 20
    assert charged > 5


def test_what_a_credit_note_says_is_given_back() -> None:
    invoice = invent(Random(1))
    lines = zip(invoice.lines, read_electronic(invoice, is_credit_note=True).lines, strict=True)
    assert all(
        line.quantity is not None and read.quantity == -line.quantity and not read.charges for line, read in lines
    )


def test_an_invoice_may_name_several_orders() -> None:
    assert order_keys(None) == order_keys(" - ") == []
    assert order_keys("po 1") == ["PO-1"]
    assert len(order_keys("A" * 1_000)[0]) == 301
    assert len(order_keys(",".join(map(str, range(51))))) == 1
    assert order_keys("PO-1; PO-2") == ["PO-1-PO-2", "PO-1", "PO-2"]

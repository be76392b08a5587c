"""Many random invoices, said in every syntax: each gives back what was said, and breaks no official rule.

`TRASTIENDA_TEST_INVOICES` says how many; 2,000 take one to four minutes.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from lxml import etree

from services.billing.einvoices.canonical import canonical_json
from services.billing.einvoices.cii import read_cii, write_cii
from services.billing.einvoices.codes import CREDIT_NOTE_CODES
from services.billing.einvoices.judge import Judge
from services.billing.einvoices.limits import Limits
from services.billing.einvoices.model import Invoice
from services.billing.einvoices.ubl import read_ubl, write_ubl
from shared.money import minor_digits
from tests.billing.einvoices.whole_invoices import invent
from tests.fixtures.workers import Tell

COUNT = int(os.environ.get("TRASTIENDA_TEST_INVOICES", "150"))
# What the random invoices must have among them to be worth their name.
WANTED = {
    *(f"category {each}" for each in ("S", "Z", "E", "AE", "K", "G", "O", "L", "M")),
    *(f"{digits} decimals" for digits in (0, 2, 3)),
    *("JPY", "KWD", "several rates", "exemption", "credit note", "prepaid", "rounding", "several payment means"),
    *("document allowance", "document charge", "line allowance", "line charge", "negative line"),
}


def kinds_of(invoice: Invoice) -> Iterator[str]:
    """Yield what an invoice has of what is wanted."""
    totals = invoice.totals
    assert totals is not None
    assert invoice.currency is not None
    yield f"{minor_digits(invoice.currency)} decimals"
    yield invoice.currency
    yield from {f"category {part.category}" for part in invoice.vat_breakdown}
    found = {
        "several rates": len({part.rate for part in invoice.vat_breakdown}) > 1,
        "exemption": any(part.exemption_code for part in invoice.vat_breakdown),
        "credit note": invoice.type_code in CREDIT_NOTE_CODES,
        "prepaid": totals.paid,
        "rounding": totals.rounding,
        "several payment means": len(invoice.payment_means) > 1,
        "document allowance": invoice.allowances,
        "document charge": invoice.charges,
        "line allowance": any(line.allowances for line in invoice.lines),
        "line charge": any(line.charges for line in invoice.lines),
        "negative line": any((line.net or Decimal(0)) < 0 for line in invoice.lines),
    }
    yield from (kind for kind, there in found.items() if there)


def test_what_is_said_comes_back_and_breaks_no_rule(tell: Tell) -> None:
    judge, kinds = Judge(Limits()), Counter[str]()
    for seed in range(COUNT):
        invoice = invent(random.Random(seed))
        kinds.update(kinds_of(invoice))
        ubl, cii = write_ubl(invoice), write_cii(invoice)
        back = read_ubl(etree.fromstring(ubl)), read_cii(etree.fromstring(cii))
        assert back == (invoice, invoice), seed
        assert {canonical_json(each) for each in back} == {canonical_json(invoice)}, seed
        for said in (ubl, cii):
            judged = judge.judge(said)
            fatal = [each for each in judged.findings if each.severity == "fatal"]
            assert (judged.verdict, fatal) == ("valid", []), seed
    assert WANTED - kinds.keys() == set()
    tell(f"invented invoices: {COUNT}; {', '.join(f'{kind} {n}' for kind, n in sorted(kinds.items()))}")

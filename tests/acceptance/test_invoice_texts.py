"""The text of invoices that nobody here wrote is read as if nothing were inside; their XML tells what it should say."""

from collections import Counter

import pytest
from lxml import etree

from services.billing.drafts.reader import open_pages, read_texts
from services.billing.drafts.shapes import Reading
from services.billing.einvoices.cii import read_cii
from services.billing.einvoices.model import Invoice, Seller, Totals
from services.billing.einvoices.pdf import extract_invoice
from services.billing.identifiers import normalise_tax_id
from services.billing.parties.rules import normalise_account
from tests.fixtures.einvoices import whole_documents
from tests.fixtures.known_logs import require


def truth_of(invoice: Invoice) -> dict[str, str | None]:
    """Return what the XML says, as drafts write it; None where it says nothing."""
    totals, seller = invoice.totals or Totals(), invoice.seller or Seller()
    amounts = {"net": totals.without_vat, "tax": totals.vat, "gross": totals.with_vat}
    accounts = [each.credit_transfer.account for each in invoice.payment_means if each.credit_transfer is not None]
    return {
        "number": invoice.number,
        "issue_date": None if invoice.issue_date is None else invoice.issue_date.isoformat(),
        "due_date": None if invoice.due_date is None else invoice.due_date.isoformat(),
        "currency": invoice.currency,
        "account": next((normalise_account(account) for account in accounts if account), None),
        "supplier": None if seller.vat_identifier is None else normalise_tax_id(seller.vat_identifier),
        **{name: None if value is None else format(value, ".2f") for name, value in amounts.items()},
    }


# Of those whose XML says it; the texts need not. `more` is what a text says and its XML does not.
FLOORS = {"number": 0.9, "issue_date": 0.8, "currency": 0.95, "net": 0.75, "tax": 0.75, "gross": 0.75}


def came_of(field: str, reading: Reading, expected: str | None) -> str:
    if field == "supplier":
        said = [str(each.seen.value) for each in reading.tax_ids]
        return "silent" if expected is None else "right" if expected in said else "not read"
    seen = reading.fields[field].seen
    if seen is None:
        return "silent" if expected is None else "not read"
    return "right" if seen.value == expected else "more" if expected is None else "wrong"


def test_texts_say_what_the_xml_beside_them_says(capsys: pytest.CaptureFixture[str]) -> None:
    files = whole_documents("zugferd", ".pdf")
    require(files, "hybrid invoices")
    counts: dict[str, Counter[str]] = {}
    for file in files:
        content = file.read_bytes()
        reading = read_texts(open_pages(content), patience=100)
        expected = truth_of(read_cii(etree.fromstring(extract_invoice(content)[1])))
        for field, value in expected.items():
            came = came_of(field, reading, value)
            counts.setdefault(field, Counter())[came] += 1
            assert came != "wrong", (file.name, field, value, reading.fields[field])
    for field, floor in FLOORS.items():
        counted = counts[field]
        if said := counted["right"] + counted["not read"]:
            assert counted["right"] >= floor * said, (field, counted)
    with capsys.disabled():
        print(f"\n{len(files)} texts: { {field: dict(counted) for field, counted in counts.items()} }")  # noqa: T201 - the run tells what it counted

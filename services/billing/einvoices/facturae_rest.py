"""What a file in Facturae says that the model has no place for. Nothing of it is lost without a word."""

from collections.abc import Iterator
from typing import Any

from lxml import etree

from services.billing.einvoices.codecs import said_by
from services.billing.einvoices.facturae import SIGNATURE, invoices_in, read_and_tell
from services.billing.einvoices.facturae_codecs import double, to_decimals_of
from services.billing.einvoices.model import Invoice

# What follows from something else that is read, or tells how the file is made and not what it says.
_FORMAL = frozenset(
    {
        *(
            "SchemaVersion",
            "Modality",
            "BatchIdentifier",
            "CorrectionMethodDescription",
            "PersonTypeCode",
            "ResidenceTypeCode",
        ),
        *("InvoiceClass", "LanguageName", "TaxTypeCode", "TotalCost", "SpecialTaxableEventCode"),
    }
)
# Figures that stand twice: where the other one is, from the invoice for those of the file and of payment, else from the line.
_REPEATED = {
    "Batch/TotalInvoicesAmount/TotalAmount": "InvoiceTotals/InvoiceTotal",
    "Batch/TotalOutstandingAmount/TotalAmount": "InvoiceTotals/TotalOutstandingAmount",
    "Batch/TotalExecutableAmount/TotalAmount": "InvoiceTotals/TotalExecutableAmount",
    "PaymentDetails/Installment/InstallmentAmount": "InvoiceTotals/TotalExecutableAmount",
}
_REPEATED_TEXTS = {
    "Batch/InvoicesCount": "1",
    "Batch/InvoiceCurrencyCode": "InvoiceIssueData/InvoiceCurrencyCode",
    "FileHeader/InvoiceIssuerType": "EM",
    "InvoiceHeader/InvoiceDocumentType": "FC",
}
_LINE_TAXES = ("TaxesOutputs/Tax/TaxableBase/TotalAmount", "TaxesOutputs/Tax/TaxAmount/TotalAmount")


def read_with_rest(root: Any) -> tuple[Invoice, list[Any]]:
    """Return what a file with one invoice says, and the elements that say what the model has no place for.

    Raises UnreadableError.
    """
    invoice, said = read_and_tell(root)
    return invoice, [element for element in _leaves(root) if element not in said and not _is_formal(element)]


def _leaves(root: Any) -> Iterator[Any]:
    """Yield the elements that hold a text, except those of a signature."""
    for part in root.iterchildren(tag=etree.Element):
        if part.tag != SIGNATURE:
            yield from (each for each in part.iter(tag=etree.Element) if len(each) == 0 and said_by(each))


def _is_formal(element: Any) -> bool:
    """Tell whether an element says nothing that is not said elsewhere, or only how the file is made."""
    if element.tag in _FORMAL:
        return True
    steps = [element.tag, *(each.tag for each in element.iterancestors())][:-1]
    path = "/".join(reversed(steps))
    invoice = next(iter(invoices_in(element.getroottree().getroot())), None)
    if invoice is None:
        return False
    for end, other in _REPEATED.items():
        if path.endswith(end):
            return bool(double(element) == double(invoice.find(other)))
    for end, text in _REPEATED_TEXTS.items():
        if path.endswith(end):
            return said_by(element) in (text, (invoice.findtext(text) or "").strip())
    return "InvoiceLine/" in path and path.endswith(_LINE_TAXES) and _repeats_line(element)


def _repeats_line(element: Any) -> bool:
    """Tell whether a figure of a line's tax follows from the line: its base is the amount, its tax the base by the rate."""
    tax, line = next(element.iterancestors("Tax")), next(element.iterancestors("InvoiceLine"))
    base, rate = double(line.find("GrossAmount")), double(tax.find("TaxRate"))
    found = double(element)
    if element.getparent().tag == "TaxableBase" or base is None or rate is None or found is None:
        return found == base
    return found == to_decimals_of(found, base * rate / 100)

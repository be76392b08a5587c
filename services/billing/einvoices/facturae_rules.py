"""What our own rules find in Facturae: arithmetic as the format defines it, and what a reader of the invoice would not see.

All are warnings. Figures are compared with the decimals that they are said with, two at the least: Facturae allows eight.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.einvoices import facturae_codes as codes
from services.billing.einvoices.codecs import said_by
from services.billing.einvoices.facturae import SIGNATURE
from services.billing.einvoices.facturae_codecs import double, to_decimals_of
from services.billing.einvoices.facturae_rest import read_with_rest
from services.billing.einvoices.model import Beyond, Invoice, Line
from services.billing.einvoices.rules import Flaw, implausible_days, too_many_decimals, wrong_numbers

FACTURAE_RULES = (
    *("TR-FE-SIGNED", "TR-FE-UNSIGNED", "TR-FE-NO-PLACE"),
    *("TR-FE-OTHER-TAX", "TR-FE-SURCHARGE", "TR-FE-CORRECTS", "TR-FE-EXCHANGE"),
)
_NOTHING = Decimal(0)
_NAMED_BY = frozenset({"01", "02"})  # CorrectionMethod: the corrected invoice must be named
_LONGEST, _MOST_TEXTS = 80, 5


def find_facturae_flaws(root: Any, today: date) -> Iterator[Flaw]:
    """Yield everything that is doubtful. Raises UnreadableError."""
    invoice, rest = read_with_rest(root)
    yield from _signature(root)
    yield from wrong_numbers(invoice)
    yield from _wrong_sums(invoice)
    yield from _wrong_payment(invoice)
    yield from _wrong_taxes(invoice)
    for index, line in enumerate(invoice.lines):
        yield from _wrong_line(line, index)
    yield from _wrong_costs(root)
    yield from too_many_decimals(invoice)
    yield from implausible_days(invoice, today)
    yield from _other_taxes(root)
    yield from _corrections(root, invoice)
    yield from _exchange(root, invoice)
    yield from _without_place(rest)


def _signature(root: Any) -> Iterator[Flaw]:
    signed = root.find(SIGNATURE) is not None
    yield (
        Flaw("TR-FE-SIGNED", "/fe:Facturae/ds:Signature", {}) if signed else Flaw("TR-FE-UNSIGNED", "/fe:Facturae", {})
    )


def _sum(parts: Iterable[Decimal | None]) -> Decimal:
    return sum((part for part in parts if part is not None), _NOTHING)


def _unequal(rule: str, at: str, expected: Decimal, found: Decimal | None) -> Iterator[Flaw]:
    if found is not None and (rounded := to_decimals_of(found, expected)) != found:
        yield Flaw(rule, at, {"expected": format(rounded, "f"), "found": format(found, "f")})


def _total_of(invoice: Invoice) -> tuple[str, Decimal | None]:
    """Return the place and the figure of InvoiceTotal."""
    if invoice.beyond is not None and invoice.beyond.invoice_total is not None:
        return "beyond.invoice_total", invoice.beyond.invoice_total
    return "totals.with_vat", invoice.totals.with_vat if invoice.totals else None


def _wrong_sums(invoice: Invoice) -> Iterator[Flaw]:
    """Compare the totals up to InvoiceTotal, which has withheld taxes taken off."""
    totals, beyond = invoice.totals, invoice.beyond or Beyond()
    if totals is None:
        return
    without = _sum((totals.lines, totals.charges)) - (totals.allowances or _NOTHING)
    claims: dict[str, tuple[Decimal, Decimal | None]] = {
        "totals.lines": (_sum(line.net for line in invoice.lines), totals.lines),
        "totals.allowances": (_sum(part.amount for part in invoice.allowances), totals.allowances),
        "totals.charges": (_sum(part.amount for part in invoice.charges), totals.charges),
        "totals.without_vat": (without, totals.without_vat),
        "totals.vat": (_sum(part.tax for part in invoice.vat_breakdown), totals.vat),
        "beyond.withheld_total": (_sum(part.tax for part in beyond.withheld), beyond.withheld_total),
    }
    at, total = _total_of(invoice)
    claims[at] = (_sum((totals.without_vat, totals.vat)) - (beyond.withheld_total or _NOTHING), total)
    for place, (expected, found) in claims.items():
        yield from _unequal("TR-SUM", place, expected, found)


def _wrong_payment(invoice: Invoice) -> Iterator[Flaw]:
    """Compare what is left to pay: TotalOutstandingAmount, TotalExecutableAmount, and the instalments."""
    totals, beyond = invoice.totals, invoice.beyond or Beyond()
    if totals is None:
        return
    total = _total_of(invoice)[1] or _NOTHING
    outstanding = total - _sum((*beyond.subsidies, totals.paid))
    said = totals.due if beyond.outstanding is None else beyond.outstanding
    at = "totals.due" if beyond.outstanding is None else "beyond.outstanding"
    more = _sum((beyond.reimbursed_total, beyond.financial_expenses)) - _sum((beyond.kept_back, beyond.in_kind))
    yield from _unequal("TR-SUM", at, outstanding, said)
    if beyond.outstanding is not None or more:
        yield from _unequal("TR-SUM", "totals.due", (said or _NOTHING) + more, totals.due)
    if beyond.reimbursements:
        paid = _sum(part.amount for part in beyond.reimbursements)
        yield from _unequal("TR-SUM", "beyond.reimbursed_total", paid, beyond.reimbursed_total)
    if beyond.installments and totals.due is not None:
        instalments = _sum(part.amount for part in beyond.installments)
        yield from _unequal("TR-SUM", "totals.due", instalments, totals.due)


def _wrong_taxes(invoice: Invoice) -> Iterator[Flaw]:
    """Compare each tax with its base by its rate."""
    for index, part in enumerate(invoice.vat_breakdown):
        if part.base is not None and part.rate is not None:
            yield from _unequal("TR-TAX", f"vat_breakdown.{index}.tax", part.base * part.rate / 100, part.tax)
    for index, withheld in enumerate(invoice.beyond.withheld if invoice.beyond else ()):
        if withheld.base is not None and withheld.rate is not None:
            expected = withheld.base * withheld.rate / 100
            yield from _unequal("TR-TAX", f"beyond.withheld.{index}.tax", expected, withheld.tax)


def _wrong_line(line: Line, index: int) -> Iterator[Flaw]:
    price = line.price.net if line.price else None
    if line.quantity is None or price is None:
        return
    less, more = _sum(part.amount for part in line.allowances), _sum(part.amount for part in line.charges)
    yield from _unequal("TR-LINE", f"lines.{index}.net", line.quantity * price - less + more, line.net)


def _wrong_costs(root: Any) -> Iterator[Flaw]:
    """Compare TotalCost with quantity by price; it is not kept, since it follows from them."""
    for line in root.iterfind("Invoices/Invoice/Items/InvoiceLine"):
        quantity, price, cost = (double(line.find(name)) for name in ("Quantity", "UnitPriceWithoutTax", "TotalCost"))
        if quantity is not None and price is not None:
            yield from _unequal("TR-LINE", place_of(line.find("TotalCost")), quantity * price, cost)


def place_of(element: Any) -> str:
    """Return an element's XPath as people write it."""
    return "" if element is None else f"/fe:Facturae/{element.getroottree().getelementpath(element)}"


def _other_taxes(root: Any) -> Iterator[Flaw]:
    for tax in root.iterfind("Invoices/Invoice/TaxesOutputs/Tax"):
        kind = tax.find("TaxTypeCode")
        if kind is not None and said_by(kind) not in codes.TAXES_ON_VALUE:
            yield Flaw("TR-FE-OTHER-TAX", place_of(tax), {"value": said_by(kind) or "-"})
        if double(tax.find("EquivalenceSurchargeAmount/TotalAmount")):
            rate = (tax.findtext("EquivalenceSurcharge") or "-").strip()
            yield Flaw("TR-FE-SURCHARGE", place_of(tax), {"value": rate})


def _corrections(root: Any, invoice: Invoice) -> Iterator[Flaw]:
    header = root.find("Invoices/Invoice/InvoiceHeader")
    if header is None or invoice.type_code != codes.CORRECTED:
        return
    method = header.findtext("Corrective/CorrectionMethod")
    numbered = any(each.number for each in invoice.preceding_invoices)
    if header.find("Corrective") is None or (method in _NAMED_BY and not numbered):
        yield Flaw("TR-FE-CORRECTS", place_of(header), {})


def _exchange(root: Any, invoice: Invoice) -> Iterator[Flaw]:
    """Look for the rate of an invoice that is not in euros, and at the amounts in euros: by the rate, or divided by it."""
    if not invoice.currency or invoice.currency == "EUR":
        return
    rate = invoice.beyond.exchange_rate if invoice.beyond else None
    if not rate:
        yield Flaw("TR-FE-EXCHANGE", "/fe:Facturae/Invoices/Invoice/InvoiceIssueData", {"value": invoice.currency})
        return
    for element in root.iter("EquivalentInEuros"):
        amount, euros = double(element.getparent().find("TotalAmount")), double(element)
        if amount is None or euros is None:
            continue
        if euros not in {to_decimals_of(euros, amount * rate), to_decimals_of(euros, amount / rate)}:
            yield from _unequal("TR-SUM", place_of(element), amount * rate, euros)


def _without_place(rest: Iterable[Any]) -> Iterator[Flaw]:
    """Name what only the file says: one finding for each kind of element, at the first of them."""
    kinds: dict[str, list[Any]] = {}
    for element in rest:
        path = "/".join(
            each.tag for each in reversed([element, *element.iterancestors()]) if each.getparent() is not None
        )
        kinds.setdefault(path, []).append(element)
    for path, elements in kinds.items():
        texts = list(dict.fromkeys((said_by(each) or "")[:_LONGEST] for each in elements))
        told = "; ".join(texts[:_MOST_TEXTS]) + (f"; +{len(texts) - _MOST_TEXTS}" if len(texts) > _MOST_TEXTS else "")
        yield Flaw("TR-FE-NO-PLACE", place_of(elements[0]), {"name": path, "value": told})

"""Whole random invoices, from the parts that `inventing` makes."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

from services.billing.einvoices import model as m
from tests.billing.einvoices.inventing import _ALLOWANCES, _CHARGES, _MEDIA, _REASONS, Category, Inventor

_ZERO = Decimal(0)


def invent(chance: random.Random, lines_wanted: int | None = None) -> m.Invoice:
    """Return an invoice that breaks no official rule, with so many lines or as chance has it."""
    by = Inventor(chance)
    categories = by.categories()
    count = lines_wanted or chance.randint(1, 5)
    lines = tuple(by.line(number, chance.choice(categories)) for number in range(1, count + 1))
    allowances = by.some(lambda: by.part(_ALLOWANCES, chance.choice(categories)), 2)
    charges = by.some(lambda: by.part(_CHARGES, chance.choice(categories)), 2)
    breakdown = tuple(part for each in categories if (part := _vat_part(by, each, lines, allowances, charges)))
    used = {part.category for part in breakdown}
    tax_currency = by.maybe(lambda: "GBP", 0.2)
    return m.Invoice(
        **_header(by, chance),
        **_parties(by, "O" in used),
        **_payment(by, chance),
        tax_currency=tax_currency,
        delivery=_delivery(by, needed="K" in used),
        lines=lines,
        allowances=allowances,
        charges=charges,
        vat_breakdown=breakdown,
        totals=_totals(by, lines, allowances, charges, breakdown, tax_currency),
    )


def _sum(parts: Any, name: str = "amount") -> Decimal:
    return sum((getattr(part, name) for part in parts), _ZERO)


def _vat_part(by: Inventor, category: Category, lines: Any, allowances: Any, charges: Any) -> m.VatPart | None:
    of_it = [
        [part for part in parts if (part.vat_category, part.vat_rate) == category]
        for parts in (lines, charges, allowances)
    ]
    if not any(of_it):
        return None
    base = _sum(of_it[0], "net") + _sum(of_it[1]) - _sum(of_it[2])
    code, reason = _REASONS.get(category[0], (None, None))
    return m.VatPart(
        base=base,
        tax=by.round(base * (category[1] or 0) / 100),
        category=category[0],
        rate=category[1],
        exemption_code=code,
        exemption_reason=reason and by.maybe(lambda: reason),
    )


def _totals(
    by: Inventor, lines: Any, allowances: Any, charges: Any, breakdown: Any, tax_currency: str | None
) -> m.Totals:
    net, minus, plus, vat = _sum(lines, "net"), _sum(allowances), _sum(charges), _sum(breakdown, "tax")
    without = net - minus + plus
    paid = by.maybe(lambda: by.amount(50), 0.3)
    rounding = by.maybe(lambda: by.round(Decimal("0.02")), 0.2)
    return m.Totals(
        lines=net,
        allowances=minus if allowances else None,
        charges=plus if charges else None,
        without_vat=without,
        vat=vat,
        vat_in_tax_currency=None if tax_currency is None else by.amount(),
        with_vat=without + vat,
        paid=paid,
        rounding=rounding,
        due=without + vat - (paid or 0) + (rounding or 0),
    )


def _header(by: Inventor, chance: random.Random) -> dict[str, Any]:
    issued = by.day()
    texts = ("buyer_reference", "project", "contract", "purchase_order", "sales_order", "receiving_advice")
    more = ("despatch_advice", "tender", "buyer_accounting_reference", "business_process")
    tax_point = chance.choice(({}, {"tax_point_date": issued}, {"tax_point_code": chance.choice(("5", "29", "72"))}))
    return {
        **{name: by.maybe(by.text) for name in (*texts, *more)},
        **tax_point,
        "number": by.text(),
        "issue_date": issued,
        "due_date": issued + timedelta(days=30),
        "type_code": chance.choice(("380", "380", "384", "381", "396")),
        "currency": by.currency,
        "specification": "urn:cen.eu:en16931:2017",
        "payment_terms": by.maybe(by.text),
        "invoiced_object": by.maybe(lambda: by.identifier("ABT"), 0.3),
        "period": by.maybe(by.period, 0.3),
        "notes": by.some(lambda: m.Note(subject_code=by.maybe(lambda: "ADU"), text=by.text())),
        "preceding_invoices": by.some(lambda: m.PrecedingInvoice(number=by.text(), issue_date=by.maybe(by.day))),
        "supporting_documents": by.some(lambda: _document(by, chance), 2),
    }


def _document(by: Inventor, chance: random.Random) -> m.SupportingDocument:
    file = m.Attachment(content=chance.randbytes(40), mime_code=chance.choice(_MEDIA), filename=by.text())
    return m.SupportingDocument(
        reference=by.text(),
        description=by.maybe(by.text),
        location=by.maybe(lambda: "https://example.org/a?b=1&c=2"),
        attachment=by.maybe(lambda: file),
    )


def _parties(by: Inventor, not_subject: bool) -> dict[str, Any]:
    representative = m.TaxRepresentative(name=by.text(), vat_identifier="FR40303265045", address=by.address())
    plain = by.some(lambda: m.Identifier(value=by.text()), 1)
    return {
        "seller": m.Seller(
            name="Faro Consultores SL",
            trading_name=by.maybe(by.text),
            identifiers=(*plain, *by.some(lambda: by.identifier("0088"), 2)),
            legal_registration=by.registration(),
            vat_identifier=None if not_subject else "ESB12345674",
            tax_registration=by.maybe(lambda: "A58818501", 0.3),
            legal_information=by.maybe(by.text),
            electronic_address=by.maybe(by.endpoint),
            address=by.address(),
            contact=by.maybe(by.contact),
        ),
        "buyer": m.Buyer(
            name=by.text(),
            trading_name=by.maybe(by.text),
            identifier=by.maybe(lambda: by.identifier("0088")) or by.maybe(lambda: m.Identifier(value=by.text())),
            legal_registration=by.registration(),
            vat_identifier=None if not_subject else "DE136695976",
            electronic_address=by.maybe(by.endpoint),
            address=by.address(),
            contact=by.maybe(by.contact),
        ),
        "payee": by.maybe(lambda: m.Payee(name=by.text(), identifier=by.maybe(lambda: by.identifier("0088"))), 0.3),
        "tax_representative": None if not_subject else by.maybe(lambda: representative, 0.2),
    }


def _delivery(by: Inventor, *, needed: bool) -> m.Delivery | None:
    whole = m.Delivery(
        name=by.maybe(by.text),
        location=by.maybe(lambda: by.identifier("0088")),
        delivered_on=by.day(),
        address=by.address(),
    )
    return whole if needed else by.maybe(lambda: whole)


def _payment(by: Inventor, chance: random.Random) -> dict[str, Any]:
    kind, text = chance.choice(("transfer", "card", "debit", "cash")), by.maybe(by.text)
    if kind == "transfer":
        iban = m.CreditTransfer(account="ES9121000418450200051332", account_name=by.maybe(by.text))
        other = m.CreditTransfer(account="400-123/45", provider=by.maybe(lambda: "BBVAESMMXXX"))
        code = chance.choice(("30", "58"))
        accounts = chance.choice(((iban,), (iban, other), (other, iban, iban)))
        texts = (text, None, None)  # said once in a document (UBL-SR-28)
        means = tuple(
            m.PaymentMeans(code=code, text=text, credit_transfer=account)
            for text, account in zip(texts, accounts, strict=False)
        )
        return {"payment_means": means, "remittance_information": by.maybe(by.text)}
    if kind == "card":
        return {
            "payment_means": (
                m.PaymentMeans(code="48", text=text, card=m.Card(number="1234", holder=by.maybe(by.text))),
            )
        }
    if kind == "debit":
        debit = m.PaymentMeans(code="59", text=text, debited_account="DE89370400440532013000")
        return {"payment_means": (debit,), "mandate": by.text(), "creditor_identifier": by.maybe(by.text)}
    return {"payment_means": (m.PaymentMeans(code="10", text=text),)}

"""An invoice on a page: every term of the model has its place, and none is left out."""

from collections.abc import Iterator

from services.billing.einvoices.codes import CREDIT_NOTE_CODES
from services.billing.einvoices.model import (
    Adjustment,
    Buyer,
    Card,
    Contact,
    CreditTransfer,
    Delivery,
    Invoice,
    PaymentMeans,
    PrecedingInvoice,
    Seller,
    SupportingDocument,
    Totals,
    VatPart,
)
from services.billing.rendering.beyond import present_beyond
from services.billing.rendering.lines import present_lines
from services.billing.rendering.sheet import Block, Column, Field, Row, Sheet, Table, Words
from services.billing.rendering.standing import About, present_original, present_standing
from services.billing.rendering.wording import Wording, joined
from shared.errors import Language

_NOTICES = {"keyed": "notice_keyed", "document": "notice_document"}


def present_sheet(invoice: Invoice, about: About, language: Language) -> Sheet:
    """Return the page of an invoice and what is known about it."""
    wording = Wording(language, invoice.currency)
    is_credit_note = about.is_credit_note or invoice.type_code in CREDIT_NOTE_CODES
    kind = wording.code("document_type", invoice.type_code) or wording.say(
        "credit_note" if is_credit_note else "invoice"
    )
    seller = invoice.seller or Seller()
    return Sheet(
        language=language,
        title=joined((kind, invoice.number), " ") or kind,
        kind=kind,
        number=invoice.number or "",
        issuer=seller.name or seller.trading_name or "",
        day=invoice.issue_date.isoformat() if invoice.issue_date else "",
        notice=wording.say(_NOTICES.get(about.origin, "notice")),
        warn=about.warns,
        words=Words(page=wording.say("page"), of=wording.say("of"), unshown=wording.say("unshown", count="{count}")),
        standing=present_standing(about, wording),
        key=_key(invoice, wording),
        parties=tuple(block for block in _parties(invoice, wording) if block.fields),
        facts=tuple(block for block in _facts(invoice, wording) if block.fields),
        tables=tuple(table for table in _tables(invoice, wording) if table.rows),
        totals=_totals(invoice.totals or Totals(), invoice, wording),
        closing=tuple(block for block in _closing(invoice, wording) if block.fields),
        texts=tuple(block for block in _texts(invoice, wording) if block.fields),
        original=present_original(about, wording),
    )


def _key(invoice: Invoice, wording: Wording) -> tuple[Field, ...]:
    """Return what is looked for first."""
    totals = invoice.totals or Totals()
    due = "due" if totals.due is not None else "with_vat"
    return wording.fields(
        **{due: wording.money(totals.with_vat if totals.due is None else totals.due)},
        due_date=wording.day(invoice.due_date),
        issue_date=wording.day(invoice.issue_date),
    )


def _parties(invoice: Invoice, wording: Wording) -> Iterator[Block]:
    if (seller := invoice.seller) is not None:
        fields = wording.fields(
            name=seller.name,
            trading_name=seller.trading_name,
            address=wording.address(seller.address),
            vat_identifier=seller.vat_identifier,
            tax_registration=seller.tax_registration,
            legal_registration=wording.identifier(seller.legal_registration),
            identifier=wording.identifiers(seller.identifiers),
            legal_information=seller.legal_information,
            electronic_address=wording.identifier(seller.electronic_address),
        )
        yield wording.block("seller", *fields, *_contact(seller.contact, wording))
    if (buyer := invoice.buyer) is not None:
        yield _buyer(buyer, wording)
    if (payee := invoice.payee) is not None:
        fields = wording.fields(
            name=payee.name,
            identifier=wording.identifier(payee.identifier),
            legal_registration=wording.identifier(payee.legal_registration),
        )
        yield wording.block("payee", *fields)
    if (agent := invoice.tax_representative) is not None:
        address = wording.address(agent.address)
        fields = wording.fields(name=agent.name, vat_identifier=agent.vat_identifier, address=address)
        yield wording.block("tax_representative", *fields)


def _buyer(buyer: Buyer, wording: Wording) -> Block:
    fields = wording.fields(
        name=buyer.name,
        trading_name=buyer.trading_name,
        address=wording.address(buyer.address),
        vat_identifier=buyer.vat_identifier,
        legal_registration=wording.identifier(buyer.legal_registration),
        identifier=wording.identifier(buyer.identifier),
        electronic_address=wording.identifier(buyer.electronic_address),
    )
    return wording.block("buyer", *fields, *_contact(buyer.contact, wording))


def _contact(contact: Contact | None, wording: Wording) -> tuple[Field, ...]:
    known = contact or Contact()
    return wording.fields(contact=known.name, telephone=known.telephone, email=known.email)


def _facts(invoice: Invoice, wording: Wording) -> Iterator[Block]:
    fields = wording.fields(
        document_type=wording.code("document_type", invoice.type_code),
        currency=wording.currency_of(invoice.currency),
        tax_currency=wording.currency_of(invoice.tax_currency),
        tax_point_date=wording.day(invoice.tax_point_date),
        tax_point_code=wording.code("tax_point", invoice.tax_point_code),
        period=wording.period(invoice.period),
        business_process=invoice.business_process,
        specification=invoice.specification,
    )
    yield wording.block("invoice", *fields)
    yield _references(invoice, wording)
    delivery = invoice.delivery or Delivery()
    fields = wording.fields(
        name=delivery.name,
        delivered_on=wording.day(delivery.delivered_on),
        address=wording.address(delivery.address),
        location=wording.identifier(delivery.location),
    )
    yield wording.block("delivery", *fields)


def _references(invoice: Invoice, wording: Wording) -> Block:
    fields = wording.fields(
        buyer_reference=invoice.buyer_reference,
        purchase_order=invoice.purchase_order,
        sales_order=invoice.sales_order,
        contract=invoice.contract,
        project=invoice.project,
        tender=invoice.tender,
        despatch_advice=invoice.despatch_advice,
        receiving_advice=invoice.receiving_advice,
        invoiced_object=wording.identifier(invoice.invoiced_object),
        buyer_accounting_reference=invoice.buyer_accounting_reference,
        preceding_invoice=joined((_preceding(each, wording) for each in invoice.preceding_invoices), "\n"),
    )
    return wording.block("references", *fields)


def _preceding(preceding: PrecedingInvoice, wording: Wording) -> str | None:
    return joined((preceding.number, wording.day(preceding.issue_date)), " · ")


def _tables(invoice: Invoice, wording: Wording) -> Iterator[Table]:
    yield present_lines(invoice.lines, wording)
    rows = (
        *(_adjustment("allowance", each, wording) for each in invoice.allowances),
        *(_adjustment("charge", each, wording) for each in invoice.charges),
    )
    yield _table("adjustments", ("kind", "reason", "base_amount", "percentage", "vat", "amount"), rows, wording)
    rows = tuple(_vat_part(part, wording) for part in invoice.vat_breakdown)
    yield _table("vat_breakdown", ("category", "exemption", "rate", "base", "tax"), rows, wording)


_NUMERIC = frozenset({"base_amount", "percentage", "amount", "rate", "base", "tax"})


def _table(title: str, labels: tuple[str, ...], rows: tuple[Row, ...], wording: Wording) -> Table:
    """Return a table whose second column takes the room."""
    columns = tuple(
        Column(label=wording.say(label), numeric=label in _NUMERIC, wide=index == 1)
        for index, label in enumerate(labels)
    )
    return Table(title=wording.say(title), columns=columns, rows=rows)


def _cells(*cells: str | None) -> Row:
    return Row(cells=tuple(cell or "" for cell in cells))


def _adjustment(word: str, adjustment: Adjustment, wording: Wording) -> Row:
    reason = wording.code(f"{word}_reason", adjustment.reason_code)
    category = wording.code("vat_category", adjustment.vat_category)
    return _cells(
        wording.say(word),
        joined((adjustment.reason, reason), "\n"),
        wording.amount(adjustment.base_amount),
        wording.percent(adjustment.percentage),
        joined((category, wording.percent(adjustment.vat_rate)), "\n"),
        wording.amount(adjustment.amount),
    )


def _vat_part(part: VatPart, wording: Wording) -> Row:
    return _cells(
        wording.code("vat_category", part.category),
        joined((part.exemption_reason, wording.code("exemption", part.exemption_code)), "\n"),
        wording.percent(part.rate),
        wording.amount(part.base),
        wording.amount(part.tax),
    )


def _totals(totals: Totals, invoice: Invoice, wording: Wording) -> Block:
    fields = wording.fields(
        total_lines=wording.money(totals.lines),
        total_allowances=wording.money(totals.allowances),
        total_charges=wording.money(totals.charges),
        without_vat=wording.money(totals.without_vat),
        total_vat=wording.money(totals.vat),
    )
    if totals.vat_in_tax_currency is not None:
        other = invoice.tax_currency
        label = wording.say("vat_in_tax_currency", currency=other or "?")
        fields += (Field(label=label, value=wording.money(totals.vat_in_tax_currency, other) or ""),)
    fields += _strong(wording.fields(with_vat=wording.money(totals.with_vat)))
    fields += wording.fields(paid=wording.money(totals.paid), rounding=wording.money(totals.rounding))
    fields += _strong(wording.fields(due=wording.money(totals.due)))
    return wording.block("totals", *fields)


def _strong(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple(Field(label=each.label, value=each.value, strong=True) for each in fields)


def _closing(invoice: Invoice, wording: Wording) -> Iterator[Block]:
    yield from present_beyond(invoice.beyond, wording)
    fields = wording.fields(
        payment_terms=invoice.payment_terms,
        remittance_information=invoice.remittance_information,
        mandate=invoice.mandate,
        creditor_identifier=invoice.creditor_identifier,
    )
    yield wording.block("payment", *fields)
    for means in invoice.payment_means:
        yield wording.block("payment_means", *_payment_means(means, wording))


def _texts(invoice: Invoice, wording: Wording) -> Iterator[Block]:
    notes = (
        Field(label=wording.code("note_subject", note.subject_code) or wording.say("note"), value=note.text or "")
        for note in invoice.notes
    )
    yield wording.block("notes", *notes)
    documents = (_document(each, wording) for each in invoice.supporting_documents)
    yield wording.block("supporting_documents", *documents)


def _payment_means(means: PaymentMeans, wording: Wording) -> tuple[Field, ...]:
    transfer, card = means.credit_transfer or CreditTransfer(), means.card or Card()
    return wording.fields(
        kind=wording.code("payment_means", means.code),
        payment_text=means.text,
        account=transfer.account,
        account_name=transfer.account_name,
        provider=transfer.provider,
        card=card.number,
        holder=card.holder,
        debited_account=means.debited_account,
    )


def _document(document: SupportingDocument, wording: Wording) -> Field:
    attached = document.attachment
    file = None if attached is None else joined((attached.filename, attached.mime_code), " · ")
    said = (document.description, document.location, file and f"{wording.say('embedded')}: {file}")
    return Field(label=document.reference or wording.say("reference"), value=joined(said, "\n") or "")

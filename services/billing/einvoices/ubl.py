"""UBL 2.1: where Invoice and CreditNote say the terms of the model (CEN/TS 16931-3-2)."""

from functools import cache
from typing import Any

from lxml import etree

from services.billing.einvoices.binding import (
    Codec,
    Node,
    Scope,
    Tags,
    read_document,
    unless,
    write_document,
)
from services.billing.einvoices.canonical import without_idle_gross
from services.billing.einvoices.codecs import (
    DAY,
    FILE,
    IDENTIFIER,
    MONEY,
    NOTE,
    NUMBER,
    TAX_MONEY,
    TEXT,
    Coded,
    Identified,
    Inside,
    Text,
)
from services.billing.einvoices.codes import CREDIT_NOTE_CODES
from services.billing.einvoices.locating import Locator
from services.billing.einvoices.model import Invoice

_COMPONENTS = "urn:oasis:names:specification:ubl:schema:xsd:"
PREFIXES = {
    "cac": f"{_COMPONENTS}CommonAggregateComponents-2",
    "cbc": f"{_COMPONENTS}CommonBasicComponents-2",
    "ext": f"{_COMPONENTS}CommonExtensionComponents-2",
}
ROOTS = {kind: f"{{{_COMPONENTS}{kind}-2}}{kind}" for kind in ("Invoice", "CreditNote")}
_TAX_POINT = Coded({"5": "3", "29": "35", "72": "432"})  # UNTDID 2475 in the model, 2005 in UBL
_OBJECT, _PROJECT = "130", "50"  # UNTDID 1001, in DocumentTypeCode
_CURRENCIES = ("DocumentCurrencyCode", "TaxCurrencyCode")


_UBL = Tags(PREFIXES)
_within, _each, _const, _says = _UBL.within, _UBL.each, _UBL.const, _UBL.says


def _leaf(path: str, field: str, codec: Codec = TEXT, **more: Any) -> Node:
    return _UBL.leaf(path, field, codec, **more)


def _in_tax_currency(element: Any, scope: Scope) -> bool:
    amount = element.find(_UBL.name("cbc:TaxAmount"))
    own = scope.tax_currency is not None and scope.tax_currency != scope.currency
    return own and amount is not None and amount.get("currencyID") == scope.tax_currency


def _is_sepa(element: Any, _scope: Scope) -> bool:
    identifier = element.find(_UBL.name("cbc:ID"))
    return identifier is not None and identifier.get("schemeID") == "SEPA"


_VAT = _const("cac:TaxScheme/cbc:ID", "VAT")
_IS_VAT = _says("cac:TaxScheme/cbc:ID", "VAT")


def _address(path: str, at: str = "address") -> Node:
    return _within(
        path,
        _leaf("cbc:StreetName", "line_1"),
        _leaf("cbc:AdditionalStreetName", "line_2"),
        _leaf("cbc:CityName", "city"),
        _leaf("cbc:PostalZone", "post_code"),
        _leaf("cbc:CountrySubentity", "subdivision"),
        _leaf("cac:AddressLine/cbc:Line", "line_3"),
        _leaf("cac:Country/cbc:IdentificationCode", "country"),
        at=at,
    )


_CREDITOR = _within(
    "cac:PartyIdentification",
    _leaf("cbc:ID", "/creditor_identifier", Text((("schemeID", "SEPA"),))),
    when=_is_sepa,
)
_CONTACT = _within(
    "cac:Contact",
    _leaf("cbc:Name", "name"),
    _leaf("cbc:Telephone", "telephone"),
    _leaf("cbc:ElectronicMail", "email"),
    at="contact",
)
_VAT_NUMBER = _within("cac:PartyTaxScheme", _leaf("cbc:CompanyID", "vat_identifier"), _VAT, when=_IS_VAT)
_SELLER = (
    _leaf("cbc:EndpointID", "electronic_address", IDENTIFIER),
    _leaf(
        "cac:PartyIdentification",
        "identifiers",
        Inside(_UBL.name("cbc:ID"), IDENTIFIER),
        many=True,
        when=unless(_is_sepa),
    ),
    _CREDITOR,
    _leaf("cac:PartyName/cbc:Name", "trading_name"),
    _address("cac:PostalAddress"),
    _VAT_NUMBER,
    _within(
        "cac:PartyTaxScheme",
        _leaf("cbc:CompanyID", "tax_registration"),
        _const("cac:TaxScheme/cbc:ID", "TAX"),
        when=unless(_IS_VAT),
    ),
    _within(
        "cac:PartyLegalEntity",
        _leaf("cbc:RegistrationName", "name"),
        _leaf("cbc:CompanyID", "legal_registration", IDENTIFIER),
        _leaf("cbc:CompanyLegalForm", "legal_information"),
    ),
    _CONTACT,
)
_BUYER = (
    _leaf("cbc:EndpointID", "electronic_address", IDENTIFIER),
    _leaf("cac:PartyIdentification/cbc:ID", "identifier", IDENTIFIER),
    _leaf("cac:PartyName/cbc:Name", "trading_name"),
    _address("cac:PostalAddress"),
    _VAT_NUMBER,
    _within(
        "cac:PartyLegalEntity",
        _leaf("cbc:RegistrationName", "name"),
        _leaf("cbc:CompanyID", "legal_registration", IDENTIFIER),
    ),
    _CONTACT,
)
_PAYEE = (
    _within("cac:PartyIdentification", _leaf("cbc:ID", "identifier", IDENTIFIER), when=unless(_is_sepa)),
    _leaf("cac:PartyName/cbc:Name", "name"),
    _leaf("cac:PartyLegalEntity/cbc:CompanyID", "legal_registration", IDENTIFIER),
)
_REPRESENTATIVE = (
    _leaf("cac:PartyName/cbc:Name", "name"),
    _address("cac:PostalAddress"),
    _VAT_NUMBER,
)
_DELIVERY = (
    _leaf("cbc:ActualDeliveryDate", "delivered_on", DAY),
    _within(
        "cac:DeliveryLocation",
        _leaf("cbc:ID", "location", IDENTIFIER),
        _address("cac:Address"),
    ),
    _leaf("cac:DeliveryParty/cac:PartyName/cbc:Name", "name"),
)


def _payment_means(kind: str) -> tuple[Node, ...]:
    return (
        _leaf("cbc:PaymentMeansCode", "code", attributes=(("name", "text"),)),
        *([_leaf("cbc:PaymentDueDate", "/due_date", DAY)] if kind == "CreditNote" else []),
        _leaf("cbc:PaymentID", "/remittance_information"),
        _within(
            "cac:CardAccount",
            _leaf("cbc:PrimaryAccountNumberID", "number"),
            _const("cbc:NetworkID", "NA"),  # UBL wants one; the model has none
            _leaf("cbc:HolderName", "holder"),
            at="card",
        ),
        _within(
            "cac:PayeeFinancialAccount",
            _leaf("cbc:ID", "account"),
            _leaf("cbc:Name", "account_name"),
            _leaf("cac:FinancialInstitutionBranch/cbc:ID", "provider"),
            at="credit_transfer",
        ),
        _within(
            "cac:PaymentMandate",
            _leaf("cbc:ID", "/mandate"),
            _leaf("cac:PayerFinancialAccount/cbc:ID", "debited_account"),
        ),
    )


def _adjustments(*vat: Node) -> tuple[Node, ...]:
    said = (
        _leaf("cbc:AllowanceChargeReasonCode", "reason_code"),
        _leaf("cbc:AllowanceChargeReason", "reason"),
        _leaf("cbc:MultiplierFactorNumeric", "percentage", NUMBER),
        _leaf("cbc:Amount", "amount", MONEY),
        _leaf("cbc:BaseAmount", "base_amount", MONEY),
        *vat,
    )
    flag = "cbc:ChargeIndicator"
    allowance, charge = _says(flag, "false", "0"), _says(flag, "true", "1")
    return (
        _each("cac:AllowanceCharge", "allowances", _const(flag, "false"), *said, when=allowance),
        _each("cac:AllowanceCharge", "charges", _const(flag, "true"), *said, when=charge),
    )


def _category(tag: str, category: str, rate: str, *more: Node) -> Node:
    return _within(tag, _leaf("cbc:ID", category), _leaf("cbc:Percent", rate, NUMBER), *more, _VAT)


_VAT_PARTS = _each(
    "cac:TaxSubtotal",
    "vat_breakdown",
    _leaf("cbc:TaxableAmount", "base", MONEY),
    _leaf("cbc:TaxAmount", "tax", MONEY),
    _category(
        "cac:TaxCategory",
        "category",
        "rate",
        _leaf("cbc:TaxExemptionReasonCode", "exemption_code"),
        _leaf("cbc:TaxExemptionReason", "exemption_reason"),
    ),
)
_TOTALS = (
    _leaf("cbc:LineExtensionAmount", "lines", MONEY),
    _leaf("cbc:TaxExclusiveAmount", "without_vat", MONEY),
    _leaf("cbc:TaxInclusiveAmount", "with_vat", MONEY),
    _leaf("cbc:AllowanceTotalAmount", "allowances", MONEY),
    _leaf("cbc:ChargeTotalAmount", "charges", MONEY),
    _leaf("cbc:PrepaidAmount", "paid", MONEY),
    _leaf("cbc:PayableRoundingAmount", "rounding", MONEY),
    _leaf("cbc:PayableAmount", "due", MONEY),
)
_ITEM = (
    _leaf("cbc:Description", "item.description"),
    _leaf("cbc:Name", "item.name"),
    _leaf("cac:BuyersItemIdentification/cbc:ID", "item.buyer_identifier"),
    _leaf("cac:SellersItemIdentification/cbc:ID", "item.seller_identifier"),
    _leaf("cac:StandardItemIdentification/cbc:ID", "item.standard_identifier", IDENTIFIER),
    _leaf("cac:OriginCountry/cbc:IdentificationCode", "item.origin_country"),
    _leaf(
        "cac:CommodityClassification",
        "item.classifications",
        Inside(_UBL.name("cbc:ItemClassificationCode"), Identified("listID", "listVersionID")),
        many=True,
    ),
    _category("cac:ClassifiedTaxCategory", "vat_category", "vat_rate"),
    _each("cac:AdditionalItemProperty", "item.attributes", _leaf("cbc:Name", "name"), _leaf("cbc:Value", "value")),
)
_PRICE = (
    _leaf("cbc:PriceAmount", "net", MONEY),
    _leaf("cbc:BaseQuantity", "base_quantity", NUMBER, attributes=(("unitCode", "base_unit"),)),
    _within(
        "cac:AllowanceCharge",
        _const("cbc:ChargeIndicator", "false"),
        _leaf("cbc:Amount", "discount", MONEY),
        _leaf("cbc:BaseAmount", "gross", MONEY),
    ),
)


def _period(at: str, *more: Node) -> Node:
    return _within(
        "cac:InvoicePeriod", _leaf("cbc:StartDate", f"{at}.start", DAY), _leaf("cbc:EndDate", f"{at}.end", DAY), *more
    )


def _line(kind: str) -> tuple[Node, ...]:
    quantity = "cbc:InvoicedQuantity" if kind == "Invoice" else "cbc:CreditedQuantity"
    return (
        _leaf("cbc:ID", "id"),
        _leaf("cbc:Note", "note"),
        _leaf(quantity, "quantity", NUMBER, attributes=(("unitCode", "unit"),)),
        _leaf("cbc:LineExtensionAmount", "net", MONEY),
        _leaf("cbc:AccountingCost", "accounting_reference"),
        _period("period"),
        _leaf("cac:OrderLineReference/cbc:LineID", "order_line"),
        _within(
            "cac:DocumentReference",
            _leaf("cbc:ID", "object", IDENTIFIER),
            _const("cbc:DocumentTypeCode", _OBJECT),
        ),
        *_adjustments(),
        _within("cac:Item", *_ITEM),
        _within("cac:Price", *_PRICE, at="price"),
    )


def _references(kind: str) -> tuple[Node, ...]:
    document, typed = "cac:AdditionalDocumentReference", "cbc:DocumentTypeCode"
    apart = (_OBJECT, _PROJECT) if kind == "CreditNote" else (_OBJECT,)
    tender = _leaf("cac:OriginatorDocumentReference/cbc:ID", "tender")
    contract = _leaf("cac:ContractDocumentReference/cbc:ID", "contract")
    project = _within(document, _leaf("cbc:ID", "project"), _const(typed, _PROJECT), when=_says(typed, _PROJECT))
    additional = (
        _within(
            document,
            _leaf("cbc:ID", "invoiced_object", IDENTIFIER),
            _const(typed, _OBJECT),
            when=_says(typed, _OBJECT),
        ),
        _each(
            document,
            "supporting_documents",
            _leaf("cbc:ID", "reference"),
            _leaf("cbc:DocumentDescription", "description"),
            _within(
                "cac:Attachment",
                _leaf("cbc:EmbeddedDocumentBinaryObject", "attachment", FILE),
                _leaf("cac:ExternalReference/cbc:URI", "location"),
            ),
            when=unless(_says(typed, *apart)),
        ),
    )
    return (
        _each(
            "cac:BillingReference",
            "preceding_invoices",
            _within(
                "cac:InvoiceDocumentReference", _leaf("cbc:ID", "number"), _leaf("cbc:IssueDate", "issue_date", DAY)
            ),
        ),
        _leaf("cac:DespatchDocumentReference/cbc:ID", "despatch_advice"),
        _leaf("cac:ReceiptDocumentReference/cbc:ID", "receiving_advice"),
        *((tender, contract, *additional) if kind == "Invoice" else (contract, project, *additional, tender)),
        *([_leaf("cac:ProjectReference/cbc:ID", "project")] if kind == "Invoice" else []),
    )


def _header(kind: str) -> tuple[Node, ...]:
    type_code = _leaf(f"cbc:{kind}TypeCode", "type_code")
    notes = _leaf("cbc:Note", "notes", NOTE, many=True)
    tax_point = _leaf("cbc:TaxPointDate", "tax_point_date", DAY)
    invoice = (_leaf("cbc:DueDate", "due_date", DAY), type_code, notes, tax_point)
    return (
        _leaf("cbc:CustomizationID", "specification"),
        _leaf("cbc:ProfileID", "business_process"),
        _leaf("cbc:ID", "number"),
        _leaf("cbc:IssueDate", "issue_date", DAY),
        *(invoice if kind == "Invoice" else (tax_point, type_code, notes)),
        _leaf("cbc:DocumentCurrencyCode", "currency"),
        _leaf("cbc:TaxCurrencyCode", "tax_currency"),
        _leaf("cbc:AccountingCost", "buyer_accounting_reference"),
        _leaf("cbc:BuyerReference", "buyer_reference"),
        _period("period", _leaf("cbc:DescriptionCode", "tax_point_code", _TAX_POINT)),
        _within(
            "cac:OrderReference",
            _leaf("cbc:ID", "purchase_order", placeholder="NA"),
            _leaf("cbc:SalesOrderID", "sales_order"),
        ),
    )


@cache
def _table(kind: str) -> tuple[Node, ...]:
    return (
        *_header(kind),
        *_references(kind),
        _within("cac:AccountingSupplierParty/cac:Party", *_SELLER, at="seller"),
        _within("cac:AccountingCustomerParty/cac:Party", *_BUYER, at="buyer"),
        _within("cac:PayeeParty", *_PAYEE, at="payee"),
        _within("cac:TaxRepresentativeParty", *_REPRESENTATIVE, at="tax_representative"),
        _within("cac:Delivery", *_DELIVERY, at="delivery"),
        _each("cac:PaymentMeans", "payment_means", *_payment_means(kind)),
        _leaf("cac:PaymentTerms/cbc:Note", "payment_terms"),
        *_adjustments(_category("cac:TaxCategory", "vat_category", "vat_rate")),
        _within("cac:TaxTotal", _leaf("cbc:TaxAmount", "totals.vat", MONEY), _VAT_PARTS, when=unless(_in_tax_currency)),
        _within("cac:TaxTotal", _leaf("cbc:TaxAmount", "totals.vat_in_tax_currency", TAX_MONEY), when=_in_tax_currency),
        _within("cac:LegalMonetaryTotal", *_TOTALS, at="totals"),
        _each(f"cac:{kind}Line", "lines", *_line(kind)),
    )


def read_ubl(root: Any) -> Invoice:
    """Return what an Invoice or CreditNote says. Raises UnreadableError for a value that is none."""
    kind = etree.QName(root).localname
    said = [(root.findtext(_UBL.name(f"cbc:{name}")) or "").strip() or None for name in _CURRENCIES]
    return read_document(root, _table(kind), *said)


def locate_ubl(root: Any, path: str) -> str:
    """Return the XPath of a field in a document of this kind; the root's where the field has no place of its own."""
    kind = etree.QName(root).localname
    return f"/{kind}{Locator(_table(kind), PREFIXES).locate(path)}"


def write_ubl(invoice: Invoice) -> bytes:
    """Return the document as UTF-8; its type code decides between Invoice and CreditNote. Raises UnwritableError."""
    kind = "CreditNote" if invoice.type_code in CREDIT_NOTE_CODES else "Invoice"
    namespaces = {None: etree.QName(ROOTS[kind]).namespace, "cac": PREFIXES["cac"], "cbc": PREFIXES["cbc"]}
    return write_document(etree.Element(ROOTS[kind], nsmap=namespaces), _table(kind), without_idle_gross(invoice))

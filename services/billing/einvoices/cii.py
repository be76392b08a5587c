"""UN/CEFACT CrossIndustryInvoice: where it says the terms of the model (CEN/TS 16931-3-3)."""

import re
from typing import Any

from lxml import etree

from services.billing.einvoices.binding import (
    Codec,
    Condition,
    Node,
    Scope,
    Tags,
    read_document,
    unless,
    write_document,
)
from services.billing.einvoices.canonical import with_gross_prices
from services.billing.einvoices.codecs import (
    COMPACT_DAY,
    FILE,
    IDENTIFIER,
    MONEY,
    NUMBER,
    TAX_MONEY,
    TEXT,
    Identified,
    Inside,
    Text,
)
from services.billing.einvoices.locating import Locator
from services.billing.einvoices.model import Invoice

_STANDARD = "urn:un:unece:uncefact:data:standard:"
PREFIXES = {
    "rsm": f"{_STANDARD}CrossIndustryInvoice:100",
    "ram": f"{_STANDARD}ReusableAggregateBusinessInformationEntity:100",
    "udt": f"{_STANDARD}UnqualifiedDataType:100",
    "qdt": f"{_STANDARD}QualifiedDataType:100",
}
_OBJECT, _TENDER, _SUPPORTING = "130", "50", "916"  # UNTDID 1001, in TypeCode
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")
_CII = Tags(PREFIXES)
_within, _each, _const, _says = _CII.within, _CII.each, _CII.const, _CII.says
_DAY = Inside(_CII.name("udt:DateTimeString"), COMPACT_DAY)
_QUALIFIED_DAY = Inside(_CII.name("qdt:DateTimeString"), COMPACT_DAY)
_PLAIN_DAY = Inside(_CII.name("udt:DateString"), COMPACT_DAY)


def _leaf(path: str, field: str, codec: Codec = TEXT, **more: Any) -> Node:
    return _CII.leaf(path, field, codec, **more)


def _never(_said: Any) -> bool:
    """Read it where what should say it is absent; never write it."""
    return False


def _reference(tag: str, field: str) -> Node:
    return _leaf(f"ram:{tag}/ram:IssuerAssignedID", field)


def _has_scheme(scheme: str) -> Condition:
    return lambda element, _scope: element.get("schemeID") == scheme


def _in_tax_currency(element: Any, scope: Scope) -> bool:
    own = scope.tax_currency is not None and scope.tax_currency != scope.currency
    return own and element.get("currencyID") == scope.tax_currency


def _identifiers(field: str, **more: Any) -> tuple[Node, Node]:
    """Return where an identifier stands: in ID without a scheme, in GlobalID with one."""
    return (
        _leaf("ram:ID", field, IDENTIFIER, only=lambda said: said.scheme is None, **more),
        _leaf("ram:GlobalID", field, IDENTIFIER, only=lambda said: said.scheme is not None, **more),
    )


def _registration(scheme: str, field: str) -> Node:
    return _within(
        "ram:SpecifiedTaxRegistration",
        _leaf("ram:ID", field, Text((("schemeID", scheme),)), when=_has_scheme(scheme)),
    )


_ADDRESS_PARTS = (
    _leaf("ram:PostcodeCode", "post_code"),
    _leaf("ram:LineOne", "line_1"),
    _leaf("ram:LineTwo", "line_2"),
    _leaf("ram:LineThree", "line_3"),
    _leaf("ram:CityName", "city"),
    _leaf("ram:CountryID", "country"),
    _leaf("ram:CountrySubDivisionName", "subdivision"),
)
_ADDRESS = _within("ram:PostalTradeAddress", *_ADDRESS_PARTS, at="address")
_CONTACT = _within(
    "ram:DefinedTradeContact",
    _leaf("ram:PersonName", "name"),
    _leaf("ram:DepartmentName", "name", only=_never),
    _leaf("ram:TelephoneUniversalCommunication/ram:CompleteNumber", "telephone"),
    _leaf("ram:EmailURIUniversalCommunication/ram:URIID", "email"),
    at="contact",
)
_ELECTRONIC_ADDRESS = _leaf("ram:URIUniversalCommunication/ram:URIID", "electronic_address", IDENTIFIER)
_ORGANISATION = _within(
    "ram:SpecifiedLegalOrganization",
    _leaf("ram:ID", "legal_registration", IDENTIFIER),
    _leaf("ram:TradingBusinessName", "trading_name"),
)
_SELLER = (
    *_identifiers("identifiers", many=True),
    _leaf("ram:Name", "name"),
    _leaf("ram:Description", "legal_information"),
    _ORGANISATION,
    _CONTACT,
    _ADDRESS,
    _ELECTRONIC_ADDRESS,
    _registration("VA", "vat_identifier"),
    _registration("FC", "tax_registration"),
)
_BUYER = (
    *_identifiers("identifier"),
    _leaf("ram:Name", "name"),
    _ORGANISATION,
    _CONTACT,
    _ADDRESS,
    _ELECTRONIC_ADDRESS,
    _registration("VA", "vat_identifier"),
)
_PAYEE = (
    *_identifiers("identifier"),
    _leaf("ram:Name", "name"),
    _leaf("ram:SpecifiedLegalOrganization/ram:ID", "legal_registration", IDENTIFIER),
)
_REPRESENTATIVE = (_leaf("ram:Name", "name"), _ADDRESS, _registration("VA", "vat_identifier"))


def _period(at: str) -> Node:
    return _within(
        "ram:BillingSpecifiedPeriod",
        _leaf("ram:StartDateTime", f"{at}.start", _DAY),
        _leaf("ram:EndDateTime", f"{at}.end", _DAY),
    )


def _adjustments(*vat: Node) -> tuple[Node, ...]:
    said = (
        _leaf("ram:CalculationPercent", "percentage", NUMBER),
        _leaf("ram:BasisAmount", "base_amount", NUMBER),
        _leaf("ram:ActualAmount", "amount", NUMBER),
        _leaf("ram:ReasonCode", "reason_code"),
        _leaf("ram:Reason", "reason"),
        *vat,
    )
    tag, flag = "ram:SpecifiedTradeAllowanceCharge", "ram:ChargeIndicator/udt:Indicator"
    return (
        _each(tag, "allowances", _const(flag, "false"), *said, when=_says(flag, "false", "0")),
        _each(tag, "charges", _const(flag, "true"), *said, when=_says(flag, "true", "1")),
    )


_VAT = _const("ram:TypeCode", "VAT")
_BASE_UNIT = (("unitCode", "price.base_unit"),)
_PRICE = (
    _within(
        "ram:GrossPriceProductTradePrice",
        _leaf("ram:ChargeAmount", "price.gross", NUMBER),
        _within(
            "ram:AppliedTradeAllowanceCharge",
            _const("ram:ChargeIndicator/udt:Indicator", "false"),
            _leaf("ram:ActualAmount", "price.discount", NUMBER),
        ),
    ),
    _within(
        "ram:NetPriceProductTradePrice",
        _leaf("ram:ChargeAmount", "price.net", NUMBER),
        _leaf("ram:BasisQuantity", "price.base_quantity", NUMBER, attributes=_BASE_UNIT),
    ),
    _within(
        "ram:GrossPriceProductTradePrice",
        _leaf("ram:BasisQuantity", "price.base_quantity", NUMBER, attributes=_BASE_UNIT, only=_never),
    ),
)
_PRODUCT = (
    _leaf("ram:GlobalID", "item.standard_identifier", IDENTIFIER),
    _leaf("ram:SellerAssignedID", "item.seller_identifier"),
    _leaf("ram:BuyerAssignedID", "item.buyer_identifier"),
    _leaf("ram:Name", "item.name"),
    _leaf("ram:Description", "item.description"),
    _each(
        "ram:ApplicableProductCharacteristic",
        "item.attributes",
        _leaf("ram:Description", "name"),
        _leaf("ram:Value", "value"),
    ),
    _leaf(
        "ram:DesignatedProductClassification",
        "item.classifications",
        Inside(_CII.name("ram:ClassCode"), Identified("listID", "listVersionID")),
        many=True,
    ),
    _leaf("ram:OriginTradeCountry/ram:ID", "item.origin_country"),
)


def _object(field: str) -> Node:
    return _within(
        "ram:AdditionalReferencedDocument",
        _leaf("ram:IssuerAssignedID", f"{field}.value"),
        _const("ram:TypeCode", _OBJECT),
        _leaf("ram:ReferenceTypeCode", f"{field}.scheme"),
        when=_says("ram:TypeCode", _OBJECT),
    )


_LINE = (
    _within(
        "ram:AssociatedDocumentLineDocument",
        _leaf("ram:LineID", "id"),
        _leaf("ram:IncludedNote/ram:Content", "note"),
    ),
    _within("ram:SpecifiedTradeProduct", *_PRODUCT),
    _within(
        "ram:SpecifiedLineTradeAgreement",
        _leaf("ram:BuyerOrderReferencedDocument/ram:LineID", "order_line"),
        *_PRICE,
    ),
    _within(
        "ram:SpecifiedLineTradeDelivery",
        _leaf("ram:BilledQuantity", "quantity", NUMBER, attributes=(("unitCode", "unit"),)),
    ),
    _within(
        "ram:SpecifiedLineTradeSettlement",
        _within(
            "ram:ApplicableTradeTax",
            _VAT,
            _leaf("ram:CategoryCode", "vat_category"),
            _leaf("ram:RateApplicablePercent", "vat_rate", NUMBER),
        ),
        _period("period"),
        *_adjustments(),
        _leaf("ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount", "net", NUMBER),
        _object("object"),
        _leaf("ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID", "accounting_reference"),
    ),
)
_AGREEMENT = (
    _leaf("ram:BuyerReference", "buyer_reference"),
    _within("ram:SellerTradeParty", *_SELLER, at="seller"),
    _within("ram:BuyerTradeParty", *_BUYER, at="buyer"),
    _within("ram:SellerTaxRepresentativeTradeParty", *_REPRESENTATIVE, at="tax_representative"),
    _reference("SellerOrderReferencedDocument", "sales_order"),
    _reference("BuyerOrderReferencedDocument", "purchase_order"),
    _reference("ContractReferencedDocument", "contract"),
    _within(
        "ram:AdditionalReferencedDocument",
        _leaf("ram:IssuerAssignedID", "tender"),
        _const("ram:TypeCode", _TENDER),
        when=_says("ram:TypeCode", _TENDER),
    ),
    _object("invoiced_object"),
    _each(
        "ram:AdditionalReferencedDocument",
        "supporting_documents",
        _leaf("ram:IssuerAssignedID", "reference"),
        _leaf("ram:URIID", "location"),
        _const("ram:TypeCode", _SUPPORTING),
        _leaf("ram:Name", "description"),
        _leaf("ram:AttachmentBinaryObject", "attachment", FILE),
        when=unless(_says("ram:TypeCode", _TENDER, _OBJECT)),
    ),
    _within("ram:SpecifiedProcuringProject", _leaf("ram:ID", "project"), _const("ram:Name", "Project reference")),
)
_DELIVERY = (
    _within(
        "ram:ShipToTradeParty",
        *_identifiers("delivery.location"),
        _leaf("ram:Name", "delivery.name"),
        _within("ram:PostalTradeAddress", *_ADDRESS_PARTS, at="delivery.address"),
    ),
    _leaf("ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime", "delivery.delivered_on", _DAY),
    _reference("DespatchAdviceReferencedDocument", "despatch_advice"),
    _reference("ReceivingAdviceReferencedDocument", "receiving_advice"),
)
_PAYMENT_MEANS = (
    _leaf("ram:TypeCode", "code"),
    _leaf("ram:Information", "text"),
    _within(
        "ram:ApplicableTradeSettlementFinancialCard",
        _leaf("ram:ID", "number"),
        _leaf("ram:CardholderName", "holder"),
        at="card",
    ),
    _leaf("ram:PayerPartyDebtorFinancialAccount/ram:IBANID", "debited_account"),
    _within(
        "ram:PayeePartyCreditorFinancialAccount",
        _leaf("ram:IBANID", "credit_transfer.account", only=_IBAN.fullmatch),
        _leaf("ram:AccountName", "credit_transfer.account_name"),
        _leaf("ram:ProprietaryID", "credit_transfer.account", only=lambda said: not _IBAN.fullmatch(said)),
    ),
    _leaf("ram:PayeeSpecifiedCreditorFinancialInstitution/ram:BICID", "credit_transfer.provider"),
)
_VAT_PART = (
    _leaf("ram:CalculatedAmount", "tax", NUMBER),
    _VAT,
    _leaf("ram:ExemptionReason", "exemption_reason"),
    _leaf("ram:BasisAmount", "base", NUMBER),
    _leaf("ram:CategoryCode", "category"),
    _leaf("ram:ExemptionReasonCode", "exemption_code"),
    _leaf("ram:TaxPointDate", "/tax_point_date", _PLAIN_DAY),
    _leaf("ram:DueDateTypeCode", "/tax_point_code"),
    _leaf("ram:RateApplicablePercent", "rate", NUMBER),
)
_CATEGORY = _within(
    "ram:CategoryTradeTax",
    _VAT,
    _leaf("ram:CategoryCode", "vat_category"),
    _leaf("ram:RateApplicablePercent", "vat_rate", NUMBER),
)
_TOTALS = (
    _leaf("ram:LineTotalAmount", "lines", NUMBER),
    _leaf("ram:ChargeTotalAmount", "charges", NUMBER),
    _leaf("ram:AllowanceTotalAmount", "allowances", NUMBER),
    _leaf("ram:TaxBasisTotalAmount", "without_vat", NUMBER),
    _leaf("ram:TaxTotalAmount", "vat", MONEY, when=unless(_in_tax_currency)),
    _leaf("ram:TaxTotalAmount", "vat_in_tax_currency", TAX_MONEY, when=_in_tax_currency),
    _leaf("ram:RoundingAmount", "rounding", NUMBER),
    _leaf("ram:GrandTotalAmount", "with_vat", NUMBER),
    _leaf("ram:TotalPrepaidAmount", "paid", NUMBER),
    _leaf("ram:DuePayableAmount", "due", NUMBER),
)
_SETTLEMENT = (
    _leaf("ram:CreditorReferenceID", "creditor_identifier"),
    _leaf("ram:PaymentReference", "remittance_information"),
    _leaf("ram:TaxCurrencyCode", "tax_currency"),
    _leaf("ram:InvoiceCurrencyCode", "currency"),
    _within("ram:PayeeTradeParty", *_PAYEE, at="payee"),
    _each("ram:SpecifiedTradeSettlementPaymentMeans", "payment_means", *_PAYMENT_MEANS),
    _each("ram:ApplicableTradeTax", "vat_breakdown", *_VAT_PART),
    _period("period"),
    *_adjustments(_CATEGORY),
    _within(
        "ram:SpecifiedTradePaymentTerms",
        _leaf("ram:Description", "payment_terms"),
        _leaf("ram:DueDateDateTime", "due_date", _DAY),
        _leaf("ram:DirectDebitMandateID", "mandate"),
    ),
    _within("ram:SpecifiedTradeSettlementHeaderMonetarySummation", *_TOTALS, at="totals"),
    _each(
        "ram:InvoiceReferencedDocument",
        "preceding_invoices",
        _leaf("ram:IssuerAssignedID", "number"),
        _leaf("ram:FormattedIssueDateTime", "issue_date", _QUALIFIED_DAY),
    ),
    _leaf("ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID", "buyer_accounting_reference"),
)
_TABLE = (
    _within(
        "rsm:ExchangedDocumentContext",
        _leaf("ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID", "business_process"),
        _leaf("ram:GuidelineSpecifiedDocumentContextParameter/ram:ID", "specification"),
    ),
    _within(
        "rsm:ExchangedDocument",
        _leaf("ram:ID", "number"),
        _leaf("ram:TypeCode", "type_code"),
        _leaf("ram:IssueDateTime", "issue_date", _DAY),
        _each("ram:IncludedNote", "notes", _leaf("ram:Content", "text"), _leaf("ram:SubjectCode", "subject_code")),
    ),
    _within(
        "rsm:SupplyChainTradeTransaction",
        _each("ram:IncludedSupplyChainTradeLineItem", "lines", *_LINE),
        _within("ram:ApplicableHeaderTradeAgreement", *_AGREEMENT, always=True),
        _within("ram:ApplicableHeaderTradeDelivery", *_DELIVERY, always=True),
        _within("ram:ApplicableHeaderTradeSettlement", *_SETTLEMENT, always=True),
    ),
)
_SETTLEMENT_PATH = _CII.path("rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeSettlement")


def read_cii(root: Any) -> Invoice:
    """Return what a CrossIndustryInvoice says. Raises UnreadableError for a value that is none."""
    said = (
        root.findtext(f"{_SETTLEMENT_PATH}/{_CII.name(f'ram:{name}CurrencyCode')}") or "" for name in ("Invoice", "Tax")
    )
    currency, tax_currency = (text.strip() or None for text in said)
    return read_document(root, _TABLE, currency, tax_currency)


def locate_cii(_root: Any, path: str) -> str:
    """Return the XPath of a field; the root's where the field has no place of its own."""
    return f"/rsm:CrossIndustryInvoice{Locator(_TABLE, PREFIXES).locate(path)}"


def write_cii(invoice: Invoice) -> bytes:
    """Return the document as UTF-8. Raises UnwritableError."""
    root = etree.Element(_CII.name("rsm:CrossIndustryInvoice"), nsmap=PREFIXES)
    return write_document(root, _TABLE, with_gross_prices(invoice))

"""Facturae 3.2, 3.2.1 and 3.2.2, Spain's own format: where it says the terms of the model, and what it says beyond them."""

from typing import Any

from services.billing.einvoices import facturae_codes as codes
from services.billing.einvoices.binding import Codec, Node, Scope, Tags, UnreadableError, read_and_mark
from services.billing.einvoices.codecs import DAY, IDENTIFIER, NOTE, TEXT, Coded
from services.billing.einvoices.facturae_codecs import (
    DOCUMENT_NUMBER,
    AttachedFile,
    Category,
    Double,
    DoubleIfAny,
    InvoiceTotal,
    Joined,
    Means,
    MeansName,
    OnlyDay,
    OtherCurrency,
    Preceding,
    Reimbursed,
    TaxNumber,
    TypeCode,
    UnlessRepeated,
    double,
)
from services.billing.einvoices.locating import Locator
from services.billing.einvoices.model import Invoice

NAMESPACES = {
    "facturae-3.2": "http://www.facturae.es/Facturae/2009/v3.2/Facturae",
    "facturae-3.2.1": "http://www.facturae.es/Facturae/2014/v3.2.1/Facturae",
    "facturae-3.2.2": "http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml",
}
ROOTS = {f"{{{uri}}}Facturae": name for name, uri in NAMESPACES.items()}
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_FE = Tags({})
_within, _each = _FE.within, _FE.each
_NUMBER, _CATEGORY = Double(), Category()


def _leaf(path: str, field: str, codec: Codec = TEXT, **more: Any) -> Node:
    return _FE.leaf(path, field, codec, **more)


def _number(path: str, field: str) -> Node:
    return _leaf(path, field, _NUMBER)


_COUNTRY = _leaf("CountryCode", "country", Coded(codes.COUNTRIES))
_REGISTERED = (
    "Book",
    "RegisterOfCompaniesLocation",
    "Sheet",
    "Folio",
    "Section",
    "Volume",
    "AdditionalRegistrationData",
)
_PLACE = (
    _within(
        "AddressInSpain",
        _leaf("Address", "line_1"),
        _leaf("PostCode", "post_code"),
        _leaf("Town", "city"),
        _leaf("Province", "subdivision"),
        _COUNTRY,
        at="address",
    ),
    _within(
        "OverseasAddress",
        _leaf("Address", "line_1"),
        _leaf("PostCodeAndTown", "city"),
        _leaf("Province", "subdivision"),
        _COUNTRY,
        at="address",
    ),
    _within(
        "ContactDetails",
        _leaf("ContactPersons", "name"),
        _leaf("Telephone", "telephone"),
        _leaf("ElectronicMail", "email"),
        at="contact",
    ),
)
_PERSON = Joined(("Name", "FirstSurname", "SecondSurname"), between=" ")


def _party(*own: Node, registered: str | None = None) -> tuple[Node, ...]:
    company = (_leaf("CorporateName", "name"), _leaf("TradeName", "trading_name"), *_PLACE)
    entries = (
        () if registered is None else (_leaf("RegistrationData", registered, Joined(_REGISTERED, ", ", named=True)),)
    )
    return (
        *own,
        _within("LegalEntity", *company, *entries),
        _leaf("Individual", "name", _PERSON),
        _within("Individual", *_PLACE),
    )


_SELLER = _party(
    _leaf("TaxIdentification", "vat_identifier", TaxNumber(in_union=True)),
    _leaf("TaxIdentification", "tax_registration", TaxNumber(in_union=False)),
    _leaf("PartyIdentification", "identifiers", IDENTIFIER, many=True),
    registered="legal_information",
)
_BUYER = _party(
    _leaf("TaxIdentification", "vat_identifier", TaxNumber(in_union=True)),
    _leaf("TaxIdentification", "legal_registration", TaxNumber(in_union=False, identifier=True)),
    _leaf("PartyIdentification", "identifier", IDENTIFIER),
)
_ASSIGNEE = (
    _leaf("TaxIdentification", "legal_registration", TaxNumber(in_union=True, identifier=True)),
    _leaf("TaxIdentification", "legal_registration", TaxNumber(in_union=False, identifier=True)),
    _leaf("LegalEntity/CorporateName", "name"),
    _leaf("Individual", "name", _PERSON),
)


def _period(tag: str, at: str) -> Node:
    return _within(tag, _leaf("StartDate", f"{at}.start", DAY), _leaf("EndDate", f"{at}.end", DAY))


def _adjustment(kind: str) -> tuple[Node, ...]:
    return (
        _leaf(f"{kind}Reason", "reason"),
        _number(f"{kind}Rate", "percentage"),
        _number(f"{kind}Amount", "amount"),
    )


_HEADER = (
    _leaf("InvoiceHeader", "number", DOCUMENT_NUMBER),
    _within(
        "InvoiceHeader",
        _leaf("InvoiceClass", "type_code", TypeCode()),
        _leaf("Corrective", "preceding_invoices", Preceding(), many=True),
        _within(
            "Corrective",
            _leaf("ReasonCode", "reason_code"),
            _leaf("ReasonDescription", "reason"),
            _leaf("CorrectionMethod", "method"),
            _leaf("AdditionalReasonDescription", "explanation"),
            _period("TaxPeriod", "period"),
            at="beyond.correction",
        ),
    ),
    _within(
        "InvoiceIssueData",
        _leaf("IssueDate", "issue_date", DAY),
        _leaf("OperationDate", "delivery.delivered_on", DAY),
        _period("InvoicingPeriod", "period"),
        _leaf("InvoiceCurrencyCode", "currency"),
        _leaf("TaxCurrencyCode", "tax_currency", OtherCurrency()),
        _number("ExchangeRateDetails/ExchangeRate", "beyond.exchange_rate"),
        _leaf("ExchangeRateDetails/ExchangeRateDate", "beyond.exchange_date", DAY),
        _leaf("InvoiceDescription", "notes", NOTE, many=True),
        _leaf("ReceiverTransactionReference", "purchase_order"),
        _leaf("FileReference", "tender"),
        _leaf("ReceiverContractReference", "contract"),
    ),
)


def _tax(category: str, rate: str, *amounts: Node) -> tuple[Node, ...]:
    return (_leaf("TaxTypeCode", category, _CATEGORY), _number("TaxRate", rate), *amounts)


def _has_surcharge(element: Any, _scope: Scope) -> bool:
    return bool(double(element.find("EquivalenceSurchargeAmount/TotalAmount")))


def _one_of_several(element: Any, _scope: Scope) -> bool:
    return len(element.getparent().findall("Installment")) > 1


_BASE = _number("TaxableBase/TotalAmount", "base")
_TAXES = (
    _within(
        "TaxesOutputs",
        _each("Tax", "vat_breakdown", *_tax("category", "rate", _BASE, _number("TaxAmount/TotalAmount", "tax"))),
        _each(
            "Tax",
            "vat_breakdown",
            _leaf("TaxTypeCode", "category", _CATEGORY),
            _number("EquivalenceSurcharge", "rate"),
            _BASE,
            _number("EquivalenceSurchargeAmount/TotalAmount", "tax"),
            when=_has_surcharge,
        ),
    ),
    _within(
        "TaxesWithheld",
        _each(
            "Tax",
            "beyond.withheld",
            _leaf("TaxTypeCode", "kind"),
            _number("TaxRate", "rate"),
            _BASE,
            _number("TaxAmount/TotalAmount", "tax"),
        ),
    ),
)
_DISCOUNTS, _CHARGES = _adjustment("Discount"), _adjustment("Charge")
_TOTALS = (
    _number("TotalGrossAmount", "totals.lines"),
    _within("GeneralDiscounts", _each("Discount", "allowances", *_DISCOUNTS)),
    _within("GeneralSurcharges", _each("Charge", "charges", *_CHARGES)),
    _number("TotalGeneralDiscounts", "totals.allowances"),
    _number("TotalGeneralSurcharges", "totals.charges"),
    _number("TotalGrossAmountBeforeTaxes", "totals.without_vat"),
    _number("TotalTaxOutputs", "totals.vat"),
    _leaf("TotalTaxesWithheld", "beyond.withheld_total", DoubleIfAny()),
    _leaf("InvoiceTotal", "totals.with_vat", InvoiceTotal(net_of_withheld=False)),
    _leaf("InvoiceTotal", "beyond.invoice_total", InvoiceTotal(net_of_withheld=True)),
    _leaf("Subsidies/Subsidy/SubsidyAmount", "beyond.subsidies", _NUMBER, many=True),
    _number("TotalPaymentsOnAccount", "totals.paid"),
    _leaf("ReimbursableExpenses/ReimbursableExpenses", "beyond.reimbursements", Reimbursed(), many=True),
    _leaf("TotalFinancialExpenses", "beyond.financial_expenses", DoubleIfAny()),
    _leaf("TotalOutstandingAmount", "beyond.outstanding", UnlessRepeated("TotalExecutableAmount")),
    _leaf("AmountsWithheld/WithholdingAmount", "beyond.kept_back", DoubleIfAny()),
    _number("TotalExecutableAmount", "totals.due"),
    _leaf("TotalReimbursableExpenses", "beyond.reimbursed_total", DoubleIfAny()),
    _leaf("PaymentInKind/PaymentInKindAmount", "beyond.in_kind", DoubleIfAny()),
)
_LINE = (
    _leaf("SequenceNumber", "id"),
    _leaf("ItemDescription", "item.name"),
    _number("Quantity", "quantity"),
    _leaf("UnitOfMeasure", "unit", Coded(codes.UNITS)),
    _number("UnitPriceWithoutTax", "price.net"),
    _within("DiscountsAndRebates", _each("Discount", "allowances", *_DISCOUNTS)),
    _within("Charges", _each("Charge", "charges", *_CHARGES)),
    _number("GrossAmount", "net"),
    _within("TaxesOutputs/Tax", *_tax("vat_category", "vat_rate")),
    _period("LineItemPeriod", "period"),
    _leaf("AdditionalLineItemInformation", "note"),
    _leaf("ArticleCode", "item.seller_identifier"),
)
_INSTALLMENTS = (
    _each(
        "Installment",
        "payment_means",
        _leaf("InstallmentDueDate", "/due_date", OnlyDay()),
        _leaf("PaymentMeans", "code", Means()),
        _leaf("PaymentMeans", "text", MeansName()),
        _within(
            "AccountToBeCredited",
            _leaf("IBAN", "credit_transfer.account"),
            _leaf("AccountNumber", "credit_transfer.account"),
            _leaf("BIC", "credit_transfer.provider"),
        ),
        _leaf("PaymentReconciliationReference", "/remittance_information"),
        _leaf("AccountToBeDebited/IBAN", "debited_account"),
        _leaf("AccountToBeDebited/AccountNumber", "debited_account"),
        _leaf("CollectionAdditionalInformation", "/payment_terms"),
    ),
    _each(
        "Installment",
        "beyond.installments",
        _leaf("InstallmentDueDate", "due_date", DAY),
        _number("InstallmentAmount", "amount"),
        when=_one_of_several,
    ),
)
_ADDITIONAL = (
    _leaf("RelatedDocuments/Attachment", "supporting_documents", AttachedFile(), many=True),
    _leaf("InvoiceAdditionalInformation", "notes", NOTE, many=True),
)
_TABLE = (
    _within("FileHeader/FactoringAssignmentData/Assignee", *_ASSIGNEE, at="payee"),
    _within("Parties/SellerParty", *_SELLER, at="seller"),
    _within("Parties/BuyerParty", *_BUYER, at="buyer"),
    _within(
        "Invoices/Invoice",
        *_HEADER,
        *_TAXES,
        _within("InvoiceTotals", *_TOTALS),
        _within("Items", _each("InvoiceLine", "lines", *_LINE)),
        _within("PaymentDetails", *_INSTALLMENTS),
        _leaf("LegalLiterals/LegalReference", "notes", NOTE, many=True),
        _within("AdditionalData", *_ADDITIONAL),
    ),
)


def invoices_in(root: Any) -> list[Any]:
    return list(root.findall("Invoices/Invoice"))


def read_facturae(root: Any) -> Invoice:
    """Return what a file with one invoice says. Raises UnreadableError."""
    return read_and_tell(root)[0]


def read_and_tell(root: Any) -> tuple[Invoice, set[Any]]:
    """Return what a file with one invoice says, and the elements that said it.

    Raises UnreadableError for a value that is none, and for several invoices.
    """
    if len(found := invoices_in(root)) > 1:
        raise UnreadableError(f"Invoices: there are {len(found)}, and one is read at a time")
    currency = (root.findtext("Invoices/Invoice/InvoiceIssueData/InvoiceCurrencyCode") or "").strip() or None
    return read_and_mark(root, _TABLE, currency)


def locate_facturae(_root: Any, path: str) -> str:
    """Return the XPath of a field; the root's where the field has no place of its own."""
    return f"/fe:Facturae{Locator(_TABLE, {}).locate(path)}"

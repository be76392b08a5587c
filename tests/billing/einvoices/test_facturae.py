"""Facturae: what its readers are told, by whichever of three versions, and that nothing in a file goes unsaid."""

import base64
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from lxml import etree

from services.billing.einvoices.binding import UnreadableError, UnwritableError
from services.billing.einvoices.canonical import canonical_json
from services.billing.einvoices.cii import write_cii
from services.billing.einvoices.errors import SeveralInvoices, TooMuchStructure, UnknownInvoiceFormat
from services.billing.einvoices.facturae import read_facturae
from services.billing.einvoices.facturae_rules import find_facturae_flaws
from services.billing.einvoices.judge import Judge
from services.billing.einvoices.model import Invoice, Reimbursement, WithheldTax
from services.billing.einvoices.ubl import write_ubl
from services.billing.einvoices.verdicts import Judged
from tests.billing.einvoices.facturae_samples import (
    CORRECTIVE,
    EXPENSE,
    EXPENSES,
    FREELANCER,
    IN_CASH,
    LINE,
    NAMESPACES,
    PAID,
    SIGNATURE,
    VAT,
    WITHHOLDING,
    facturae_xml,
)
from tests.fixtures.services import Harness, problem

TODAY = date(2026, 11, 26)
FREE = LINE.replace("21.00</TaxRate>", "0.00</TaxRate>").replace("21.00</TotalAmount>", "0.00</TotalAmount>")
NO_VAT = VAT.replace("21.00</TaxRate>", "0.00</TaxRate>").replace("21.00</TotalAmount>", "0.00</TotalAmount>")
WITH_IRPF: dict[str, Any] = {
    "seller": FREELANCER,
    "withheld": WITHHOLDING,
    "withheld_total": "15.00",
    "total": "106.00",
}
ASSIGNED = """<FactoringAssignmentData><Assignee><TaxIdentification><PersonTypeCode>J</PersonTypeCode>
    <ResidenceTypeCode>R</ResidenceTypeCode><TaxIdentificationNumber>A58818501</TaxIdentificationNumber></TaxIdentification>
    <LegalEntity><CorporateName>Banco Cesionario SA</CorporateName></LegalEntity></Assignee></FactoringAssignmentData>"""
FILE = """<AdditionalData><RelatedDocuments><Attachment><AttachmentFormat>pdf</AttachmentFormat>
    <AttachmentEncoding>BASE64</AttachmentEncoding><AttachmentDescription>Timesheet</AttachmentDescription>
    <AttachmentData>{}</AttachmentData></Attachment></RelatedDocuments>
    <InvoiceAdditionalInformation>Thank you</InvoiceAdditionalInformation></AdditionalData>"""
RATE = """<ExchangeRateDetails><ExchangeRate>1.25</ExchangeRate><ExchangeRateDate>2026-10-30</ExchangeRateDate>
    </ExchangeRateDetails>"""


def read(content: bytes) -> Invoice:
    return read_facturae(etree.fromstring(content))


def flaws(content: bytes) -> list[tuple[str, str]]:
    """Return what is found beyond the signature."""
    found = find_facturae_flaws(etree.fromstring(content), TODAY)
    return [(flaw.rule, flaw.at) for flaw in found if flaw.rule not in ("TR-FE-SIGNED", "TR-FE-NO-PLACE")]


def fatal(judged: Judged) -> list[str]:
    return [each.text for each in judged.findings if each.severity == "fatal"]


@pytest.mark.parametrize("version", NAMESPACES)
def test_each_version_is_valid_by_its_schema_and_says_the_same(judge: Judge, version: str) -> None:
    content = facturae_xml(version=version)
    if version == "3.2":  # which wants six decimals in a line
        for name, was in (("UnitPriceWithoutTax", "50.00"), ("TotalCost", "100.00"), ("GrossAmount", "100.00")):
            content = content.replace(f"<{name}>{was}<".encode(), f"<{name}>{was}0000<".encode())
    judged = judge.judge(content)
    assert (judged.format, judged.verdict) == (f"facturae-{version}", "valid"), judged.findings
    assert next((stage.rule_set, stage.version) for stage in judged.stages) == ("facturae-xsd", version)
    assert canonical_json(read(content)) == canonical_json(read(facturae_xml()))


def test_what_the_schema_refuses_is_fatal_and_told_as_it_is(judge: Judge) -> None:
    judged = judge.judge(facturae_xml(version="3.2"))
    assert judged.verdict == "invalid"
    assert any("[0-9]{6}" in text for text in fatal(judged))


def test_the_terms_of_a_plain_invoice() -> None:
    said = read(facturae_xml())
    assert (said.number, said.type_code, said.currency, said.tax_currency) == ("A-2026-17", "380", "EUR", None)
    assert (said.issue_date, said.due_date) == (date(2026, 11, 2), date(2026, 12, 2))
    assert said.delivery is not None
    assert said.delivery.delivered_on == date(2026, 10, 30)
    assert said.seller is not None
    assert said.buyer is not None
    assert (said.seller.vat_identifier, said.seller.legal_information) == ("ESB12345674", "Book 3, Sheet PO-9911")
    assert said.seller.address is not None
    assert said.buyer.address is not None
    assert (said.seller.address.country, said.buyer.address.country) == ("ES", "PT")
    assert said.buyer.vat_identifier == "PT501964843"
    assert said.totals is not None
    assert (said.totals.with_vat, said.totals.due) == (Decimal("121.00"), Decimal("121.00"))
    assert [(part.category, part.rate, part.tax) for part in said.vat_breakdown] == [("S", Decimal(21), Decimal(21))]
    (line,) = said.lines
    assert (line.unit, line.vat_category) == ("HUR", "S")
    (means,) = said.payment_means
    assert means.code == "30"
    assert means.credit_transfer is not None
    assert means.credit_transfer.account == "ES9121000418450200051332"
    assert said.beyond is None
    assert flaws(facturae_xml()) == []


def test_withheld_tax_is_kept_and_no_part_of_the_total_with_vat(judge: Judge) -> None:
    content = facturae_xml(**WITH_IRPF)
    said = read(content)
    assert said.seller is not None
    assert (said.seller.name, said.seller.vat_identifier) == ("Iria Pazos Rei", "ES12345678Z")
    assert said.totals is not None
    assert (said.totals.with_vat, said.totals.due) == (Decimal("121.00"), Decimal("106.00"))
    assert said.beyond is not None
    assert said.beyond.invoice_total == Decimal("106.00")
    assert said.beyond.withheld == (WithheldTax(kind="04", rate=Decimal(15), base=Decimal(100), tax=Decimal(15)),)
    assert judge.judge(content).verdict == "valid"
    assert flaws(content) == []
    for write in (write_ubl, write_cii):
        with pytest.raises(UnwritableError, match="beyond"):
            write(said)


def test_a_total_from_which_withheld_tax_was_not_taken_off_is_the_one_with_vat() -> None:
    content = facturae_xml(**{**WITH_IRPF, "total": "121.00"}, outstanding="106.00")
    said = read(content)
    assert said.totals is not None
    assert said.totals.with_vat == Decimal("121.00")
    assert flaws(content) == [("TR-SUM", "totals.with_vat"), ("TR-SUM", "totals.due")]


def test_a_corrective_invoice_names_the_one_it_corrects(judge: Judge) -> None:
    content = facturae_xml(header=CORRECTIVE)
    said = read(content)
    assert (said.type_code, [each.number for each in said.preceding_invoices]) == ("384", ["A-2026-11"])
    assert said.beyond is not None
    assert said.beyond.correction is not None
    assert (said.beyond.correction.reason_code, said.beyond.correction.method) == ("01", "01")
    assert judge.judge(content).verdict == "valid"
    dated = CORRECTIVE.replace("</Corrective>", "<InvoiceIssueDate>2026-10-05</InvoiceIssueDate></Corrective>")
    assert read(facturae_xml(header=dated)).preceding_invoices[0].issue_date == date(2026, 10, 5)
    nameless = CORRECTIVE.replace("<InvoiceNumber>2026-11</InvoiceNumber>", "").replace(
        "<InvoiceSeriesCode>A-</InvoiceSeriesCode>", ""
    )
    for header in (nameless, "<InvoiceClass>OR</InvoiceClass>"):
        at = "/fe:Facturae/Invoices/Invoice/InvoiceHeader"
        assert flaws(facturae_xml(header=header)) == [("TR-FE-CORRECTS", at)]


def test_an_invoice_that_the_buyer_wrote_is_self_billed() -> None:
    content = facturae_xml().replace(b"<InvoiceIssuerType>EM", b"<InvoiceIssuerType>RE")
    assert read(content).type_code == "389"


def test_reimbursed_expenses_and_cash(judge: Judge) -> None:
    content = facturae_xml(before_outstanding=EXPENSE, due="133.00", after_due=EXPENSES, payment=IN_CASH)
    said = read(content)
    assert said.beyond is not None
    assert said.beyond.reimbursements == (
        Reimbursement(amount=Decimal(12), number="N9", issue_date=date(2026, 10, 20)),
    )
    assert said.beyond.outstanding == Decimal("121.00")
    assert [means.code for means in said.payment_means] == ["10"]
    assert judge.judge(content).verdict == "valid"
    assert flaws(content) == []
    less = content.replace(b"12.00</TotalReimb", b"13.00</TotalReimb")
    assert flaws(less) == [("TR-SUM", "totals.due"), ("TR-SUM", "beyond.reimbursed_total")]


@pytest.mark.parametrize(("event", "category"), [("01", "E"), ("02", "O"), (None, "Z")])
def test_a_rate_of_zero_is_what_the_lines_say(judge: Judge, event: str | None, category: str) -> None:
    special = f"""<SpecialTaxableEvent><SpecialTaxableEventCode>{event}</SpecialTaxableEventCode>
        <SpecialTaxableEventReason>Art. 20</SpecialTaxableEventReason></SpecialTaxableEvent>"""
    lines = FREE.replace("<ArticleCode>", f"{special if event else ''}<ArticleCode>")
    content = facturae_xml(outputs=NO_VAT, vat="0.00", total="100.00", lines=lines)
    said = read(content)
    assert ([part.category for part in said.vat_breakdown], said.lines[0].vat_category) == ([category], category)
    assert judge.judge(content).verdict == "valid"


@pytest.mark.parametrize(("code", "category"), [("03", "L"), ("02", "M"), ("17", "S"), ("07", None)])
def test_other_taxes_than_vat(code: str, category: str | None) -> None:
    content = facturae_xml(
        outputs=VAT.replace("<TaxTypeCode>01", f"<TaxTypeCode>{code}"),
        lines=LINE.replace("<TaxTypeCode>01", f"<TaxTypeCode>{code}"),
    )
    said = read(content)
    assert [part.category for part in said.vat_breakdown] == [category]
    other = [] if category else [("TR-FE-OTHER-TAX", "/fe:Facturae/Invoices/Invoice/TaxesOutputs/Tax")]
    assert flaws(content) == other


def test_an_equivalence_surcharge_is_a_part_of_its_own(judge: Judge) -> None:
    surcharge = """<EquivalenceSurcharge>5.20</EquivalenceSurcharge>
        <EquivalenceSurchargeAmount><TotalAmount>5.20</TotalAmount></EquivalenceSurchargeAmount></Tax>"""
    content = facturae_xml(outputs=VAT.replace("</Tax>", surcharge), vat="26.20", total="126.20")
    said = read(content)
    assert [(part.rate, part.tax) for part in said.vat_breakdown] == [
        (Decimal(21), Decimal(21)),
        (Decimal("5.20"), Decimal("5.20")),
    ]
    assert judge.judge(content).verdict == "valid"
    assert flaws(content) == [("TR-FE-SURCHARGE", "/fe:Facturae/Invoices/Invoice/TaxesOutputs/Tax")]


def test_instalments_have_their_days_and_amounts() -> None:
    paid = PAID.format(due="61.00").replace("</PaymentDetails>", "")
    second = PAID.format(due="60.00").replace("<PaymentDetails>", "").replace("2026-12-02", "2027-01-02")
    content = facturae_xml(payment=paid + second)
    said = read(content)
    assert said.due_date is None
    assert said.beyond is not None
    assert [(part.due_date, part.amount) for part in said.beyond.installments] == [
        (date(2026, 12, 2), Decimal("61.00")),
        (date(2027, 1, 2), Decimal("60.00")),
    ]
    assert flaws(content) == []
    assert flaws(content.replace(b"61.00<", b"62.00<")) == [("TR-SUM", "totals.due")]


def test_who_the_invoice_was_assigned_to_is_paid() -> None:
    said = read(facturae_xml().replace(b"</FileHeader>", ASSIGNED.encode() + b"</FileHeader>"))
    assert said.payee is not None
    assert said.payee.legal_registration is not None
    assert (said.payee.name, said.payee.legal_registration.value) == ("Banco Cesionario SA", "ESA58818501")


def test_attached_files_are_read_and_what_is_none_is_named(judge: Judge) -> None:
    content = facturae_xml(more=FILE.format(base64.b64encode(b"%PDF-").decode()))
    (document,) = read(content).supporting_documents
    assert document.attachment is not None
    assert (document.description, document.attachment.content, document.attachment.mime_code) == (
        "Timesheet",
        b"%PDF-",
        "application/pdf",
    )
    assert judge.judge(content).verdict == "valid"
    broken = judge.judge(facturae_xml(more=FILE.format("%%%")))
    assert (broken.verdict, broken.stages[-1].obstacle) == ("not-validated", "unreadable-value")
    with pytest.raises(UnreadableError, match="BER"):
        read(content.replace(b"BASE64", b"BER"))
    with pytest.raises(TooMuchStructure):
        judge.judge(facturae_xml(more=FILE.format("A" * 9_500_000)))


def test_another_currency_has_its_rate_and_euros() -> None:
    assert flaws(facturae_xml(currency="USD")) == [("TR-FE-EXCHANGE", "/fe:Facturae/Invoices/Invoice/InvoiceIssueData")]
    euros = VAT.replace("100.00</TotalAmount>", "100.00</TotalAmount><EquivalentInEuros>80.00</EquivalentInEuros>")
    content = facturae_xml(currency="USD", exchange=RATE, outputs=euros)
    said = read(content)
    assert said.beyond is not None
    assert (said.tax_currency, said.beyond.exchange_rate) == ("EUR", Decimal("1.25"))
    assert flaws(content) == []
    at = "/fe:Facturae/Invoices/Invoice/TaxesOutputs/Tax/TaxableBase/EquivalentInEuros"
    assert flaws(content.replace(b"80.00<", b"90.00<")) == [("TR-SUM", at)]


@pytest.mark.parametrize(
    ("was", "becomes", "found"),
    [
        ("B12345674</Tax", "B12345675</Tax", ("TR-VAT", "seller.vat_identifier")),
        ("0004184502000513", "0004184502000514", ("TR-IBAN", "payment_means.0.credit_transfer.account")),
        ("100.00</TotalGrossAmount>", "100.01</TotalGrossAmount>", ("TR-SUM", "totals.lines")),
        ("21.00</TotalTaxOutputs>", "20.00</TotalTaxOutputs>", ("TR-SUM", "totals.vat")),
        ("121.00</InvoiceTotal>", "122.00</InvoiceTotal>", ("TR-SUM", "totals.with_vat")),
        ("<Quantity>2.0", "<Quantity>3.0", ("TR-LINE", "lines.0.net")),
        ("2026-11-02</IssueDate>", "2026-11-27</IssueDate>", ("TR-FUTURE", "issue_date")),
        ("0.00</TotalTaxesWithheld>", "1.00</TotalTaxesWithheld>", ("TR-SUM", "beyond.withheld_total")),
    ],
)
def test_a_changed_figure_is_found(was: str, becomes: str, found: tuple[str, str]) -> None:
    content = facturae_xml()
    assert was.encode() in content
    assert found in flaws(content.replace(was.encode(), becomes.encode()))


def test_eight_decimals_are_compared_as_they_are_said() -> None:
    lines = LINE.replace("<Quantity>2.0", "<Quantity>3").replace("50.00<", "33.33333333<")
    assert flaws(facturae_xml(lines=lines)) == []  # 99.99999999, said as 100.00
    exact = lines.replace("100.00</TotalCost>", "100.00000000</TotalCost>")
    assert flaws(facturae_xml(lines=exact)) == [
        ("TR-LINE", "/fe:Facturae/Invoices/Invoice/Items/InvoiceLine/TotalCost")
    ]


def test_a_signature_is_told_as_not_verified_and_its_absence_too(judge: Judge) -> None:
    for signature, rule in ((SIGNATURE, "TR-FE-SIGNED"), ("", "TR-FE-UNSIGNED")):
        judged = judge.judge(facturae_xml(signature=signature))
        assert judged.verdict == "valid"
        assert [each.rule for each in judged.findings if each.rule.startswith("TR-FE-") and "SIGN" in each.rule] == [
            rule
        ]


def test_what_has_no_place_in_the_model_is_named() -> None:
    found = [each for each in find_facturae_flaws(etree.fromstring(facturae_xml()), TODAY) if "NO-PLACE" in each.rule]
    (web,) = found
    assert web.values == {
        "name": "Parties/SellerParty/LegalEntity/ContactDetails/WebAddress",
        "value": "https://example.org",
    }
    twice = LINE.replace("<SequenceNumber>", "<FileReference>F-1</FileReference><SequenceNumber>")
    many = facturae_xml(lines=twice + twice.replace("F-1", "F-2"))
    named = {
        each.values["name"].rpartition("/")[2]: each.values["value"]
        for each in (
            flaw for flaw in find_facturae_flaws(etree.fromstring(many), TODAY) if flaw.rule == "TR-FE-NO-PLACE"
        )
    }
    assert named["FileReference"] == "F-1; F-2"


RICH = facturae_xml(
    **WITH_IRPF,
    header=CORRECTIVE,
    issue="<InvoiceDescription>Advice in October</InvoiceDescription>"
    "<ReceiverTransactionReference>PO-1</ReceiverTransactionReference><FileReference>X-2</FileReference>"
    "<ReceiverContractReference>C-3</ReceiverContractReference>",
    exchange=RATE,
    before_outstanding=EXPENSE,
    due="118.00",
    after_due=EXPENSES,
    more="<LegalLiterals><LegalReference>Art. 1</LegalReference></LegalLiterals>" + FILE.format("AAAA"),
)


def test_no_text_of_a_file_can_change_without_a_word(judge: Judge) -> None:
    def told(content: bytes) -> tuple[Any, ...]:
        judged = judge.judge(content)
        try:
            said = canonical_json(read(content))
        except UnreadableError as error:
            said = str(error).encode()
        return msgspec.json.encode(judged.findings), [stage.detail for stage in judged.stages], said

    root = etree.fromstring(RICH)
    before = told(RICH)
    assert judge.judge(RICH).verdict == "valid"
    silent = []
    leaves = [each for each in root.iter(tag=etree.Element) if len(each) == 0 and "xmldsig" not in each.tag]
    for leaf in leaves:
        text, leaf.text = leaf.text, f"{leaf.text}7"
        if told(etree.tostring(root)) == before:
            silent.append(leaf.tag)
        leaf.text = text
    assert len(leaves) > 60
    assert silent == ["BatchIdentifier"]  # made of the seller's and the invoice's number


async def test_a_batch_is_refused_with_the_way_to_mend_it(billing: Harness, tenant: str, judge: Judge) -> None:
    with pytest.raises(SeveralInvoices):
        judge.judge(facturae_xml(invoices=2))
    with pytest.raises(UnreadableError, match="2"):
        read(facturae_xml(invoices=2))
    async with billing.client(tenant, **{"Accept-Language": "es"}) as client:
        answer = await client.post("/billing/validations", content=facturae_xml(invoices=2))
        accepted = await client.post("/billing/validations", content=facturae_xml(**WITH_IRPF))
    said = problem(answer)
    assert (answer.status_code, said["code"], said["count"]) == (422, "several-invoices", 2)
    assert "lote de 2 facturas" in said["detail"]
    report = accepted.json()
    assert (report["verdict"], report["format"]) == ("valid", "facturae-3.2.2")
    (signed,) = report["findings"]
    assert (signed["language"], "no se ha verificado" in signed["text"]) == ("es", True)


def test_an_older_version_is_not_known(judge: Judge) -> None:
    older = facturae_xml().replace(NAMESPACES["3.2.2"].encode(), b"http://www.facturae.es/Facturae/2007/v3.1/Facturae")
    with pytest.raises(UnknownInvoiceFormat):
        judge.judge(older)


@pytest.mark.parametrize("text", ["9" * 200, "1e99", "1e-99", "NaN", "1,5"])
def test_a_number_that_no_invoice_has_is_named(judge: Judge, text: str) -> None:
    judged = judge.judge(facturae_xml().replace(b"<Quantity>2.0", f"<Quantity>{text}".encode()))
    assert judged.stages[-1].obstacle == "unreadable-value"
    assert "Quantity" in judged.stages[-1].detail

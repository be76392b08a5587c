"""Invoices in Facturae, written for the tests."""

NAMESPACES = {
    "3.2": "http://www.facturae.es/Facturae/2009/v3.2/Facturae",
    "3.2.1": "http://www.facturae.es/Facturae/2014/v3.2.1/Facturae",
    "3.2.2": "http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml",
}
_SELLER = """<TaxIdentification><PersonTypeCode>J</PersonTypeCode><ResidenceTypeCode>R</ResidenceTypeCode>
    <TaxIdentificationNumber>B12345674</TaxIdentificationNumber></TaxIdentification>
  <PartyIdentification>77</PartyIdentification>
  <LegalEntity><CorporateName>Faro Consultores SL</CorporateName><TradeName>Faro</TradeName>
    <RegistrationData><Book>3</Book><Sheet>PO-9911</Sheet></RegistrationData>
    <AddressInSpain><Address>Rúa Nova 4</Address><PostCode>36202</PostCode><Town>Vigo</Town><Province>Pontevedra</Province>
      <CountryCode>ESP</CountryCode></AddressInSpain>
    <ContactDetails><Telephone>986000000</Telephone><WebAddress>https://example.org</WebAddress>
      <ElectronicMail>a@example.org</ElectronicMail><ContactPersons>Iria Pazos</ContactPersons></ContactDetails>
  </LegalEntity>"""
FREELANCER = """<TaxIdentification><PersonTypeCode>F</PersonTypeCode><ResidenceTypeCode>R</ResidenceTypeCode>
    <TaxIdentificationNumber>12345678Z</TaxIdentificationNumber></TaxIdentification>
  <Individual><Name>Iria</Name><FirstSurname>Pazos</FirstSurname><SecondSurname>Rei</SecondSurname>
    <AddressInSpain><Address>Rúa Nova 4</Address><PostCode>36202</PostCode><Town>Vigo</Town><Province>Pontevedra</Province>
      <CountryCode>ESP</CountryCode></AddressInSpain></Individual>"""
_BUYER = """<TaxIdentification><PersonTypeCode>J</PersonTypeCode><ResidenceTypeCode>U</ResidenceTypeCode>
    <TaxIdentificationNumber>PT501964843</TaxIdentificationNumber></TaxIdentification>
  <LegalEntity><CorporateName>Ribeira Têxtil SA</CorporateName>
    <OverseasAddress><Address>Rua do Norte 9</Address><PostCodeAndTown>4000-123 Porto</PostCodeAndTown>
      <Province>Porto</Province><CountryCode>PRT</CountryCode></OverseasAddress></LegalEntity>"""
VAT = """<Tax><TaxTypeCode>01</TaxTypeCode><TaxRate>21.00</TaxRate><TaxableBase><TotalAmount>100.00</TotalAmount></TaxableBase>
    <TaxAmount><TotalAmount>21.00</TotalAmount></TaxAmount></Tax>"""
LINE = f"""<InvoiceLine><SequenceNumber>1</SequenceNumber><ItemDescription>Advice</ItemDescription><Quantity>2.0</Quantity>
    <UnitOfMeasure>02</UnitOfMeasure><UnitPriceWithoutTax>50.00</UnitPriceWithoutTax><TotalCost>100.00</TotalCost>
    <GrossAmount>100.00</GrossAmount><TaxesOutputs>{VAT}</TaxesOutputs><ArticleCode>ADV</ArticleCode></InvoiceLine>"""
PAID = """<PaymentDetails><Installment><InstallmentDueDate>2026-12-02</InstallmentDueDate>
    <InstallmentAmount>{due}</InstallmentAmount><PaymentMeans>04</PaymentMeans>
    <AccountToBeCredited><IBAN>ES9121000418450200051332</IBAN></AccountToBeCredited>
    <PaymentReconciliationReference>A-2026-17</PaymentReconciliationReference></Installment></PaymentDetails>"""
IN_CASH = """<PaymentDetails><Installment><InstallmentDueDate>2026-11-02</InstallmentDueDate>
    <InstallmentAmount>{due}</InstallmentAmount><PaymentMeans>01</PaymentMeans></Installment></PaymentDetails>"""
SIGNATURE = """<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
    <ds:CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>
    <ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
    <ds:Reference URI=""><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>
    <ds:DigestValue>AAAA</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue>
  </ds:Signature>"""


def facturae_xml(
    *,
    version: str = "3.2.2",
    seller: str = _SELLER,
    header: str = "<InvoiceClass>OO</InvoiceClass>",
    issue: str = "",
    currency: str = "EUR",
    exchange: str = "",
    outputs: str = VAT,
    vat: str = "21.00",
    withheld: str = "",
    withheld_total: str = "0.00",
    total: str = "121.00",
    before_outstanding: str = "",
    outstanding: str | None = None,
    after_outstanding: str = "",
    due: str | None = None,
    after_due: str = "",
    lines: str = LINE,
    payment: str = PAID,
    more: str = "",
    signature: str = SIGNATURE,
    invoices: int = 1,
) -> bytes:
    """Return a file: two hours of advice at 21 %, unless something else is said."""
    outstanding = outstanding or total
    due = due or outstanding
    batch = "".join(
        f"<Total{name}Amount><TotalAmount>{amount}</TotalAmount></Total{name}Amount>"
        for name, amount in (("Invoices", total), ("Outstanding", outstanding), ("Executable", due))
    )
    invoice = f"""<Invoice>
  <InvoiceHeader><InvoiceNumber>2026-17</InvoiceNumber><InvoiceSeriesCode>A-</InvoiceSeriesCode>
    <InvoiceDocumentType>FC</InvoiceDocumentType>{header}</InvoiceHeader>
  <InvoiceIssueData><IssueDate>2026-11-02</IssueDate><OperationDate>2026-10-30</OperationDate>
    <InvoiceCurrencyCode>{currency}</InvoiceCurrencyCode>{exchange}<TaxCurrencyCode>EUR</TaxCurrencyCode>
    <LanguageName>es</LanguageName>{issue}</InvoiceIssueData>
  <TaxesOutputs>{outputs}</TaxesOutputs>{withheld and f"<TaxesWithheld>{withheld}</TaxesWithheld>"}
  <InvoiceTotals><TotalGrossAmount>100.00</TotalGrossAmount>
    <TotalGrossAmountBeforeTaxes>100.00</TotalGrossAmountBeforeTaxes><TotalTaxOutputs>{vat}</TotalTaxOutputs>
    <TotalTaxesWithheld>{withheld_total}</TotalTaxesWithheld><InvoiceTotal>{total}</InvoiceTotal>{before_outstanding}
    <TotalOutstandingAmount>{outstanding}</TotalOutstandingAmount>{after_outstanding}
    <TotalExecutableAmount>{due}</TotalExecutableAmount>{after_due}</InvoiceTotals>
  <Items>{lines}</Items>{payment.format(due=due)}{more}</Invoice>"""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<fe:Facturae xmlns:fe="{NAMESPACES[version]}"><FileHeader><SchemaVersion>{version}</SchemaVersion><Modality>I</Modality>
  <InvoiceIssuerType>EM</InvoiceIssuerType><Batch><BatchIdentifier>B12345674A-2026-17</BatchIdentifier>
  <InvoicesCount>{invoices}</InvoicesCount>{batch}<InvoiceCurrencyCode>{currency}</InvoiceCurrencyCode></Batch></FileHeader>
<Parties><SellerParty>{seller}</SellerParty><BuyerParty>{_BUYER}</BuyerParty></Parties>
<Invoices>{invoice * invoices}</Invoices>{signature}</fe:Facturae>""".encode()


WITHHOLDING = """<Tax><TaxTypeCode>04</TaxTypeCode><TaxRate>15.00</TaxRate>
    <TaxableBase><TotalAmount>100.00</TotalAmount></TaxableBase><TaxAmount><TotalAmount>15.00</TotalAmount></TaxAmount></Tax>"""
CORRECTIVE = """<InvoiceClass>OR</InvoiceClass><Corrective><InvoiceNumber>2026-11</InvoiceNumber>
    <InvoiceSeriesCode>A-</InvoiceSeriesCode><ReasonCode>01</ReasonCode><ReasonDescription>Número de la factura</ReasonDescription>
    <TaxPeriod><StartDate>2026-10-01</StartDate><EndDate>2026-10-31</EndDate></TaxPeriod>
    <CorrectionMethod>01</CorrectionMethod><CorrectionMethodDescription>Rectificación íntegra</CorrectionMethodDescription>
    </Corrective>"""
EXPENSES = """<TotalReimbursableExpenses>12.00</TotalReimbursableExpenses>"""
EXPENSE = """<ReimbursableExpenses><ReimbursableExpenses><IssueDate>2026-10-20</IssueDate><InvoiceNumber>9</InvoiceNumber>
    <InvoiceSeriesCode>N</InvoiceSeriesCode><ReimbursableExpensesAmount>12.00</ReimbursableExpensesAmount></ReimbursableExpenses>
    </ReimbursableExpenses>"""

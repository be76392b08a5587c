"""Texts of invoices as kinds of senders lay them out, written by hand, with what can be read of each."""

STRIPE = """
Invoice
Invoice number   3A1B2C3D-0005
Date of issue    March 4, 2026
Date due         March 4, 2026

Acme Cloud Ireland Ltd                Bill to
1 Grand Canal Street                  Faro Consultores SL
Dublin                                Calle Mayor 1
Ireland                               ES VAT ESB58378431
billing@acme.example
IE VAT IE3206488LH

€121.00 due March 4, 2026
Pay online

Description             Qty     Unit price    Tax     Amount
Pro plan                  1        €100.00    21%    €100.00
Mar 4 - Apr 4, 2026

Subtotal                                             €100.00
Total excluding tax                                  €100.00
VAT - Spain (21% on €100.00)                          €21.00
Total                                                €121.00
Amount due                                           €121.00
"""
AUTONOMO = """
FACTURA                                   Ana García Pérez
Nº: 2026-014                              12345678Z
Fecha: 15 de marzo de 2026                C/ Luna 3, Madrid

Cliente: Faro Consultores SL
CIF: B58378431

Concepto                          Importe
Diseño web                        1.200,00 €

Base imponible                    1.200,00 €
IVA (21%)                           252,00 €
IRPF (-15%)                        -180,00 €
TOTAL                             1.272,00 €

Forma de pago: transferencia a ES91 2100 0418 4502 0005 1332
"""
TELCO = """
Telco Ejemplo, S.A.U.  CIF A82018474
Nº de factura: TA6C80012345       Fecha de emisión: 01/05/2026
Período de facturación: 18/03/2026 a 17/04/2026
Titular: Faro Consultores SL      NIF: B58378431
Importe total a pagar                 72,60 €
Cuotas                                50,00
Consumo                               10,00
Total (base imponible)                60,00 €
IVA (21%)     12,60 €
Total factura   72,60 €
Fecha de cargo a partir del 05/05/2026 en su cuenta ES12 **** 1234 por domiciliación
"""
DE = """
Muster GmbH · Musterstr. 1 · 10115 Berlin
Firma
Kunden AG                                      Rechnung Nr. 2026-0815
Kundenstr. 2                                   Datum 12.03.2026
20095 Hamburg                                  Kundennr. 10023
                                               Leistungszeitraum 01.02.2026 - 28.02.2026
Pos  Bezeichnung      Menge   Einzelpreis    Gesamtpreis
1    Beratung         10 h       95,00 EUR    950,00 EUR
2    Fahrt            1          50,00 EUR     50,00 EUR
                      Summe netto           1.000,00 EUR
                      zzgl. 19% MwSt          190,00 EUR
                      Rechnungsbetrag       1.190,00 EUR
Zahlbar ohne Abzug innerhalb von 14 Tagen.
Muster GmbH  USt-IdNr. DE136695976  Sparkasse  IBAN DE89 3704 0044 0532 0130 00
"""
US = """
INVOICE #10042
Date: 03/04/2026      Due: 04/03/2026
From: Widgets Inc     To: Faro
Item   Qty  Price   Total
Widget  2   50.00   100.00
Subtotal 100.00
Sales tax (8.25%) 8.25
Total $108.25
"""
AMAZON = """
Factura
Pagado
Número de referencia de pago 1AB2CD
Vendido por Tienda SARL, sucursal en España
IVA ESW0184081H
Fecha de la factura/Fecha de la entrega 07 marzo 2026
Número de la factura ES61ABCDEF
Total pendiente 24,19 €
Dirección de facturación   Dirección de envío    Vendido por
Faro SL   Faro SL   Tienda SARL
Fecha del pedido 06 marzo 2026
Número del pedido 404-1234567-1234567
Descripción Cant. P. Unitario IVA % P. Unitario Precio total
(IVA excluido) (IVA incluido) (IVA incluido)
Cable USB 2 10,00 € 21 % 12,10 € 24,19 €
Total factura 24,19 €
IVA % Precio total IVA
(IVA excluido)
21 % 19,99 € 4,20 €
Total 19,99 € 4,20 €
"""
WRITTEN = {
    "a subscription": (
        STRIPE,
        {
            "number": "3A1B2C3D-0005",
            "issue_date": "2026-03-04",
            "due_date": "2026-03-04",
            "currency": "EUR",
            "account": None,
            "net": "100.00",
            "tax": "21.00",
            "gross": "121.00",
            "supplier_tax_id": None,
        },
    ),
    "a freelancer": (
        AUTONOMO,
        {
            "number": "2026-014",
            "issue_date": "2026-03-15",
            "due_date": None,
            "currency": "EUR",
            "account": "ES9121000418450200051332",
            "net": "1200.00",
            "tax": "252.00",
            "gross": None,
            "supplier_tax_id": None,
        },
    ),
    "a telephone company": (
        TELCO,
        {
            "number": "TA6C80012345",
            "issue_date": "2026-05-01",
            "due_date": None,
            "currency": "EUR",
            "account": None,
            "net": "60.00",
            "tax": "12.60",
            "gross": "72.60",
            "supplier_tax_id": "A82018474",
        },
    ),
    "a consultant": (
        DE,
        {
            "number": "2026-0815",
            "issue_date": "2026-03-12",
            "due_date": None,
            "currency": "EUR",
            "account": "DE89370400440532013000",
            "net": "1000.00",
            "tax": "190.00",
            "gross": "1190.00",
            "supplier_tax_id": None,
        },
    ),
    "an American seller": (
        US,
        {
            "number": "10042",
            "issue_date": None,
            "due_date": None,
            "currency": None,
            "account": None,
            "net": "100.00",
            "tax": "8.25",
            "gross": "108.25",
            "supplier_tax_id": None,
        },
    ),
    "a marketplace": (
        AMAZON,
        {
            "number": "ES61ABCDEF",
            "issue_date": "2026-03-07",
            "due_date": None,
            "currency": "EUR",
            "account": None,
            "net": "19.99",
            "tax": "4.20",
            "gross": "24.19",
            "supplier_tax_id": None,
        },
    ),
}

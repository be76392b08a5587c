"""Invented invoices and how they are printed: languages, spellings and layouts as they come, with what they say."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from services.billing.einvoices.check_digits import IBAN_LENGTH, is_iban, is_nif, is_vat_number
from shared.money import multiply, round_money
from tests.billing.drafts.printing import Words, print_pdf

Row = tuple[tuple[str, float], ...]
LEFT, MIDDLE, RIGHT = 50.0, 320.0, 450.0
MONTHS = {
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    "es": [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    "de": [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
}
LABELS = {
    "en": {
        "title": ("INVOICE", "Tax invoice"),
        "number": ("Invoice number", "Invoice no.", "Invoice No", "Invoice #"),
        "issued": ("Invoice date", "Date of issue", "Date"),
        "due": ("Due date", "Payment due", "Payable by"),
        "delivered": ("Delivery date",),
        "tax_id": ("VAT number", "VAT No.", "VAT Reg No"),
        "customer": ("Bill to", "Customer", "Invoice to"),
        "order": ("Purchase order", "PO number", "Your order no."),
        "net": ("Subtotal", "Net amount", "Total net"),
        "tax": ("VAT", "Tax"),
        "gross": ("Total", "Amount due", "Grand total", "Total due"),
        "heads": ("Taxable amount", "Rate", "VAT amount"),
        "item": ("Description", "Qty", "Unit price", "Amount"),
    },
    "es": {
        "title": ("FACTURA", "Factura"),
        "number": ("Número de factura", "Factura nº", "Nº factura", "N.º de factura"),
        "issued": ("Fecha de factura", "Fecha de emisión", "Fecha"),
        "due": ("Vencimiento", "Fecha de vencimiento", "Fecha vencimiento"),
        "delivered": ("Fecha de entrega",),
        "tax_id": ("NIF", "CIF", "N.I.F."),
        "customer": ("Cliente", "Facturar a", "Datos del cliente"),
        "order": ("Pedido nº", "Su pedido", "Nº de pedido"),
        "net": ("Base imponible", "Subtotal", "Importe neto"),
        "tax": ("IVA", "Cuota IVA"),
        "gross": ("Total factura", "TOTAL", "Importe total", "Total a pagar"),
        "heads": ("Base imponible", "Tipo", "Cuota"),
        "item": ("Concepto", "Cantidad", "Precio", "Importe"),
    },
    "de": {
        "title": ("RECHNUNG", "Rechnung"),
        "number": ("Rechnungsnummer", "Rechnungs-Nr.", "Rechnung Nr."),
        "issued": ("Rechnungsdatum", "Ausstellungsdatum", "Datum"),
        "due": ("Fällig am", "Fälligkeitsdatum", "Zahlbar bis"),
        "delivered": ("Lieferdatum", "Leistungsdatum"),
        "tax_id": ("USt-IdNr.", "USt-ID", "Umsatzsteuer-ID"),
        "customer": ("Kunde", "Rechnungsempfänger", "Rechnung an"),
        "order": ("Bestellnummer", "Bestellung Nr.", "Ihre Bestellung"),
        "net": ("Nettobetrag", "Zwischensumme", "Summe netto"),
        "tax": ("MwSt.", "USt", "zzgl. MwSt."),
        "gross": ("Gesamtbetrag", "Rechnungsbetrag", "Bruttobetrag", "Zu zahlen"),
        "heads": ("Nettobetrag", "Satz", "Steuerbetrag"),
        "item": ("Bezeichnung", "Menge", "Einzelpreis", "Betrag"),
    },
}
RATES = {"en": ("20", "5"), "es": ("21", "10", "4"), "de": ("19", "7")}


@dataclass(frozen=True, slots=True)
class Invented:
    """An invoice, with the spellings it is printed in."""

    language: str
    says: dict[str, object]
    customer_tax_id: str
    order: str
    issued: date
    due: date
    delivered: date
    parts: tuple[tuple[Decimal, Decimal, Decimal], ...]
    spell_day: Callable[[date], str]
    spell_amount: Callable[[Decimal], str]
    spell_rate: Callable[..., str]


def invent(chance: random.Random) -> Invented:
    language = chance.choice(("en", "es", "de"))
    rates = chance.sample(RATES[language], k=chance.choice((1, 1, 1, 2)))
    parts = tuple(_part(chance, Decimal(rate)) for rate in rates)
    issued = date(2026, 1, 1) + timedelta(chance.randrange(360))
    due = issued + timedelta(chance.choice((14, 30, 60)))
    net, tax = sum((p[1] for p in parts), Decimal(0)), sum((p[2] for p in parts), Decimal(0))
    says: dict[str, object] = {
        "number": _number(chance),
        "issue_date": issued.isoformat(),
        "due_date": due.isoformat(),
        "currency": "EUR",
        "account": _iban(chance, {"en": "IE", "es": "ES", "de": "DE"}[language]),
        "supplier_tax_id": _tax_id(chance, language),
        "net": format(net, "f"),
        "tax": format(tax, "f"),
        "gross": format(net + tax, "f"),
        "vat_breakdown": sorted((format(r.normalize(), "f"), format(b, "f"), format(t, "f")) for r, b, t in parts),
    }
    return Invented(
        language,
        says,
        _tax_id(chance, language),
        f"PO-{chance.randrange(10_000, 99_999)}",
        issued,
        due,
        issued - timedelta(chance.randrange(1, 9)),
        parts,
        _day_speller(chance, language),
        _amount_speller(chance, language),
        chance.choice(("{} %", "{}%")).format,
    )


def _part(chance: random.Random, rate: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    base = Decimal(chance.randrange(1_000, chance.choice((20_000, 2_000_000)))).scaleb(-2)
    return rate, base, round_money(multiply(base, rate, Decimal("0.01")), "EUR")


def _number(chance: random.Random) -> str:
    running = chance.randrange(1, 99_999)
    return chance.choice(
        (
            f"F-2026/{running}",
            f"INV-{running:05}",
            f"2026{running:05}",
            f"R{running}",
            f"26/{running}",
            f"FV 2026 {running}",
        )
    )


def _iban(chance: random.Random, country: str) -> str:
    length = IBAN_LENGTH[country] - 4
    bank = "AIBK" if country == "IE" else ""
    rest = bank + "".join(chance.choice("0123456789") for _ in range(length - len(bank)))
    return next(iban for check in range(2, 99) if is_iban(iban := f"{country}{check:02}{rest}"))


def _tax_id(chance: random.Random, language: str) -> str:
    """Return a number with its check digits. British ones cannot be checked: who writes English is German here, too."""
    while True:
        digits = "".join(chance.choice("0123456789") for _ in range(9))
        if language == "es" and is_nif(number := f"B{digits[:8]}"):
            return number
        if language != "es" and is_vat_number(number := f"DE{digits}"):
            return number


def _day_speller(chance: random.Random, language: str) -> Callable[[date], str]:
    months = MONTHS[language]
    named = {
        "en": lambda day: f"{day.day} {months[day.month - 1]} {day.year}",
        "es": lambda day: f"{day.day} de {months[day.month - 1]} de {day.year}",
        "de": lambda day: f"{day.day}. {months[day.month - 1]} {day.year}",
    }[language]
    usual = {"en": "%d/%m/%Y", "es": "%d/%m/%Y", "de": "%d.%m.%Y"}[language]
    form = chance.choice((usual, usual, "%Y-%m-%d", None))
    return named if form is None else lambda day: day.strftime(form)


def _amount_speller(chance: random.Random, language: str) -> Callable[[Decimal], str]:
    style = chance.choice(("1,234.56",) if language == "en" else ("1.234,56", "1.234,56", "1 234,56", "1234,56"))
    sign = chance.choice(("€ {}", "{} €", "{} EUR", "EUR {}"))

    def spell(amount: Decimal) -> str:
        text = f"{amount:,.2f}"
        if style == "1.234,56":
            text = text.translate(str.maketrans(",.", ".,"))
        elif style != "1,234.56":
            text = text.replace(",", " " if " " in style else "").replace(".", ",")
        return sign.format(text)

    return spell


def print_invented(invented: Invented, chance: random.Random) -> bytes:
    """Return the invoice as a PDF, in one of the layouts."""
    words = {
        name: chance.choice(texts) for name, texts in LABELS[invented.language].items() if name not in ("heads", "item")
    }
    head = chance.choice((_head_in_pairs, _head_in_columns, _head_in_sentences))
    sums = chance.choice((_sums_in_rows, _sums_in_a_table))
    rows: list[Row] = [
        *_parties(invented, words, chance),
        *head(invented, words),
        *_noise(invented, chance),
        *_items(invented, chance),
        *sums(invented, words),
        ((f"IBAN: {_spaced(str(invented.says['account']), chance)}", LEFT),),
    ]
    placed = [Words(text, left, 50 + 18 * at) for at, row in enumerate(rows) for text, left in row if text]
    return print_pdf([placed])


def _noise(invented: Invented, chance: random.Random) -> list[Row]:
    """Return lines that lead astray whoever takes the first number or day there is."""
    day, earlier = invented.spell_day(invented.issued - timedelta(40)), f"X-{chance.randrange(100, 999)}"
    said = {
        "en": (
            f"Your order of {day}",
            "Customer no. 100234",
            "Tel. +44 20 7946 0018",
            f"Original invoice no. {earlier}",
            "Page 1 of 1",
        ),
        "es": (
            f"Fecha de pedido: {day}",
            "Nº de cliente: 100234",
            "Tel. 912 345 678",
            f"Factura rectificada nº {earlier}",
            "Página 1 de 1",
        ),
        "de": (
            f"Bestelldatum: {day}",
            "Kundennummer: 100234",
            "Tel. 030 1234567",
            f"Zu Rechnung Nr. {earlier}",
            "Seite 1 von 1",
        ),
    }[invented.language]
    return [((line, chance.choice((LEFT, MIDDLE))),) for line in chance.sample(said, k=chance.randrange(4))]


def _spaced(account: str, chance: random.Random) -> str:
    return account if chance.random() < 0.5 else " ".join(account[at : at + 4] for at in range(0, len(account), 4))


def _parties(invented: Invented, words: dict[str, str], chance: random.Random) -> list[Row]:
    own, other = str(invented.says["supplier_tax_id"]), invented.customer_tax_id
    yours = ((words["customer"] + ":", MIDDLE), ("Faro Consultores SL", MIDDLE), (f"{words['tax_id']} {other}", MIDDLE))
    mine = (
        (words["title"], LEFT),
        ("Papelería Sol SL, Calle Mayor 12, 28013 Madrid", LEFT),
        (f"{words['tax_id']}: {own}", LEFT),
    )
    if chance.random() < 0.5:
        return [*(((text, left),) for text, left in mine), *(((text, left),) for text, left in yours), ()]
    return [(first, second) for first, second in zip(mine, yours, strict=True)]


def _told(invented: Invented, words: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (words["number"], str(invented.says["number"])),
        (words["issued"], invented.spell_day(invented.issued)),
        (words["due"], invented.spell_day(invented.due)),
        (words["delivered"], invented.spell_day(invented.delivered)),
        (words["order"], invented.order),
    ]


def _head_in_pairs(invented: Invented, words: dict[str, str]) -> list[Row]:
    return [((label, LEFT), (value, 200.0)) for label, value in _told(invented, words)]


def _head_in_columns(invented: Invented, words: dict[str, str]) -> list[Row]:
    first, second = _told(invented, words)[:3], _told(invented, words)[3:]
    rows: list[Row] = []
    for pairs in (first, second):
        rows.append(tuple((label, LEFT + 180 * at) for at, (label, _) in enumerate(pairs)))
        rows.append(tuple((value, LEFT + 180 * at) for at, (_, value) in enumerate(pairs)))
    return rows


def _head_in_sentences(invented: Invented, words: dict[str, str]) -> list[Row]:
    return [
        ((f"{label}: {value}", LEFT if at % 2 else MIDDLE),) for at, (label, value) in enumerate(_told(invented, words))
    ]


def _items(invented: Invented, chance: random.Random) -> list[Row]:
    heads = LABELS[invented.language]["item"]
    rows: list[Row] = [tuple(zip(heads, (LEFT, 260.0, MIDDLE, RIGHT), strict=True))]
    for _, base, _ in invented.parts:
        first = round_money(base * Decimal(chance.randrange(1, 9)) / 10, "EUR")
        for net in (first, base - first):
            price = invented.spell_amount(net)
            rows.append((("Toner 2026", LEFT), ("1", 260.0), (price, MIDDLE), (price, RIGHT)))
    return [*rows, ()]


def _sums_in_rows(invented: Invented, words: dict[str, str]) -> list[Row]:
    says = {name: Decimal(str(invented.says[name])) for name in ("net", "tax", "gross")}
    rows: list[Row] = [((words["net"], MIDDLE), (invented.spell_amount(says["net"]), RIGHT))]
    for rate, base, tax in invented.parts:
        label = f"{words['tax']} {invented.spell_rate(rate)}"
        if len(invented.parts) > 1:
            rows.append(((label, 230.0), (invented.spell_amount(base), MIDDLE), (invented.spell_amount(tax), RIGHT)))
        else:
            rows.append(((label, MIDDLE), (invented.spell_amount(tax), RIGHT)))
    return [*rows, ((words["gross"], MIDDLE), (invented.spell_amount(says["gross"]), RIGHT))]


def _sums_in_a_table(invented: Invented, words: dict[str, str]) -> list[Row]:
    heads = LABELS[invented.language]["heads"]
    rows: list[Row] = [tuple(zip(heads, (LEFT, 200.0, MIDDLE), strict=True))]
    for rate, base, tax in invented.parts:
        rows.append(
            (
                (invented.spell_amount(base), LEFT),
                (invented.spell_rate(rate), 200.0),
                (invented.spell_amount(tax), MIDDLE),
            )
        )
    gross = invented.spell_amount(Decimal(str(invented.says["gross"])))
    return [*rows, (), ((words["gross"], LEFT), (gross, MIDDLE))]

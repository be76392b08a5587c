"""What a text says, by rules alone: spellings, what is ambiguous, whose number it is. No value without its place."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.drafts.amounts import find_amounts
from services.billing.drafts.completing import completed
from services.billing.drafts.dates import find_dates
from services.billing.drafts.layout import fold
from services.billing.drafts.parties import Known, KnownSupplier, read_order, read_supplier
from services.billing.drafts.rules import read_pages
from services.billing.drafts.shapes import FIELDS, Field, Reading
from shared.ids import uuid7
from tests.billing.drafts.written import WRITTEN

SPANISH = "Factura nº: 17   Fecha de factura: {}\nVencimiento: {}\nCliente   Importe   IVA\n"
ENGLISH = "Invoice number: 17   Invoice date: {}\nPayment due date: {}\nSubtotal of the invoice   VAT amount\n"


def read(text: str) -> Reading:
    return read_pages([text], 1)


def found(field: Field) -> object:
    return None if field.seen is None else field.seen.value


def alternatives(field: Field) -> list[object]:
    return [each.value for each in field.alternatives]


@given(st.decimals(min_value=0, max_value=10**9, places=2), st.sampled_from((",.", ".,", " ,", " .", "'.")))
def test_an_amount_is_read_in_every_spelling(amount: Decimal, marks: str) -> None:
    thousands, decimal = marks[0], marks[1]
    text = f"{amount:,.2f}".replace(",", "_").replace(".", decimal).replace("_", thousands)
    assert amount in [number.value for number in find_amounts(f"Total {text} EUR")]
    assert [-number.value for number in find_amounts(f"-{text}")][:1] in (
        [amount],
        [number.value for number in find_amounts(text)][:1],
    )


@pytest.mark.parametrize(
    "text", ["1.234", "12.345.678", "1,2345", "19,00%", "19,00 %", "2026", "v1.20.3", "01.03.2026", "1.23/2"]
)
def test_what_is_no_amount_is_not_read_as_one(text: str) -> None:
    assert find_amounts(text) == []


@given(
    st.dates(date(1990, 1, 1), date(2099, 12, 31)),
    st.sampled_from(("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y")),
)
def test_a_day_is_among_those_its_spelling_may_mean(day: date, form: str) -> None:
    (dated,) = find_dates(day.strftime(form))
    assert day in dated.options
    assert len(dated.options) == 1 or day.day <= 12


@pytest.mark.parametrize(
    "text",
    [
        "3 March 2026",
        "March 3, 2026",
        "3rd of March 2026",
        "3 de marzo de 2026",
        "3. März 2026",
        "3-Mar-2026",
        "03.03.26",
        "3 mar. 2026",
    ],
)
def test_days_by_name_and_short_years_are_read(text: str) -> None:
    (dated,) = find_dates(fold(text))
    assert dated.options == (date(2026, 3, 3),)


def test_a_day_that_may_be_two_is_decided_by_language_or_by_another_day() -> None:
    unsure = read(ENGLISH.format("03/04/2026", "05/06/2026")).fields
    assert unsure["issue_date"].certainty == unsure["due_date"].certainty == "ambiguous"
    assert alternatives(unsure["issue_date"]) == ["2026-04-03", "2026-03-04"]
    assert found(read(ENGLISH.format("03/04/2026", "25/04/2026")).fields["issue_date"]) == "2026-04-03"
    assert found(read(ENGLISH.format("03/04/2026", "04/25/2026")).fields["issue_date"]) == "2026-03-04"
    assert found(read(SPANISH.format("03/04/2026", "05/06/2026")).fields["issue_date"]) == "2026-04-03"
    contradictory = read(ENGLISH.format("03/04/2026", "25/04/2026") + "Delivery date 04/25/2026")
    assert contradictory.fields["issue_date"].certainty == "ambiguous"


def test_a_day_of_something_else_is_not_the_invoices() -> None:
    fields = read("Factura nº 7\nFecha de pedido: 01/02/2026\nFecha de entrega: 02/02/2026").fields
    assert fields["issue_date"].certainty == fields["due_date"].certainty == "not-found"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Invoice No. INV-7  Date 1 May 2026", "INV-7"),
        ("Factura rectificativa nº R-7\nFactura rectificada: F-1", "R-7"),
        ("Rechnungsnummer     Kundennummer\n4711               99", "4711"),
        ("Order no. 5    Invoice no. 7/26", "7/26"),
        ("Invoice number: 7 of 3 May", "7"),
        ("Invoice total 121.00", None),
        ("Customer number: 17", None),
    ],
)
def test_the_number_is_that_of_the_invoice(text: str, number: str | None) -> None:
    assert found(read(text).fields["number"]) == number


@pytest.mark.parametrize("name", WRITTEN)
def test_invoices_as_senders_lay_them_out(name: str) -> None:
    text, says = WRITTEN[name]
    reading = read(text)
    fields = reading.fields | read_supplier(reading, Known())
    assert {field: found(fields[field]) for field in says} == says


def test_two_numbers_are_ambiguous_and_told() -> None:
    field = read("Invoice number: A-1\nInvoice number: A-2").fields["number"]
    assert (field.certainty, alternatives(field)) == ("ambiguous", ["A-1", "A-2"])


def test_figures_that_do_not_add_up_are_not_read() -> None:
    fields = read("Subtotal  100.00\nVAT 20%  20.00\nTotal  121.00").fields
    assert {fields[name].certainty for name in ("net", "tax", "gross", "vat_breakdown")} == {"not-found"}
    no_rate = read("Subtotal  100.00\nVAT  20.00\nTotal  120.00").fields
    assert (found(no_rate["gross"]), no_rate["vat_breakdown"].certainty) == ("120.00", "not-found")


SUMS = "Base imponible  {},00 €\nIVA 21%  {},00 €\nTotal factura  {},00 €\n"


@pytest.mark.parametrize(
    "text",
    [
        SUMS.format(100, 21, 121) + SUMS.format(200, 42, 242),
        "Total order\nSubtotal 1000.00\nVAT 20% 200.00\nTotal 1200.00\nDeposit\nNet 300.00\nVAT 20% 60.00\nTotal to pay 360.00",
        SUMS.format(100, 21, 121) + "Acumulado anual  Base 1.000,00  IVA 21% 210,00  Total 1.210,00",
    ],
    ids=["two invoices", "on account", "the year"],
)
def test_of_two_totals_that_add_up_none_is_taken_for_granted(text: str) -> None:
    fields = read(text).fields
    assert {fields[name].certainty for name in ("net", "tax", "gross", "vat_breakdown")} == {"ambiguous"}
    assert len(alternatives(fields["gross"])) == 2


def test_the_totals_of_its_rates_are_no_rivals_of_a_total() -> None:
    rates = "Base 100,00  IVA 21% 21,00  Total 121,00\nBase 50,00  IVA 10% 5,00  Total 55,00\n"
    fields = read(rates + "Total factura  176,00 €").fields
    assert [found(fields[name]) for name in ("net", "tax", "gross")] == ["150.00", "26.00", "176.00"]


@pytest.mark.parametrize(
    "title",
    ["Credit note CN-1", "FACTURA RECTIFICATIVA nº R-1", "Factura de abono", "Gutschrift Nr. G-1", "Nota de crédito"],
)
def test_money_that_comes_back_without_a_minus_is_left_to_a_person(title: str) -> None:
    fields = read(f"{title}\n" + SUMS.format(100, 21, 121)).fields
    assert (fields["gross"].certainty, alternatives(fields["gross"])) == ("ambiguous", ["121.00"])
    negative = read(f"{title}\nBase imponible  -100,00 €\nIVA 21%  -21,00 €\nTotal factura  -121,00 €").fields
    assert found(negative["gross"]) == "-121.00"
    assert found(read("Abono en cuenta\n" + SUMS.format(100, 21, 121)).fields["gross"]) == "121.00"


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Payment due within 30 days of 25/05/2026", []),
        ("Vencimiento: 30 días fecha factura 25/05/2026", []),
        ("Payment due one month after 25/05/2026", []),
        ("Zahlbar bis 20.03.2026 abzüglich 2 % Skonto, bis 26.03.2026 netto", ["2026-03-20", "2026-03-26"]),
        ("Vence el 25/05/2026", ["2026-05-25"]),
        ("Invoice date: 01/05/2026 Due date: 25/05/2026", ["2026-05-25"]),
    ],
)
def test_a_day_that_others_are_counted_from_is_not_the_due_date(text: str, days: list[str]) -> None:
    field = read(text).fields["due_date"]
    assert [*alternatives(field), *([found(field)] if field.seen else [])] == days


def test_withheld_tax_leaves_the_gross_to_a_person() -> None:
    rest = "Factura nº 7\nBase imponible  1.000,00 €\nIVA 21%  210,00 €\nRetención IRPF 15%  -150,00 €\n"
    paid = read(rest + "Total a pagar  1.060,00 €").fields
    assert (found(paid["net"]), found(paid["tax"]), paid["gross"].certainty) == ("1000.00", "210.00", "not-found")
    both = read(rest + "Total factura  1.210,00 €\nTotal a pagar  1.060,00 €").fields
    assert (both["gross"].certainty, alternatives(both["gross"])) == ("ambiguous", ["1210.00"])


def test_currencies_are_told_by_code_or_by_a_sign_that_only_one_has() -> None:
    assert found(read("Total  £ 12.00").fields["currency"]) == "GBP"
    dollars = read("Total  $ 12.00").fields["currency"]
    assert dollars.certainty == "ambiguous"
    assert "USD" in alternatives(dollars)
    assert found(read("Total  $ 12.00 USD").fields["currency"]) == "USD"
    both = read("Total  12.00 EUR\nTotal  13.00 USD").fields["currency"]
    assert alternatives(both) == ["EUR", "USD"]


def test_an_account_that_is_drawn_from_may_be_the_payers() -> None:
    account = "IBAN ES91 2100 0418 4502 0005 1332"
    assert found(read(account).fields["account"]) == "ES9121000418450200051332"
    for said in (
        f"{account}\nPaid by direct debit",
        f"Forma de pago: cargo en cuenta {account}",
        f"Forma de pago: recibo\n{account}",
        f"Su cuenta: {account}",
        f"Customer IBAN: {account}",
    ):
        drawn = read(said).fields["account"]
        assert (drawn.certainty, alternatives(drawn)) == ("ambiguous", ["ES9121000418450200051332"]), said
    assert read("IBAN ES91 2100 0418 4502 0005 1333").fields["account"].certainty == "not-found"


def test_whose_a_tax_number_is_has_to_be_said() -> None:
    mine, yours = "NIF: B12345674", "Cliente: Faro SL   NIF: B58378431"
    alone = read_supplier(read(mine), Known())["supplier_tax_id"]
    assert (alone.certainty, alternatives(alone)) == ("ambiguous", ["B12345674"])
    assert found(read_supplier(read(f"{mine}\n{yours}"), Known())["supplier_tax_id"]) == "B12345674"
    assert found(read_supplier(read(mine), Known(own_tax_ids={"B12345674"}))["supplier_tax_id"]) is None
    said = read(f"NIF: B58378431\nProveedor: Sol SL   {mine}")
    assert found(read_supplier(said, Known())["supplier_tax_id"]) == "B12345674"
    assert read("NIF: B12345675").tax_ids == ()
    served = read("Atención al cliente 900 100 200   NIF: B12345674\nFaro SL   NIF: B58378431")
    assert read_supplier(served, Known())["supplier_tax_id"].certainty == "ambiguous"


def test_of_two_known_suppliers_the_account_tells_which() -> None:
    sol, mar = (KnownSupplier(uuid7(), name, tax_id) for name, tax_id in (("Sol", "B12345674"), ("Mar", "A28015865")))
    by_tax_id = {each.tax_id: each for each in (sol, mar)}
    text = read("NIF: B12345674\nNIF: A28015865\nIBAN ES9121000418450200051332")
    both = read_supplier(text, Known(by_tax_id=by_tax_id))
    assert alternatives(both["supplier_tax_id"]) == ["B12345674", "A28015865"]
    told = read_supplier(text, Known(by_tax_id=by_tax_id, by_account={"ES9121000418450200051332": [mar]}))
    assert (found(told["supplier_tax_id"]), found(told["supplier_name"])) == ("A28015865", "Mar")


def test_a_customer_that_is_a_supplier_too_is_not_the_sender() -> None:
    mar = KnownSupplier(uuid7(), "Mar", "A28015865")
    text = read("Cliente: Mar   NIF: A28015865\nFactura nº 7")
    assert read_supplier(text, Known(by_tax_id={"A28015865": mar}))["supplier_tax_id"].certainty == "not-found"


def test_an_order_is_one_on_file() -> None:
    text = read("Your order no. 77   Ref PO-2026-4711")
    assert read_order(text, Known()).certainty == "not-found"
    assert found(read_order(text, Known(order_keys={"77"}))) == "77"
    assert found(read_order(text, Known(order_keys={"PO-2026-4711"}))) == "PO-2026-4711"
    assert read_order(read("Ref 77"), Known(order_keys={"77"})).certainty == "not-found"


_WORDS = st.sampled_from(
    ("Invoice", "Factura nº", "Rechnung", "Total", "IVA 21 %", "VAT", "NIF:", "IBAN", "Fecha", "Due date", "IRPF", "Cliente",
     "100,00", "21,00", "121,00", "1.234,56 €", "B12345674", "03/04/2026", "F-1", "ES9121000418450200051332", "  ", "\n")
)  # fmt: skip


@given(st.lists(st.one_of(_WORDS, st.text(max_size=12)), max_size=40).map(" ".join))
def test_whatever_the_text_every_value_has_its_place_in_it(text: str) -> None:
    reading = read(text)
    words = "".join(text.split()).replace("\0", "").replace("\xad", "")
    for name, field in reading.fields.items():
        assert (field.certainty == "found") == (field.seen is not None)
        assert (field.certainty == "ambiguous") == bool(field.alternatives)
        for seen in (*field.alternatives, *([field.seen] if field.seen else [])):
            assert seen.page == 1
            assert len(seen.snippet) <= 80
            assert name != "number" or str(seen.value).replace(" ", "") in words


def test_people_come_before_the_reading_and_ambiguity_waits_for_them() -> None:
    said = completed({}, {})
    assert [name for name, _ in said.obstacles] == [
        name for name in FIELDS if name not in ("due_date", "purchase_order", "account")
    ]
    seen = {"value": "A-1", "page": 1, "snippet": "A-1"}
    doubtful = completed({"account": {"certainty": "ambiguous", "alternatives": [seen]}}, {})
    assert ("account", "ambiguous") in doubtful.obstacles
    settled = completed({"account": {"certainty": "ambiguous", "alternatives": [seen]}}, {"account": None})
    assert "account" not in dict(settled.obstacles)

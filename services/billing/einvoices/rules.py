"""What our own rules find beyond the official ones. All are warnings: an invoice that the official rules pass stays valid.

Each finding names the field of the model by its path (`lines.3.net`) and what is wrong with it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext

from services.billing.einvoices.check_digits import is_iban, is_nif, is_vat_number, normalise
from services.billing.einvoices.model import Adjustment, Invoice, Line, LineAdjustment
from shared.money import minor_digits, multiply

OWN_RULES, OWN_VERSION = "trastienda", "1"
RULES = (
    *("TR-VAT", "TR-NIF", "TR-IBAN"),
    *("TR-SUM", "TR-TAX", "TR-LINE", "TR-PART", "TR-DECIMALS"),
    *("TR-FUTURE", "TR-OLD", "TR-DUE"),
)
_PERCENT = Decimal("0.01")
_NOTHING = Decimal(0)
_PRECISION = 80
_MOST_DECIMALS = 2
_KEPT_YEARS = 10  # an older invoice is more likely a slip of the keys than a claim that is still open


@dataclass(frozen=True, slots=True)
class Flaw:
    rule: str
    at: str
    values: dict[str, str]


def find_flaws(invoice: Invoice, today: date) -> Iterator[Flaw]:
    """Yield everything that is doubtful. `today` is a day that has come somewhere on earth."""
    yield from wrong_numbers(invoice)
    yield from _wrong_sums(invoice)
    yield from _wrong_taxes(invoice)
    for index, line in enumerate(invoice.lines):
        yield from _wrong_line(line, f"lines.{index}", invoice.currency)
    yield from _wrong_parts(invoice)
    yield from too_many_decimals(invoice)
    yield from implausible_days(invoice, today)


def wrong_numbers(invoice: Invoice) -> Iterator[Flaw]:
    parties = {"seller": invoice.seller, "buyer": invoice.buyer, "tax_representative": invoice.tax_representative}
    for name, party in parties.items():
        if party is not None and party.vat_identifier and not is_vat_number(normalise(party.vat_identifier)):
            yield Flaw("TR-VAT", f"{name}.vat_identifier", {"value": party.vat_identifier})
    seller = invoice.seller
    if seller and seller.tax_registration and seller.address and seller.address.country == "ES":
        number = normalise(seller.tax_registration)
        if not is_nif(number.removeprefix("ES")):
            yield Flaw("TR-NIF", "seller.tax_registration", {"value": seller.tax_registration})
    for index, means in enumerate(invoice.payment_means):
        transfer = means.credit_transfer
        accounts = {"credit_transfer.account": transfer and transfer.account, "debited_account": means.debited_account}
        for field, account in accounts.items():
            if account and _looks_like_iban(normalise(account)) and not is_iban(normalise(account)):
                yield Flaw("TR-IBAN", f"payment_means.{index}.{field}", {"value": account})


def _looks_like_iban(account: str) -> bool:
    return account[:2].isalpha() and account[2:4].isdecimal()


def _digits(currency: str | None) -> int:
    """Return the decimals of an amount: the currency's, but two at most, as BR-DEC-01 to BR-DEC-28 have it."""
    return min(_MOST_DECIMALS, minor_digits(currency or ""))


def _rounded(amount: Decimal, currency: str | None) -> Decimal:
    with localcontext(prec=_PRECISION):
        return amount.quantize(Decimal(1).scaleb(-_digits(currency)), rounding=ROUND_HALF_UP)


def _total(amounts: Iterable[Decimal | None]) -> Decimal:
    with localcontext(prec=_PRECISION):
        return sum((amount for amount in amounts if amount is not None), _NOTHING)


def _wrong_sums(invoice: Invoice) -> Iterator[Flaw]:
    """Compare sums exactly; the official rules do so after rounding to two decimals (BR-CO-10 to BR-CO-16)."""
    totals = invoice.totals
    if totals is None:
        return
    without_vat = (totals.lines, _minus(totals.allowances), totals.charges)
    due = (totals.with_vat, _minus(totals.paid), totals.rounding)
    claims: dict[str, tuple[Iterable[Decimal | None], Decimal | None]] = {
        "lines": ((line.net for line in invoice.lines), totals.lines),
        "allowances": ((part.amount for part in invoice.allowances), totals.allowances or _NOTHING),
        "charges": ((part.amount for part in invoice.charges), totals.charges or _NOTHING),
        "without_vat": (without_vat, totals.without_vat),
        "vat": ((part.tax for part in invoice.vat_breakdown), totals.vat or _NOTHING),
        "with_vat": ((totals.without_vat, totals.vat), totals.with_vat),
        "due": (due, totals.due),
    }
    for name, (parts, found) in claims.items():
        if found is not None and (expected := _total(parts)) != found:
            yield _difference("TR-SUM", f"totals.{name}", expected, found)


def _minus(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else -amount


def _difference(rule: str, at: str, expected: Decimal, found: Decimal) -> Flaw:
    return Flaw(rule, at, {"expected": format(expected, "f"), "found": format(found, "f")})


def _wrong_taxes(invoice: Invoice) -> Iterator[Flaw]:
    """Compare to the smallest unit; BR-CO-17 lets a whole unit of the currency pass. VAT is base x rate, rounded once per rate."""
    for index, part in enumerate(invoice.vat_breakdown):
        if part.base is None or part.tax is None or part.rate is None:
            continue
        expected = _rounded(multiply(part.base, part.rate, _PERCENT), invoice.currency)
        if expected != part.tax:
            yield _difference("TR-TAX", f"vat_breakdown.{index}.tax", expected, part.tax)


def _wrong_line(line: Line, at: str, currency: str | None) -> Iterator[Flaw]:
    """Compare with what EN 16931 says about a line's net amount (BT-131) and has no rule for."""
    price = line.price
    if line.net is None or line.quantity is None or price is None or price.net is None or price.base_quantity == 0:
        return
    with localcontext(prec=_PRECISION):
        gross = line.quantity * price.net / (price.base_quantity or 1)
        expected = (
            gross - _total(part.amount for part in line.allowances) + _total(part.amount for part in line.charges)
        )
    if (rounded := _rounded(expected, currency)) != line.net:
        yield _difference("TR-LINE", f"{at}.net", rounded, line.net)


def _wrong_parts(invoice: Invoice) -> Iterator[Flaw]:
    """Compare allowances and charges in percent with that percentage of their base."""
    groups: dict[str, Sequence[Adjustment | LineAdjustment]]
    groups = {"allowances": invoice.allowances, "charges": invoice.charges}
    for index, line in enumerate(invoice.lines):
        groups[f"lines.{index}.allowances"] = line.allowances
        groups[f"lines.{index}.charges"] = line.charges
    for at, parts in groups.items():
        for index, part in enumerate(parts):
            if part.amount is None or part.base_amount is None or part.percentage is None:
                continue
            expected = _rounded(multiply(part.base_amount, part.percentage, _PERCENT), invoice.currency)
            if expected != part.amount:
                yield _difference("TR-PART", f"{at}.{index}.amount", expected, part.amount)


def too_many_decimals(invoice: Invoice) -> Iterator[Flaw]:
    """Count decimals by currency (ISO 4217); the official rules allow two decimals in every one."""
    if invoice.totals is None or not invoice.currency:
        return
    digits = _digits(invoice.currency)
    for name in invoice.totals.__struct_fields__:
        amount = getattr(invoice.totals, name)
        if amount is not None and name != "vat_in_tax_currency" and _rounded(amount, invoice.currency) != amount:
            values = {"found": format(amount, "f"), "currency": invoice.currency, "digits": str(digits)}
            yield Flaw("TR-DECIMALS", f"totals.{name}", values)


def implausible_days(invoice: Invoice, today: date) -> Iterator[Flaw]:
    issued = invoice.issue_date
    if issued is None:
        return
    if issued > today:
        yield Flaw("TR-FUTURE", "issue_date", {"value": issued.isoformat()})
    if issued < today - timedelta(days=366 * _KEPT_YEARS):
        yield Flaw("TR-OLD", "issue_date", {"value": issued.isoformat(), "years": str(_KEPT_YEARS)})
    if invoice.due_date is not None and invoice.due_date < issued:
        yield Flaw("TR-DUE", "due_date", {"value": invoice.due_date.isoformat(), "issued": issued.isoformat()})

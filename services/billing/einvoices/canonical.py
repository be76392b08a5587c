"""One form for what invoices say, so that the same invoice in two syntaxes is the same text.

Readers keep what a document says. The canonical form leaves out what says nothing more: sums of nothing, and of net
price, discount and gross price (BT-146 = BT-148 - BT-147) the one that follows from the others.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from services.billing.einvoices.binding import UnwritableError
from services.billing.einvoices.model import Invoice, Price, Totals

_MAY_BE_LEFT_OUT = ("allowances", "charges", "vat", "paid", "rounding")


def canonical_form(invoice: Invoice) -> Invoice:
    """Return the invoice without what follows from the rest of it or has no meaning there."""
    totals = None if invoice.totals is None else _without_nothings(invoice.totals)
    return _with_prices(replace(invoice, totals=totals), _without_idle_gross)


def without_attachments(invoice: Invoice) -> Invoice:
    """Return the invoice without the content of what is attached, which stays in the original."""
    documents = (
        part if part.attachment is None else replace(part, attachment=replace(part.attachment, content=b""))
        for part in invoice.supporting_documents
    )
    return replace(invoice, supporting_documents=tuple(documents))


def canonical_json(invoice: Invoice) -> bytes:
    """Return the canonical form as JSON: 10.50 and 10.5 are written alike."""
    return msgspec.json.encode(_alike(msgspec.to_builtins(canonical_form(invoice), builtin_types=(Decimal,))))


def _alike(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _alike(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_alike(each) for each in value]
    return _written(value) if isinstance(value, Decimal) else value


def _written(amount: Decimal) -> str:
    """Return the amount without idle zeros, exactly: `normalize` would round what has more than 28 digits."""
    text = format(amount or abs(amount), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def without_idle_gross(invoice: Invoice) -> Invoice:
    """Return the invoice as UBL can say it: without gross prices that repeat the net ones.

    Raises UnwritableError for one that differs and has no discount: what it means is not known.
    """
    return _with_prices(invoice, _as_ubl_has_it)


def with_gross_prices(invoice: Invoice) -> Invoice:
    """Return the invoice as CII can say it: a discount stands beside its gross price."""
    return _with_prices(invoice, _with_gross)


def _with_prices(invoice: Invoice, change: Callable[[Price], Price]) -> Invoice:
    lines = (line if line.price is None else replace(line, price=change(line.price)) for line in invoice.lines)
    return replace(invoice, lines=tuple(lines))


def _without_nothings(totals: Totals) -> Totals:
    nothing = {name: None for name in _MAY_BE_LEFT_OUT if getattr(totals, name) == 0}
    return replace(totals, **nothing)


def _without_idle_gross(price: Price) -> Price:
    if not price.discount:  # some senders put the price with VAT here; without a discount it has no meaning
        return replace(price, gross=None, discount=None)
    repeats = price.net is not None and price.gross == price.net + price.discount
    return replace(price, gross=None) if repeats else price


def _as_ubl_has_it(price: Price) -> Price:
    if price.gross is None or price.discount is not None:
        return price
    if price.gross != price.net:
        raise UnwritableError(f"the gross price {price.gross} has no place in this document without a discount")
    return replace(price, gross=None)


def _with_gross(price: Price) -> Price:
    if price.discount is None or price.gross is not None or price.net is None:
        return price
    return replace(price, gross=price.net + price.discount)

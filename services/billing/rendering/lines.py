"""An invoice's lines: a row each, and under the item all else the line says."""

from collections.abc import Iterator

from services.billing.einvoices.model import Item, Line, LineAdjustment, Price
from services.billing.rendering.sheet import Column, Field, Row, Table
from services.billing.rendering.wording import Wording, joined


def present_lines(lines: tuple[Line, ...], wording: Wording) -> Table:
    columns = (
        Column(label=wording.say("line")),
        Column(label=wording.say("item"), wide=True),
        Column(label=wording.say("quantity"), numeric=True),
        Column(label=wording.say("unit"), narrow=True),
        Column(label=wording.say("price"), numeric=True),
        Column(label=wording.say("vat"), narrow=True),
        Column(label=wording.say("net"), numeric=True),
    )
    rows = tuple(_row(line, wording) for line in lines)
    return Table(title=wording.say("lines"), columns=columns, rows=rows)


def _row(line: Line, wording: Wording) -> Row:
    item, price = line.item or Item(), line.price or Price()
    vat = joined((wording.percent(line.vat_rate), wording.code("vat_category", line.vat_category)), "\n")
    cells = (
        line.id,
        item.name,
        wording.figure(line.quantity),
        wording.code("unit", line.unit),
        wording.amount(price.net),
        vat,
        wording.amount(line.net),
    )
    return Row(cells=tuple(cell or "" for cell in cells), details=tuple(_details(line, item, price, wording)))


def _details(line: Line, item: Item, price: Price, wording: Wording) -> Iterator[Field]:
    yield from wording.fields(
        description=item.description,
        note=line.note,
        period=wording.period(line.period),
        seller_identifier=item.seller_identifier,
        buyer_identifier=item.buyer_identifier,
        standard_identifier=wording.identifier(item.standard_identifier),
        classification=wording.identifiers(item.classifications),
        origin_country=wording.country(item.origin_country),
    )
    for attribute in item.attributes:
        yield Field(label=attribute.name or wording.say("attribute"), value=attribute.value or "")
    yield from wording.fields(
        gross=wording.amount(price.gross),
        discount=wording.amount(price.discount),
        base_quantity=joined((wording.figure(price.base_quantity), wording.code("unit", price.base_unit)), " "),
        order_line=line.order_line,
        object=wording.identifier(line.object),
        accounting_reference=line.accounting_reference,
    )
    for word, codes, adjustments in (
        ("allowance", "allowance_reason", line.allowances),
        ("charge", "charge_reason", line.charges),
    ):
        for adjustment in adjustments:
            yield Field(label=wording.say(word), value=_adjustment(adjustment, codes, wording))


def _adjustment(adjustment: LineAdjustment, codes: str, wording: Wording) -> str:
    percent, base = wording.percent(adjustment.percentage), wording.amount(adjustment.base_amount)
    how = wording.say("percent_of", percent=percent, base=base) if percent and base else None
    how = how or percent or (wording.say("on_base", base=base) if base else None)
    reason = wording.code(codes, adjustment.reason_code)
    return joined((wording.amount(adjustment.amount), how, adjustment.reason, reason), " · ") or ""

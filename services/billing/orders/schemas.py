"""What comes in and goes out of purchase orders. Amounts are decimal strings."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from services.billing.identifiers import OrderNumber, Reference, TaxId, Unit
from services.billing.orders.models import OrderLine, OrderStatus, PurchaseOrder
from services.billing.reasons import Reason
from shared.money import CurrencyCode
from shared.schemas import Name, RequestModel, ResponseModel
from shared.validation import value_error

Price = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,6})?$")]


def _positive(quantity: str) -> str:
    if not Decimal(quantity):
        raise value_error("not_positive", "must be more than 0", "debe ser mayor que 0")
    return quantity


Quantity = Annotated[Price, AfterValidator(_positive)]


class OrderLineIn(RequestModel):
    """One thing ordered; `reference` is what invoices call the line by (BT-132).

    `receipt_required` false is for what nobody receives, such as services: it is matched with the order alone.
    """

    reference: Reference
    description: Name
    buyer_item: Reference | None = None
    seller_item: Reference | None = None
    standard_item: Reference | None = None
    quantity: Quantity
    unit: Unit
    unit_price: Price
    receipt_required: bool = True

    def columns(self) -> dict[str, Any]:
        figures = {"quantity": Decimal(self.quantity), "unit_price": Decimal(self.unit_price)}
        return self.model_dump() | figures


class OrderLinesIn(RequestModel):
    """All lines of an order, as they are to be. A line is the same one as long as its reference is."""

    lines: Annotated[list[OrderLineIn], Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({line.reference for line in self.lines}) < len(self.lines):
            raise value_error("reference_twice", "lines repeats a reference", "lines repite una referencia")
        return self


class OrderIn(OrderLinesIn):
    """An order as it was placed, in our numbering."""

    number: OrderNumber
    supplier_tax_id: TaxId
    currency: CurrencyCode


class ReasonIn(RequestModel):
    reason: Reason


class OrderOut(ResponseModel):
    """An order; `changed_at` is when its status or its lines did so last."""

    id: UUID
    version: int
    number: str
    supplier_tax_id: str
    currency: str
    status: OrderStatus
    status_reason: str | None
    placed_at: datetime
    changed_at: datetime


class OrderLineOut(ResponseModel):
    """One line, with what came of it and what invoices on file bill of it."""

    id: UUID
    reference: str
    description: str
    buyer_item: str | None
    seller_item: str | None
    standard_item: str | None
    quantity: Decimal
    unit: str
    unit_price: Decimal
    receipt_required: bool
    received: Decimal
    billed: Decimal


class OrderDetailOut(OrderOut):
    lines: list[OrderLineOut]


def present_order(order: PurchaseOrder) -> OrderOut:
    return OrderOut.model_validate(order)


def present_order_detail(order: PurchaseOrder, lines: Sequence[tuple[OrderLine, Decimal, Decimal]]) -> OrderDetailOut:
    fields = set(OrderLineOut.model_fields) - {"received", "billed"}
    told = [
        OrderLineOut(**{name: getattr(line, name) for name in fields}, received=received, billed=billed)
        for line, received, billed in lines
    ]
    return OrderDetailOut(**dict(present_order(order)), lines=told)

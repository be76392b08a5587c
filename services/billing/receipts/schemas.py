"""What comes in and goes out of goods receipts."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from services.billing.identifiers import Reference
from services.billing.orders.schemas import Quantity
from services.billing.receipts.models import GoodsReceipt
from shared.schemas import Id, PlausibleDay, RequestModel, ResponseModel
from shared.validation import value_error


class ReceiptLineIn(RequestModel):
    """How much came of an order's line, in the order's unit; it may be more than was ordered."""

    reference: Reference
    quantity: Quantity


class ReceiptIn(RequestModel):
    order_id: Id
    received_on: PlausibleDay
    delivery_note: Reference | None = None
    lines: Annotated[list[ReceiptLineIn], Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({line.reference for line in self.lines}) < len(self.lines):
            raise value_error("reference_twice", "lines repeats a reference", "lines repite una referencia")
        return self


class ReceiptLineOut(ResponseModel):
    order_line_id: UUID
    reference: str
    quantity: Decimal


class ReceiptOut(ResponseModel):
    """One delivery. What was reversed counts no more."""

    id: UUID
    version: int
    order_id: UUID
    delivery_note: str | None
    received_on: date
    recorded_at: datetime
    reversed_at: datetime | None
    reversal_reason: str | None


class ReceiptDetailOut(ReceiptOut):
    lines: list[ReceiptLineOut]


def present_receipt(receipt: GoodsReceipt) -> ReceiptOut:
    return ReceiptOut.model_validate(receipt)


def present_receipt_detail(receipt: GoodsReceipt, lines: Sequence[tuple[UUID, str, Decimal]]) -> ReceiptDetailOut:
    told = [ReceiptLineOut(order_line_id=each, reference=reference, quantity=much) for each, reference, much in lines]
    return ReceiptDetailOut(**dict(present_receipt(receipt)), lines=told)

"""What comes in and goes out of goods receipts."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from services.billing.identifiers import Reference
from services.billing.orders.schemas import Quantity
from services.billing.reasons import Reason
from services.billing.receipts.models import GoodsReceipt, GoodsReturn, ReceiptLine
from shared.schemas import Id, PlausibleDay, RequestModel, ResponseModel
from shared.validation import value_error


class ReceiptLineIn(RequestModel):
    """How much came of an order's line, in the order's unit; it may be more than was ordered."""

    reference: Reference
    quantity: Quantity


class _Lines(RequestModel):
    lines: Annotated[list[ReceiptLineIn], Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({line.reference for line in self.lines}) < len(self.lines):
            raise value_error("reference_twice", "lines repeats a reference", "lines repite una referencia")
        return self


class ReceiptIn(_Lines):
    order_id: Id
    received_on: PlausibleDay
    delivery_note: Reference | None = None


class GoodsReturnIn(_Lines):
    """How much of a receipt's lines went back, when and why."""

    returned_on: PlausibleDay
    reason: Reason


class ReceiptLineOut(ResponseModel):
    order_line_id: UUID
    reference: str
    quantity: Decimal
    returned: Decimal


class GoodsReturnLineOut(ResponseModel):
    reference: str
    quantity: Decimal


class GoodsReturnOut(ResponseModel):
    """What went back at one time."""

    id: UUID
    returned_on: date
    reason: str
    recorded_at: datetime
    lines: list[GoodsReturnLineOut]


class ReceiptOut(ResponseModel):
    """One delivery. What was reversed or went back counts no more."""

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
    returns: list[GoodsReturnOut]


def present_receipt(receipt: GoodsReceipt) -> ReceiptOut:
    return ReceiptOut.model_validate(receipt)


def present_receipt_detail(
    receipt: GoodsReceipt, lines: Sequence[tuple[ReceiptLine, str]], returns: Sequence[GoodsReturn]
) -> ReceiptDetailOut:
    told = [
        ReceiptLineOut(
            order_line_id=line.order_line_id, reference=reference, quantity=line.quantity, returned=line.returned
        )
        for line, reference in lines
    ]
    went_back = [GoodsReturnOut.model_validate(each) for each in returns]
    return ReceiptDetailOut(**dict(present_receipt(receipt)), lines=told, returns=went_back)

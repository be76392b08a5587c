"""What comes in and goes out of suppliers."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, field_validator

from services.billing.changes import ChangeModel
from services.billing.identifiers import TaxId
from services.billing.parties.models import Supplier, SupplierAccount
from services.billing.parties.rules import MOST_ALIASES
from shared.schemas import Name, RequestModel, ResponseModel
from shared.validation import value_error

Tolerance = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(\.[0-9]{1,3})?$")]
Percent = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?$")]


class SupplierChangeIn(ChangeModel):
    """What to change; what is left out stays as it is. Terms and tolerances may be null: nothing was agreed.

    `terms_days` count from the invoice's date; `tolerance_amount` is in the invoice's currency.
    """

    name: Name | None = None
    aliases: Annotated[list[Name], Field(max_length=MOST_ALIASES)] | None = None
    terms_days: Annotated[int, Field(ge=0, le=365)] | None = None
    tolerance_percent: Percent | None = None
    tolerance_amount: Tolerance | None = None

    @field_validator("name", "aliases")
    @classmethod
    def _present(cls, value: object) -> object:
        if value is None:
            raise value_error(
                "not_null", "leave it out to keep it; it cannot be null", "omítalo para conservarlo; no puede ser null"
            )
        return value

    def changes(self) -> dict[str, Any]:
        changes = self.model_dump(exclude_unset=True)
        if "aliases" in changes:
            changes["aliases"] = sorted(set(changes["aliases"]))
        for name in ("tolerance_percent", "tolerance_amount"):
            if changes.get(name) is not None:
                changes[name] = Decimal(changes[name])
        return changes


class TaxIdIn(RequestModel):
    tax_id: TaxId


class SupplierOut(ResponseModel):
    """A supplier. Without `terms_days` the legal term counts for invoices that name no day."""

    id: UUID
    version: int
    name: str
    aliases: list[str]
    terms_days: int | None
    tolerance_percent: Decimal | None
    tolerance_amount: Decimal | None
    known_since: datetime


class AccountOut(ResponseModel):
    """Where a supplier is paid. `is_change`: it came up when the supplier was known; then a person verifies it."""

    id: UUID
    account: str
    is_change: bool
    first_invoice_id: UUID
    first_seen_at: datetime
    verified_by: str | None
    verified_at: datetime | None


class SupplierDetailOut(SupplierOut):
    tax_ids: list[str]
    accounts: list[AccountOut]


def present_supplier(supplier: Supplier) -> SupplierOut:
    return SupplierOut.model_validate(supplier)


def present_detail(
    supplier: Supplier, tax_ids: Sequence[str], accounts: Sequence[SupplierAccount]
) -> SupplierDetailOut:
    return SupplierDetailOut(
        **present_supplier(supplier).model_dump(),
        tax_ids=list(tax_ids),
        accounts=[AccountOut.model_validate(account) for account in accounts],
    )

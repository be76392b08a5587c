"""Which invoices are meant: the filters of the list, of exports and of whatever else works on a selection. Strict.

To add a filter: a field here, a condition in `selection.py`, an index where it alone finds little.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.billing.holds.models import HoldKind
from services.billing.invoices.models import InvoiceStatus, Origin
from services.billing.matching.shapes import Verdict as MatchVerdict
from shared.money import CurrencyCode, DecimalString
from shared.schemas import Day, Id
from shared.validation import value_error

Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"[^\W_]")]
ValidationVerdict = Literal["valid", "invalid", "not-validated", "none"]
MOST_WORDS = 8


def few_words(value: Any) -> Any:
    if isinstance(value, str) and len(value.split()) > MOST_WORDS:
        raise value_error("too_many_words", f"at most {MOST_WORDS} words", f"como máximo {MOST_WORDS} palabras")
    return value


def currency_missing(what: str) -> PydanticCustomError:
    """Return the refusal of comparing amounts of several currencies."""
    return value_error(
        "currency_missing",
        f"{what}: amounts of several currencies are not compared, so name one with currency",
        f"{what}: no se comparan importes de varias monedas, así que indique una con currency",
    )


class InvoiceFilter(BaseModel):
    """A selection of invoices; filters hold together. An empty value is no value. Days are included, in UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    q: Annotated[
        Said | None,
        BeforeValidator(few_words),
        Field(
            description="Words, each of which is part of the invoice's number, the supplier's name or alias, or the order; "
            "letter case and accents do not count"
        ),
    ] = None
    status: Annotated[list[InvoiceStatus], Field(max_length=len(InvoiceStatus), description="Any of them")] = []
    supplier_id: Id | None = None
    supplier_tax_id: Annotated[str, StringConstraints(min_length=1, max_length=24)] | None = None
    number: Annotated[Number | None, Field(description="How it begins; letter case and separators do not count")] = None
    purchase_order: Annotated[Number | None, Field(description="An order's number, also one of several named")] = None
    issued_from: Day | None = None
    issued_to: Day | None = None
    due_from: Day | None = None
    due_to: Day | None = None
    registered_from: Day | None = None
    registered_to: Day | None = None
    currency: CurrencyCode | None = None
    gross_from: Annotated[DecimalString | None, Field(description="With `currency`")] = None
    gross_to: Annotated[DecimalString | None, Field(description="With `currency`")] = None
    origin: Origin | None = None
    credit_note: bool | None = None
    held: Annotated[
        bool | None, Field(description="Only those that wait for open holds, or only those that do not")
    ] = None
    hold: Annotated[
        list[HoldKind], Field(max_length=len(HoldKind), description="With an open hold of any of them")
    ] = []
    match: Annotated[
        list[MatchVerdict | Literal["none"]], Field(max_length=len(MatchVerdict) + 1, description="Any of them")
    ] = []
    validation: Annotated[
        list[ValidationVerdict], Field(max_length=4, description="Any of them; `none`: it is no electronic invoice")
    ] = []
    overdue: Annotated[bool | None, Field(description="Due before today and neither paid nor rejected, or not so")] = (
        None
    )
    decided_by: Annotated[
        Literal["rule", "person"] | None, Field(description="Approved or rejected by a rule, or by who called the API")
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value not in ("", [""])}

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        for name in ("issued", "due", "registered", "gross"):
            _check_range(name, getattr(self, f"{name}_from"), getattr(self, f"{name}_to"))
        if self.currency is None and (self.gross_from or self.gross_to):
            raise currency_missing("gross_from, gross_to")
        if self.held is False and self.hold:
            raise value_error(
                "held_contradiction",
                "hold names open holds and held=false asks for none: leave one out",
                "hold indica retenciones abiertas y held=false pide que no las haya: omita uno",
            )
        return self


def _check_range(name: str, begin: date | str | None, end: date | str | None) -> None:
    if begin is None or end is None:
        return
    backwards = Decimal(begin) > Decimal(end) if isinstance(begin, str) and isinstance(end, str) else begin > end  # type: ignore[operator] # of one type
    if backwards:
        raise value_error(
            "range_backwards",
            f"{name}_from lies after {name}_to: swap them",
            f"{name}_from es posterior a {name}_to: intercámbielos",
        )

"""What a draft says once people have spoken: their word stands before the reading. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import msgspec

from services.billing.drafts.shapes import FIELDS, Field

Obstacle = Literal["missing", "ambiguous"]
_OPTIONAL = {"due_date", "purchase_order", "account"}


@dataclass(frozen=True, slots=True)
class Completed:
    """The fields as they were read, what each is now, and what keeps the draft from being an invoice."""

    fields: Mapping[str, Field]
    values: Mapping[str, Any]
    obstacles: list[tuple[str, Obstacle]]


def completed(reading: Mapping[str, Any], given: Mapping[str, Any]) -> Completed:
    """Put what people gave over what was read. An ambiguous field has no value until somebody gives it one."""
    fields = {name: msgspec.convert(reading.get(name, {}), Field) for name in FIELDS}
    read = {name: field.seen.value for name, field in fields.items() if field.seen is not None}
    values = read | dict(given)
    return Completed(fields, values, list(_obstacles(fields, values, given)))


def _obstacles(
    fields: Mapping[str, Field], values: Mapping[str, Any], given: Mapping[str, Any]
) -> Iterator[tuple[str, Obstacle]]:
    for name, field in fields.items():
        if field.certainty == "ambiguous" and name not in given:
            yield name, "ambiguous"
        elif values.get(name) is None and name not in _OPTIONAL:
            yield name, "missing"


def invoice_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is registered, as `InvoiceIn` takes it. Without lines there is one for each rate."""
    breakdown = values["vat_breakdown"]
    return {
        "supplier": {"tax_id": values["supplier_tax_id"], "name": values["supplier_name"]},
        **{name: values[name] for name in ("number", "issue_date", "due_date", "currency")},
        "purchase_order": values.get("purchase_order"),
        "lines": values.get("lines") or [_line_of(part) for part in breakdown],
        "vat_breakdown": breakdown,
        "totals": {name: values[name] for name in ("net", "tax", "gross")},
    }


def _line_of(part: Mapping[str, str]) -> dict[str, str]:
    rate = format(Decimal(part["rate"]).normalize(), "f")
    return {
        "description": f"Total, {rate} %",
        "quantity": "1",
        "unit_price": part["base"],
        "net": part["base"],
        "vat_rate": part["rate"],
    }

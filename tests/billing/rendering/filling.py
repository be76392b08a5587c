"""An invoice that has every field of the model, each with a value of its own: a field added later is in it, too."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from services.billing.einvoices.model import Invoice

_numbers = count(1)
_VALUES: dict[Any, Callable[[int], Any]] = {
    str: lambda number: f"value{number:04}",
    Decimal: lambda number: Decimal(f"{number}.{number:03}1"),
    date: lambda number: date(2020, 1, 1) + timedelta(number),
    bytes: lambda _number: b"",
}


def full_invoice() -> Invoice:
    invoice: Invoice = _filled(Invoice)
    return invoice


def _filled(hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        return _filled(get_args(hint)[0])
    if get_origin(hint) in {Union, UnionType}:
        return _filled(get_args(hint)[0])
    if get_origin(hint) is tuple:
        return (_filled(get_args(hint)[0]), _filled(get_args(hint)[0]))
    if issubclass(hint, msgspec.Struct):
        hints = get_type_hints(hint, include_extras=True)
        return hint(**{name: _filled(hints[name]) for name in hint.__struct_fields__})
    return _VALUES[hint](next(_numbers))

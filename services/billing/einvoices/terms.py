"""The names that EN 16931-1 gives to the parts of an invoice, read from the model's definitions."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec


@dataclass(frozen=True, slots=True)
class Term:
    """The number of a field; where a shape is used in several places, `parts` numbers its fields there, in order."""

    id: str
    parts: str = ""


@cache
def fields_of(shape: type[msgspec.Struct]) -> dict[str, tuple[Term | None, type[msgspec.Struct] | None]]:
    """Return each field of a shape with its term and the shape it holds, one or many."""
    hints = get_type_hints(shape, include_extras=True)
    return {name: (_term_of(hints[name]), _shape_in(hints[name])) for name in shape.__struct_fields__}


def _term_of(hint: Any) -> Term | None:
    return next((part for part in getattr(hint, "__metadata__", ()) if isinstance(part, Term)), None)


def _shape_in(hint: Any) -> type[msgspec.Struct] | None:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    inner = get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint)
    return next((found for part in inner if (found := _shape_in(part))), None)


def terms_of(shape: type[msgspec.Struct], numbered: str = "", at: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path of every field with its number: `("seller.address.city", "BT-37")`."""
    given = iter(numbered.split())
    for name, (term, inner) in fields_of(shape).items():
        path = f"{at}{name}"
        number = term.id if term else next(given, "")
        if number:
            yield path, number
        if inner is not None:
            yield from terms_of(inner, term.parts if term else "", f"{path}.")


@cache
def numbers_of(shape: type[msgspec.Struct]) -> dict[str, str]:
    return dict(terms_of(shape))


def term_at(shape: type[msgspec.Struct], path: str) -> str | None:
    """Return the number of a field by its path in a document: `lines.3.net` is `BT-131`."""
    return numbers_of(shape).get(".".join(part for part in path.split(".") if not part.isdecimal()))

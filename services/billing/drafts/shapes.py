"""What is read of a document, as the processes that read it say it."""

from typing import Literal

import msgspec

Certainty = Literal["found", "ambiguous", "not-found"]
Role = Literal["supplier", "customer", "unknown"]
Value = str | list[dict[str, str]]
FIELDS = (
    "supplier_tax_id",
    "supplier_name",
    "number",
    "issue_date",
    "due_date",
    "currency",
    "purchase_order",
    "account",
    "vat_breakdown",
    "net",
    "tax",
    "gross",
)
LONGEST_SNIPPET = 80


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A value and where the document says it: the page, from 1, and a piece of its text."""

    value: Value
    page: int
    snippet: str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of one field: `seen` when it is found, `alternatives` when it is ambiguous."""

    certainty: Certainty = "not-found"
    seen: Seen | None = None
    alternatives: tuple[Seen, ...] = ()


class TaxIdSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A tax number whose check digits are right. `role` is whose it is by the words around it."""

    seen: Seen
    role: Role
    is_labelled: bool


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the text alone says. Who the supplier is and which order is meant depends on who is known."""

    pages: int
    pages_read: int
    has_text: bool
    language: str | None = None
    fields: dict[str, Field] = {}
    tax_ids: tuple[TaxIdSeen, ...] = ()
    accounts: tuple[Seen, ...] = ()
    orders: tuple[Seen, ...] = ()
    codes: tuple[Seen, ...] = ()  # whatever looks like a code: one of ours may be among them
    text: str = ""  # the beginning, in which names are looked for


def settled(candidates: list[Seen], *, most: int = 5) -> Field:
    """Return the field: found when all candidates say one thing, ambiguous when they do not."""
    distinct: dict[str, Seen] = {}
    for each in candidates:
        distinct.setdefault(repr(each.value), each)
    if not distinct:
        return Field()
    if len(distinct) == 1:
        return Field(certainty="found", seen=candidates[0])
    return Field(certainty="ambiguous", alternatives=tuple(distinct.values())[:most])


def doubtful(candidates: list[Seen]) -> Field:
    """Return a field that a person has to decide, also where only one value comes into question."""
    field = settled(candidates)
    return field if field.seen is None else Field(certainty="ambiguous", alternatives=(field.seen,))

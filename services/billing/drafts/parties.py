"""Who the supplier of a document is and which order it names, given who and what is known. Pure."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.billing.drafts.shapes import Field, Reading, Seen, TaxIdSeen, doubtful, settled
from services.billing.identifiers import normalise_number, normalise_tax_id

Found = dict[UUID, tuple["KnownSupplier", Seen]]
_LONG_ENOUGH = 6  # characters of an order's number that says what it is without a label


@dataclass(frozen=True, slots=True)
class KnownSupplier:
    """A supplier on file, with the first of its tax numbers."""

    id: UUID
    name: str
    tax_id: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the tenant's rows say about the numbers in a document."""

    by_tax_id: Mapping[str, KnownSupplier] = field(default_factory=dict)
    by_account: Mapping[str, Collection[KnownSupplier]] = field(default_factory=dict)
    by_name: Mapping[str, KnownSupplier] = field(default_factory=dict)
    own_tax_ids: Collection[str] = ()
    order_keys: Collection[str] = ()


def read_supplier(reading: Reading, known: Known) -> dict[str, Field]:
    """Return who sends the invoice: a known supplier by tax number, account or name; else somebody new by tax number."""
    for found in (_by_tax_id(reading, known), _by_account(reading, known)):
        if found:
            return _told(found, settled)
    if named := _by_name(reading, known):
        return _told(named, doubtful)  # a customer's name may be a supplier's
    return {"supplier_tax_id": _unknown(reading, known), "supplier_name": Field()}


def _told(found: Sequence[tuple[KnownSupplier, Seen]], decide: Callable[[list[Seen]], Field]) -> dict[str, Field]:
    def seen(value: str, at: Seen) -> Seen:
        return Seen(value=value, page=at.page, snippet=at.snippet)

    return {
        "supplier_tax_id": decide([seen(supplier.tax_id, at) for supplier, at in found]),
        "supplier_name": decide([seen(supplier.name, at) for supplier, at in found]),
    }


def _by_tax_id(reading: Reading, known: Known) -> list[tuple[KnownSupplier, Seen]]:
    """Return the known suppliers whose numbers are there; where an account tells one of several, that one."""
    others = {*known.own_tax_ids, *(str(each.seen.value) for each in reading.tax_ids if each.role == "customer")}
    found: Found = {}
    for seen in (*_seen(reading.tax_ids), *reading.codes):
        key = normalise_tax_id(str(seen.value))
        if key in known.by_tax_id and key not in others:
            found.setdefault(known.by_tax_id[key].id, (known.by_tax_id[key], seen))
    if len(found) > 1:
        paid = {supplier.id for supplier, _ in _by_account(reading, known)}
        found = {each: found[each] for each in found.keys() & paid} or found
    return list(found.values())


def _by_account(reading: Reading, known: Known) -> list[tuple[KnownSupplier, Seen]]:
    found: Found = {}
    for seen in reading.accounts:
        for supplier in known.by_account.get(str(seen.value), ()):
            found.setdefault(supplier.id, (supplier, seen))
    return list(found.values())


def _by_name(reading: Reading, known: Known) -> list[tuple[KnownSupplier, Seen]]:
    """Return the suppliers whose names are there, unless somebody unknown may be the sender."""
    if any(each.role != "customer" and str(each.seen.value) not in known.own_tax_ids for each in reading.tax_ids):
        return []
    text = reading.text.casefold()
    found: Found = {}
    for name, supplier in known.by_name.items():
        if match := re.search(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", text):
            snippet = reading.text[max(0, match.start() - 20) :][:80].strip()
            found.setdefault(supplier.id, (supplier, Seen(value=name, page=1, snippet=snippet)))
    return list(found.values())


def _unknown(reading: Reading, known: Known) -> Field:
    """Return the tax number of somebody new: it is the tenant's own unless something says that it is not."""
    left = [each for each in reading.tax_ids if each.is_labelled and str(each.seen.value) not in known.own_tax_ids]
    others = [each for each in left if each.role != "customer"]
    if said := [each for each in others if each.role == "supplier"]:
        return settled([each.seen for each in said])
    is_told_apart = len(left) > len(others) or _names_own(reading, known)
    return settled(_seen(others)) if is_told_apart else doubtful(_seen(others))


def _names_own(reading: Reading, known: Known) -> bool:
    return any(str(each.seen.value) in known.own_tax_ids for each in reading.tax_ids)


def _seen(found: Sequence[TaxIdSeen]) -> list[Seen]:
    return [each.seen for each in found]


def read_order(reading: Reading, known: Known) -> Field:
    """Return the order: only a number that an order on file has, by its label or because it is long enough."""
    labelled = [seen for seen in reading.orders if normalise_number(str(seen.value)) in known.order_keys]
    if labelled:
        return settled(_one_spelling(labelled))
    codes = [seen for seen in reading.codes if normalise_number(str(seen.value)) in known.order_keys]
    return settled(_one_spelling([seen for seen in codes if len(normalise_number(str(seen.value))) >= _LONG_ENOUGH]))


def _one_spelling(found: Sequence[Seen]) -> list[Seen]:
    return list({normalise_number(str(seen.value)): seen for seen in reversed(found)}.values())

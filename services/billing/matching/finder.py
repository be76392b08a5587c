"""Which order lines an invoice line may bill. Pure."""

from collections import defaultdict
from collections.abc import Iterable

from services.billing.matching.shapes import Billed, Deviation, Ordered

_ITEM_KINDS = ("buyer_item", "standard_item", "seller_item")


class Finder:
    """The order lines an invoice names, by what an invoice line may call them."""

    def __init__(self, ordered: Iterable[Ordered]) -> None:
        self._by: dict[tuple[str, str], list[Ordered]] = defaultdict(list)
        for each in ordered:
            self._by["reference", _alike(each.reference)].append(each)
            self._by["description", _alike(each.description)].append(each)
            for kind in _ITEM_KINDS:
                if (item := getattr(each, kind)) is not None:
                    self._by[kind, _alike(item)].append(each)

    def find(self, line: Billed) -> tuple[list[Ordered], Deviation | None]:
        """Return the order lines that an invoice line may bill, or why there are none.

        The reference to a line (BT-132) decides; else the first kind of identifier that finds some (BT-156, BT-157,
        BT-155); else, where no identifier can be compared, the description.
        """
        found = self._by_reference(line) if line.order_line is not None else self._by_item(line)
        if not found:
            return [], Deviation.NOT_ORDERED
        found = [each for each in found if _is_same_item(line, each)]
        if not found:
            return [], Deviation.ITEM_MISMATCH
        usable = [each for each in found if each.unit == line.unit and line.price_unit in (None, line.unit)]
        return usable, None if usable else Deviation.UNIT_MISMATCH

    def _by_reference(self, line: Billed) -> list[Ordered]:
        return self._by.get(("reference", _alike(line.order_line or "")), [])

    def _by_item(self, line: Billed) -> list[Ordered]:
        for kind in _ITEM_KINDS:
            item = getattr(line, kind)
            if item is not None and (found := self._by.get((kind, _alike(item)))):
                return found
        text = _alike(line.description)
        return [each for each in self._by.get(("description", text), []) if text and not _shared_kinds(line, each)]


def _alike(text: str) -> str:
    """Return a text as it is compared: without regard to case and spaces around and between words."""
    return " ".join(text.casefold().split())


def _shared_kinds(line: Billed, each: Ordered) -> list[str]:
    return [kind for kind in _ITEM_KINDS if getattr(line, kind) is not None and getattr(each, kind) is not None]


def _is_same_item(line: Billed, each: Ordered) -> bool:
    """Tell whether no identifier that both have is another one."""
    return all(_alike(getattr(line, kind)) == _alike(getattr(each, kind)) for kind in _shared_kinds(line, each))

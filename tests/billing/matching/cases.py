"""Invented orders, receipts and invoices, and who judges them by counting single units and cents: whole numbers alone."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

Judgement = tuple[str, frozenset[str]]


@dataclass
class Thing:
    """An order line; `came` are its deliveries, `cents` its price."""

    reference: str
    item: str
    quantity: int
    cents: int
    required: bool
    came: list[int]

    @property
    def received(self) -> int:
        return sum(self.came)

    @property
    def here(self) -> int:
        return min(self.quantity, self.received) if self.required else self.quantity


@dataclass
class Bill:
    """An invoice line: `cents` are the price of `base` units. `things` are the order lines it may bill."""

    things: list[int]
    quantity: int
    cents: int
    base: int
    reference: str | None
    item: str | None
    unit: str = "C62"
    fault: str | None = None


@dataclass
class Case:
    things: list[Thing]
    invoices: list["Document"]
    percent: int | None
    amount: int | None


@dataclass
class Document:
    bills: list[Bill]
    is_credit: bool = False
    currency: str = "EUR"
    charges: int = 0


@dataclass
class _Count:
    """What is found in one invoice."""

    reasons: set[str] = field(default_factory=set)
    tolerated: bool = False
    two_way: bool = False

    def note(self, reason: str, passes: bool) -> None:
        self.tolerated |= passes
        if not passes:
            self.reasons.add(reason)

    def verdict(self) -> str:
        if self.reasons:
            return "exception"
        if self.tolerated:
            return "within-tolerance"
        return "matched-2way" if self.two_way else "matched-3way"


def invent(random: Random) -> Case:
    things = [_thing(random, number) for number in range(random.randint(1, 4))]
    if random.random() < 0.3:
        things[-1].item = things[0].item
    invoices = [_document(random, things) for _ in range(random.randint(1, 4))]
    return Case(things, invoices, random.choice([None, 0, 2, 10, 25]), random.choice([None, 0, 50, 500, 5_000]))


def _thing(random: Random, number: int) -> Thing:
    quantity = random.randint(1, 30)
    came = {
        "all": [quantity],
        "parts": [quantity // 2, quantity - quantity // 2],
        "some": [random.randint(1, quantity)],
        "none": [],
        "more": [quantity, random.randint(1, 3)],
    }[random.choice(["all", "all", "parts", "parts", "some", "none", "more"])]
    required = random.random() < 0.75
    cents = random.randint(1, 5_000)
    return Thing(str(10 * number + 10), f"ITEM-{number}", quantity, cents, required, [much for much in came if much])


def _document(random: Random, things: list[Thing]) -> Document:
    bills = [_bill(random, things) for _ in range(random.randint(1, 3))]
    return Document(
        bills,
        is_credit=random.random() < 0.2,
        currency="USD" if random.random() < 0.05 else "EUR",
        charges=random.choice([0, 0, 0, 0, 0, 0, 0, 30]),
    )


def _bill(random: Random, things: list[Thing]) -> Bill:
    place = random.randrange(len(things))
    thing = things[place]
    quantity = random.choice([thing.quantity, thing.quantity // 2 or 1, random.randint(1, thing.quantity + 2)])
    base = random.choice([1, 1, 1, 100])
    off = random.choice([0, 0, 0, 0, 1, -1, thing.cents // 15, thing.cents])
    cents = max(0, thing.cents * base + off)
    bill = Bill([place], quantity, cents, base, thing.reference, None)
    how = random.choices(["reference", "both", "item", "unknown", "other-item", "unit"], [4, 3, 4, 1, 0.5, 0.5])[0]
    if how in ("both", "item"):
        bill.item = thing.item.lower()
    if how == "item":
        bill.reference = None
        bill.things = [each for each, other in enumerate(things) if other.item == thing.item]
    if how == "unknown":
        bill.reference, bill.fault = "99", "not-ordered"
    if how == "other-item":
        bill.item, bill.fault = "ANOTHER", "item-mismatch"
    if how == "unit":
        bill.unit, bill.fault = "KGM", "unit-mismatch"
    return bill


def judge(case: Case) -> list[Judgement]:
    """Return what each invoice comes to when they arrive one after another."""
    taken = [0] * len(case.things)
    return [_judge_document(case, document, taken) for document in case.invoices]


def _judge_document(case: Case, document: Document, taken: list[int]) -> Judgement:
    count, agreed = _Count(), 0
    for bill in document.bills:
        if bill.fault:
            count.reasons.add(bill.fault)
            continue
        before = list(taken)
        units = Counter(_take_unit(case, bill, document.is_credit, taken) for _ in range(bill.quantity))
        for place, share in units.items():
            agreed += share * case.things[place].cents
            _judge_share(case, document, bill, place, share, before[place], count)
    if document.charges and not document.is_credit:
        count.note("charge-not-ordered", _passes(case, document.charges, agreed, document.charges))
    return count.verdict(), frozenset(count.reasons)


def _take_unit(case: Case, bill: Bill, is_credit: bool, taken: list[int]) -> int:
    if is_credit:
        place = next((each for each in reversed(bill.things) if taken[each] > 0), bill.things[0])
        taken[place] -= 1
    else:
        here = (each for each in bill.things if taken[each] < case.things[each].here)
        with_room = (each for each in bill.things if taken[each] < case.things[each].quantity)
        place = next(here, next(with_room, bill.things[-1]))
        taken[place] += 1
    return place


def _judge_share(
    case: Case, document: Document, bill: Bill, place: int, share: int, before: int, count: _Count
) -> None:
    thing = case.things[place]
    count.two_way |= not thing.required
    if document.is_credit:
        if before < share:
            count.reasons.add("over-credited")
    else:
        limits = [("over-ordered", thing.quantity)]
        if thing.required:
            limits.append(("over-received" if thing.received > before else "not-received", thing.received))
        for reason, limit in limits:
            if (excess := before + share - limit) > 0:
                count.note(reason, _passes(case, excess, limit, excess * thing.cents))
    if document.currency != "EUR":
        count.reasons.add("currency-mismatch")
    elif off := bill.cents - thing.cents * bill.base:
        reason = "price-over" if off > 0 else "price-under"
        count.note(reason, _passes(case, abs(off), thing.cents * bill.base, abs(off) * share, bill.base))


def _passes(case: Case, off: int, base: int, money: int, per: int = 1) -> bool:
    """Tell whether both limits that were agreed hold; `money` is in cents times `per`."""
    if case.percent is None and case.amount is None:
        return False
    return (case.percent is None or off * 100 <= case.percent * base) and (
        case.amount is None or money <= case.amount * per
    )

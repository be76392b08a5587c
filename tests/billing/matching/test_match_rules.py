"""What matching finds, against a judge that counts single units and cents."""

from collections import Counter
from decimal import Decimal
from random import Random
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.matching.rules import match_invoice, receipts_between
from services.billing.matching.shapes import Billed, Deviation, Ordered, Outcome, Received, Tolerance, Verdict
from tests.billing.matching.cases import Bill, Case, Document, Judgement, Thing, invent, judge

NOTHING = Tolerance()
CASES = 200


def cents(amount: int) -> Decimal:
    return Decimal(amount).scaleb(-2)


def ordered(thing: Thing, line_id: UUID, billed: Decimal) -> Ordered:
    return Ordered(
        id=line_id,
        order_number="PO-1",
        reference=thing.reference,
        description=thing.item,
        quantity=Decimal(thing.quantity),
        unit="C62",
        unit_price=cents(thing.cents),
        currency="EUR",
        receipt_required=thing.required,
        seller_item=thing.item,
        receipts=tuple(Received(UUID(int=number), Decimal(much)) for number, much in enumerate(thing.came)),
        billed=billed,
    )


def line(bill: Bill, is_credit: bool) -> Billed:
    return Billed(
        id="1",
        description="",
        quantity=Decimal(-bill.quantity if is_credit else bill.quantity),
        unit=bill.unit,
        price=cents(bill.cents),
        price_base=Decimal(bill.base),
        order_line=bill.reference,
        seller_item=bill.item,
    )


def matched(case: Case) -> list[Outcome]:
    """Match a case's invoices one after another, each with what those before it have billed."""
    ids = [uuid4() for _ in case.things]
    billed = Counter[UUID]()
    outcomes = []
    for document in case.invoices:
        lines = [ordered(thing, each, Decimal(billed[each])) for thing, each in zip(case.things, ids, strict=True)]
        outcome = match_document(case, document, lines)
        for part in (part for each in outcome.lines for part in each.parts):
            billed[part.order_line_id] += int(part.quantity)
        outcomes.append(outcome)
    return outcomes


def match_document(case: Case, document: Document, lines: list[Ordered]) -> Outcome:
    percent = None if case.percent is None else Decimal(case.percent)
    return match_invoice(
        [line(bill, document.is_credit) for bill in document.bills],
        lines,
        document.currency,
        Tolerance(percent, None if case.amount is None else cents(case.amount)),
        charges=cents(0 if document.is_credit else document.charges),
    )


def told(outcomes: list[Outcome]) -> list[Judgement]:
    return [(outcome.verdict.value, frozenset(map(str, outcome.reasons))) for outcome in outcomes]


def test_every_verdict_and_reason_is_the_judges() -> None:
    seen = Counter[str]()
    for seed in range(CASES):
        case = invent(Random(seed))
        expected = judge(case)
        assert told(matched(case)) == expected, seed
        seen.update(word for verdict, reasons in expected for word in (verdict, *reasons))
    assert all(seen[verdict] >= 10 for verdict in Verdict), seen
    by_reference_alone = {
        Deviation.UNKNOWN_ORDER,
        Deviation.OTHER_SUPPLIER,
        Deviation.ORDER_NOT_OPEN,
        Deviation.INCOMPLETE_LINE,
    }
    assert set(Deviation) - by_reference_alone <= seen.keys()


@settings(max_examples=CASES, deadline=None)
@given(seed=st.integers(0, 2**63))
def test_so_it_is_of_cases_nobody_has_seen(seed: int) -> None:
    case = invent(Random(seed))
    assert told(matched(case)) == judge(case)


@given(
    came=st.lists(st.integers(1, 9), max_size=5),
    before=st.integers(-3, 50),
    quantity=st.integers(-30, 30),
)
def test_what_is_billed_and_given_back_is_shared_out_to_deliveries(came: list[int], before: int, quantity: int) -> None:
    receipts = [Received(UUID(int=number), Decimal(much)) for number, much in enumerate(came)]
    owners = [UUID(int=number) for number, much in enumerate(came) for _ in range(much)]
    low, high = sorted((before, before + quantity))
    units = Counter(owners[max(0, low) : max(0, high)])
    touched = receipts_between(receipts, Decimal(before), Decimal(before + quantity))
    sign = -1 if quantity < 0 else 1
    assert {each.receipt_id: each.quantity * sign for each in touched} == units


THING = Thing("10", "ITEM-0", 10, 1_000, required=True, came=[10])


def outcome_of(bill: Billed, *lines: Ordered, tolerance: Tolerance = NOTHING) -> Outcome:
    return match_invoice([bill], lines or [ordered(THING, uuid4(), Decimal(0))], "EUR", tolerance)


def test_a_price_by_the_hundred_is_exact() -> None:
    third = Billed("1", "", Decimal(3), "C62", Decimal(1000), Decimal(100), order_line="10")
    assert outcome_of(third).verdict is Verdict.MATCHED_3WAY
    per_three = Billed("1", "", Decimal(3), "C62", Decimal("30.000000000001"), Decimal(3), order_line="10")
    found = outcome_of(per_three)
    assert (found.verdict, found.reasons) == (Verdict.EXCEPTION, [Deviation.PRICE_OVER])
    assert outcome_of(per_three, tolerance=Tolerance(Decimal("0.01"))).verdict is Verdict.WITHIN_TOLERANCE


def test_a_little_too_much_many_times_adds_up() -> None:
    tolerance = Tolerance(Decimal(10), Decimal(1_000))
    one = Billed("1", "", Decimal(1), "C62", Decimal(10), order_line="10")
    verdicts = [
        outcome_of(one, ordered(THING, uuid4(), Decimal(billed)), tolerance=tolerance).verdict
        for billed in range(9, 12)
    ]
    assert verdicts == [Verdict.MATCHED_3WAY, Verdict.WITHIN_TOLERANCE, Verdict.EXCEPTION]


def test_a_description_decides_only_where_no_identifier_can() -> None:
    by_words = Billed("1", " item-0 ", Decimal(1), "C62", Decimal(10))
    assert outcome_of(by_words).verdict is Verdict.MATCHED_3WAY
    other_item = Billed("1", "ITEM-0", Decimal(1), "C62", Decimal(10), seller_item="X")
    assert outcome_of(other_item).reasons == [Deviation.NOT_ORDERED]


def test_what_is_not_said_is_an_exception() -> None:
    for quantity, price, base in ((None, 10, 1), (1, None, 1), (1, 10, 0), (Decimal(10) ** 50, 10, 1)):
        bill = Billed(
            "1",
            "",
            None if quantity is None else Decimal(quantity),
            "C62",
            None if price is None else Decimal(price),
            Decimal(base),
            order_line="10",
        )
        assert outcome_of(bill).reasons == [Deviation.INCOMPLETE_LINE]
    assert match_invoice([], [], "EUR", NOTHING).reasons == [Deviation.INCOMPLETE_LINE]


def test_a_charge_on_a_line_counts_like_one_on_the_document() -> None:
    bill = Billed("1", "", Decimal(1), "C62", Decimal(10), order_line="10", charges=Decimal(1))
    assert outcome_of(bill).reasons == [Deviation.CHARGE_NOT_ORDERED]
    assert outcome_of(bill, tolerance=Tolerance(Decimal(10), Decimal(1))).verdict is Verdict.WITHIN_TOLERANCE
    assert outcome_of(bill, tolerance=Tolerance(Decimal(10), Decimal("0.99"))).verdict is Verdict.EXCEPTION


def test_goods_that_have_come_are_billed_before_those_that_have_not() -> None:
    late = ordered(Thing("10", "ITEM-0", 10, 1_000, required=True, came=[]), uuid4(), Decimal(0))
    here = ordered(THING, uuid4(), Decimal(0))
    bill = Billed("1", "", Decimal(10), "C62", Decimal(10), seller_item="ITEM-0")
    (line_outcome,) = (found := outcome_of(bill, late, here)).lines
    assert (found.verdict, [part.order_line_id for part in line_outcome.parts]) == (Verdict.MATCHED_3WAY, [here.id])


def test_numbers_as_long_as_may_be_are_compared_exactly() -> None:
    longest = Decimal("9" * 40)
    bill = Billed("1", "", longest, "C62", longest, order_line="10")
    assert set(outcome_of(bill).reasons) == {Deviation.OVER_ORDERED, Deviation.OVER_RECEIVED, Deviation.PRICE_OVER}

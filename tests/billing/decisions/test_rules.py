"""Laws of the rule engine, for all policies and all invoices."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.billing.decisions.rules import (
    AmountRange,
    Conditions,
    Facts,
    Happened,
    Kind,
    Outcome,
    Past,
    Policy,
    Rule,
    applies,
    approvals_needed,
    compare,
    decide,
    replay,
)

SUPPLIERS = [UUID(int=n) for n in range(1, 4)]
KINDS = ["invalid", "not-validated", "near-duplicate", "account-changed"]
VERDICTS = ["valid", "invalid", "not-validated", "none"]
CURRENCIES = ["EUR", "USD", "JPY"]
amounts = st.decimals(-2000, 2000, places=2)


def some(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.lists(st.sampled_from(values), min_size=1, max_size=3).map(tuple)


ranges = st.builds(
    AmountRange, currency=st.sampled_from(CURRENCIES), at_least=st.none() | amounts, at_most=st.none() | amounts
)
conditions = st.builds(
    Conditions,
    suppliers=some(SUPPLIERS),
    groups=some(["a", "b"]),
    amount=st.none() | ranges,
    verdicts=some(VERDICTS),
    held=st.none() | st.booleans(),
    near_duplicate=st.none() | st.booleans(),
    matches=some(["none", "exact"]),
)
outcomes = st.sampled_from(
    [Outcome(kind="approve"), Outcome(kind="ask", role="manager", level=1), Outcome(kind="reject", reason="No")]
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    parts = draw(st.lists(st.tuples(conditions, outcomes), max_size=5))
    rules = tuple(Rule(id=f"r{n}", conditions=each, outcome=outcome) for n, (each, outcome) in enumerate(parts))
    groups = draw(st.dictionaries(st.sampled_from(["a", "b"]), st.lists(st.sampled_from(SUPPLIERS)).map(tuple)))
    limits = draw(st.dictionaries(st.sampled_from(CURRENCIES), st.decimals(0, 2000, places=2)))
    return Policy(rules=rules, groups=groups, limits=limits)


facts = st.builds(
    Facts,
    supplier_id=st.sampled_from(SUPPLIERS),
    gross=amounts,
    currency=st.sampled_from(CURRENCIES),
    verdict=st.sampled_from(VERDICTS),
    holds=st.lists(st.sampled_from(KINDS), unique=True, max_size=2).map(tuple),
    released_by_registrar=st.booleans(),
    match=st.sampled_from(["none", "exact"]),
    repeat=st.booleans(),
)
ANYTHING = Policy(rules=(Rule(id="all", conditions=Conditions(), outcome=Outcome(kind="approve")),))


@given(policies(), facts)
def test_nothing_doubtful_is_ever_approved(policy: Policy, seen: Facts) -> None:
    if decide(policy, seen).outcome.kind == "approve":
        assert seen.verdict == "valid"
        assert seen.holds == ()
        assert not seen.released_by_registrar
        assert not seen.repeat
        assert not policy.limits or abs(seen.gross) <= policy.limits[seen.currency]


@given(facts)
def test_even_a_rule_for_everything_approves_exactly_what_is_sound(seen: Facts) -> None:
    sound = seen.verdict == "valid" and not seen.holds and not (seen.released_by_registrar or seen.repeat)
    decision = decide(ANYTHING, seen)
    assert (decision.outcome.kind == "approve") == sound
    assert bool(decision.withheld) != sound


@given(policies(), facts)
def test_the_first_rule_that_applies_decides_and_none_asks(policy: Policy, seen: Facts) -> None:
    decision = decide(policy, seen)
    applying = [rule for rule in policy.rules if applies(rule.conditions, policy, seen)]
    assert decision.rule == (applying[0].id if applying else None)
    if not applying:
        assert decision.outcome == Outcome(kind="ask")
    elif not decision.withheld:
        assert decision.outcome == applying[0].outcome
    else:
        assert (applying[0].outcome.kind, decision.outcome) == ("approve", Outcome(kind="ask"))


@given(policies(), facts, conditions, outcomes)
def test_rules_behind_the_one_that_decides_change_nothing(
    policy: Policy, seen: Facts, more: Conditions, outcome: Outcome
) -> None:
    decision = decide(policy, seen)
    longer = msgspec.structs.replace(policy, rules=(*policy.rules, Rule(id="last", conditions=more, outcome=outcome)))
    if decision.rule is not None:
        assert decide(longer, seen) == decision


@given(policies())
def test_a_policy_is_the_same_after_it_was_kept(policy: Policy) -> None:
    assert msgspec.convert(msgspec.to_builtins(policy), Policy) == policy
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(policy)), Policy) == policy


@given(st.dictionaries(st.sampled_from(CURRENCIES), st.decimals(0, 2000, places=2)), amounts, amounts)
def test_a_larger_amount_never_needs_fewer_people(limits: dict[str, Decimal], one: Decimal, other: Decimal) -> None:
    smaller, larger = sorted((one, other), key=abs)
    assert approvals_needed(limits, smaller, "EUR") <= approvals_needed(limits, larger, "EUR")
    assert approvals_needed(limits, larger, "EUR") == approvals_needed(limits, -larger, "EUR")


def test_each_condition_tells_invoices_apart() -> None:
    seen = Facts(supplier_id=SUPPLIERS[0], gross=Decimal("10.00"), currency="EUR", verdict="valid")
    policy = Policy(groups={"a": (SUPPLIERS[0],), "b": (SUPPLIERS[1],)})
    met = [
        Conditions(),
        Conditions(suppliers=(SUPPLIERS[0],)),
        Conditions(suppliers=(SUPPLIERS[1],), groups=("a",)),
        Conditions(groups=("b", "a")),
        Conditions(amount=AmountRange(currency="EUR", at_least=Decimal(10), at_most=Decimal(10))),
        Conditions(verdicts=("none", "valid")),
        Conditions(held=False, near_duplicate=False, matches=("none",)),
    ]
    unmet = [
        Conditions(suppliers=(SUPPLIERS[1],)),
        Conditions(groups=("b",)),
        Conditions(suppliers=(SUPPLIERS[0],), verdicts=("invalid",)),
        Conditions(amount=AmountRange(currency="EUR", at_least=Decimal("10.01"))),
        Conditions(amount=AmountRange(currency="EUR", at_most=Decimal("9.99"))),
        Conditions(amount=AmountRange(currency="USD", at_most=Decimal(99))),
        Conditions(held=True),
        Conditions(near_duplicate=True),
        Conditions(matches=("exact",)),
    ]
    assert [applies(each, policy, seen) for each in met] == [True] * len(met)
    assert [applies(each, policy, seen) for each in unmet] == [False] * len(unmet)
    held = msgspec.structs.replace(seen, holds=("account-changed",))
    assert applies(Conditions(held=True, near_duplicate=False), policy, held)


@given(policies(), facts, st.none() | facts)
def test_a_replay_asks_anew_only_where_a_person_was_asked(policy: Policy, first: Facts, later: Facts | None) -> None:
    past = Past(invoice_id=UUID(int=9), at_intake=first, since_release=later, happened="waiting", by_rule=False)
    at_once = decide(policy, first)
    settled = at_once.outcome.kind != "ask" or later is None
    assert replay(policy, past) == (at_once if settled else decide(policy, later or first))


def test_what_is_different_from_what_happened() -> None:
    kinds: tuple[Kind, ...] = ("approve", "ask", "reject")
    endings: tuple[tuple[Happened, bool], ...] = (
        ("approved", False),
        ("approved", True),
        ("rejected", False),
        ("rejected", True),
        ("waiting", False),
    )
    told = [compare(kind, happened, by_rule=by_rule) for kind in kinds for happened, by_rule in endings]
    assert told == [
        *("person-saved", "same", "approves-rejected", "approves-rejected", "decides-waiting"),
        *("same", "person-added", "same", "person-added", "same"),
        *("rejects-approved", "rejects-approved", "person-saved", "same", "decides-waiting"),
    ]

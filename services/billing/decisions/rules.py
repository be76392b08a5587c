"""What a policy decides about an invoice, and what no policy may decide. Pure."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

Kind = Literal["approve", "ask", "reject"]
Verdict = Literal["valid", "invalid", "not-validated", "none"]
Withheld = Literal["held", "not-valid", "released-by-registrar", "above-limit", "repeat", "asked-of-others"]
Happened = Literal["approved", "rejected", "waiting"]
Difference = Literal["same", "person-saved", "person-added", "approves-rejected", "rejects-approved", "decides-waiting"]


class AmountRange(msgspec.Struct, frozen=True, kw_only=True):
    """Gross amounts of one currency, both ends included; other currencies are outside."""

    currency: str
    at_least: Decimal | None = None
    at_most: Decimal | None = None

    def holds(self, gross: Decimal, currency: str) -> bool:
        above = self.at_least is None or gross >= self.at_least
        return currency == self.currency and above and (self.at_most is None or gross <= self.at_most)


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """All of them have to be met; what is None asks for nothing. A supplier is named itself or by its group."""

    suppliers: tuple[UUID, ...] | None = None
    groups: tuple[str, ...] | None = None
    amount: AmountRange | None = None
    verdicts: tuple[Verdict, ...] | None = None
    held: bool | None = None
    near_duplicate: bool | None = None
    matches: tuple[str, ...] | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`role` and `level` say who is asked, `reason` why it is rejected."""

    kind: Kind
    role: str | None = None
    level: int | None = None
    reason: str | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    conditions: Conditions
    outcome: Outcome


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Rules in their order, groups of suppliers, and per currency the amount up to which one approval is enough."""

    rules: tuple[Rule, ...] = ()
    groups: dict[str, tuple[UUID, ...]] = {}
    limits: dict[str, Decimal] = {}


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an invoice when it is decided. `verdict` is `none` of one that was keyed.

    `repeat`: its number was on file before, and a person said that it is another one.
    """

    supplier_id: UUID
    gross: Decimal
    currency: str
    verdict: Verdict
    holds: tuple[str, ...] = ()
    released_by_registrar: bool = False
    match: str = "none"
    repeat: bool = False


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """`rule` is None where none applied. `withheld` says why an approval became a question, or a question stands."""

    outcome: Outcome
    rule: str | None = None
    withheld: tuple[Withheld, ...] = ()


_ASK = Outcome(kind="ask")
HIGHEST_LEVEL = 9


def right_of(role: str, level: int) -> str:
    """Return the scope of those whom a rule asks by this role and level; who has a higher one of the role may, too."""
    return f"billing.approvals.{role}:level-{level}"


def decide(policy: Policy, facts: Facts) -> Decision:
    """Return what the first rule that applies says; a person is asked where none does, or where it must not approve."""
    rule = next((rule for rule in policy.rules if applies(rule.conditions, policy, facts)), None)
    if rule is None:
        return Decision(outcome=_ASK)
    if rule.outcome.kind == "approve" and (withheld := tuple(find_obstacles(policy, facts))):
        return Decision(outcome=_ASK, rule=rule.id, withheld=withheld)
    return Decision(outcome=rule.outcome, rule=rule.id)


def find_obstacles(policy: Policy, facts: Facts) -> Iterator[Withheld]:
    """Yield why no rule may approve the invoice: what is doubtful, or needs two people, is never left to a rule."""
    if facts.holds:
        yield "held"
    if facts.verdict != "valid":
        yield "not-valid"
    if facts.released_by_registrar:
        yield "released-by-registrar"
    if approvals_needed(policy.limits, facts.gross, facts.currency) > 1:
        yield "above-limit"
    if facts.repeat:
        yield "repeat"


def leave_asked(asked: Outcome, decision: Decision, *, is_held: bool) -> Decision:
    """Return what is decided about an invoice that was let go by somebody of whom a rule had not asked it: the question stands.

    A rejection takes its place, and a question of another role or of as high a level; while it is held, that is not the end.
    """
    found = decision.outcome
    replaces = found.role is not None and (found.role != asked.role or (found.level or 1) >= (asked.level or 1))
    if found.kind == "reject" or (replaces and not is_held):
        return decision
    withheld: tuple[Withheld, ...] = (*decision.withheld, "asked-of-others")
    return Decision(outcome=found if replaces else asked, rule=decision.rule, withheld=withheld)


def applies(conditions: Conditions, policy: Policy, facts: Facts) -> bool:
    """Tell whether every condition is met."""
    amount, held = conditions.amount, bool(facts.holds)
    return (
        _names_supplier(conditions, policy.groups, facts.supplier_id)
        and (amount is None or amount.holds(facts.gross, facts.currency))
        and (conditions.verdicts is None or facts.verdict in conditions.verdicts)
        and conditions.held in {None, held}
        and conditions.near_duplicate in {None, "near-duplicate" in facts.holds}
        and (conditions.matches is None or facts.match in conditions.matches)
    )


def _names_supplier(conditions: Conditions, groups: Mapping[str, tuple[UUID, ...]], supplier_id: UUID) -> bool:
    if conditions.suppliers is None and conditions.groups is None:
        return True
    named = supplier_id in (conditions.suppliers or ())
    return named or any(supplier_id in groups.get(group, ()) for group in conditions.groups or ())


def approvals_needed(limits: Mapping[str, Decimal], gross: Decimal, currency: str) -> int:
    """Return how many people must approve: one without limits, and two in a currency that has none among others.

    What is given back counts as much as what is paid.
    """
    if not limits:
        return 1
    limit = limits.get(currency)
    return 1 if limit is not None and abs(gross) <= limit else 2


def suppliers_of(policy: Policy) -> set[UUID]:
    named = {each for rule in policy.rules for each in rule.conditions.suppliers or ()}
    return named.union(*policy.groups.values())


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice on file: what was known when it came in, and since a hold was released, if one was; and what happened."""

    invoice_id: UUID
    at_intake: Facts
    since_release: Facts | None
    happened: Happened
    by_rule: bool


def replay(policy: Policy, past: Past) -> Decision:
    """Return what the policy would have decided in the end: a question is asked anew once the invoice was let go."""
    decision = decide(policy, past.at_intake)
    if decision.outcome.kind == "ask" and past.since_release is not None:
        return decide(policy, past.since_release)
    return decision


def compare(kind: Kind, happened: Happened, *, by_rule: bool) -> Difference:
    """Return what is different from what happened."""
    if kind == "ask":
        return "person-added" if by_rule else "same"
    if happened == "waiting":
        return "decides-waiting"
    if kind == "approve" and happened == "rejected":
        return "approves-rejected"
    if kind == "reject" and happened == "approved":
        return "rejects-approved"
    return "same" if by_rule else "person-saved"

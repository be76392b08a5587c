"""Whatever people do, and in whatever order: one has an item at a time, and no minute is counted twice."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.billing.invoices.models import SupplierInvoice
from services.billing.work_queue.queries import assignments_of, waits_since
from services.billing.work_queue.rules import reason_of
from services.billing.work_queue.subjects import get_subject, kind_of
from tests.billing.drafts.sending import PATH, plain, received
from tests.billing.intake.electronic import rows
from tests.billing.work_queue.queueing import ITEMS, MORNING, ask, at, held_pair, listed
from tests.fixtures.services import Harness

PEOPLE = ("ana", "eva", "leo")
STEPS = ("register", "discard", "release", "validation", "approval", "rejection")
MOVES = ("claim", "claim", "return", "hand on", "take over", *STEPS)
Move = tuple[str, str, int, int]
Span = tuple[datetime, datetime]

moves = st.lists(
    st.tuples(
        st.sampled_from(PEOPLE), st.sampled_from(MOVES), st.integers(0, 2), st.sampled_from([0, 1, 7, 30, 9 * 60])
    ),
    min_size=4,
    max_size=16,
)


async def play(billing: Harness, tenant: str, script: Sequence[Move]) -> Counter[int]:
    """Let people do all that, each so many minutes after the one before; tell how it was answered."""
    with at(0):
        first, second, hold = await held_pair(billing, tenant)
        draft = str((await received(billing, tenant, plain(account=None)))["id"])
    minutes, answers = 0, Counter[int]()
    for person, move, which, later in script:
        minutes, item = minutes + later, (first, second, draft)[which]
        other = PEOPLE[(PEOPLE.index(person) + 1) % len(PEOPLE)]
        path, wanted = {
            "claim": (f"{ITEMS}/{item}/claim", None),
            "return": (f"{ITEMS}/{item}/return", {"note": "Not now"}),
            "hand on": (f"{ITEMS}/{item}/reassignment", {"reason": "Yours", "to": f"{other}@{tenant}"}),
            "take over": (f"{ITEMS}/{item}/reassignment", {"reason": "Mine"}),
            "register": (f"{PATH}/{item}/registration", None),
            "discard": (f"{PATH}/{item}/discard", {"reason": "An advertisement"}),
            "release": (f"/billing/invoices/{item}/holds/{hold}/release", {"reason": "Two", "scope": "invoice"}),
            "rejection": (f"/billing/invoices/{item}/rejection", {"reason": "Never ordered"}),
        }.get(move, (f"/billing/invoices/{item}/{move}", None))
        with at(minutes):
            answer = await ask(billing, tenant, person, path, wanted)
            answers[answer.status_code] += 1
            await see_one_holder(billing, tenant)
    with at(minutes):
        await see_what_is_listed(billing, tenant)
    return answers


async def see_one_holder(billing: Harness, tenant: str) -> None:
    still_open = [row.invoice_id for row in await rows(billing, tenant, "work_assignment") if row.ended_at is None]
    assert len(set(still_open)) == len(still_open)


async def see_what_is_listed(billing: Harness, tenant: str) -> None:
    """See that what is decided is with nobody, and that the list says with whom the rest is."""
    still_open = [row for row in await rows(billing, tenant, "work_assignment") if row.ended_at is None]
    items = {item["id"]: item for item in await listed(billing, tenant)}
    assert {str(row.invoice_id) for row in still_open} <= items.keys()
    shown = {name: item["assignment"]["assignee"] for name, item in items.items() if item["assignment"]}
    assert shown.items() <= {str(row.invoice_id): row.assignee for row in still_open}.items()
    async with billing.runtime.database.session(tenant, read_only=True) as session:
        for item in items.values():  # what is read of all at once is what a step goes by
            subject = await get_subject(session, UUID(item["id"]))
            assert item["subject"] == kind_of(subject)
            if isinstance(subject, SupplierInvoice):
                assert item["reason"] == reason_of(subject.status, subject.approvals, is_held=bool(item["holds"]))
            ends = [row.worked_until for row in await assignments_of(session, subject.id) if row.worked_until]
            since = max([await waits_since(session, subject), *ends])
            assert datetime.fromisoformat(item["waiting_since"]) == since


def span(work: dict[str, Any], begin: str, end: str) -> Span:
    return datetime.fromisoformat(work[begin]), datetime.fromisoformat(work[end])


def length(spans: Sequence[Span]) -> timedelta:
    return sum((end - begin for begin, end in spans), timedelta())


def see_no_overlap(spans: Sequence[Span]) -> None:
    for (_, end), (begin, _) in pairwise(sorted(spans)):
        assert end <= begin


@settings(max_examples=12)
@given(moves)
@example(
    [
        ("ana", "claim", 0, 5),
        ("ana", "claim", 1, 2),
        ("ana", "release", 1, 7),
        ("ana", "validation", 0, 7),
        ("ana", "validation", 1, 1),
        ("ana", "approval", 0, 30),
        ("ana", "approval", 1, 7),
    ]
)
@example(
    [
        ("ana", "claim", 1, 7),
        ("ana", "return", 1, 7),
        ("eva", "claim", 1, 1),
        ("eva", "hand on", 1, 30),
        ("leo", "claim", 1, 7),
        ("ana", "take over", 1, 1),
        ("ana", "release", 1, 7),
        ("leo", "take over", 1, 9 * 60),
        ("leo", "validation", 1, 7),
        ("leo", "rejection", 1, 1),
    ]
)
@example(
    [
        ("ana", "claim", 2, 5),
        ("ana", "claim", 0, 1),
        ("ana", "return", 2, 7),
        ("eva", "claim", 2, 7),
        ("ana", "register", 2, 1),
        ("ana", "validation", 0, 7),
        ("eva", "register", 2, 7),
        ("ana", "claim", 2, 30),
        ("ana", "release", 2, 1),
        ("ana", "validation", 2, 1),
        ("leo", "claim", 2, 9 * 60),
        ("leo", "approval", 2, 7),
    ]
)
@example([("ana", "claim", 2, 5), ("eva", "discard", 2, 1), ("ana", "hand on", 2, 7), ("eva", "discard", 2, 7)])
async def test_one_holder_at_a_time_and_no_minute_twice(billing: Harness, script: list[Move]) -> None:
    tenant = f"t-{uuid4().hex[:12]}"
    answers = await play(billing, tenant, script)
    # 404: the hold is another's, a draft is no invoice yet or an invoice no draft.
    assert answers.keys() <= {200, 201, 204, 403, 404, 409}
    async with billing.runtime.worker.session(None) as session:
        query = text("SELECT payload -> 'work' FROM outbox WHERE tenant_id = :tenant AND payload::jsonb ? 'work'")
        every = [work for work in await session.scalars(query, {"tenant": tenant}) if work.get("requested_at")]
    observed = [work for work in every if not work["estimated"]]
    touched: dict[str, list[Span]] = {work["case"]: [] for work in every}
    by_person: dict[str, list[Span]] = {work["actor"]["id"]: [] for work in every}
    for work in observed:
        touched[work["case"]].append(span(work, "started_at", "finished_at"))
        by_person[work["actor"]["id"]].append(span(work, "started_at", "finished_at"))
    for spans in (*touched.values(), *by_person.values()):
        see_no_overlap(spans)
    for case, spans in touched.items():
        told = [span(work, "requested_at", "started_at") for work in observed if work["case"] == case]
        see_no_overlap([*told, *spans])  # what waited was not worked on meanwhile, and waited once
    last = MORNING + timedelta(minutes=sum(later for *_, later in script))
    claimed: dict[str, list[Span]] = {}
    for row in await rows(billing, tenant, "work_assignment"):
        if row.claimed_at is not None:
            claimed.setdefault(str(row.invoice_id), []).append((row.claimed_at, row.ended_at or last))
    for case, spans in touched.items():
        see_no_overlap(claimed.get(case, []))
        assert length(spans) <= length(claimed.get(case, []))

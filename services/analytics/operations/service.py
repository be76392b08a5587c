"""Taking in work that other systems report."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.operations.facts import check_work
from services.analytics.operations.fields import BadFieldError, Plausible
from services.analytics.operations.schemas import OperationIn
from shared import outbox
from shared.auth import Principal, pseudonym
from shared.contracts.analytics import OperationRecorded
from shared.errors import InvalidInput, Language
from shared.events import Actor, Outcome, Work
from shared.ids import uuid7
from shared.money import Money


def record_operations(
    session: AsyncSession,
    items: Sequence[OperationIn],
    by: Principal,
    key: bytes,
    plausible: Plausible,
    language: Language,
) -> list[UUID]:
    """Record every item as an event; return the events' ids. Raises InvalidInput naming each bad item and field."""
    works = [(item.id or uuid7(), _work_of(item, by.tenant, key)) for item in items]
    errors = []
    for place, (event_id, work) in enumerate(works):
        try:
            check_work(event_id, work, plausible)
        except BadFieldError as error:
            field = error.field.removeprefix("work.")
            message = error.es if language == "es" else error.en
            errors.append({"at": f"body.operations.{place}.{field}", "message": message, "type": error.reason})
    if errors:
        raise InvalidInput(count=len(errors), errors=errors)
    for event_id, work in works:
        outbox.record(session, OperationRecorded(source="http"), subject=work.case, work=work, event_id=event_id)
    return [event_id for event_id, _ in works]


def _work_of(item: OperationIn, tenant: str, key: bytes) -> Work:
    name = item.actor.id
    if name is not None and item.actor.kind == "person":
        name = pseudonym(key, tenant, name)
    return Work(
        process=item.process,
        activity=item.activity,
        case=item.case,
        actor=Actor(kind=item.actor.kind, id=name, team=item.actor.team),
        requested_at=item.requested_at,
        started_at=item.started_at,
        finished_at=item.finished_at,
        outcome=Outcome(item.outcome),
        corrects=item.corrects,
        cost=Money(amount=Decimal(item.cost.amount), currency=item.cost.currency) if item.cost else None,
        estimated=item.estimated,
    )

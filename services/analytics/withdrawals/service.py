"""Taking in what other systems withdraw."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.operations.facts import BadFieldError, check_withdrawal
from services.analytics.withdrawals.schemas import WithdrawalIn
from shared import outbox
from shared.contracts.analytics import EventWithdrawn
from shared.errors import InvalidInput, Language
from shared.ids import uuid7


def record_withdrawals(session: AsyncSession, items: Sequence[WithdrawalIn], language: Language) -> list[UUID]:
    """Record every item as an event; return the events' ids. Raises InvalidInput naming each bad item and field."""
    events = [(uuid7(), EventWithdrawn(event=item.event, reason=item.reason)) for item in items]
    errors = []
    for place, (event_id, data) in enumerate(events):
        try:
            check_withdrawal(event_id, data)
        except BadFieldError as error:
            message = error.es if language == "es" else error.en
            errors.append({"at": f"body.withdrawals.{place}.{error.field}", "message": message, "type": error.reason})
    if errors:
        raise InvalidInput(count=len(errors), errors=errors)
    return [outbox.record(session, data, subject=data.event, event_id=event_id) for event_id, data in events]

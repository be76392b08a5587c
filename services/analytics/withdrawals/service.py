"""Taking in what other systems withdraw."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.withdrawals.schemas import WithdrawalIn
from shared import outbox
from shared.contracts.analytics import EventWithdrawn


def record_withdrawals(session: AsyncSession, items: Sequence[WithdrawalIn]) -> list[UUID]:
    """Record every item as an event; return the events' ids."""
    return [
        outbox.record(session, EventWithdrawn(event=item.event, reason=item.reason), subject=item.event)
        for item in items
    ]

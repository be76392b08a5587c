"""From what a log says to messages of the event log."""

from functools import lru_cache
from uuid import UUID

from services.analytics.event_logs.revision import Said, revision_of
from services.analytics.event_logs.rules import Observation, Operation, identify
from services.analytics.event_logs.schemas import ImportOrder
from services.analytics.event_logs.told import NOTHING_TOLD
from services.analytics.operations.facts import check_observation, check_work
from shared.auth import pseudonym
from shared.contracts.analytics import EventWithdrawn, ObservationRecorded, OperationRecorded
from shared.eventlog import Message
from shared.events import Actor, EventData, Work, to_message
from shared.ids import stable_id
from shared.money import Money
from shared.tracing import TraceContext

SOURCE = "event-log"
REVISED = "a later version of the log says otherwise"
_RESOURCES_KNOWN = 10_000


class Publication:
    """Makes the messages of one import. Resources become pseudonyms; machines keep their names."""

    def __init__(self, tenant: str, order: ImportOrder, pseudonym_key: bytes) -> None:
        self._tenant, self._order = tenant, order
        self._automatic = frozenset(order.automatic)
        self._trace = TraceContext.parse(order.traceparent)
        self._pseudonym = lru_cache(_RESOURCES_KNOWN)(lambda resource: pseudonym(pseudonym_key, tenant, resource))

    def say(self, item: Operation | Observation) -> Said:
        """Return what an item is published as. Raises BadFieldError, as the consumer would, for what it could not keep."""
        plausible, event = self._order.options.plausible, self._identify(item)
        if isinstance(item, Operation):
            work = self._work_of(item)
            check_work(event, work, plausible)
            start = self._identify(item.start) if item.start else None
            return Said(item, event, start, OperationRecorded(source=SOURCE), work)
        data = self._observation_of(item)
        check_observation(data, plausible)
        return Said(item, event, None, data, None)

    def message_of(self, said: Said, event_id: UUID) -> Message:
        return self._message(event_id, said.data, said.item.case, said.work)

    def withdrawal_of(self, event_id: UUID, case: str) -> Message:
        """Return the withdrawal of an event: by whoever withdraws the log, else by the log that says otherwise."""
        if self._order.withdraw is None:
            withdrawal, reason = revision_of(self._tenant, event_id), REVISED
        else:
            withdrawal, reason = stable_id("withdrawn-log", self._tenant, event_id), self._order.withdraw
        return self._message(withdrawal, EventWithdrawn(event=event_id, reason=reason), case, None)

    def _identify(self, item: Operation | Observation) -> UUID:
        return identify(self._tenant, self._order.process, item, self._actor_of(item), self._order.revision)

    def _actor_of(self, item: Operation | Observation) -> str:
        return self._pseudonym(item.resource) if item.resource else ""

    def _message(self, event_id: UUID, data: EventData, case: str, work: Work | None) -> Message:
        # Events are stamped with the moment of recording. One moment for the whole import: a resumed job publishes again.
        asked_at = self._order.asked_at
        return to_message(event_id, data, subject=case, tenant=self._tenant, at=asked_at, work=work, trace=self._trace)

    def _observation_of(self, item: Observation) -> ObservationRecorded:
        return ObservationRecorded(
            process=self._order.process,
            case=item.case,
            at=item.at,
            activity=item.activity,
            transition=item.transition,
        )

    def _work_of(self, operation: Operation) -> Work:
        told = operation.told or NOTHING_TOLD
        is_automatic = (
            operation.resource in self._automatic if told.actor_kind is None else told.actor_kind == "automation"
        )
        is_estimated = operation.started_at is None and told.estimated_start is not None
        return Work(
            process=self._order.process,
            activity=operation.activity,
            case=operation.case,
            actor=Actor(
                kind="automation" if is_automatic else "person",
                id=operation.resource if is_automatic else self._actor_of(operation) or None,
                team=operation.team,
            ),
            requested_at=told.requested_at,
            started_at=told.estimated_start if is_estimated else operation.started_at,
            finished_at=operation.finished_at,
            outcome=operation.outcome,
            cost=None
            if operation.cost is None
            else Money(amount=operation.cost, currency=told.currency or self._order.currency),
            estimated=is_estimated,
        )

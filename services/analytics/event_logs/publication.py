"""From what a log says to messages of the event log."""

from functools import lru_cache

from services.analytics.event_logs.rules import Observation, Operation, identify
from services.analytics.event_logs.schemas import ImportOrder
from services.analytics.event_logs.told import NOTHING_TOLD
from services.analytics.operations.facts import check_observation, check_work
from shared.auth import pseudonym
from shared.contracts.analytics import ObservationRecorded, OperationRecorded
from shared.eventlog import Message
from shared.events import Actor, Work, to_message
from shared.money import Money
from shared.tracing import TraceContext

SOURCE = "event-log"
_RESOURCES_KNOWN = 10_000


class Publication:
    """Makes the messages of one import. Resources become pseudonyms; machines keep their names."""

    def __init__(self, tenant: str, order: ImportOrder, pseudonym_key: bytes) -> None:
        self._tenant, self._order = tenant, order
        self._automatic = frozenset(order.automatic)
        self._trace = TraceContext.parse(order.traceparent)
        self._pseudonym = lru_cache(_RESOURCES_KNOWN)(lambda resource: pseudonym(pseudonym_key, tenant, resource))

    def message_of(self, item: Operation | Observation) -> Message:
        """Return what is to be published. Raises BadFieldError, as the consumer would, for what it could not keep."""
        plausible = self._order.options.plausible
        # Events are stamped with the moment of recording. One moment for the whole import: a resumed job publishes again.
        asked_at = self._order.asked_at
        actor = self._pseudonym(item.resource) if item.resource else ""
        event_id = identify(self._tenant, self._order.process, item, actor)
        if isinstance(item, Operation):
            data, work = OperationRecorded(source=SOURCE), self._work_of(item, actor)
            check_work(event_id, work, plausible)
            return to_message(
                event_id, data, subject=item.case, tenant=self._tenant, at=asked_at, work=work, trace=self._trace
            )
        seen = ObservationRecorded(
            process=self._order.process,
            case=item.case,
            at=item.at,
            activity=item.activity,
            transition=item.transition,
        )
        check_observation(seen, plausible)
        return to_message(event_id, seen, subject=item.case, tenant=self._tenant, at=asked_at, trace=self._trace)

    def _work_of(self, operation: Operation, actor: str) -> Work:
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
                id=operation.resource if is_automatic else actor or None,
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

"""Publishing a log case by case, so that each is compared with what is known of it before anything of it goes out."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence

from services.analytics.event_logs.publication import Publication
from services.analytics.event_logs.revision import Change, Plan, Revision, Said
from services.analytics.event_logs.rules import Observation, Operation
from services.analytics.event_logs.schemas import ImportOrder
from shared.eventlog import EventLog, Message, Position
from shared.jobs import JobContext

MAX_HELD = 10_000  # items of one case: of a longer one nothing is revised, so that memory does not grow with it
_PUBLISH_EVENTS = 2_000


class Publishing:
    """`hold` items in the order of their cases, then `publish`. Counts what changed; `withheld` is withdrawn anyway.

    Cases up to `published_before` are out already, and are only counted.
    """

    def __init__(
        self,
        publication: Publication,
        order: ImportOrder,
        job: JobContext,
        log: EventLog,
        *,
        published_before: str | None,
    ) -> None:
        self.changes: Counter[Change] = Counter()
        self.withheld = 0
        self._publication, self._log, self._withdraws = publication, log, order.withdraw is not None
        self._revision = Revision(
            job.database,
            job.tenant,
            order.process,
            asked_at=order.asked_at,
            lacking=order.missing == "withdraw",
            has_costs=order.options.cost_attribute is not None,
        )
        self._published_before = published_before
        self._held: dict[str, list[Said]] = {}
        self._too_long: str | None = None

    def hold(self, item: Operation | Observation) -> None:
        """Keep an item until its case is published. Raises BadFieldError for what cannot be."""
        self._held.setdefault(item.case, []).append(self._publication.say(item))

    async def publish(self, finished_case: str | None) -> AsyncIterator[Sequence[Position]]:
        """Publish what is held of cases up to a finished one, and of those that grow too long; yield where it went."""
        whole: dict[str, list[Said]] = {}
        parts: dict[str, list[Said]] = {}
        for case in list(self._held):
            if case == self._too_long or len(self._held[case]) > MAX_HELD:
                self._too_long = case
                parts[case] = self._held.pop(case)
            elif finished_case is not None and case <= finished_case:
                whole[case] = self._held.pop(case)
        for cases in filter(None, (whole, parts)):
            plan = (
                await self._revision.take_back(cases)
                if self._withdraws
                else await self._revision.plan(cases, whole=cases is whole)
            )
            self.changes += plan.changes
            self.withheld += plan.withheld
            messages = self._messages(plan)
            for at in range(0, len(messages), _PUBLISH_EVENTS):
                yield await self._log.publish(messages[at : at + _PUBLISH_EVENTS])

    def _messages(self, plan: Plan) -> list[Message]:
        say, withdraw, before = self._publication.message_of, self._publication.withdrawal_of, self._published_before

        def is_new(case: str) -> bool:
            return before is None or case > before

        messages = [say(said, event_id) for said, event_id in plan.publish if is_new(said.item.case)]
        return messages + [withdraw(event_id, case) for event_id, case in plan.withdraw if is_new(case)]

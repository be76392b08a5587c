"""What work a request is: who did it and since when, to be completed by the use case with what was done."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request

from shared import clock
from shared.auth import Principal, current_principal, pseudonym
from shared.errors import DomainError, refuses
from shared.events import Actor, Outcome, Work
from shared.schemas import Instant

_CLOCK_SKEW = timedelta(minutes=5)
_LONGEST = timedelta(days=31)


class ImplausibleStart(DomainError):
    code, status = "implausible-start", 422
    en = "Work-Started-At {started_at} lies in the future or more than 31 days back."
    es = "Work-Started-At {started_at} está en el futuro o hace más de 31 días."
    hint_en = "Send the moment in which the person began, with its offset from UTC, or leave the header out."
    hint_es = "Envíe el momento en que la persona empezó, con su desfase respecto a UTC, u omita la cabecera."


@dataclass(frozen=True, slots=True)
class Effort:
    """An actor at work. Without a known start the touch time is 0 and marked as estimated."""

    actor: Actor
    started_at: datetime
    finished_at: datetime
    estimated: bool

    def on(
        self,
        process: str,
        activity: str,
        case: UUID,
        *,
        outcome: Outcome = Outcome.DONE,
        requested_at: datetime | None = None,
    ) -> Work:
        """Return the work block: this effort went into `activity` of `case`, which waited since `requested_at`.

        Its moments never run backwards, though a clock may have been set back between two of its readings.
        """
        started_at = min(self.started_at, self.finished_at)
        return Work(
            process=process,
            activity=activity,
            case=str(case),
            actor=self.actor,
            requested_at=None if requested_at is None else min(requested_at, started_at),
            started_at=started_at,
            finished_at=self.finished_at,
            outcome=outcome,
            estimated=self.estimated,
        )


def actor_of(principal: Principal, key: bytes) -> Actor:
    """Return the principal as events may name it: a pseudonym for a person, its own name for a machine."""
    name = principal.id if principal.kind == "automation" else pseudonym(key, principal.tenant, principal.id)
    return Actor(kind=principal.kind, id=name, team=principal.team)


StartHeader = Annotated[
    Instant | None, Header(alias="Work-Started-At", description="When the person began this piece of work")
]


@refuses(ImplausibleStart)
async def _effort(request: Request, started_at: StartHeader = None) -> Effort:
    principal = await current_principal(request)
    key = request.app.state.runtime.settings.pseudonym_key.get_secret_value().encode()
    now = clock.now()
    if started_at is not None and not now - _LONGEST <= started_at <= now + _CLOCK_SKEW:
        raise ImplausibleStart(started_at=started_at.isoformat())
    begun = now if started_at is None else min(started_at, now)
    return Effort(actor_of(principal, key), begun, now, estimated=started_at is None)


HumanWork = Annotated[Effort, Depends(_effort)]

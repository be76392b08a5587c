"""What a log that we exported says beyond the standards, so that it comes back as the same work. Pure.

Attributes (XES, OCEL) and columns (CSV) of these names count only in a log of ours: an XES log declares the extension
by its address; nobody else has columns of such names.
"""

import re
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from services.analytics.event_logs.values import parse_stamp
from shared.events import MAX_ACTIVITY, Outcome

PREFIX = "trastienda"
URI = "https://trastienda.dev/xes/trastienda.xesext"
# By the names of the fields that readers fill.
NAMES = {
    "ACTOR_KIND": f"{PREFIX}:actor_kind",
    "OUTCOME": f"{PREFIX}:outcome",
    "REQUESTED": f"{PREFIX}:requested_at",
    "ESTIMATED_START": f"{PREFIX}:estimated_start",
    "CURRENCY": f"{PREFIX}:currency",
    "CORRECTED": f"{PREFIX}:corrected",
}
TRUE = "true"

ActorKind = Literal["person", "automation"]
_KINDS: dict[str, ActorKind] = {kind: kind for kind in get_args(ActorKind)}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_CURRENCY = re.compile("[A-Z]{3}")


class Told(NamedTuple):
    """`instance` pairs a start with its completion, which order alone does not when an activity overlaps itself."""

    instance: str | None
    actor_kind: ActorKind | None
    outcome: Outcome | None
    requested_at: datetime | None
    estimated_start: datetime | None
    currency: str | None


NOTHING_TOLD = Told(None, None, None, None, None, None)


def tell(
    instance: str | None,
    kind: str | None,
    outcome: str | None,
    requested: str | None,
    estimated: str | None,
    currency: str | None,
    corrected: str | None,
) -> Told | None:
    """Return what the texts say; what cannot be is left out.

    A correction itself is not in the log, so an operation that was corrected comes back as one with an error.
    """
    known = _OUTCOMES.get(outcome or "")
    if corrected == TRUE and known not in {Outcome.ERROR, Outcome.REWORK}:
        known = Outcome.ERROR
    told = Told(
        instance[:MAX_ACTIVITY] if instance else None,
        _KINDS.get(kind or ""),
        known,
        _moment(requested),
        _moment(estimated),
        currency if currency and _CURRENCY.fullmatch(currency) else None,
    )
    return None if told == NOTHING_TOLD else told


def _moment(text: str | None) -> datetime | None:
    found = parse_stamp(text) if text else None
    return found and found[0]

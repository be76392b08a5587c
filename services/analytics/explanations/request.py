"""What an explanation can be asked: the filters and the period of GET /analytics/kpis, and a second period."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from services.analytics.indicators.request import ActivityFilter, Moment, ProcessFilter, TeamFilter
from services.analytics.indicators.selection import Selection
from services.analytics.questions import Question, Whole
from shared.pagination import DEFAULT_LIMIT, MAX_LIMIT, InvalidCursor
from shared.validation import value_error

By = Literal["activity", "team", "actor_kind", "process"]


class ExplanationQuery(Question):
    """Filters and period as of GET /analytics/kpis; `compare_to_from` or `compare_to_to` compares with that period."""

    process: ProcessFilter = None
    activity: ActivityFilter = None
    team: TeamFilter = None
    actor_kind: Literal["person", "automation"] | None = None
    begin: Moment = Field(default=None, alias="from", description="ISO date or instant; included")
    end: Moment = Field(default=None, alias="to", description="ISO date or instant; excluded")
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] | None = Field(
        default=None, description="Which currency cost_per_operation answers in, where there are several"
    )
    details: bool = Field(default=True, description="false leaves out the digest, which needs every fact")
    cursor: Annotated[str, StringConstraints(max_length=4_096)] | None = Field(
        default=None, description="`next_cursor` of the page before"
    )
    limit: Annotated[Whole, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    compare_begin: Moment = Field(
        default=None, alias="compare_to_from", description="Begin of the earlier or other period; included"
    )
    compare_end: Moment = Field(default=None, alias="compare_to_to", description="Its end; excluded")
    by: By | None = Field(default=None, description="What moved the value: activity by default, team for satisfaction")

    @model_validator(mode="after")
    def _parts_of_a_comparison(self) -> Self:
        if self.by and not self.compares:
            raise value_error(
                "by_without_comparison",
                "parts need a second period (compare_to_from, compare_to_to)",
                "las partes necesitan un segundo periodo (compare_to_from, compare_to_to)",
            )
        return self

    @property
    def compares(self) -> bool:
        return self.compare_begin is not None or self.compare_end is not None

    def selection(self, by: By | None) -> Selection:
        return self._within(self.begin, self.end, by)

    def compared(self, by: By | None) -> Selection:
        return self._within(self.compare_begin, self.compare_end, by)

    def _within(self, begin: datetime | None, end: datetime | None, by: By | None) -> Selection:
        return Selection(
            process=self.process,
            activity=self.activity,
            team=self.team,
            actor_kind=self.actor_kind,
            begin=begin,
            end=end,
            group_by=(by,) if by else (),
            details=False,
        )


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: behind the item of this moment and key."""

    at: datetime
    key: tuple[str, ...]


def encode_cursor(last: Position, mark: str) -> str:
    """Return a cursor that only the list of the same `mark` takes."""
    at = last.at.astimezone(UTC).isoformat()
    sealed = blake2b(json.dumps([mark, at, *last.key]).encode(), digest_size=6).hexdigest()
    told = json.dumps([sealed, at, *last.key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, mark: str, *, of_cases: bool) -> Position:
    """Read a cursor of a list of cases (process, case) or operations (id). Raises InvalidCursor."""
    try:
        _, at, *key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        position = Position(datetime.fromisoformat(at), tuple(key))
        whole = encode_cursor(position, mark) == cursor and _is_key(key, of_cases=of_cases)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidCursor from error
    if not whole:
        raise InvalidCursor
    return position


def _is_key(key: Sequence[Any], *, of_cases: bool) -> bool:
    """Tell whether the database can look for it; anybody may make a cursor up."""
    if of_cases:
        texts = [part for part in key if isinstance(part, str) and "\x00" not in part]
        return len(texts) == len(key) == len(("process", "case"))
    return len(key) == 1 and str(UUID(key[0])) == key[0]

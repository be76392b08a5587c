"""What an explanation can be asked: the filters and the period of GET /analytics/kpis, and a second period."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from services.analytics.calendars.rules import WorkingTime
from services.analytics.cursors import Limit
from services.analytics.filters import OperationQuery
from services.analytics.indicators.request import AsOf, CalendarFilter, Moment, ProcessFilter
from services.analytics.indicators.selection import Selection
from shared.pagination import DEFAULT_LIMIT
from shared.validation import value_error

# A place among cases holds a process and a case, whose characters may each be written with six.
_LONGEST_CURSOR = 4_000
By = Literal["activity", "team", "actor_kind", "process"]


class ExplanationQuery(OperationQuery):
    """Filters and period as of GET /analytics/kpis; `compare_to_from` or `compare_to_to` compares with that period."""

    dates: ClassVar[tuple[str, ...]] = (*OperationQuery.dates, "as_of", "compare_to_from", "compare_to_to")

    process: ProcessFilter = None
    calendar: CalendarFilter = None
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] | None = Field(
        default=None, description="Which currency cost_per_operation answers in, where there are several"
    )
    details: bool = Field(default=True, description="false leaves out the digest, which needs every fact")
    cursor: Annotated[str, StringConstraints(max_length=_LONGEST_CURSOR)] | None = Field(
        default=None, description="`next_cursor` of the page before"
    )
    limit: Limit = DEFAULT_LIMIT
    compare_begin: Moment = Field(
        default=None, alias="compare_to_from", description="Begin of the earlier or other period; included"
    )
    compare_end: Moment = Field(default=None, alias="compare_to_to", description="Its end; excluded")
    as_of: AsOf = None
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

    def selection(self, by: By | None, working: WorkingTime | None = None) -> Selection:
        return self._within(self.begin, self.end, by, working)

    def compared(self, by: By | None, working: WorkingTime | None = None) -> Selection:
        return self._within(self.compare_begin, self.compare_end, by, working)

    def _within(
        self, begin: datetime | None, end: datetime | None, by: By | None, working: WorkingTime | None
    ) -> Selection:
        return Selection(
            process=self.process,
            activity=self.activity,
            team=self.team,
            actor_kind=self.actor_kind,
            begin=begin,
            end=end,
            group_by=(by,) if by else (),
            details=False,
            working=working,
            as_of=self.as_of,
        )

"""What an import asks for, over HTTP and in its job."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from services.analytics.event_logs.delimited import Columns
from services.analytics.event_logs.formats import Format, ReadOptions
from services.analytics.event_logs.values import StampPatternError, check_pattern
from services.analytics.operations.facts import MAX_REASON
from services.analytics.operations.fields import Plausible
from services.analytics.operations.schemas import ProcessName, Text
from services.analytics.questions import Digits
from shared.events import MAX_ACTOR
from shared.money import CurrencyCode
from shared.schemas import RequestModel, ResponseModel
from shared.validation import value_error

MAX_REVISION = 1_000_000
ColumnName = Annotated[str, Text(200)]


def _check_stamp_pattern(pattern: str) -> str:
    try:
        return check_pattern(pattern)
    except StampPatternError as error:
        raise value_error("stamp_pattern", error.en, error.es) from error


StampPattern = Annotated[str, Text(100), AfterValidator(_check_stamp_pattern)]


class ImportQuery(RequestModel):
    """How to read the log. The columns matter for CSV, where the usual names are found without them."""

    process: ProcessName = Field(description="The process whose work the log tells")
    automatic: list[Annotated[str, Text(MAX_ACTOR)]] = Field(
        default=[], max_length=1_000, description="A resource that is a machine; repeatable"
    )
    cost_attribute: ColumnName | None = Field(default=None, description="The attribute or column that holds a cost")
    currency: CurrencyCode = Field(default="EUR", description="The currency of the costs")
    format: Literal["auto", "xes", "csv", "ocel"] = Field(default="auto", description="Else told by the content")
    case_object_type: ColumnName | None = Field(
        default=None, description="Which type of object gives an OCEL's cases; needed when it has several"
    )
    case_column: ColumnName | None = None
    activity_column: ColumnName | None = None
    timestamp_column: ColumnName | None = None
    start_column: ColumnName | None = Field(default=None, description="Where one row holds both stamps")
    transition_column: ColumnName | None = None
    resource_column: ColumnName | None = None
    team_column: ColumnName | None = None
    timestamp_format: StampPattern | None = Field(
        default=None, description="How the table writes its times, e.g. %d/%m/%Y %H:%M; ISO 8601 needs none"
    )
    withdraw: Annotated[str, Text(MAX_REASON)] | None = Field(
        default=None,
        description="Import nothing, but withdraw what an import of this log with the same parameters brought; the reason",
    )
    revision: Annotated[int, Field(ge=0, le=MAX_REVISION, strict=False), Digits] = Field(
        default=0, description="Another one gives the same events other ids: to import anew what was withdrawn"
    )

    missing: Literal["keep", "withdraw"] = Field(
        default="keep",
        description="What becomes of what is known of the log's cases and not in it; withdraw: the log tells them whole",
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.withdraw is not None and self.missing != "keep":
            raise value_error(
                "missing_and_withdraw",
                "missing belongs to an import; with withdraw nothing is imported",
                "missing es propio de una importación; con withdraw no se importa nada",
            )
        return self

    def read_options(self, plausible: Plausible) -> ReadOptions:
        return ReadOptions(
            format=Format(self.format),
            cost_attribute=self.cost_attribute,
            columns=Columns(
                case=self.case_column,
                activity=self.activity_column,
                transition=self.transition_column,
                stamp=self.timestamp_column,
                started=self.start_column,
                resource=self.resource_column,
                team=self.team_column,
            ),
            stamp_pattern=self.timestamp_format,
            plausible=plausible,
            case_object_type=self.case_object_type,
        )


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """The parameters of an import's job. `traceparent` is the request's, for the events it will publish."""

    key: str
    size: int
    process: str
    automatic: list[str]
    currency: str
    options: ReadOptions
    asked_at: datetime
    traceparent: str | None
    withdraw: str | None = None
    revision: int = 0
    missing: Literal["keep", "withdraw"] = "keep"


class ImportAccepted(ResponseModel):
    """The job that does the import; Location is its address."""

    id: UUID
    kind: str
    status: str

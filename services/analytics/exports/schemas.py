"""What an export asks for, over HTTP and in its job."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.analytics.operations.schemas import ProcessName
from shared.schemas import Instant, RequestModel, ResponseModel

ExportFormat = Literal["xes", "csv", "ocel2-json", "ocel2-sqlite"]


class ExportIn(RequestModel):
    """The operations of a process that were finished in the period; without bounds, all of them."""

    process: ProcessName
    format: ExportFormat
    begin: Instant | None = Field(default=None, alias="from", description="Included")
    end: Instant | None = Field(default=None, alias="to", description="Excluded")


class ExportAccepted(ResponseModel):
    """The job that writes the file; Location is its address. Once it has succeeded, `content` gives the file."""

    id: UUID
    kind: str
    status: str
    content: str


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """The parameters of an export's job."""

    process: str
    format: ExportFormat
    begin: datetime | None
    end: datetime | None

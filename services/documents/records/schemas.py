"""What comes in and goes out of records."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, field_validator, model_validator

from services.documents.records.models import Record, RecordStatus
from shared.schemas import Day, Name, RequestModel, ResponseModel, Slug
from shared.validation import value_error

Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
Tags = Annotated[list[Tag], Field(max_length=20)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class UploadIn(RequestModel):
    """The query of an upload. `filename` wins over the one in Content-Disposition."""

    title: Name
    kind: Slug = "other"
    tags: Tags = Field(default_factory=list)
    document_date: Day | None = None
    filename: Annotated[str, StringConstraints(max_length=500)] | None = None
    duplicates: Literal["refuse", "allow"] = "refuse"


class DescriptionIn(RequestModel):
    """What to change; what is left out stays as it is. Only `document_date` can be null."""

    title: Name | None = None
    kind: Slug | None = None
    tags: Tags | None = None
    document_date: Day | None = None

    @field_validator("title", "kind", "tags")
    @classmethod
    def _present(cls, value: object) -> object:
        if value is None:
            raise value_error(
                "not_null", "leave it out to keep it; it cannot be null", "omítalo para conservarlo; no puede ser null"
            )
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise value_error("nothing_to_change", "names nothing to change", "no indica ningún cambio")
        return self

    def changes(self) -> dict[str, Any]:
        changes = self.model_dump(exclude_unset=True)
        if "tags" in changes:
            changes["tags"] = ordered_tags(changes["tags"])
        return changes


class LinkIn(RequestModel):
    lifetime_seconds: Annotated[int, Field(ge=1, le=3600)] = 300


class LinkOut(ResponseModel):
    """An address that gives the content to whoever holds it, until `expires_at`."""

    url: str
    expires_at: datetime


class RecordOut(ResponseModel):
    """A record. `size` is in bytes; `media_type` is what the content is, `declared_type` what the sender said."""

    id: UUID
    version: int
    status: RecordStatus
    title: str
    kind: str
    tags: list[str]
    document_date: date | None
    filename: str | None
    media_type: str
    declared_type: str | None
    size: int
    sha256: str
    duplicate_of: UUID | None
    stored_at: datetime


def ordered_tags(tags: list[str]) -> list[str]:
    return sorted(set(tags))


def present_record(record: Record) -> RecordOut:
    return RecordOut.model_validate(record)

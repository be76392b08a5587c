"""Request models: strict, closed, and with the types that JSON carries as text.

FastAPI validates parsed JSON, where pydantic's strict mode would refuse the text of a date or an id; the types
below take exactly that text and nothing else, so `"1.0"` is no number and `1700000000` is no date.
"""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError


def _text(value: Any) -> Any:
    if not isinstance(value, str | date | UUID):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return value


class RequestModel(BaseModel):
    """Base of everything that comes in: no coercion, no unknown names."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ResponseModel(BaseModel):
    """Base of everything that goes out. No field has a default: every field is always there."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


Day = Annotated[date, BeforeValidator(_text), Field(strict=False)]
Instant = Annotated[AwareDatetime, BeforeValidator(_text), Field(strict=False)]
Id = Annotated[UUID, BeforeValidator(_text), Field(strict=False)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


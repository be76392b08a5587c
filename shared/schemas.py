"""Request models: strict, closed, and with the types that JSON carries as text.

FastAPI validates parsed JSON, where pydantic's strict mode would refuse the text of a date or an id; the types
below take exactly that text and nothing else, so `"1.0"` is no number and neither `1700006400` nor `"1700006400"`
is a date.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError


def _text(value: Any) -> Any:
    if not isinstance(value, str | date | UUID):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return value


def whole_number(value: Any) -> Any:
    """Refuse a query's number that is not written in digits alone; pydantic would take "1.0" and " 1"."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]+", value):
        raise PydanticCustomError("int_parsing", "Input should be a whole number, in digits")
    return value


def _day(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise PydanticCustomError("date_parsing", "Input should be a date, YYYY-MM-DD")
    return _text(value)


def _instant(value: Any) -> Any:
    if isinstance(value, str) and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", value):
        raise PydanticCustomError("datetime_parsing", "Input should be an ISO 8601 date and time")
    return _text(value)


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("datetime_parsing", "Input should lie between the years 1 and 9999") from None


class RequestModel(BaseModel):
    """Base of everything that comes in: no coercion, no unknown names."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class ResponseModel(BaseModel):
    """Base of everything that goes out. No field has a default: every field is always there."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


Day = Annotated[date, BeforeValidator(_day), Field(strict=False)]
# A day of today's business: what lies beyond is a slip of the keys.
PlausibleDay = Annotated[date, Field(strict=False, ge=date(1900, 1, 1), le=date(2199, 12, 31)), BeforeValidator(_day)]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant), AfterValidator(_in_utc), Field(strict=False)]
Id = Annotated[UUID, BeforeValidator(_text), Field(strict=False)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]

"""Cursors of lists that are not ordered by an id: the last row's place in the order, opaque to callers."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from pydantic import Field

from services.analytics.questions import Digits
from shared.pagination import MAX_LIMIT, InvalidCursor

_LONGEST = 2_000  # a case's id of 200 characters, each of several bytes, and room

# What a place is made of: whatever else a cursor holds was not made here, and never reaches the database.
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]

Cursor = Annotated[str | None, Field(max_length=_LONGEST, description="`next_cursor` of the page before")]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT), Digits]


def encode_place(*place: object) -> str:
    """Return the cursor of a place: JSON values and what msgspec writes as text (instants, UUIDs)."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode_place(cursor: str, place: Any) -> Any:
    """Return what `encode_place` was given, as the tuple type `place`, moments in UTC. Raises InvalidCursor."""
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=place)
        return tuple(each.astimezone(UTC) if isinstance(each, datetime) else each for each in found)
    except (ValueError, OverflowError, binascii.Error) as error:  # msgspec's errors are ValueErrors
        raise InvalidCursor from error


def cut_page(
    rows: Sequence[Any], limit: int, place: Callable[[Any], Sequence[object]]
) -> tuple[Sequence[Any], str | None]:
    """Return the page of `limit` rows and the cursor of the next; one row more than `limit` says that there is one."""
    shown = rows[:limit]
    return shown, encode_place(*place(shown[-1])) if len(rows) > limit else None

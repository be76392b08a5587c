"""Cursors of lists that are not ordered by an id: the last row's place in the order, opaque to callers."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from pydantic import Field

from shared.pagination import MAX_LIMIT, InvalidCursor

_LONGEST = 2_000  # a case's id of 200 characters, each of several bytes, and room

Cursor = Annotated[str | None, Field(max_length=_LONGEST, description="`next_cursor` of the page before")]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]


def encode_place(*place: object) -> str:
    """Return the cursor of a place: JSON values and what msgspec writes as text (instants, UUIDs)."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode_place(cursor: str, place: type[Sequence[Any]]) -> Any:
    """Return what `encode_place` was given, as the tuple type `place`. Raises InvalidCursor."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=place)
    except (ValueError, binascii.Error) as error:  # msgspec's errors are ValueErrors
        raise InvalidCursor from error


def cut_page(
    rows: Sequence[Any], limit: int, place: Callable[[Any], Sequence[object]]
) -> tuple[Sequence[Any], str | None]:
    """Return the page of `limit` rows and the cursor of the next; one row more than `limit` says that there is one."""
    shown = rows[:limit]
    return shown, encode_place(*place(shown[-1])) if len(rows) > limit else None

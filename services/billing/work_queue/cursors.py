"""Cursors of the queue, which is ordered by day and id: the last item's place in it, opaque to callers."""

import base64
from datetime import date
from uuid import UUID

import msgspec

from shared.pagination import InvalidCursor

Place = tuple[date, UUID]


def encode_place(due_by: date, item_id: UUID) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((due_by, item_id))).decode().rstrip("=")


def decode_place(cursor: str) -> Place:
    """Return what `encode_place` was given. Raises InvalidCursor."""
    try:
        place: Place = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=Place)
    except ValueError as error:  # what base64 and msgspec raise are ValueErrors
        raise InvalidCursor from error
    return place

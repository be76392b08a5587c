"""Cursor pages: newest first by time-ordered id; a cursor is the last id with the mark of its list, opaque to callers."""

import base64
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from shared.errors import DomainError
from shared.schemas import whole_number

Row = TypeVar("Row")
Out = TypeVar("Out")
DEFAULT_LIMIT, MAX_LIMIT = 50, 200


class InvalidCursor(DomainError):
    code, status = "invalid-cursor", 422
    en = "The cursor was not made by this list."
    es = "El cursor no procede de esta lista."
    hint_en = "Take `next_cursor` of the last page as it is, or leave `cursor` out to begin."
    hint_es = "Use `next_cursor` de la última página tal cual, u omita `cursor` para empezar."


class Page(BaseModel, Generic[Out]):
    """One page; `next_cursor` is null on the last."""

    model_config = ConfigDict(frozen=True)

    items: list[Out]
    next_cursor: str | None


class PageRequest:
    """Where to begin and how many to give."""

    refusals = (InvalidCursor,)

    def __init__(
        self,
        request: Request,
        cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before")] = None,
        limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(whole_number), Query()] = DEFAULT_LIMIT,
    ) -> None:
        self.path = request.url.path
        self.after = None if cursor is None else _decode(cursor, self.path)
        self.limit = limit


PageOf = Annotated[PageRequest, Depends()]


def _encode(last: UUID, path: str) -> str:
    mark = blake2b(last.bytes + path.encode(), digest_size=5).digest()
    return base64.urlsafe_b64encode(last.bytes + mark).decode()  # 21 bytes need no padding


def _decode(cursor: str, path: str) -> UUID:
    try:
        last = UUID(bytes=base64.urlsafe_b64decode(cursor)[:16])
    except ValueError as error:
        raise InvalidCursor from error
    if _encode(last, path) != cursor:
        raise InvalidCursor
    return last


async def fetch_page(
    session: AsyncSession,
    query: Select[Row],
    key: InstrumentedAttribute[UUID],
    page: PageRequest,
    present: Callable[[Row], Out],
) -> Page[Out]:
    """Run `query` newest first by `key` (a UUIDv7 column named `id`) and return one page of it."""
    if page.after is not None:
        query = query.where(key < page.after)
    rows: Sequence[Any] = (await session.scalars(query.order_by(key.desc()).limit(page.limit + 1))).all()
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page(items=[present(row) for row in shown], next_cursor=_encode(shown[-1].id, page.path) if more else None)

"""A file that arrives over HTTP, up to its place in the validators' line."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Request

from services.billing.einvoices.errors import AT_THE_DOOR, ValidatorsBusy
from services.billing.einvoices.pool import Validators
from services.billing.settings import BillingSettings
from shared import clock
from shared.errors import BodyTooLarge, IncompleteBody, Language, preferred_language, refuses
from shared.routing import STREAMS
from shared.transfers import patient

_SLOWEST = 16_000  # bytes per second on average, once a request's ordinary time is over
_BINARY = {"schema": {"type": "string", "format": "binary"}}
FILE_BODY: dict[str, Any] = STREAMS | {
    "requestBody": {
        "required": True,
        "description": "The file as it was received; what it is shows in its bytes, whatever the type says.",
        "content": dict.fromkeys(
            ("application/xml", "text/xml", "application/pdf", "application/octet-stream"), _BINARY
        ),
    }
}
FILE_REFUSALS = (*AT_THE_DOOR.values(), ValidatorsBusy, BodyTooLarge, IncompleteBody)


async def _language(
    accept_language: Annotated[str | None, Header(description="`en` or `es`; English by default")] = None,
) -> Language:
    return preferred_language(accept_language)


LanguageOf = Annotated[Language, Depends(_language)]


@dataclass(frozen=True, slots=True)
class Body:
    """A body that is here as a whole. `begun_at` is when it began to arrive."""

    content: bytes
    begun_at: datetime


class BodyRoom:
    """Memory for bodies, on their way and here: a sender has as much of it as it has sent."""

    def __init__(self, most: int) -> None:
        self._left = most

    @contextmanager
    def for_one(self) -> Iterator[Callable[[int], None]]:
        """Give what takes room for so many bytes more, to the end of the block. It raises ValidatorsBusy."""
        taken = 0

        def take(size: int) -> None:
            nonlocal taken
            if size > self._left:
                raise ValidatorsBusy
            self._left -= size
            taken += size

        try:
            yield take
        finally:
            self._left += taken


@asynccontextmanager
async def admitted(request: Request, place: AbstractContextManager[None]) -> AsyncIterator[Body]:
    """Wait for the whole body, however slowly it comes, then hold a place among the few files that are here at once.

    Raises BodyTooLarge, IncompleteBody, ValidatorsBusy.
    """
    begun_at = clock.now()
    with cast("BodyRoom", request.app.state.body_room).for_one() as take:
        content = await _read(request, take)
        with place:
            yield Body(content, begun_at)


@refuses(ValidatorsBusy)
async def _file(request: Request) -> AsyncIterator[Body]:
    async with admitted(request, validators_of(request).admission()) as body:
        yield body


@refuses(ValidatorsBusy)
async def _document(request: Request) -> AsyncIterator[Body]:
    async with admitted(request, validators_of(request).document_admission()) as body:
        yield body


AdmittedFile = Annotated[Body, Depends(_file, scope="function")]
"""The body, with its place until the request's work is done."""

AdmittedDocument = Annotated[Body, Depends(_document, scope="function")]
"""The same of a plain document, which leaves places to electronic invoices."""


def validators_of(request: Request) -> Validators:
    return cast("Validators", request.app.state.validators)


async def _read(request: Request, take: Callable[[int], None]) -> bytes:
    """Return the body. Raises BodyTooLarge, IncompleteBody for a sender who falls silent or is all too slow."""
    settings = cast("BillingSettings", request.app.state.runtime.settings)
    body = bytearray()
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > settings.einvoice_bytes:
        raise BodyTooLarge(limit=settings.einvoice_bytes)
    hurried_from = monotonic() + settings.request_timeout
    async for chunk in patient(request.stream(), settings.request_timeout):
        take(len(chunk))
        body += chunk
        if len(body) > settings.einvoice_bytes:
            raise BodyTooLarge(limit=settings.einvoice_bytes)
        if len(body) < (monotonic() - hurried_from) * _SLOWEST:
            raise IncompleteBody
    return bytes(body)

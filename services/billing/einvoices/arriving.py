"""A file that arrives over HTTP, up to the validators' answer about it."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Request

from services.billing.einvoices.errors import AT_THE_DOOR, ValidatorsBusy
from services.billing.einvoices.pool import Validators
from services.billing.einvoices.verdicts import Judged
from services.billing.settings import BillingSettings
from shared.errors import BodyTooLarge, IncompleteBody, Language, preferred_language, refuses
from shared.routing import STREAMS
from shared.transfers import patient

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


@refuses(ValidatorsBusy)
async def _admitted(request: Request) -> AsyncIterator[None]:
    with validators_of(request).admission():
        yield


Admitted: Any = Depends(_admitted, scope="function")
"""A place among the few files that are here at once: before a body is read, until the request's work is done."""


@refuses(ValidatorsBusy)
async def _document_admitted(request: Request) -> AsyncIterator[None]:
    with validators_of(request).document_admission():
        yield


DocumentAdmitted: Any = Depends(_document_admitted, scope="function")
"""The same for a plain document, which leaves places to electronic invoices."""


def validators_of(request: Request) -> Validators:
    return cast("Validators", request.app.state.validators)


async def judge_body(request: Request, *, read: bool = False) -> tuple[bytes, Judged]:
    """Return the body and what is found in it, with `read` also what it says. Raises FILE_REFUSALS."""
    content = await read_body(request)
    return content, await validators_of(request).judge(content, read=read)


async def read_body(request: Request) -> bytes:
    """Return the body. Raises BodyTooLarge, IncompleteBody for a sender who falls silent."""
    settings = cast("BillingSettings", request.app.state.runtime.settings)
    body = bytearray()
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > settings.einvoice_bytes:
        raise BodyTooLarge(limit=settings.einvoice_bytes)
    async for chunk in patient(request.stream(), settings.request_timeout):
        body += chunk
        if len(body) > settings.einvoice_bytes:
            raise BodyTooLarge(limit=settings.einvoice_bytes)
    return bytes(body)

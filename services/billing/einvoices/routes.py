"""HTTP of electronic invoices."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, cast

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response

from services.billing.einvoices.errors import AT_THE_DOOR, ValidatorsBusy
from services.billing.einvoices.pool import Validators
from services.billing.einvoices.rule_sets import check_rule_sets
from services.billing.einvoices.schemas import ReportOut, present_report
from services.billing.settings import BillingSettings
from shared.auth import Principal, requires
from shared.errors import BodyTooLarge, Language, preferred_language, problems
from shared.routing import STREAMS, ServiceRoute
from shared.transfers import patient

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "The file as it was received; what it is shows in its bytes, whatever the type says.",
        "content": dict.fromkeys(
            ("application/xml", "text/xml", "application/pdf", "application/octet-stream"), _BINARY
        ),
    }
}


@asynccontextmanager
async def _validators_running(app: FastAPI) -> AsyncIterator[None]:
    """Run the validators as long as the service answers. Raises RuleSetError when a rule set is not the one agreed on."""
    check_rule_sets()
    settings = cast("BillingSettings", app.state.runtime.settings)
    async with Validators(settings.pool_limits, settings.document_limits).running() as validators:
        app.state.validators = validators
        yield


router = APIRouter(
    prefix="/billing/validations", tags=["validations"], route_class=ServiceRoute, lifespan=_validators_running
)

CanValidate = Annotated[Principal, requires("billing.validations:write")]


async def _language(
    accept_language: Annotated[str | None, Header(description="`en` or `es`; English by default")] = None,
) -> Language:
    return preferred_language(accept_language)


async def _read_body(request: Request, settings: BillingSettings) -> bytes:
    """Return the body. Raises BodyTooLarge, IncompleteBody for a sender who falls silent."""
    body = bytearray()
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > settings.einvoice_bytes:
        raise BodyTooLarge(limit=settings.einvoice_bytes)
    async for chunk in patient(request.stream(), settings.request_timeout):
        body += chunk
        if len(body) > settings.einvoice_bytes:
            raise BodyTooLarge(limit=settings.einvoice_bytes)
    return bytes(body)


@router.post("", responses=problems(*AT_THE_DOOR.values(), ValidatorsBusy), openapi_extra={**STREAMS, **_BODY})
async def validate(
    request: Request, response: Response, _by: CanValidate, language: Annotated[Language, Depends(_language)]
) -> ReportOut:
    """Judge an invoice file: UBL 2.1, CII or a Factur-X/ZUGFeRD PDF, by schema, official EN 16931 rules and our own.

    Facturae 3.2, 3.2.1 and 3.2.2 are judged by schema and our own rules; signatures are not verified.
    Nothing is stored, so that repeating is harmless and no Idempotency-Key is needed.
    """
    settings = cast("BillingSettings", request.app.state.runtime.settings)
    validators = cast("Validators", request.app.state.validators)
    with validators.admission():
        content = await _read_body(request, settings)
        judged = await validators.judge(content)
    response.headers["Content-Language"] = language
    return present_report(judged, hashlib.sha256(content).hexdigest(), language)

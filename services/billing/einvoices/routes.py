"""HTTP of electronic invoices."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, cast

from fastapi import APIRouter, FastAPI, Request, Response

from services.billing.einvoices.arriving import (
    FILE_BODY,
    FILE_REFUSALS,
    AdmittedFile,
    BodyRoom,
    LanguageOf,
    validators_of,
)
from services.billing.einvoices.pool import Validators
from services.billing.einvoices.rule_sets import check_rule_sets
from services.billing.einvoices.schemas import ReportOut, present_report
from services.billing.settings import BillingSettings
from shared.auth import Principal, requires
from shared.errors import problems
from shared.routing import ServiceRoute


@asynccontextmanager
async def _validators_running(app: FastAPI) -> AsyncIterator[None]:
    """Run the validators as long as the service answers. Raises RuleSetError when a rule set is not the one agreed on."""
    check_rule_sets()
    settings = cast("BillingSettings", app.state.runtime.settings)
    async with Validators(settings.pool_limits, settings.document_limits).running() as validators:
        app.state.validators = validators
        app.state.body_room = BodyRoom(settings.validator_waiting * settings.einvoice_bytes)
        yield


router = APIRouter(
    prefix="/billing/validations", tags=["validations"], route_class=ServiceRoute, lifespan=_validators_running
)

CanValidate = Annotated[Principal, requires("billing.validations:write")]


@router.post("", responses=problems(*FILE_REFUSALS), openapi_extra=FILE_BODY)
async def validate(
    request: Request, response: Response, _by: CanValidate, body: AdmittedFile, language: LanguageOf
) -> ReportOut:
    """Judge an invoice file: UBL 2.1, CII or a Factur-X/ZUGFeRD PDF, by schema, official EN 16931 rules and our own.

    Facturae 3.2, 3.2.1 and 3.2.2 are judged by schema and our own rules; signatures are not verified.
    Nothing is stored, so that repeating is harmless and no Idempotency-Key is needed.
    """
    judged = await validators_of(request).judge(body.content)
    response.headers["Content-Language"] = language
    return present_report(judged, hashlib.sha256(body.content).hexdigest(), language)

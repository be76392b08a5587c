"""HTTP of renderings."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response

from services.billing.einvoices.arriving import FILE_BODY, FILE_REFUSALS, LanguageOf, admitted, validators_of
from services.billing.intake.errors import UnreadInvoice
from services.billing.rendering import queries
from services.billing.rendering.errors import NoSuchFormat, RendererLost, RenderersBusy, RenderingTooLarge
from services.billing.rendering.html import POLICY
from services.billing.rendering.messages import Order, RenderingFormat
from services.billing.rendering.pool import Renderers
from services.billing.rendering.rules import preferred_format
from services.billing.rendering.standing import About, OriginalFile
from services.billing.settings import BillingSettings
from shared.auth import Principal, requires
from shared.db import ReadSession
from shared.errors import Language, NotFound, problems, refuses
from shared.routing import STREAMS, ServiceRoute


@asynccontextmanager
async def _renderers_running(app: FastAPI) -> AsyncIterator[None]:
    settings = cast("BillingSettings", app.state.runtime.settings)
    async with Renderers(settings.renderer_limits).running() as renderers:
        app.state.renderers = renderers
        yield


router = APIRouter(prefix="/billing", tags=["renderings"], route_class=ServiceRoute, lifespan=_renderers_running)

CanRead = Annotated[Principal, requires("billing.invoices:read")]
CanValidate = Annotated[Principal, requires("billing.validations:write")]
_MEDIA: Mapping[RenderingFormat, str] = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_DRAWN: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The rendering, in the language of Content-Language",
        "content": {"text/html": {"schema": {"type": "string"}}, "application/pdf": _BINARY},
    }
}
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The rendering is the one that If-None-Match names"}
}
_REFUSALS = (NoSuchFormat, RenderingTooLarge, RenderersBusy, RendererLost)
# Nothing runs, nothing is fetched, and nobody's page has it as a part of itself. Browsers show no PDF in a sandbox.
_POLICIES: Mapping[RenderingFormat, str] = {
    "html": f"{POLICY}; frame-ancestors 'none'; sandbox",
    "pdf": "frame-ancestors 'none'",
}


class RenderingResponse(Response):
    """HTML or PDF, as OpenAPI shows them."""

    media_type = None


@refuses(NoSuchFormat)
async def _format(
    asked: Annotated[
        RenderingFormat | None, Query(alias="format", description="Counts more than Accept; HTML when neither says")
    ] = None,
    accept: Annotated[str | None, Header(description="`text/html` or `application/pdf`")] = None,
) -> RenderingFormat:
    form = asked or preferred_format(accept)
    if form is None:
        raise NoSuchFormat
    return form


async def _language(
    by_header: LanguageOf,
    language: Annotated[Language | None, Query(description="Counts more than Accept-Language")] = None,
) -> Language:
    return language or by_header


FormatOf = Annotated[RenderingFormat, Depends(_format)]
RenderedLanguage = Annotated[Language, Depends(_language)]


async def _order(invoice_id: UUID, session: ReadSession, form: FormatOf, language: RenderedLanguage) -> Order:
    """Read what is drawn and give the connection back before a renderer is asked."""
    order = await queries.order_invoice(session, invoice_id, form, language)
    await session.close()
    return order


@router.get(
    "/invoices/{invoice_id}/rendering",
    openapi_extra=STREAMS,  # a renderer's time is limited by itself
    response_class=RenderingResponse,
    responses=problems(NotFound, *_REFUSALS, declared=_DRAWN | _NOT_MODIFIED),
)
async def render_invoice(
    request: Request,
    _by: CanRead,
    order: Annotated[Order, Depends(_order)],
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """Show an invoice on file as a page, whatever it came as: HTML or PDF, in English or Spanish.

    Figures are the document's own. The page says where the invoice stands, the verdict on it, and which file is the
    original, by its SHA-256: the page is for reading, the original is the legal document.
    """
    etag = f'"{hashlib.sha256(msgspec.msgpack.encode(order)).hexdigest()[:32]}-{_VERSION}"'
    if _matches(if_none_match, etag):
        return RenderingResponse(None, 304, _headers(order, etag))
    content = await _renderers_of(request).draw(order)
    return RenderingResponse(content, 200, _headers(order, etag))


_VERSION = "1"  # another one when the same invoice is drawn otherwise


@router.post(
    "/renderings",
    response_class=RenderingResponse,
    responses=problems(*FILE_REFUSALS, UnreadInvoice, *_REFUSALS, declared=_DRAWN),
    openapi_extra=FILE_BODY,
)
async def render_file(request: Request, _by: CanValidate, form: FormatOf, language: RenderedLanguage) -> Response:
    """Show an invoice file as a page, without putting it on file: UBL 2.1, CII, Facturae or a Factur-X/ZUGFeRD PDF.

    It passes the same door and is judged as by POST /billing/validations; the page tells the verdict. Nothing is stored,
    so that repeating is harmless and no Idempotency-Key is needed.
    """
    validators = validators_of(request)
    async with admitted(
        request, validators.admission()
    ) as body:  # the place is given back before it waits for a renderer
        judged = await validators.judge(body.content, read=True)
    if judged.canonical is None:
        stage = next((stage for stage in judged.stages if not stage.ran), None)
        raise UnreadInvoice(obstacle=stage and stage.obstacle, reason=stage and stage.detail)
    sha256 = hashlib.sha256(body.content).hexdigest()
    original = OriginalFile(sha256=sha256, format=judged.format, attachment=judged.attachment)
    about = About(origin="unfiled", judgement=queries.judgement_of(judged), original=original)
    order = Order(format=form, language=language, invoice=judged.canonical, about=about)
    drawn = await _renderers_of(request).draw(order)
    return RenderingResponse(drawn, 200, _headers(order) | {"Cache-Control": "no-store"})


def _renderers_of(request: Request) -> Renderers:
    return cast("Renderers", request.app.state.renderers)


def _headers(order: Order, etag: str | None = None) -> dict[str, str]:
    name = order.about.invoice_id or "invoice"
    return {
        "Content-Type": _MEDIA[order.format],
        "Content-Language": order.language,
        "Content-Disposition": f'inline; filename="{name}.{order.language}.{order.format}"',
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Accept-Language",
        "Content-Security-Policy": _POLICIES[order.format],
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        **({} if etag is None else {"ETag": etag}),
    }


def _matches(header: str | None, etag: str) -> bool:
    """Tell whether If-None-Match names this ETag; weakly, as RFC 9110 13.1.2 has it."""
    tags = {tag.strip().removeprefix("W/") for tag in (header or "").split(",")}
    return bool(tags & {etag, "*"})

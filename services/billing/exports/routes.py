"""HTTP of exports."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.billing.exports.accepting import accepted_format
from services.billing.exports.delimited import CsvWriter
from services.billing.exports.errors import DialectOfCsv, ExportsBusy, ExportTooLarge, NoSuchFormat
from services.billing.exports.files import Wanted, begin_export
from services.billing.exports.schemas import ExportQuery, Format
from services.billing.exports.workbook import XlsxWriter
from shared import clock
from shared.app import Runtime
from shared.auth import Principal, requires
from shared.errors import problems
from shared.routing import STREAMS, ServiceRoute

router = APIRouter(prefix="/billing/invoices", tags=["exports"], route_class=ServiceRoute)

CanRead = Annotated[Principal, requires("billing.invoices:read")]
_WRITERS: Mapping[Format, type[CsvWriter | XlsxWriter]] = {"csv": CsvWriter, "xlsx": XlsxWriter}
_FILE = {"schema": {"type": "string", "format": "binary"}}
_ANSWERS: Mapping[int | str, dict[str, Any]] = {
    200: {"content": {writer.media_type.partition(";")[0]: _FILE for writer in _WRITERS.values()}}
}


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses=problems(NoSuchFormat, DialectOfCsv, ExportTooLarge, ExportsBusy, declared=_ANSWERS),
    openapi_extra=STREAMS,
)
async def export(
    request: Request,
    by: CanRead,
    asked: Annotated[ExportQuery, Query()],
    accept: Annotated[str | None, Header()] = None,
) -> Response:
    """Send what the list shows under the same filters as CSV or XLSX, as of one moment: a row per invoice, line or VAT rate.

    Amounts are exact: in XLSX one of more than 15 digits is a text, since a spreadsheet's number has no more. Moments are
    UTC. In CSV an apostrophe stands before a text that could begin a formula. A file has at most 100,000 rows.
    """
    kind = asked.format or accepted_format(accept)
    if kind == "xlsx" and asked.dialect is not None:
        raise DialectOfCsv
    today = clock.now().date()
    runtime: Runtime = request.app.state.runtime
    exported = await begin_export(runtime.database, Wanted(by.tenant, asked, kind, today))
    headers = {
        "Content-Type": _WRITERS[kind].media_type,
        **({} if exported.size is None else {"Content-Length": str(exported.size)}),
        "Content-Disposition": f'attachment; filename="{asked.rows}-{today}.{kind}"',
        "Cache-Control": "private, no-store",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(exported.send(), headers=headers)

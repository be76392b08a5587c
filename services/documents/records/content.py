"""Answers that carry a record's content, or say about it what HTTP wants to know."""

import base64
from collections.abc import Mapping

from fastapi import Response
from fastapi.responses import StreamingResponse

from services.documents.records.headers import Span, content_disposition, matches, parse_range
from services.documents.records.models import Record
from shared.storage import ObjectStore
from shared.transfers import begun


class ContentResponse(StreamingResponse):
    """Some media type's bytes, as OpenAPI shows them."""

    media_type = "application/octet-stream"


def etag_of(record: Record) -> str:
    """Return the content's validator: its hash, so that equal content is equal for every cache."""
    return f'"{record.sha256}"'


def disposition_of(record: Record) -> str:
    return content_disposition(record.filename or record.title)


def headers_of(record: Record) -> dict[str, str]:
    """Return what is true of the content whatever part of it is sent.

    Browsers are to save it and neither to guess another type nor to run anything in it.
    """
    return {
        "Content-Type": record.media_type,
        "Content-Disposition": disposition_of(record),
        "ETag": etag_of(record),
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(record.sha256)).decode()}:",
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


def describe_content(record: Record, requested: Mapping[str, str]) -> Response:
    """Answer HEAD."""
    if matches(requested.get("if-none-match"), etag_of(record)):
        return _not_modified(record)
    return Response(None, 200, headers_of(record) | {"Content-Length": str(record.size)})


async def send_content(store: ObjectStore, record: Record, requested: Mapping[str, str]) -> Response:
    """Answer GET: all of the content, the range asked for, or 304. Raises RangeNotSatisfiable."""
    if matches(requested.get("if-none-match"), etag_of(record)):
        return _not_modified(record)
    is_same = requested.get("if-range", etag_of(record)) == etag_of(record)
    part = parse_range(requested.get("range"), record.size) if is_same else None
    span = part or Span(0, record.size)
    headers = headers_of(record) | {"Content-Length": str(span.length)}
    if part is not None:
        headers["Content-Range"] = part.of(record.size)
    body = await begun(store.open(record.object_key, span.start, span.length))
    return ContentResponse(body, 206 if part else 200, headers)


def _not_modified(record: Record) -> Response:
    kept = ("ETag", "Cache-Control")
    return Response(None, 304, {name: value for name, value in headers_of(record).items() if name in kept})

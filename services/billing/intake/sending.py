"""How an original goes out: the very bytes, to be saved and neither guessed at nor run."""

import base64
from dataclasses import dataclass
from uuid import UUID

from fastapi import Response
from fastapi.responses import StreamingResponse

from shared.app import Runtime
from shared.transfers import begun


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An original in the store; `id` is that of the invoice or draft whose it is."""

    id: UUID
    object_key: str
    media_type: str
    size: int
    sha256: str


class OriginalResponse(StreamingResponse):
    """Some media type's bytes, as OpenAPI shows them."""

    media_type = "application/octet-stream"


async def send_original(runtime: Runtime, file: StoredFile) -> Response:
    """Return the answer with the file's bytes. Raises StoreUnavailableError."""
    headers = {
        "Content-Type": file.media_type,
        "Content-Length": str(file.size),
        "Content-Disposition": f'attachment; filename="{file.id}.{file.media_type.rpartition("/")[2]}"',
        "ETag": f'"{file.sha256}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(file.sha256)).decode()}:",
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    body = await begun(runtime.store.open(file.object_key, 0, file.size))
    return OriginalResponse(body, 200, headers)

"""Content on its way: a body as it arrives, and the blocking halves of the S3 store, made for threads."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable

from minio import Minio
from minio.datatypes import Part
from urllib3.response import BaseHTTPResponse

from shared.errors import IncompleteBody

_CHUNK = 1024 * 1024
_HEAD = 4096  # enough for every signature


async def patient(body: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """Pass the body on; a sender silent for longer counts as gone. Raises IncompleteBody."""
    while True:
        try:
            async with asyncio.timeout(seconds):
                chunk = await anext(body)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise IncompleteBody from error
        yield chunk


async def begun(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Wait for the first bytes, so that a store that is away is answered as such and not by a broken answer."""
    first = await anext(content)

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for chunk in content:
            yield chunk

    return whole()


class Upload:
    """An object on its way, in the hands of one thread at a time. What is aborted before `finish` never comes to be."""

    def __init__(self, client: Minio, bucket: str, key: str) -> None:
        self._client, self._where = client, (bucket, key)
        self._lock = threading.Lock()
        self._upload_id: str | None = None
        self._parts: list[Part] = []
        self._aborted = False
        self._digest = hashlib.sha256()
        self._size = 0
        self._head = b""

    # The SDK's own `put_object` reads its source in a thread that waits for the sender. What it is made of has no
    # underscore-free name.

    def add(self, gathered: bytearray) -> None:
        """Send a part that others follow."""
        with self._lock:
            if self._aborted:
                return
            data = self._seen(gathered)
            if self._upload_id is None:
                self._upload_id = self._client._create_multipart_upload(*self._where, _headers())  # noqa: SLF001
            self._send(data, self._upload_id)

    def finish(self, gathered: bytearray) -> tuple[str, int, bytes]:
        """Send the last part, or all there is: now the object comes into being. Return SHA-256, size and first bytes."""
        with self._lock:
            data = self._seen(gathered)
            if self._aborted:
                raise BrokenPipeError("the upload was given up")
            if self._upload_id is None:
                self._client._put_object(*self._where, data, _headers())  # noqa: SLF001
            else:
                self._send(data, self._upload_id)
                self._client._complete_multipart_upload(*self._where, self._upload_id, self._parts)  # noqa: SLF001
            return self._digest.hexdigest(), self._size, self._head

    def abort(self) -> None:
        """Have the store forget the parts; waits for the one that is being sent."""
        with self._lock:
            self._aborted = True
            if self._upload_id is not None:
                self._client._abort_multipart_upload(*self._where, self._upload_id)  # noqa: SLF001

    def _send(self, data: bytes, upload_id: str) -> None:
        number = len(self._parts) + 1
        etag = self._client._upload_part(*self._where, data, None, upload_id, number)  # noqa: SLF001
        self._parts.append(Part(number, etag))

    def _seen(self, gathered: bytearray) -> bytes:
        self._digest.update(gathered)
        self._size += len(gathered)
        self._head = self._head or bytes(gathered[:_HEAD])
        return bytes(gathered)


def _headers() -> dict[str, str | list[str] | tuple[str]]:
    return {"Content-Type": "application/octet-stream"}


class Download:
    """The store's answer, in the hands of one thread at a time.

    Closed while another thread reads from it, the SDK's pool would take back a connection with the rest of the
    content in it, and give that to the next request as its answer.
    """

    def __init__(self, request: Callable[[], BaseHTTPResponse]) -> None:
        self._request = request
        self._answer: BaseHTTPResponse | None = None
        self._lock = threading.Lock()
        self._closed = False

    def read(self) -> bytes:
        """Return the next bytes, none at the end; asks the store when called first."""
        with self._lock:
            if self._closed:
                return b""
            self._answer = self._answer or self._request()
            return self._answer.read(_CHUNK)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._answer is not None:
                self._answer.close()
                self._answer.release_conn()

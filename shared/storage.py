"""The object store: a small port and its S3 adapter. Uploads stream; a body is never whole in memory."""

import asyncio
import hashlib
import queue
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, BinaryIO, Protocol, cast
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import S3Error
from urllib3.response import BaseHTTPResponse

_CHUNK = 1024 * 1024
_PART_SIZE = 8 * 1024 * 1024
_BUFFER = 4 * 1024 * 1024
_FULL_S = 0.005
_THREADS = 32  # each upload holds one until its sender is done


@dataclass(frozen=True, slots=True)
class Stored:
    """What arrived: SHA-256 (hex), size in bytes, and the first bytes for telling the media type."""

    sha256: str
    size: int
    head: bytes


class ObjectNotFoundError(LookupError):
    """The store has no such object."""


class StoreUnavailableError(Exception):
    """The store cannot be reached or refuses to work now."""


class ObjectStore(Protocol):
    """Objects by key. Every method raises StoreUnavailableError when the store is away."""

    async def put(self, key: str, body: AsyncIterator[bytes]) -> Stored: ...

    def open(self, key: str, start: int, length: int) -> AsyncIterator[bytes]: ...

    async def delete(self, key: str) -> None: ...

    async def abandon(self, key: str) -> None: ...

    async def delete_prefix(self, prefix: str) -> int: ...

    async def presigned_url(self, key: str, lifetime: timedelta, disposition: str, media_type: str) -> str: ...

    async def ping(self) -> None: ...

    async def prepare(self) -> None: ...


class _Pipe:
    """A bounded pipe from the event loop to the SDK's thread; hashes what passes.

    `_fed` is written by the loop alone and `size` by the thread alone, so their difference needs no lock.
    """

    def __init__(self) -> None:
        self._chunks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._rest = b""
        self._ended = False
        self._fed = 0
        self.digest = hashlib.sha256()
        self.size = 0
        self.head = b""
        self.broken = threading.Event()

    async def feed(self, chunk: bytes) -> None:
        """Add a chunk; waits, off any thread, while the store is slower than the sender."""
        while self._fed - self.size >= _BUFFER and not self.broken.is_set():  # noqa: ASYNC110 - a thread is on the other side
            await asyncio.sleep(_FULL_S)
        self._fed += len(chunk)
        self._chunks.put(chunk)

    def end(self, *, abort: bool = False) -> None:
        self._chunks.put(_ABORT if abort else b"")

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, less only at the end: the SDK would copy a part again for every chunk."""
        parts, missing = [], size
        while missing and (chunk := self._rest or self._next()):
            parts.append(chunk[:missing])
            self._rest = chunk[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)

    def _next(self) -> bytes:
        if self._ended:
            return b""
        chunk = self._chunks.get()
        if chunk is _ABORT:
            raise BrokenPipeError("the sender gave up")
        self._ended = not chunk
        self.digest.update(chunk)
        self.size += len(chunk)
        if len(self.head) < 4096:  # noqa: PLR2004 - enough for every signature
            self.head += chunk[: 4096 - len(self.head)]
        return chunk


_ABORT = b"\0abort"


class _Download:
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


class S3Store:
    """Any S3 through the `minio` SDK, which is synchronous: it runs in threads."""

    def __init__(self, endpoint: str, access_key: str, secret_key: str, bucket: str, region: str) -> None:
        address = urlsplit(endpoint if "//" in endpoint else f"http://{endpoint}")
        self._pool = urllib3.PoolManager(
            maxsize=16, timeout=urllib3.Timeout(connect=5, read=60), retries=urllib3.Retry(1, status=0)
        )
        self._client = Minio(
            address.netloc,
            access_key=access_key,
            secret_key=secret_key,
            secure=address.scheme == "https",
            region=region,
            http_client=self._pool,
        )
        self.bucket = bucket
        self._threads = ThreadPoolExecutor(_THREADS, "object-store")

    async def prepare(self) -> None:
        """Create the bucket when it is not there."""
        if not await _call(self._client.bucket_exists, self.bucket):
            try:
                await _call(self._client.make_bucket, self.bucket)
            except S3Error as error:
                if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                    raise

    async def put(self, key: str, body: AsyncIterator[bytes]) -> Stored:
        """Stream `body` into an object. When the body breaks off, the object does not come into being."""
        pipe = _Pipe()
        loop = asyncio.get_running_loop()
        upload = loop.run_in_executor(self._threads, self._upload, key, pipe)
        try:
            async for chunk in body:
                for start in range(0, len(chunk), _CHUNK):
                    await pipe.feed(chunk[start : start + _CHUNK])
                if pipe.broken.is_set():
                    break
            pipe.end()
        except BaseException:
            await asyncio.shield(_abort(pipe, upload))
            raise
        await _await_store(upload)
        return Stored(pipe.digest.hexdigest(), pipe.size, pipe.head)

    def _upload(self, key: str, pipe: _Pipe) -> None:
        try:
            # One part after another: the SDK's parallel parts leave their threads behind when a body breaks off.
            self._client.put_object(
                self.bucket, key, cast("BinaryIO", pipe), length=-1, part_size=_PART_SIZE, num_parallel_uploads=1
            )
        finally:
            pipe.broken.set()

    async def open(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        """Yield `length` bytes from `start`. Raises ObjectNotFoundError before the first byte."""
        if length <= 0:
            return
        download = _Download(partial(self._client.get_object, self.bucket, key, offset=start, length=length))
        try:
            while chunk := await _call(download.read):
                yield chunk
        finally:
            await asyncio.to_thread(download.close)

    async def delete(self, key: str) -> None:
        await _call(self._client.remove_object, self.bucket, key)

    async def abandon(self, key: str) -> None:
        """Delete what an upload may have left under `key`: the object, and parts of an upload cut off by a crash."""
        await self.delete(key)
        await _call(self._abort_uploads, key)

    def _abort_uploads(self, key: str) -> None:
        # The SDK has these two calls, without an underscore-free name for them.
        unfinished = self._client._list_multipart_uploads(self.bucket, prefix=key)  # noqa: SLF001
        for upload in unfinished.uploads:
            self._client._abort_multipart_upload(self.bucket, upload.object_name, upload.upload_id or "")  # noqa: SLF001

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every object below `prefix`; return how many there were."""
        names = await _call(self._names, prefix)
        for name in names:
            await self.delete(name)
        return len(names)

    def _names(self, prefix: str) -> list[str]:
        return [str(item.object_name) for item in self._client.list_objects(self.bucket, prefix, recursive=True)]

    async def presigned_url(self, key: str, lifetime: timedelta, disposition: str, media_type: str) -> str:
        """Return an address that gives the object to whoever holds it, for `lifetime`.

        `disposition` is the whole Content-Disposition that the store will answer with.
        """
        headers = {
            "response-content-disposition": disposition,
            "response-content-type": media_type,
        }
        return str(
            await _call(self._client.presigned_get_object, self.bucket, key, expires=lifetime, response_headers=headers)
        )

    async def ping(self) -> None:
        await _call(self._client.bucket_exists, self.bucket)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.clear()


async def _abort(pipe: _Pipe, upload: "asyncio.Future[None]") -> None:
    """End a broken upload; its own error, if any, is the consequence and not the cause."""
    pipe.end(abort=True)
    await asyncio.gather(upload, return_exceptions=True)


async def _call(function: Any, *args: Any, **kwargs: Any) -> Any:
    return await _await_store(asyncio.to_thread(function, *args, **kwargs))


async def _await_store(work: Any) -> Any:
    try:
        return await work
    except S3Error as error:
        if error.code in {"NoSuchKey", "NoSuchObject"}:
            raise ObjectNotFoundError(str(error.resource)) from error
        if error.code in {"InternalError", "ServiceUnavailable", "SlowDown"}:
            raise StoreUnavailableError(str(error)) from error
        raise
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StoreUnavailableError(str(error)) from error

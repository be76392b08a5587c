"""The object store: a small port and its S3 adapter. Uploads stream; a body is never whole in memory."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import urllib3
from minio import Minio
from minio.error import S3Error

from shared.transfers import Download, Upload

_PART_SIZE = 8 * 1024 * 1024
_THREADS = 32  # each is held for one exchange with the store, never while a sender or a reader takes its time
_UPLOADS = 16  # of one tenant at once: each may hold two parts in memory
_UPLOAD_WAITS_S = 30.0
_PING_S = 8.0


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


class S3Store:
    """Any S3 through the `minio` SDK, which is synchronous: it runs in threads of its own.

    A store that hangs holds these threads and nobody else's, and pings have their own. `public_endpoint` is how
    those reach the store whom presigned addresses are given to; without it, as this process does.
    """

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        region: str,
        public_endpoint: str | None = None,
    ) -> None:
        timeout, quick = urllib3.Timeout(connect=5, read=60), urllib3.Timeout(connect=2, read=5)
        self._pool = urllib3.PoolManager(maxsize=_THREADS, timeout=timeout, retries=urllib3.Retry(1, status=0))
        self._ping_pool = urllib3.PoolManager(maxsize=2, timeout=quick, retries=False)
        client = partial(_client, access_key=access_key, secret_key=secret_key, region=region)
        self._client, self._ping_client = client(endpoint, self._pool), client(endpoint, self._ping_pool)
        # A signature covers the host, so the address cannot be exchanged afterwards.
        self._signer = client(public_endpoint or endpoint, self._pool)
        self.bucket = bucket
        self._threads = ThreadPoolExecutor(_THREADS, "object-store")
        self._ping_threads = ThreadPoolExecutor(2, "object-store-ping")
        self._uploads: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def prepare(self) -> None:
        """Create the bucket when it is not there."""
        if not await self._call(self._client.bucket_exists, self.bucket):
            try:
                await self._call(self._client.make_bucket, self.bucket)
            except S3Error as error:
                if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                    raise

    async def put(self, key: str, body: AsyncIterator[bytes]) -> Stored:
        """Stream `body` into an object. When the body breaks off, the object does not come into being.

        What precedes the first slash of `key` is whose it is: one tenant's slow senders wait for each other, and are
        StoreUnavailableError after a while, and keep nobody else waiting.
        """
        async with self._slot(key.partition("/")[0]):
            upload = Upload(self._client, self.bucket, key)
            gathered = bytearray()
            try:
                async for chunk in body:
                    gathered += chunk
                    while len(gathered) > _PART_SIZE:
                        part, gathered = gathered[:_PART_SIZE], gathered[_PART_SIZE:]
                        await self._call(upload.add, part)
                return Stored(*await self._call(upload.finish, gathered))
            except BaseException:
                # Its own error, if any, is the consequence and not the cause.
                await asyncio.shield(asyncio.gather(self._call(upload.abort), return_exceptions=True))
                raise

    @asynccontextmanager
    async def _slot(self, tenant: str) -> AsyncIterator[None]:
        slots = self._uploads.get(tenant)
        if slots is None:
            slots = self._uploads[tenant] = asyncio.Semaphore(_UPLOADS)
        try:
            async with asyncio.timeout(_UPLOAD_WAITS_S):
                await slots.acquire()
        except TimeoutError as error:
            raise StoreUnavailableError(f"{_UPLOADS} uploads of the tenant are under way") from error
        try:
            yield
        finally:
            slots.release()

    async def open(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        """Yield `length` bytes from `start`. Raises ObjectNotFoundError before the first byte."""
        if length <= 0:
            return
        download = Download(partial(self._client.get_object, self.bucket, key, offset=start, length=length))
        try:
            while chunk := await self._call(download.read):
                yield chunk
        finally:
            await self._call(download.close)

    async def delete(self, key: str) -> None:
        await self._call(self._client.remove_object, self.bucket, key)

    async def abandon(self, key: str) -> None:
        """Delete what an upload may have left under `key`: the object, and parts of an upload cut off by a crash."""
        await self.delete(key)
        await self._call(self._abort_uploads, key)

    def _abort_uploads(self, key: str) -> None:
        # The SDK has these two calls, without an underscore-free name for them.
        unfinished = self._client._list_multipart_uploads(self.bucket, prefix=key)  # noqa: SLF001
        for upload in unfinished.uploads:
            self._client._abort_multipart_upload(self.bucket, upload.object_name, upload.upload_id or "")  # noqa: SLF001

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every object below `prefix`; return how many there were."""
        names = await self._call(self._names, prefix)
        for name in names:
            await self.delete(name)
        return len(names)

    def _names(self, prefix: str) -> list[str]:
        return [str(item.object_name) for item in self._client.list_objects(self.bucket, prefix, recursive=True)]

    async def presigned_url(self, key: str, lifetime: timedelta, disposition: str, media_type: str) -> str:
        """Return an address that gives the object to whoever holds it, for `lifetime`.

        `disposition` is the whole Content-Disposition that the store will answer with. Nobody is asked: the region is
        known, so this is arithmetic and needs no thread.
        """
        headers: dict[str, Any] = {"response-content-disposition": disposition, "response-content-type": media_type}
        return str(self._signer.presigned_get_object(self.bucket, key, expires=lifetime, response_headers=headers))

    async def ping(self) -> None:
        """Ask the store whether the bucket is there; tells within seconds when it hangs."""
        work = _in_thread(self._ping_threads, self._ping_client.bucket_exists, self.bucket)
        await _await_store(asyncio.wait_for(work, _PING_S))

    def close(self) -> None:
        for threads in (self._threads, self._ping_threads):
            threads.shutdown(wait=False, cancel_futures=True)
        self._pool.clear()
        self._ping_pool.clear()

    async def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await _await_store(_in_thread(self._threads, function, *args, **kwargs))


def _client(endpoint: str, pool: urllib3.PoolManager, access_key: str, secret_key: str, region: str) -> Minio:
    address = urlsplit(endpoint if "//" in endpoint else f"http://{endpoint}")
    return Minio(
        address.netloc,
        access_key=access_key,
        secret_key=secret_key,
        secure=address.scheme == "https",
        region=region,
        http_client=pool,
    )


async def _in_thread(threads: Executor, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Do as `asyncio.to_thread`, in other threads than everybody else's."""
    run = partial(contextvars.copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(threads, run)


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

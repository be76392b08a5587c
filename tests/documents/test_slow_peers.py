"""Senders that take their time and a store that hangs hold up nobody else."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from shared import storage
from shared.storage import S3Store, StoreUnavailableError
from tests.documents.uploading import PDF, objects, store_of
from tests.fixtures.services import Harness

PART = 8 * 1024 * 1024


async def slowly(go_on: asyncio.Event) -> AsyncIterator[bytes]:
    yield PDF
    await go_on.wait()
    yield PDF


async def at_once(size: int) -> AsyncIterator[bytes]:
    yield bytes(size)


async def begun(count: int, tenant: str, store: S3Store, go_on: asyncio.Event) -> list["asyncio.Task[storage.Stored]"]:
    tasks = [asyncio.create_task(store.put(f"{tenant}/{number}", slowly(go_on))) for number in range(count)]
    await asyncio.sleep(0.1)
    return tasks


async def test_slow_senders_keep_no_other_tenant_waiting(documents: Harness) -> None:
    store, go_on, tenants = store_of(documents), asyncio.Event(), [f"slow-{uuid4().hex}" for _ in range(5)]
    tasks = [task for tenant in tenants for task in await begun(16, tenant, store, go_on)]
    other = f"other-{uuid4().hex}"
    async with asyncio.timeout(5):
        stored = await store.put(f"{other}/x", at_once(PART + 1))
    assert (stored.size, stored.sha256) == (PART + 1, hashlib.sha256(bytes(PART + 1)).hexdigest())
    go_on.set()
    assert {stored.size for stored in await asyncio.gather(*tasks)} == {2 * len(PDF)}
    assert [await store.delete_prefix(f"{tenant}/") for tenant in (*tenants, other)] == [16] * 5 + [1]


async def test_one_tenant_has_only_so_many_uploads_at_once(documents: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    store, go_on, tenant = store_of(documents), asyncio.Event(), f"slow-{uuid4().hex}"
    tasks = await begun(16, tenant, store, go_on)
    with monkeypatch.context() as impatient:
        impatient.setattr(storage, "_UPLOAD_WAITS_S", 0.1)
        with pytest.raises(StoreUnavailableError, match="16 uploads"):
            await store.put(f"{tenant}/more", at_once(1))
    tasks.pop().cancel()
    async with asyncio.timeout(5):
        await store.put(f"{tenant}/more", at_once(1))
    go_on.set()
    await asyncio.gather(*tasks)
    assert await store.delete_prefix(f"{tenant}/") == 16
    assert await objects(documents, tenant) == []


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART])
async def test_every_size_arrives_whole(documents: Harness, tenant: str, size: int) -> None:
    store, key = store_of(documents), f"{tenant}/x"
    stored = await store.put(key, at_once(size))
    arrived = hashlib.sha256()
    async for chunk in store.open(key, 0, size):
        arrived.update(chunk)
    assert (stored.size, stored.sha256) == (size, arrived.hexdigest())
    assert stored.head == bytes(min(size, 4096))
    await store.delete(key)
    assert await objects(documents, tenant) == []


@asynccontextmanager
async def hanging() -> AsyncIterator[S3Store]:
    """A store that takes what it is asked and never answers."""
    opened: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: opened.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    store = S3Store(f"http://127.0.0.1:{port}", "key", "secret-key", "bucket", "us-east-1")
    try:
        yield store
    finally:
        server.close()
        for writer in opened:
            writer.transport.abort()
        store.close()


async def test_a_store_that_hangs_keeps_no_thread_of_others_and_is_noticed_within_seconds() -> None:
    async with hanging() as store:
        tasks = [asyncio.create_task(store.delete(f"t/{number}")) for number in range(48)]
        await asyncio.sleep(0.2)
        async with asyncio.timeout(2):
            assert await asyncio.to_thread(int, "1") == 1
        async with asyncio.timeout(9):
            with pytest.raises(StoreUnavailableError):
                await store.ping()
        assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

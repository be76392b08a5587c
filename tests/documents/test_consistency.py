"""Row and object stay one: whatever fails, and whenever, neither is left without the other."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from minio.error import S3Error
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from urllib3 import HTTPResponse

from services.documents.records import uploads
from services.documents.records.uploads import Intake, sweep
from shared import outbox
from shared.app import run_worker
from shared.storage import S3Store, Stored, StoreUnavailableError
from tests.documents.uploading import PATH, PDF, nothing_left, objects, rows, send, store_of, stored
from tests.fixtures.services import Harness, problem

MEGABYTE = 1024 * 1024
PART = 8 * MEGABYTE


class FailingStore(S3Store):
    """The real store, until it fails: while the body comes, after it has come, or when something is to go."""

    breaks_after: int | None = None
    loses_the_answer = False
    cannot_delete = False

    async def put(self, key: str, body: AsyncIterator[bytes]) -> Stored:
        stored = await super().put(key, self._broken(body))
        if self.loses_the_answer:
            raise StoreUnavailableError("the answer got lost")
        return stored

    async def _broken(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        passed = 0
        async for chunk in body:
            if self.breaks_after is not None and passed >= self.breaks_after:
                raise StoreUnavailableError("the store fell over")
            passed += len(chunk)
            yield chunk

    async def abandon(self, key: str) -> None:
        if self.cannot_delete:
            raise StoreUnavailableError("the store is away")
        await super().abandon(key)


@pytest.fixture
def failing(documents: Harness, monkeypatch: pytest.MonkeyPatch) -> FailingStore:
    settings = documents.settings
    assert settings.s3_secret_key is not None
    secret = settings.s3_secret_key.get_secret_value()
    bucket = store_of(documents).bucket
    store = FailingStore(settings.s3_endpoint or "", settings.s3_access_key or "", secret, bucket, settings.s3_region)
    monkeypatch.setattr(documents.runtime, "store", store)
    return store


async def large(size: int = 3 * PART) -> AsyncIterator[bytes]:
    yield PDF
    for _ in range(size // MEGABYTE):
        yield bytes(MEGABYTE)


async def age_uploads(documents: Harness, tenant: str) -> None:
    async with documents.runtime.worker.transaction() as session:
        await session.execute(
            text("UPDATE upload SET touched_at = now() - interval '16 minutes' WHERE tenant_id = :tenant"),
            {"tenant": tenant},
        )


def is_unavailable(answer: httpx.Response, part: str) -> bool:
    document = problem(answer)
    assert "Retry-After" in answer.headers
    return (answer.status_code, document["code"], document["part"]) == (503, "temporarily-unavailable", part)


@pytest.mark.parametrize("breaks_after", [0, MEGABYTE, PART + MEGABYTE, 2 * PART + MEGABYTE])
async def test_a_store_that_fails_midway_keeps_nothing(
    documents: Harness, tenant: str, failing: FailingStore, breaks_after: int
) -> None:
    failing.breaks_after = breaks_after
    assert is_unavailable(await send(documents, tenant, large()), "object store")
    assert await nothing_left(documents, tenant)


async def test_an_object_whose_answer_got_lost_is_removed(
    documents: Harness, tenant: str, failing: FailingStore
) -> None:
    failing.loses_the_answer = True
    assert is_unavailable(await send(documents, tenant), "object store")
    assert await nothing_left(documents, tenant)


async def test_what_cannot_be_removed_at_once_is_swept_later(
    documents: Harness, tenant: str, failing: FailingStore, caplog: pytest.LogCaptureFixture
) -> None:
    failing.loses_the_answer = failing.cannot_delete = True
    with caplog.at_level(logging.WARNING):
        assert is_unavailable(await send(documents, tenant), "object store")
    assert "an upload is left to the sweeper" in caplog.messages
    assert len(await objects(documents, tenant)) == len(await rows(documents, tenant, "upload")) == 1
    await age_uploads(documents, tenant)
    with pytest.raises(StoreUnavailableError):
        await sweep(documents.runtime)
    assert len(await rows(documents, tenant, "upload")) == 1
    failing.cannot_delete = False
    await sweep(documents.runtime)
    assert await nothing_left(documents, tenant)


async def test_a_store_that_is_away_is_answered_so_and_keeps_nothing(
    documents: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await stored(documents, tenant)
    with monkeypatch.context() as away:
        store = S3Store("http://127.0.0.1:9", "key", "secret-key", "bucket", "us-east-1")
        away.setattr(documents.runtime, "store", store)
        assert is_unavailable(await send(documents, tenant, b"%PDF-1.7 other"), "object store")
        async with documents.client(tenant, "viewer") as client:
            assert is_unavailable(await client.get(f"{PATH}/{record['id']}/content"), "object store")
            assert (await client.get(f"{PATH}/{record['id']}")).status_code == 200
    await age_uploads(documents, tenant)
    await sweep(documents.runtime)
    assert len(await rows(documents, tenant, "record")) == len(await objects(documents, tenant)) == 1
    assert await rows(documents, tenant, "upload") == []


async def test_a_commit_that_fails_leaves_an_orphan_for_the_sweeper_and_no_record(
    documents: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = outbox.flush

    async def lose_the_database(session: AsyncSession) -> None:
        if session.info.get("outbox"):
            connection = await session.connection()
            pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await terminate(documents, pid)
        await flush(session)

    with monkeypatch.context() as breaking:
        breaking.setattr(outbox, "flush", lose_the_database)
        assert is_unavailable(await send(documents, tenant), "database")
    assert await rows(documents, tenant, "record") == await documents.events(tenant) == []
    assert len(await objects(documents, tenant)) == len(await rows(documents, tenant, "upload")) == 1
    await sweep(documents.runtime)
    assert len(await objects(documents, tenant)) == 1, "it might still be on its way"
    await age_uploads(documents, tenant)
    await sweep(documents.runtime)
    assert await nothing_left(documents, tenant)
    assert (await send(documents, tenant)).status_code == 201


async def terminate(documents: Harness, pid: int) -> None:
    connection = await asyncpg.connect(documents.runtime.url)
    await connection.execute("SELECT pg_terminate_backend($1)", pid)
    await connection.close()


async def test_a_sender_that_falls_silent_is_given_up(
    documents: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent() -> AsyncIterator[bytes]:
        async for chunk in large():
            yield chunk
        await asyncio.sleep(60)

    impatient = documents.settings.model_copy(update={"request_timeout": 0.5})
    monkeypatch.setattr(documents.runtime, "settings", impatient)
    answer = await send(documents, tenant, silent())
    assert (answer.status_code, problem(answer)["code"]) == (400, "incomplete-body")
    assert await nothing_left(documents, tenant)


async def test_a_body_beyond_the_limit_is_refused_announced_or_not(
    documents: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = documents.settings.model_copy(update={"body_limit": 10 * MEGABYTE})
    monkeypatch.setattr(documents.runtime, "settings", small)
    for body in (large(), PDF + bytes(11 * MEGABYTE)):
        answer = await send(documents, tenant, body)
        assert (answer.status_code, problem(answer)["code"]) == (413, "body-too-large")
    assert await nothing_left(documents, tenant)


async def crash_midway(documents: Harness, tenant: str) -> None:
    """Leave what a killed process leaves: one whole object and one cut off between two parts."""
    runtime = documents.runtime
    intake = Intake(runtime.store, runtime.database, tenant, 30)
    upload = await uploads.announce(intake)
    await runtime.store.put(upload.object_key, large(MEGABYTE))
    cut = await uploads.announce(intake)
    store = store_of(documents)

    def begin() -> None:
        number = store._client._create_multipart_upload(store.bucket, cut.object_key, {})
        store._client._upload_part(store.bucket, cut.object_key, bytes(PART), None, number, 1)

    await asyncio.to_thread(begin)


async def test_the_worker_sweeps_what_dead_uploads_left_and_nothing_else(
    documents: Harness, tenant: str, other_tenant: str
) -> None:
    await stored(documents, tenant)
    await crash_midway(documents, tenant)
    await crash_midway(documents, other_tenant)
    assert (len(await objects(documents, tenant)), len(await objects(documents, other_tenant))) == (3, 2)
    await age_uploads(documents, tenant)
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(documents.service, documents.settings, stop))
    async with asyncio.timeout(20):
        while await rows(documents, tenant, "upload"):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.05)
    stop.set()
    await worker
    assert len(await objects(documents, tenant)) == len(await rows(documents, tenant, "record")) == 1
    assert len(await objects(documents, other_tenant)) == len(await rows(documents, other_tenant, "upload")) == 2
    await age_uploads(documents, other_tenant)
    await sweep(documents.runtime)
    assert await nothing_left(documents, other_tenant)


async def test_what_the_store_refuses_to_remove_keeps_no_other_waiting(
    documents: Harness, tenant: str, other_tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crash_midway(documents, tenant)
    await age_uploads(documents, tenant)
    await crash_midway(documents, other_tenant)
    await age_uploads(documents, other_tenant)
    abandon = documents.runtime.store.abandon

    async def refuse(key: str) -> None:
        if key.startswith(tenant):
            raise S3Error(HTTPResponse(), "AccessDenied", "no", key, "1", "h")
        await abandon(key)

    monkeypatch.setattr(documents.runtime.store, "abandon", refuse)
    await sweep(documents.runtime)
    assert await nothing_left(documents, other_tenant)
    assert len(await rows(documents, tenant, "upload")) == 2
    monkeypatch.undo()
    await age_uploads(documents, tenant)
    await sweep(documents.runtime)
    assert await nothing_left(documents, tenant)


async def test_an_upload_that_was_swept_too_early_is_refused(documents: Harness, tenant: str) -> None:
    async def swept() -> AsyncIterator[bytes]:
        async for chunk in large(MEGABYTE):
            yield chunk
        await age_uploads(documents, tenant)
        await sweep(documents.runtime)
        yield b"the end"

    answer = await send(documents, tenant, swept())
    assert (answer.status_code, problem(answer)["code"]) == (409, "upload-expired")
    assert await nothing_left(documents, tenant)


async def test_a_long_upload_says_that_it_is_alive(
    documents: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "_TOUCH_S", 0.0)

    async def long() -> AsyncIterator[bytes]:
        yield PDF.ljust(10_000)
        while not await rows(documents, tenant, "upload"):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)
        await age_uploads(documents, tenant)
        yield b"more"
        while await is_old():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        await sweep(documents.runtime)
        yield b"the end"

    async def is_old() -> bool:
        query = "SELECT touched_at < now() - interval '1 minute' FROM upload WHERE tenant_id = :tenant"
        async with documents.runtime.worker.session(None) as session:
            return bool((await session.execute(text(query), {"tenant": tenant})).scalar_one())

    assert (await send(documents, tenant, long())).status_code == 201


async def test_an_upload_holds_no_database_connection_while_it_comes(documents: Harness, tenant: str) -> None:
    pool: Any = documents.runtime.database.engine.sync_engine.pool
    held: list[int] = []

    async def watched() -> AsyncIterator[bytes]:
        async for chunk in large(MEGABYTE):
            yield chunk
        await asyncio.sleep(0.3)
        held.append(pool.checkedout())

    assert (await send(documents, tenant, watched())).status_code == 201
    assert held == [0]

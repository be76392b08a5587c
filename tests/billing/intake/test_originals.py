"""Invoice and original stay one: whatever fails, and whenever, neither is left without the other."""

import logging
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.intake.originals import settle, store_original, sweep
from shared.storage import S3Store, Stored, StoreUnavailableError
from tests.billing.intake.electronic import electronic, get, nothing_left, objects, rows, send, taken_in
from tests.billing.working import losing_the_database
from tests.fixtures.services import Harness, problem


class FailingStore(S3Store):
    """The real store, whose answer gets lost, and which cannot delete for a time."""

    loses_the_answer = False
    cannot_delete = False

    async def put(self, key: str, body: AsyncIterator[bytes]) -> Stored:
        stored = await super().put(key, body)
        if self.loses_the_answer:
            raise StoreUnavailableError("the answer got lost")
        return stored

    async def abandon(self, key: str) -> None:
        if self.cannot_delete:
            raise StoreUnavailableError("the store is away")
        await super().abandon(key)


@pytest.fixture
def failing(billing: Harness, monkeypatch: pytest.MonkeyPatch) -> FailingStore:
    settings = billing.settings
    assert settings.s3_secret_key is not None
    secret = settings.s3_secret_key.get_secret_value()
    store = FailingStore(
        settings.s3_endpoint or "", settings.s3_access_key or "", secret, "trastienda-billing", settings.s3_region
    )
    monkeypatch.setattr(billing.runtime, "store", store)
    return store


async def age(billing: Harness, tenant: str) -> None:
    async with billing.runtime.worker.transaction() as session:
        await session.execute(
            text("UPDATE pending_original SET dead_at = dead_at - interval '16 minutes' WHERE tenant_id = :tenant"),
            {"tenant": tenant},
        )


async def test_an_object_whose_answer_got_lost_is_removed(billing: Harness, tenant: str, failing: FailingStore) -> None:
    failing.loses_the_answer = True
    answer = await send(billing, tenant, electronic())
    assert (answer.status_code, problem(answer)["part"]) == (503, "object store")
    assert await nothing_left(billing, tenant)


async def test_what_cannot_be_removed_at_once_is_swept_later(
    billing: Harness, tenant: str, failing: FailingStore, caplog: pytest.LogCaptureFixture
) -> None:
    failing.loses_the_answer = failing.cannot_delete = True
    with caplog.at_level(logging.WARNING):
        assert (await send(billing, tenant, electronic())).status_code == 503
    assert "an original is left to the sweeper" in caplog.messages
    assert len(await objects(billing, tenant)) == len(await rows(billing, tenant, "pending_original")) == 1
    await age(billing, tenant)
    with pytest.raises(StoreUnavailableError):
        await sweep(billing.runtime)
    failing.cannot_delete = False
    await sweep(billing.runtime)
    assert await nothing_left(billing, tenant)


async def test_a_store_that_is_away_keeps_nothing_and_loses_nothing(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await taken_in(billing, tenant, electronic("F-1"))
    with monkeypatch.context() as away:
        store = S3Store("http://127.0.0.1:9", "key", "secret-key", "bucket", "us-east-1")
        away.setattr(billing.runtime, "store", store)
        assert (await send(billing, tenant, electronic("F-2", net="5.00"))).status_code == 503
        assert (await get(billing, tenant, invoice["electronic"]["original"])).status_code == 503
    await age(billing, tenant)
    await sweep(billing.runtime)
    assert len(await rows(billing, tenant, "supplier_invoice")) == len(await objects(billing, tenant)) == 1
    assert (await get(billing, tenant, invoice["electronic"]["original"])).content == electronic("F-1")


async def test_a_commit_that_fails_leaves_an_orphan_for_the_sweeper_and_no_invoice(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with losing_the_database(billing, monkeypatch):
        answer = await send(billing, tenant, electronic())
        assert (answer.status_code, problem(answer)["part"]) == (503, "database")
    assert await rows(billing, tenant, "supplier_invoice") == await billing.events(tenant) == []
    assert len(await objects(billing, tenant)) == len(await rows(billing, tenant, "pending_original")) == 1
    await sweep(billing.runtime)
    assert len(await objects(billing, tenant)) == 1, "it might still be on its way"
    await age(billing, tenant)
    await sweep(billing.runtime)
    assert await nothing_left(billing, tenant)
    assert (await send(billing, tenant, electronic())).status_code == 201


async def test_what_was_swept_is_not_filed(billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(session: AsyncSession, original: object) -> None:
        await age(billing, tenant)
        await sweep(billing.runtime)
        await settle(session, original)  # type: ignore[arg-type] # the same one

    monkeypatch.setattr("services.billing.intake.originals.settle", late)
    answer = await send(billing, tenant, electronic())
    assert (answer.status_code, problem(answer)["code"]) == (409, "intake-expired")
    assert await nothing_left(billing, tenant)


async def test_a_process_killed_before_the_commit_leaves_what_the_sweeper_finds(billing: Harness, tenant: str) -> None:
    original = await store_original(billing.runtime, tenant, b"<a/>")
    assert await objects(billing, tenant) == [original.object_key]
    await age(billing, tenant)
    assert billing.service.housekeeping is not None
    await billing.service.housekeeping(billing.runtime)  # the worker calls it every minute
    assert await nothing_left(billing, tenant)

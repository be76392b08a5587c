"""What becomes of an uploaded log: imported once, or removed."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.analytics.event_logs.job import jobs
from services.analytics.event_logs.service import CLEANUP, IMPORT
from shared.jobs import JobRunner
from shared.storage import StoreUnavailableError
from tests.analytics.event_logs.importing import LOG, assert_no_upload_left, at_work, end_of, rows, send
from tests.fixtures.services import Harness, problem, serving


async def _refuse(*_args: Any) -> bool:
    raise RuntimeError("no statement works today")


@pytest.mark.parametrize("query", [{"process": "p"}, {}])
async def test_a_form_is_refused_for_being_one_before_anything_else(
    analytics: Harness, tenant: str, query: dict[str, str]
) -> None:
    parts: dict[str, Any] = {"files": {"file": ("log.xes", LOG)}, "data": {"process": "p"}}
    async with analytics.client(tenant) as client:
        for language, told in (("en", "as the body"), ("es", "como cuerpo")):
            headers = {"Accept-Language": language}
            answer = await client.post("/analytics/event-logs", params=query, **parts, headers=headers)
            refused = problem(answer)
            assert (answer.status_code, refused["code"]) == (415, "event-log-form-upload")
            assert refused["declared"] == "multipart/form-data"
            assert told in refused["hint"]
            assert "--data-binary @" in refused["hint"]
            assert "-T " in refused["hint"]
    assert await rows(analytics, tenant, "job", "id") == []
    await assert_no_upload_left(analytics, tenant)


async def test_an_upload_whose_job_cannot_be_queued_is_removed(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.analytics.event_logs.service.replace_job", _refuse)
    async with analytics.client(tenant) as client:
        answer = await client.post("/analytics/event-logs", params={"process": "p"}, content=LOG)
        assert answer.status_code == 500
    assert await rows(analytics, tenant, "job", "id") == []
    await assert_no_upload_left(analytics, tenant)


async def test_what_could_not_be_removed_at_once_is_removed_by_a_job_of_its_own(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_key: str) -> None:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr("services.analytics.event_logs.service.replace_job", _refuse)
        patch.setattr(analytics.runtime.store, "abandon", away)
        async with analytics.client(tenant) as client:
            answer = await client.post("/analytics/event-logs", params={"process": "p"}, content=LOG)
            assert answer.status_code == 500
    (job,) = await rows(analytics, tenant, "job", "id")
    assert (job["kind"], job["status"]) == (CLEANUP, "queued")
    runtime = analytics.runtime
    runner = JobRunner("analytics", runtime.url, runtime.worker, {CLEANUP: jobs(runtime)[CLEANUP]})
    while await runner.run_one():
        pass  # what other tests' imports left to be removed
    (job,) = await rows(analytics, tenant, "job", "id")
    assert job["status"] == "queued", "an upload may take a day"
    async with runtime.worker.transaction(tenant) as session:
        await session.execute(text("UPDATE job SET error = NULL WHERE id = :id"), {"id": job["id"]})
    assert await runner.run_one()
    await assert_no_upload_left(analytics, tenant)


async def test_a_repeated_upload_with_a_key_is_one_import(analytics: Harness, tenant: str) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    async with analytics.client(tenant) as client:

        async def post(content: bytes, query: Mapping[str, str]) -> Any:
            return await client.post("/analytics/event-logs", params=query, content=content, headers=key)

        first, again = [await post(LOG, {"process": "p"}) for _ in range(2)]
        assert first.status_code == 202, first.text
        assert again.json() == first.json()
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotency-replayed"] == "true"
        for content, query in ((LOG, {"process": "q"}), (LOG + b"\n", {"process": "p"})):
            other = await post(content, query)
            assert (other.status_code, problem(other)["code"]) == (422, "idempotency-key-reused")
    assert len(await rows(analytics, tenant, "job", "id")) == 1
    async with at_work(analytics.runtime):
        assert (await end_of(analytics, tenant, first.headers["location"]))["status"] == "succeeded"
    await assert_no_upload_left(analytics, tenant)


@pytest.mark.parametrize("arrived", [b"", LOG[:200], LOG + b"<!--" + b" " * 100_000])
async def test_a_sender_that_falls_silent_is_given_up(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch, arrived: bytes
) -> None:
    impatient = analytics.settings.model_copy(update={"request_timeout": 0.5})
    monkeypatch.setattr(analytics.runtime, "settings", impatient)
    async with serving(analytics) as address, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
        head = (
            f"POST /analytics/event-logs?process=p HTTP/1.1\r\nHost: analytics\r\nContent-Length: 99000000\r\n"
            f"Authorization: Bearer {analytics.issuer.token(tenant, 'operator')}\r\n\r\n"
        )
        writer.write(head.encode() + arrived)
        answer = await reader.readuntil(b"}")
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"incomplete-body"' in answer
    assert await rows(analytics, tenant, "job", "id") == []
    await assert_no_upload_left(analytics, tenant)


@pytest.mark.parametrize("pattern", ["%Y %Y", "%d%m%Y", "%Q"])
async def test_a_format_of_time_that_cannot_be_used_is_refused(analytics: Harness, tenant: str, pattern: str) -> None:
    async with analytics.client(tenant) as client:
        answer = await client.post(
            "/analytics/event-logs", params={"process": "p", "timestamp_format": pattern}, content=LOG
        )
    assert answer.status_code == 422, answer.text
    assert "%" in answer.text


async def test_an_import_ends_though_nobody_counts_its_events(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.analytics.event_logs.job._PATIENCE_S", 0.3)
    runtime = analytics.runtime
    address = await send(analytics, tenant, LOG)
    runner = JobRunner("analytics", runtime.url, runtime.worker, jobs(runtime))
    assert await runner.run_one()
    job = await end_of(analytics, tenant, address)
    assert (job["status"], job["result"]["visible"]) == ("succeeded", False)


async def test_a_log_whose_activities_are_no_activities_is_refused(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.analytics.event_logs.job.MAX_ACTIVITIES", 2)
    address = await send(analytics, tenant, LOG)
    async with at_work(analytics.runtime):
        job = await end_of(analytics, tenant, address)
        assert (job["status"], job["error"]["code"]) == ("failed", "event-log-activities-too-many")
        await assert_no_upload_left(analytics, tenant)


async def _fail(*_args: Any) -> None:
    raise RuntimeError("a mistake")


_TRIED_TOO_OFTEN = text("""
UPDATE job SET error = jsonb_build_object('starts', 5, 'done', 0, 'place', md5(cast(cursor AS text)))
WHERE tenant_id = :tenant""")


@pytest.mark.parametrize(("stalled", "code"), [(False, "internal-error"), (True, "job-stalled")])
async def test_an_import_that_fails_for_good_leaves_no_file(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch, stalled: bool, code: str
) -> None:
    monkeypatch.setattr("shared.jobs._AGAIN_S", 0.0)
    monkeypatch.setattr("services.analytics.event_logs.job._stage", _fail)
    address = await send(analytics, tenant, LOG)
    if stalled:
        async with analytics.runtime.worker.transaction(tenant) as session:
            await session.execute(_TRIED_TOO_OFTEN, {"tenant": tenant})
    async with at_work(analytics.runtime):
        job = await end_of(analytics, tenant, address)
        assert (job["status"], job["error"]["code"]) == ("failed", code)
        await assert_no_upload_left(analytics, tenant)
    assert {job["kind"]: job["status"] for job in await rows(analytics, tenant, "job", "id")} == {
        IMPORT: "failed",
        CLEANUP: "succeeded",
    }


async def test_what_is_left_of_a_case_is_published_in_pages(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.analytics.event_logs.publishing._PUBLISH_EVENTS", 2)
    sizes: list[int] = []
    publish = analytics.runtime.log.publish

    async def noted(messages: Any) -> Any:
        sizes.append(len(messages))
        return await publish(messages)

    monkeypatch.setattr(analytics.runtime.log, "publish", noted)
    address = await send(analytics, tenant, LOG)
    async with at_work(analytics.runtime):
        job = await end_of(analytics, tenant, address)
    assert job["result"]["operations"] + job["result"]["observations"] == sum(sizes) == 6
    assert max(sizes) == 2

"""Health, readiness, metrics and the API's own description."""

import asyncio
from typing import Any

import pytest

from shared.app import Runtime, _keep_house
from shared.eventlog import LogUnavailableError
from shared.storage import StoreUnavailableError
from tests.fixtures.services import Harness

METRICS = {
    "trastienda_http_requests_total",
    "trastienda_http_request_duration_seconds_bucket",
    "trastienda_outbox_pending",
    "trastienda_outbox_oldest_age_seconds",
    "trastienda_events_published_total",
    "trastienda_consumer_lag",
    "trastienda_events_consumed_total",
    "trastienda_dead_letters_total",
    "trastienda_consumer_running",
    "trastienda_jobs_total",
}


async def test_a_healthy_service_is_alive_and_ready(kit: Harness) -> None:
    async with kit.anonymous() as client:
        live, ready = await client.get("/health/live"), await client.get("/health/ready")
    assert (live.status_code, live.json()["status"]) == (200, "ok")
    assert (ready.status_code, ready.json()) == (
        200,
        {"status": "ok", "parts": {"database": "ok", "event_log": "ok", "object_store": "ok"}},
    )


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_a_probe_may_ask_for_the_head_alone(kit: Harness, path: str) -> None:
    async with kit.anonymous() as client:
        whole, head, other = await client.get(path), await client.head(path), await client.post(path)
        described = (await client.get("/openapi.json")).json()["paths"].get(path, {})
    assert head.status_code == whole.status_code == 200
    assert (other.status_code, other.headers["allow"]) == (405, "GET, HEAD")
    assert "head" not in described


@pytest.mark.parametrize(
    ("part", "owner", "error"),
    [
        ("object_store", "store", StoreUnavailableError("no store")),
        ("event_log", "log", LogUnavailableError("no log")),
        ("object_store", "store", TimeoutError()),
    ],
)
async def test_a_part_that_is_away_is_named(
    kit: Harness, monkeypatch: pytest.MonkeyPatch, part: str, owner: str, error: Exception
) -> None:
    async def fail() -> None:
        raise error

    monkeypatch.setattr(getattr(kit.runtime, owner), "ping", fail)
    async with kit.anonymous() as client:
        ready, live = await client.get("/health/ready"), await client.get("/health/live")
    parts = ready.json()["parts"]
    assert (ready.status_code, ready.json()["status"], live.status_code) == (503, "unavailable", 200)
    assert parts.pop(part).startswith(type(error).__name__)
    assert set(parts.values()) == {"ok"}


async def test_a_chore_that_fails_waits_and_ends_nothing_beside_it(kit: Harness) -> None:
    stop, calls = asyncio.Event(), list[int]()

    async def chore(_runtime: Runtime) -> None:
        calls.append(len(calls))
        if len(calls) == 3:
            stop.set()
        raise PermissionError("the store says no")

    await asyncio.wait_for(_keep_house(kit.runtime, chore, 0.01, stop), 10)
    assert calls == [0, 1, 2]


async def test_requests_are_counted_by_route_template(kit: Harness, tenant: str) -> None:
    async with kit.client(tenant) as client:
        await client.get("/kit/things/01a20410-dc7c-710f-9c36-af6be2cd8a5b")
        await client.get("/kit/nothing/of/the/kind")
        exported = (await client.get("/metrics")).text
    assert 'http_requests_total{method="GET",route="/kit/things/{thing_id}",service="kit",status="404"}' in exported
    assert 'route="unmatched",service="kit",status="404"' in exported
    assert "01a20410" not in exported
    assert "of/the/kind" not in exported
    assert {line.split("{")[0].split(" ")[0] for line in exported.splitlines()} | {
        line.split(" ")[2] + suffix
        for line in exported.splitlines()
        if line.startswith("# TYPE")
        for suffix in ("", "_bucket")
    } >= METRICS


async def test_every_operation_says_its_scope_and_its_refusals(kit: Harness) -> None:
    async with kit.anonymous() as client:
        document: dict[str, Any] = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/kit")
    }
    assert len(operations) >= 10
    for operation in operations.values():
        assert operation["security"] == [{"bearer": []}]
        assert {"401", "403", "default"} <= operation["responses"].keys()
        assert "x-streams" not in operation
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                assert list(response["content"]) == ["application/problem+json"]
    assert operations["post", "/kit/things"]["x-scopes"] == ["kit.things:write"]
    assert operations["get", "/kit/jobs/{job_id}"]["x-scopes"] == ["kit.jobs:read"]
    assert "Problem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_pages_follow_each_other_newest_first(kit: Harness, tenant: str) -> None:
    async with kit.client(tenant) as client:
        for n in range(5):
            await client.post("/kit/things", json={"name": f"n{n}"})
        seen: list[str] = []
        cursor: dict[str, str] = {}
        for _ in range(3):
            page = (await client.get("/kit/things", params={"limit": "2", **cursor})).json()
            seen += [item["name"] for item in page["items"]]
            cursor = {"cursor": page["next_cursor"] or ""}
        assert seen == ["n4", "n3", "n2", "n1", "n0"]
        assert cursor == {"cursor": ""}
        for limit in ("0", "201", "x", "1.5", "1.0", " 5"):
            assert (await client.get("/kit/things", params={"limit": limit})).status_code == 422
        exact = (await client.get("/kit/things", params={"limit": "5"})).json()
        assert (len(exact["items"]), exact["next_cursor"]) == (5, None)

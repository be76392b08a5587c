"""Health, metrics, documentation, settings and the access log."""

import asyncio
import json
import re

import pytest
from pydantic import ValidationError

from gateway.docs import Docs
from gateway.settings import GatewaySettings
from shared.settings import UnknownSettingError
from tests.gateway.conftest import Door, OpenDoor, problem

ADDRESS = re.compile(r"(?:https?:)?//[a-z0-9.-]+", re.IGNORECASE)


async def test_alive_whatever_the_upstreams_do(open_door: OpenDoor) -> None:
    async with (
        open_door(more_upstreams={"hr": "http://127.0.0.1:9"}) as door,
        door.client.get("/health/live") as response,
    ):
        assert (response.status, (await response.json())["status"]) == (200, "alive")


async def test_ready_names_every_upstream(open_door: OpenDoor) -> None:
    async with open_door(more_upstreams={"hr": "http://127.0.0.1:9"}) as door:
        async with door.client.get("/health/ready") as response:
            report = await response.json()
            assert response.status == 200
        assert report["status"] == "degraded"
        assert report["upstreams"]["billing"] == {"status": "ready", "breaker": "closed"}
        assert report["upstreams"]["hr"]["status"] == "unreachable"


async def test_ready_follows_the_upstream(open_door: OpenDoor) -> None:
    async with open_door() as door:
        async with door.client.get("/health/ready") as response:
            assert (response.status, (await response.json())["status"]) == (200, "ready")
        door.backend.ready = False
        await asyncio.sleep(0.6)
        async with door.client.get("/health/ready") as response:
            assert response.status == 503
            report = await response.json()
    assert report == {"status": "unavailable", "upstreams": {"billing": {"status": "not-ready", "breaker": "closed"}}}


async def metrics(door: Door) -> dict[str, float]:
    async with door.client.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


async def test_requests_are_counted_by_upstream_and_status_class(open_door: OpenDoor) -> None:
    async with open_door() as door:
        before = await metrics(door)
        for path in ("/billing/echo", "/billing/echo", "/billing/missing", "/nowhere"):
            async with door.client.get(path) as response:
                await response.read()
        after = await metrics(door)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    total = "trastienda_gateway_requests_total"
    assert grown(f'{total}{{status="2xx",upstream="billing"}}') == 2
    assert grown(f'{total}{{status="4xx",upstream="billing"}}') == 1
    assert grown(f'{total}{{status="4xx",upstream="gateway"}}') == 1
    assert grown('trastienda_gateway_request_duration_seconds_count{status="2xx",upstream="billing"}') == 2
    assert after['trastienda_gateway_breaker_state{upstream="billing"}'] == 0
    paths = [name for name in after if name.startswith("trastienda_gateway_") and "/billing" in name]
    assert not paths  # a path in a label would make a series of every id


async def test_the_docs_load_nothing_from_elsewhere(door: Door) -> None:
    async with door.client.get("/docs") as response:
        page = await response.text()
        policy = response.headers["content-security-policy"]
    assert not ADDRESS.search(page)
    assert "<script>" not in page
    assert not re.search(r"\son\w+=|style=", page)
    assert "default-src 'none'" in policy
    assert not ADDRESS.search(policy)
    assert "unsafe" not in policy
    links = re.findall(r'(?:src|href)="(/[^"]*)"', page)
    assert len(links) >= 4
    for link in links:
        async with door.client.get(link) as response:
            assert response.status == 200, link
            assert int(response.headers["content-length"]) > 0


async def test_the_docs_page_can_read_openapi_3_1(door: Door) -> None:
    async with door.client.get("/docs/swagger-ui-bundle.js") as response:
        assert response.headers["content-type"].startswith("text/javascript")
        assert response.headers["x-content-type-options"] == "nosniff"
        version = re.search(r'PACKAGE_VERSION:"(\d+)\.(\d+)', await response.text())
    assert version
    assert int(version[1]) >= 5


@pytest.mark.parametrize("path", ["/docs/", "/docs/nothing.js", "/docs/../app.py", "/docs/%2e%2e/app.py"])
async def test_only_known_files_are_served(door: Door, path: str) -> None:
    async with door.client.get(path) as response:
        await problem(response, 404, "unknown-service")
    assert await Docs().file(path) is None


async def test_the_root_leads_to_the_docs(door: Door) -> None:
    async with door.client.get("/", allow_redirects=False) as response:
        assert (response.status, response.headers["location"]) == (307, "/docs")


async def test_the_access_log_has_ids_and_no_query(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    async with door.client.get("/billing/echo?name=Maria") as response:
        request_id, traceparent = response.headers["x-request-id"], response.headers["traceparent"]
    await asyncio.sleep(0.2)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if request_id in line]
    assert len(lines) == 1
    line = lines[0]
    assert line["trace_id"] == traceparent.split("-")[1]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/billing/echo", 200)
    assert (line["upstream"], line["tenant"], line["logger"]) == ("billing", "local", "gateway.access")
    assert line["ms"] > 0
    assert "Maria" not in json.dumps(line)


async def test_a_websocket_is_closed(door: Door) -> None:
    sent = []

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    await door.gateway({"type": "websocket", "path": "/billing/echo", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_settings_come_from_the_environment() -> None:
    environ = {
        "TRASTIENDA_GATEWAY_UPSTREAMS": '{"billing": "http://b:8002/", "hr": "http://h:8003"}',
        "TRASTIENDA_GATEWAY_RATE_LIMIT": "10",
        "TRASTIENDA_BODY_LIMIT": "1000",
    }
    settings = GatewaySettings.load(environ)
    assert settings.upstreams == {"billing": "http://b:8002", "hr": "http://h:8003"}
    assert (settings.rate_limit, settings.body_limit, settings.environment) == (10, 1000, "production")


@pytest.mark.parametrize(
    "upstreams",
    ["{}", "no json", '{"docs": "http://a:1"}', '{"UP": "http://a:1"}', '{"a": "ftp://a"}', '{"a": "http://a:1/base"}'],
)
def test_upstreams_that_cannot_work_stop_the_start(upstreams: str) -> None:
    with pytest.raises(ValidationError):
        GatewaySettings.load({"TRASTIENDA_GATEWAY_UPSTREAMS": upstreams})


def test_a_misspelt_setting_stops_the_start() -> None:
    with pytest.raises(UnknownSettingError):
        GatewaySettings.load({"TRASTIENDA_GATEWAY_UPSTREAM": "{}"})

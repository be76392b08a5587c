"""`/health/live`, `/health/ready` and `/metrics` of every service."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from shared import metrics, migrations

_CHECK_S = 3.0


class Health(BaseModel):
    """`status` is `ok` or `unavailable`; `parts` says it of each dependency, with the reason when it is not ok."""

    status: str
    parts: dict[str, str]


def health_router() -> APIRouter:
    """Return the routes that orchestrators and Prometheus ask. They need no token and show no data."""
    router = APIRouter(tags=["operation"])

    @router.get("/health/live")
    async def live() -> Health:
        return Health(status="ok", parts={})

    @router.get("/health/ready")
    async def ready(request: Request, response: Response) -> Health:
        runtime = request.app.state.runtime
        checks = {
            "database": _schema_at_head(runtime),
            "event_log": runtime.log.ping(),
            "object_store": runtime.store.ping(),
        }
        results = await asyncio.gather(*(_state(check) for check in checks.values()))
        parts = dict(zip(checks, results, strict=True))
        healthy = all(state == "ok" for state in results)
        response.status_code = 200 if healthy else 503
        return Health(status="ok" if healthy else "unavailable", parts=parts)

    @router.get("/metrics", include_in_schema=False)
    async def prometheus() -> Response:
        body, media_type = metrics.render()
        return Response(body, media_type=media_type)

    # Probes ask with HEAD too, as they may at the gateway.
    for path, answer in (("/health/live", live), ("/health/ready", ready), ("/metrics", prometheus)):
        router.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)
    return router


async def _state(check: Awaitable[object]) -> str:
    """Return `ok` or the reason. Every failure is a reason here: that is what the endpoint is for."""
    try:
        async with asyncio.timeout(_CHECK_S):
            await check
    except Exception as error:  # noqa: BLE001 - see the docstring
        return f"{type(error).__name__}: {error}"[:200]
    return "ok"


async def _schema_at_head(runtime: Any) -> None:
    head = migrations.head_of(runtime.service.migrations)
    async with runtime.database.engine.connect() as connection:
        current = await connection.run_sync(migrations.current_revision, runtime.service.name)
    if current != head:
        raise RuntimeError(f"migrations are at {current}, the code needs {head}")

"""Calendars in tests: set them over HTTP, and measure by them in plain Python."""

from datetime import datetime
from typing import Any

import httpx

from tests.fixtures.services import Harness

OFFICE = [{"from": "09:00", "to": "14:00"}, {"from": "15:00", "to": "18:00"}]
MADRID: dict[str, Any] = {
    "time_zone": "Europe/Madrid",
    "weekly_hours": dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), OFFICE),
    "holidays": {"country": "ES", "region": "MD"},
}


async def put_calendar(
    analytics: Harness, tenant: str, body: Any = MADRID, name: str = "office", seen: str = '"0"', role: str = "admin"
) -> httpx.Response:
    async with analytics.client(tenant, role) as client:
        return await client.put(f"/analytics/calendars/{name}", json=body, headers={"If-Match": seen} if seen else {})


async def days_of(analytics: Harness, tenant: str, begin: str, end: str, name: str = "office") -> list[dict[str, Any]]:
    """Return what a calendar says of days."""
    async with analytics.client(tenant, "viewer") as client:
        answered = await client.get(f"/analytics/calendars/{name}/days", params={"from": begin, "to": end})
    assert answered.status_code == 200, answered.text
    days: list[dict[str, Any]] = answered.json()["days"]
    return days


def worked(days: list[dict[str, Any]], begin: datetime, end: datetime) -> float:
    """Return the seconds from begin to end in which the days are open, added up by hand."""
    total = 0.0
    for day in days:
        for each in day["open"]:
            opens, closes = (datetime.fromisoformat(each[name]) for name in ("from", "to"))
            total += max(0.0, (min(closes, end) - max(opens, begin)).total_seconds())
    return total

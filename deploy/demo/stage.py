"""The installation, as the demo's users call it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

import httpx

from shared import clock
from shared.ids import stable_id

TokenFor = Callable[[str], str]
_AT_ONCE = 8
_DONE_STATUSES = {200, 201, 202, 204}


class DemoError(RuntimeError):
    """The installation refused a part of the demo; the text holds its answer."""


class Stage:
    """A request of a role, or a piece of its work. `seed` makes the keys under which requests may be repeated."""

    def __init__(
        self, clients: Mapping[str, httpx.AsyncClient], token_for: TokenFor, seed: int, opens: datetime
    ) -> None:
        self._clients, self._token_for, self._seed = clients, token_for, seed
        self._tokens: dict[str, str] = {}
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._random = Random(seed)  # noqa: S311 - no secret
        self._now = opens

    async def send(self, role: str, method: str, path: str, step: object, **content: Any) -> Any:
        """Send one request as `role`; return its JSON. Raises DemoError unless it was done, now or the first time."""
        if role not in self._tokens:
            self._tokens[role] = self._token_for(role)
        headers = {
            "Authorization": f"Bearer {self._tokens[role]}",
            "Idempotency-Key": str(stable_id("demo", self._seed, path, step)),
            **content.pop("headers", {}),
        }
        async with self._gate:
            answer = await self._clients[path.split("/")[1]].request(method, path, headers=headers, **content)
        if answer.status_code not in _DONE_STATUSES:
            raise DemoError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    async def work(self, role: str, path: str, step: object, **content: Any) -> Any:
        """POST what takes a person some minutes, seldom under one and seldom over eight; one piece after the other."""
        began = self._now
        self._now += timedelta(minutes=self._random.lognormvariate(1, 0.5))
        headers = {"Work-Started-At": began.isoformat(), **content.pop("headers", {})}
        with clock.frozen(self._now):
            return await self.send(role, "POST", path, step, headers=headers, **content)

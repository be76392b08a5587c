"""The servers behind the services: ours, started here, or those that settings name."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from deploy.standalone.errors import ServerError
from deploy.standalone.keep import kept, new_secret
from deploy.standalone.keeper import wait_until
from deploy.standalone.postgres import EmbeddedPostgres
from deploy.standalone.process import Server
from deploy.standalone.seaweed import EmbeddedS3

LOOK_S = 0.5
DATABASE = "trastienda"
logger = logging.getLogger(__name__)


class Embedded(Protocol):
    """A server of ours."""

    @property
    def server(self) -> Server | None: ...

    async def start(self) -> object: ...

    async def stop(self) -> None: ...


class Backing:
    """PostgreSQL and S3 for one data directory. `environment` gives the settings that reach them, once started."""

    def __init__(self, directory: Path, given: Mapping[str, str]) -> None:
        self._secrets = directory / "keys"
        self.postgres = None if "TRASTIENDA_DATABASE_URL" in given else EmbeddedPostgres(directory / "postgres")
        self.s3 = None if "TRASTIENDA_S3_ENDPOINT" in given else EmbeddedS3(directory / "s3")
        self.environment: dict[str, str] = {}

    async def start(self, timed: Callable[[str, Awaitable[None]], Coroutine[Any, Any, None]]) -> None:
        """Start both at once. Raises ServerError when one does not come up."""
        async with asyncio.TaskGroup() as group:
            if self.postgres is not None:
                group.create_task(timed("PostgreSQL", self._start_postgres(self.postgres)))
            if self.s3 is not None:
                group.create_task(timed("SeaweedFS", self._start_s3(self.s3)))

    async def stop_s3(self) -> None:
        if self.s3 is not None:
            await self.s3.stop()

    async def stop_postgres(self) -> None:
        if self.postgres is not None:
            await self.postgres.stop()

    def embedded(self) -> dict[str, Embedded]:
        servers: dict[str, Embedded | None] = {"PostgreSQL": self.postgres, "SeaweedFS": self.s3}
        return {name: server for name, server in servers.items() if server is not None}

    async def _start_postgres(self, postgres: EmbeddedPostgres) -> None:
        admin_url = await postgres.start()
        password = kept(self._secrets / "database", new_secret)
        self.environment["TRASTIENDA_DATABASE_URL"] = await create_database(admin_url, DATABASE, password)

    async def _start_s3(self, s3: EmbeddedS3) -> None:
        access = await s3.start()
        self.environment["TRASTIENDA_S3_ENDPOINT"] = access.endpoint
        self.environment["TRASTIENDA_S3_ACCESS_KEY"] = access.access_key
        self.environment["TRASTIENDA_S3_SECRET_KEY"] = access.secret_key


async def create_database(admin_url: str, name: str, password: str) -> str:
    """Create a database and its owner where missing; return the owner's URL.

    The owner is no superuser, as on a server that somebody else runs: it may only create the services' roles.
    """
    connection = await asyncpg.connect(admin_url)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
            await connection.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD '{password}'")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f"CREATE DATABASE {name} OWNER {name}")
    finally:
        await connection.close()
    address = admin_url.rpartition("@")[2].rpartition("/")[0]
    return f"postgresql://{name}:{password}@{address}/{name}"


async def watch(name: str, embedded: Embedded, stop: asyncio.Event) -> None:
    """Start a server again at the same address when it ends by itself. Raises ServerError when it cannot."""
    if embedded.server is not None and embedded.server.exit_code is not None:
        await embedded.start()
        logger.warning("server started again", extra={"server": name})
    while not stop.is_set():
        await wait_until(stop, LOOK_S)
        if embedded.server is not None and embedded.server.exit_code is not None and not stop.is_set():
            raise ServerError(f"{name} ended with code {embedded.server.exit_code}")

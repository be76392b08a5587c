"""PostgreSQL: one transaction per request, held to one tenant by row-level security.

Every service has two database roles that own nothing: `trastienda_<service>` sees the rows of the tenant that
the transaction names; `trastienda_<service>_worker` (relay, consumers, jobs) sees every tenant's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Connection, MetaData, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.orm import SessionTransaction

from shared import outbox
from shared.auth import current_principal
from shared.errors import OutcomeUnknown, refuses
from shared.events import EventTooLargeError
from shared.failures import leaves_open

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
_SET_TENANT = text(
    "SELECT set_config('trastienda.tenant', :tenant, true), set_config('transaction_read_only', :ro, true)"
)
_LOCK_TIMEOUT_MS = 5_000


def service_metadata(schema: str) -> MetaData:
    """Return a service's own metadata: its schema, and names for every constraint."""
    return MetaData(schema=schema, naming_convention=NAMING)


def asyncpg_url(url: str) -> str:
    """Return `url` for asyncpg itself; `postgresql+asyncpg://` and `postgres://` are taken too."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


class _TenantSession(SyncSession):
    """Names the tenant as the first statement of every transaction it begins."""


@event.listens_for(_TenantSession, "after_begin")
def _name_tenant(session: SyncSession, _transaction: SessionTransaction, connection: Connection) -> None:
    if (tenant := session.info.get("tenant")) is not None:
        connection.execute(_SET_TENANT, {"tenant": tenant, "ro": "on" if session.info.get("read_only") else "off"})


class Database:
    """One service's database under one of its roles. `schema` is the search path."""

    def __init__(self, url: str, *, schema: str, role: str, pool: int = 5, timeout_s: float = 30.0) -> None:
        self.schema = schema
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            pool_size=pool,
            max_overflow=max(pool, 8),
            hide_parameters=True,  # errors are logged, and rows hold personal data
            connect_args={
                "timeout": 10,
                "server_settings": {
                    "role": role,
                    "search_path": schema,
                    "application_name": role,
                    "TimeZone": "UTC",
                    "statement_timeout": str(int(timeout_s * 1000)),
                    "lock_timeout": str(_LOCK_TIMEOUT_MS),
                    "jit": "off",
                },
            },
        )
        self._sessions = async_sessionmaker(self.engine, sync_session_class=_TenantSession, expire_on_commit=False)

    def session(self, tenant: str | None, **info: Any) -> AsyncSession:
        """Return a session; its connection is taken with its first statement."""
        return self._sessions(info={"tenant": tenant, **info})

    @asynccontextmanager
    async def transaction(self, tenant: str | None = None) -> AsyncIterator[AsyncSession]:
        """Commit what the block did, events included, or nothing of it."""
        async with self.session(tenant) as session:
            yield session
            await outbox.flush(session)
            session.info["committing"] = True
            await session.commit()

    async def close(self) -> None:
        await self.engine.dispose()


@refuses(EventTooLargeError, OutcomeUnknown)
async def unit_of_work(request: Request) -> AsyncIterator[AsyncSession]:
    """Give the request its transaction, for the verified caller's tenant; commit before the answer is sent."""
    principal = await current_principal(request)
    session: AsyncSession | None = None
    try:
        async with request.app.state.runtime.database.transaction(principal.tenant) as session:
            yield session
    except (Exception, asyncio.CancelledError) as error:  # cancelled: the request's time is over
        committing = session is not None and "committing" in session.info
        if committing and (isinstance(error, asyncio.CancelledError) or leaves_open(error)):
            raise OutcomeUnknown from error
        raise


async def read_only(request: Request) -> AsyncIterator[AsyncSession]:
    """Give the request a transaction that cannot write."""
    principal = await current_principal(request)
    async with request.app.state.runtime.database.session(principal.tenant, read_only=True) as session:
        yield session


# FastAPI runs the exit of a plain `yield` dependency after the answer is sent: a failing commit would still
# answer 2xx. `scope="function"` runs it before; an architecture test keeps it.
Session = Annotated[AsyncSession, Depends(unit_of_work, scope="function")]
ReadSession = Annotated[AsyncSession, Depends(read_only, scope="function")]

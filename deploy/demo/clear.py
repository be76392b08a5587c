"""Takes a tenant out of an installation: its rows, objects and events.

It works as each service's own request role, which sees that one tenant: a mistake here cannot reach another.
"""

import asyncio
from collections.abc import Mapping
from time import monotonic

from sqlalchemy import text

from deploy.registry import SERVICES, load_service
from shared.app import Runtime, open_runtime
from shared.eventlog.postgres import PostgresEventLog

_DRAIN_S = 60.0
_LOOK_S = 0.2
_TABLES = text(
    "SELECT c.table_name FROM information_schema.columns c "
    "JOIN information_schema.tables t USING (table_schema, table_name) "
    "WHERE c.table_schema = current_schema() AND c.column_name = 'tenant_id' AND t.table_type = 'BASE TABLE'"
)


class BusyError(RuntimeError):
    """The tenant's events are still being worked on."""


async def clear(environment: Mapping[str, str], tenant: str) -> None:
    """Remove everything of `tenant`. `environment` holds the installation's settings.

    Events in Kafka stay until the topic's retention removes them: a log that others read is not rewritten. Raises
    BusyError when events of the installation are still on their way after a minute: they would come back.
    """
    await drained(environment)
    for name in SERVICES:
        service = load_service(name)
        async with open_runtime(service, service.settings.load(environment)) as runtime:
            await _erase_rows(runtime, tenant)
            await runtime.store.delete_prefix(f"{tenant}/")
            if isinstance(runtime.log, PostgresEventLog):
                await runtime.log.forget("ce_tenant", tenant)


async def drained(environment: Mapping[str, str]) -> None:
    """Wait until every service's events are published and consumed. Raises BusyError when they are not after a minute."""
    for name in SERVICES:
        service = load_service(name)
        async with open_runtime(service, service.settings.load(environment)) as runtime:
            await _drained(runtime)


async def _drained(runtime: Runtime) -> None:
    deadline = monotonic() + _DRAIN_S
    while await _waiting(runtime):
        if monotonic() > deadline:
            raise BusyError(f"{runtime.service.name} still has events on their way; is the installation running?")
        await asyncio.sleep(_LOOK_S)


async def _waiting(runtime: Runtime) -> int:
    """Return how many events wait to be published by the service or to be consumed by it."""
    async with runtime.worker.session(None) as session:
        count = int((await session.execute(text("SELECT count(*) FROM outbox"))).scalar_one())
    for consumption in runtime.service.consumptions:
        count += sum((await runtime.log.lag(consumption.group, consumption.pattern)).values())
    return count


async def _erase_rows(runtime: Runtime, tenant: str) -> None:
    """Delete the tenant's rows of every table, children before the parents they point to."""
    order = [table.name for table in reversed(runtime.service.metadata.sorted_tables)]
    async with runtime.database.transaction(tenant) as session:
        present = set((await session.execute(_TABLES)).scalars())
        for table in [*(name for name in order if name in present), *sorted(present - set(order))]:
            await session.execute(text(f'DELETE FROM "{table}" WHERE tenant_id = :tenant'), {"tenant": tenant})  # noqa: S608 - the name is the catalogue's own

"""A service: what it is made of, and the ways it runs - HTTP, relay, worker, migration."""

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter, FastAPI
from sqlalchemy import MetaData

from shared import idempotency, metrics, migrations
from shared.auth import Verifier
from shared.consumer import Consumer, Consumption
from shared.db import Database
from shared.edge import Edge, install_problem_handlers
from shared.eventlog import EventLog, LogUnavailableError
from shared.eventlog.factory import open_event_log, prepare_event_log
from shared.events import EventData
from shared.failures import first_line, is_transient
from shared.health import health_router
from shared.jobs import JobCode, JobRunner, jobs_router
from shared.notify import pause
from shared.openapi import describe, operation_id
from shared.relay import Relay
from shared.settings import ServiceSettings
from shared.storage import ObjectStore, S3Store

_HOUR_S, _MINUTE_S, _LAG_S = 3600, 60, 5
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """Everything the kernel needs to know about a service."""

    name: str
    settings: type[ServiceSettings]
    metadata: MetaData
    migrations: Path
    routers: Sequence[APIRouter]
    events: Sequence[type[EventData]] = ()
    consumptions: Sequence[Consumption] = ()
    jobs: Callable[["Runtime"], Mapping[str, JobCode]] = field(default=lambda _runtime: {})
    housekeeping: Callable[["Runtime"], Awaitable[None]] | None = None  # the worker calls it every minute
    summary: str = ""

    @property
    def topics(self) -> list[str]:
        """Return the topics the service publishes to."""
        return sorted({event.topic for event in self.events})


@dataclass(slots=True)
class Runtime:
    """The open connections of one running part. `worker` sees every tenant; requests use `database`."""

    service: Service
    settings: ServiceSettings
    url: str
    database: Database
    worker: Database
    log: EventLog
    store: ObjectStore
    verifier: Verifier


@asynccontextmanager
async def open_runtime(service: Service, settings: ServiceSettings) -> AsyncIterator[Runtime]:
    """Open what a part of a service needs and close it afterwards. Raises ValueError naming missing settings."""
    settings.require("database_url", "s3_endpoint", "s3_access_key", "s3_secret_key", "issuer", "pseudonym_key")
    assert settings.database_url
    assert settings.s3_secret_key
    url = settings.database_url.get_secret_value()
    log_url = (settings.eventlog_url or settings.database_url).get_secret_value()
    request_role, worker_role = migrations.roles_of(service.name)
    name, pool, patience_s = service.name, settings.database_pool, settings.request_timeout
    async with AsyncExitStack() as stack:
        database = Database(url, schema=name, role=request_role, pool=pool, timeout_s=patience_s)
        stack.push_async_callback(database.close)
        # Relay, consumer and jobs mostly take turns; beyond half of the pool they open connections for a moment.
        worker = Database(url, schema=name, role=worker_role, pool=max(1, pool // 2), timeout_s=120)
        stack.push_async_callback(worker.close)
        log = open_event_log(settings.kafka_bootstrap, log_url)
        stack.push_async_callback(log.close)
        await log.start()
        store = S3Store(
            settings.s3_endpoint or "",
            settings.s3_access_key or "",
            settings.s3_secret_key.get_secret_value(),
            settings.s3_bucket or f"trastienda-{service.name}",
            settings.s3_region,
            settings.s3_public_endpoint,
        )
        stack.callback(store.close)
        yield Runtime(service, settings, url, database, worker, log, store, Verifier(settings))


Opener = Callable[[Service, ServiceSettings], AbstractAsyncContextManager[Runtime]]


def create_app(service: Service, settings: ServiceSettings, opener: Opener = open_runtime) -> FastAPI:
    """Return the service's HTTP application; its lifespan opens and closes what it needs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opener(service, settings) as runtime:
            app.state.runtime = runtime
            yield

    app = FastAPI(
        title=f"Trastienda {service.name}",
        summary=service.summary,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.include_router(health_router())
    for router in (*service.routers, jobs_router(service.name)):
        app.include_router(router)
    install_problem_handlers(app)
    describe(app)
    app.add_middleware(Edge, service=service.name)
    return app


async def migrate(service: Service, settings: ServiceSettings) -> None:
    """Bring the event log, the service's schema, bucket and topics into being, the schema to head."""
    settings.require("database_url")
    assert settings.database_url
    log_url = settings.eventlog_url or settings.database_url
    await prepare_event_log(settings.kafka_bootstrap, log_url.get_secret_value())
    await migrations.migrate(settings.database_url.get_secret_value(), service.name, service.migrations)
    async with open_runtime(service, settings) as runtime:
        await runtime.store.prepare()
        await runtime.log.ensure_topics(service.topics)


async def run_relay(
    service: Service, settings: ServiceSettings, stop: asyncio.Event, opener: Opener = open_runtime
) -> None:
    """Publish the service's events until `stop` is set."""
    async with opener(service, settings) as runtime:
        await Relay(service.name, runtime.url, runtime.worker, runtime.log).run(stop)


async def run_worker(
    service: Service, settings: ServiceSettings, stop: asyncio.Event, opener: Opener = open_runtime
) -> None:
    """Run the service's consumers, jobs and housekeeping until `stop` is set.

    One that cannot go on ends them all, and its error is raised: TooManyDeadLettersError, for one.
    """
    async with opener(service, settings) as runtime:
        gc.collect()
        gc.freeze()  # what is here stays: to look through it again and again takes a third of what an event costs
        try:
            async with asyncio.TaskGroup() as group:
                _start_work(runtime, group, stop)
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None


def _start_work(runtime: Runtime, group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
    service = runtime.service
    for each in service.consumptions:
        group.create_task(Consumer(each.under(runtime.settings), runtime.worker, runtime.log).run(stop))
        group.create_task(_measure_lag(runtime.log, each, stop))
    if kinds := service.jobs(runtime):
        group.create_task(JobRunner(service.name, runtime.url, runtime.worker, kinds).run(stop))
    group.create_task(_keep_house(runtime, _forget_old_keys, _HOUR_S, stop))
    if service.housekeeping is not None:
        group.create_task(_keep_house(runtime, service.housekeeping, _MINUTE_S, stop))


async def _forget_old_keys(runtime: Runtime) -> None:
    more = True
    while more:
        async with runtime.worker.transaction() as session:
            more = await idempotency.forget_old_keys(session)


async def _measure_lag(log: EventLog, consumption: Consumption, stop: asyncio.Event) -> None:
    """Export how far the group is behind, by topic."""
    while not stop.is_set():
        try:
            lag = await log.lag(consumption.group, consumption.pattern)
        except LogUnavailableError as error:
            logger.warning("the lag is unknown", extra={"group": consumption.group, "reason": str(error)})
        else:
            by_topic: Counter[str] = Counter()
            for (topic, _partition), messages in lag.items():
                by_topic[topic] += messages
            for topic, messages in by_topic.items():
                metrics.consumer_lag.labels(consumption.group, topic).set(messages)
        await pause(stop, _LAG_S)


async def _keep_house(
    runtime: Runtime, chore: Callable[[Runtime], Awaitable[None]], every_s: float, stop: asyncio.Event
) -> None:
    """Do a chore now and then every so many seconds.

    One that fails waits for its next time: it must not end the consumers and jobs beside it.
    """
    while not stop.is_set():
        try:
            await chore(runtime)
        except Exception as error:
            if is_transient(error):
                logger.warning("housekeeping waits", extra={"reason": first_line(error)})
            else:
                logger.exception("housekeeping failed", extra={"service": runtime.service.name})
        await pause(stop, every_s)

"""A member of the analytics consumer group, as a process of its own: `python -m tests.faults.member SETTINGS`.

It joins when it is told `go` on its standard input, so that starting Python costs the run no time, and stops at the
end of the batch in hand on SIGTERM. Where the settings say so it stops itself as SIGSTOP does, at an exact moment.
"""

import asyncio
import contextlib
import functools
import logging
import os
import random
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace

import msgspec
from aiokafka import AIOKafkaConsumer
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.app import SERVICE
from services.analytics.operations.consume import CONSUMPTION, consume
from shared import consumer, migrations
from shared.consumer import Consumer, Limits, Reading
from shared.db import Database
from shared.eventlog import EventLog, Received, kafka_subscription
from shared.eventlog.kafka import KafkaEventLog
from shared.eventlog.postgres import ROLE, PostgresEventLog
from shared.events import Event


class Settings(msgspec.Struct, frozen=True):
    """`silent_ms`: how long a member may be silent, for the log and for the database; else as in production.

    Each batch rests up to `rest_ms` `before` its transaction, `within` it (all done, not committed) and `after` it (not
    committed to the log); batch number `pause_at` pauses the process at one of these moments.
    """

    kind: str
    log_url: str
    database_url: str
    group: str
    topic: str
    batch: int = 1_000
    silent_ms: int | None = None
    idle_ms: int | None = None
    rest_ms: int = 0
    pause: str = ""
    pause_at: int = 0


class Pausing(Consumer):
    """A consumer that dwells where it hurts, and can stop its whole process there."""

    def __init__(self, settings: Settings, database: Database, log: EventLog) -> None:
        self._settings, self._batches, self._awake = settings, 0, False
        group = replace(CONSUMPTION, group=settings.group, pattern=re.escape(settings.topic), handler=self._keep)
        super().__init__(group, database, log, Limits(batch=settings.batch))

    async def handle(self, batch: Sequence[Received], reading: Reading | None = None) -> None:
        self._batches += 1
        await self._dwell("before")
        await super().handle(batch, reading)
        await self._dwell("after")
        if self._awake:
            logging.getLogger(__name__).warning("the batch that was paused is done")
            self._awake = False

    async def _keep(self, session: AsyncSession, events: Sequence[Event]) -> None:
        await consume(session, events)
        await self._dwell("within")

    async def _dwell(self, moment: str) -> None:
        await asyncio.sleep(random.uniform(0, self._settings.rest_ms / 1_000))
        if (moment, self._batches) == (self._settings.pause, self._settings.pause_at):
            self._batches += 1  # once: a batch may be handled again
            os.kill(os.getpid(), signal.SIGSTOP)
            self._awake = True


def shorten(settings: Settings) -> None:
    """Let a silent member be found dead sooner: a test has no ten seconds for each."""
    if settings.silent_ms is not None:
        kafka_subscription._SESSION_MS = settings.silent_ms
        client = functools.partial(AIOKafkaConsumer, heartbeat_interval_ms=settings.silent_ms // 4)
        vars(kafka_subscription)["AIOKafkaConsumer"] = client
    if settings.idle_ms is not None:
        consumer._IDLE_MS = settings.idle_ms


def open_log(settings: Settings) -> EventLog:
    if settings.kind == "kafka":
        return KafkaEventLog(settings.log_url)
    return PostgresEventLog(settings.log_url, role=ROLE, lease_s=(settings.silent_ms or 300_000) / 1_000)


async def main(settings: Settings) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    shorten(settings)
    await asyncio.to_thread(sys.stdin.readline)
    database = Database(settings.database_url, schema=SERVICE.name, role=migrations.roles_of(SERVICE.name)[1])
    log = open_log(settings)
    await log.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        stack.push_async_callback(log.close)
        await Pausing(settings, database, log).run(stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.INFO)  # says each generation
    asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Settings)))

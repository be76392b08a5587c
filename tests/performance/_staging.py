"""The least that storing events exactly once can cost: COPY into a staging table, and all in one transaction.

A thousand rows of ten columns, `INSERT ... ON CONFLICT DO NOTHING ... RETURNING` into a table whose key is a UUID, an
aggregate by hour and activity from what was new, an offset, one commit; `synchronous_commit` is on. The rows are at hand
as Python values.
"""

from collections.abc import Iterable, Sequence
from time import perf_counter, process_time
from typing import Any

import asyncpg

from services.analytics.operations.consume import read
from services.analytics.operations.facts import OperationFact
from shared.eventlog import Message
from tests.fakes.eventlog import received
from tests.performance._ways import Passed, peak_mb

BATCH = 1_000
_COLUMNS = ("id", "tenant", "process", "activity", "case_id", "actor", "team", "started_at", "finished_at", "touch_us")
_TYPES = ("uuid", *["text"] * 6, *["timestamptz"] * 2, "bigint")
_DECLARED = ", ".join(f"{name} {kind}" for name, kind in zip(_COLUMNS, _TYPES, strict=True))
_PREPARE = f"""
CREATE SCHEMA IF NOT EXISTS bare;
CREATE TABLE IF NOT EXISTS bare.event ({_DECLARED}, PRIMARY KEY (id));
CREATE TABLE IF NOT EXISTS bare.hour (hour timestamptz, activity text, n bigint, touch_us numeric, PRIMARY KEY (hour, activity));
CREATE TABLE IF NOT EXISTS bare.position (topic text PRIMARY KEY, next_offset bigint);
CREATE TEMP TABLE staged ({_DECLARED}) ON COMMIT DELETE ROWS;
SET synchronous_commit = on
"""
_STORE = """
WITH fresh AS (
    INSERT INTO bare.event SELECT * FROM staged ON CONFLICT DO NOTHING RETURNING *
)
INSERT INTO bare.hour AS known
SELECT date_trunc('hour', finished_at), activity, count(*), sum(touch_us) FROM fresh GROUP BY 1, 2
ON CONFLICT (hour, activity) DO UPDATE SET n = known.n + excluded.n, touch_us = known.touch_us + excluded.touch_us
"""
_OFFSET = (
    "INSERT INTO bare.position VALUES ($1, $2) ON CONFLICT (topic) DO UPDATE SET next_offset = excluded.next_offset"
)


def rows_of(messages: Iterable[Message]) -> list[tuple[Any, ...]]:
    """Return events as rows of ten columns."""
    rows = []
    for each in messages:
        fact = read(received(each)).fact
        assert isinstance(fact, OperationFact)
        rows.append(
            (
                *(fact.id, fact.tenant_id, fact.process, fact.activity, fact.case_id, fact.actor_id, fact.team),
                *(fact.started_at, fact.finished_at, fact.touch_us),
            )
        )
    return rows


async def staging(url: str, topic: str, rows: Sequence[tuple[Any, ...]]) -> Passed:
    connection = await asyncpg.connect(url)
    await connection.execute(_PREPARE)
    began, cpu = perf_counter(), process_time()
    for start in range(0, len(rows), BATCH):
        async with connection.transaction():
            await connection.copy_records_to_table("staged", records=rows[start : start + BATCH], columns=_COLUMNS)
            await connection.execute(_STORE)
            await connection.execute(_OFFSET, topic, start + BATCH)
    result = Passed(len(rows), perf_counter() - began, process_time() - cpu, peak_mb())
    await connection.close()
    return result

"""Many operations in little time: facts made by the database itself, then folded by the service's own statements.

Cases begin evenly over 90 days, each with five of the six activities of its process; four processes make 24 activities.
Durations are lognormal, a tenth of the starts is unknown, a fifth of the costs measured. The same seed gives the same facts.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from services.analytics.operations.requester import REQUESTER_ACTIVITIES
from services.analytics.operations.statements import REBUILD

BEGIN, DAYS = datetime(2026, 6, 1, tzinfo=UTC), 90
ASKED, OTHER = "asked", "other"
SHARES = {ASKED: 0.8, OTHER: 0.2}  # of the operations
STEPS, TEAMS = 5, 6
COST_MODEL: dict[str, Any] = {
    "currency": "EUR",
    "hourly_rates": [
        {"team": f"team-{team}" if team else None, "valid_from": day, "amount": f"{20 + team}.50"}
        for team in range(TEAMS)
        for day in ("2026-01-01", "2026-07-15")
    ],
    "fixed_costs": [
        {
            "process": f"process-{n // 6}",
            "activity": f"activity-{n:02}",
            "actor_kind": None,
            "valid_from": "2026-01-01",
            "amount": "0.07",
        }
        for n in range(0, 24, 2)
    ],
}

_MICROSECOND = "interval '1 microsecond'"
_FACTS = f"""
INSERT INTO analytics.operation (tenant_id, id, seq, process, activity, case_id, actor_kind, actor_id, team, requested_at,
                                 started_at, finished_at, touch_us, wait_us, lead_us, estimated, outcome, cost, currency, known_at)
SELECT tenant_id, uuidv7(), nextval('analytics.operation_seq'), 'process-' || number % 4, 'activity-' || to_char(activity, 'FM00'),
       'case-' || number, CASE WHEN automatic THEN 'automation' ELSE 'person' END, 'actor-' || activity * 5 + who,
       'team-' || (activity + who % 2) % {TEAMS}, requested_at, CASE WHEN known THEN started_at END, finished_at,
       CASE WHEN known THEN touch_us END, CASE WHEN known THEN wait_us END, wait_us + touch_us, false,
       CASE WHEN luck < 0.03 THEN 'error' WHEN luck < 0.05 THEN 'rework' WHEN luck < 0.06 THEN 'cancelled' ELSE 'done' END,
       CASE WHEN paid THEN round((touch_us / 1e8)::numeric, 2) END, CASE WHEN paid THEN 'EUR' ELSE '' END, finished_at
FROM (SELECT *, requested_at + wait_us * {_MICROSECOND} AS started_at, requested_at + (wait_us + touch_us) * {_MICROSECOND} AS finished_at
      FROM (SELECT tenant_id, number, automatic, who, luck, known, paid,
                   number % 4 * 6 + number / 4 % 2 + CASE WHEN repeats THEN greatest(step - 1, 0) ELSE step END AS activity,
                   $1::timestamptz + (number * ({DAYS}::float8 / cases) + step * pause) * interval '1 day' AS requested_at,
                   (exp(random_normal(CASE WHEN automatic THEN 1 ELSE 5.9 END, 1)) * 1e6)::bigint AS touch_us,
                   (exp(random_normal(7.8, 1.5)) * 1e6)::bigint AS wait_us
            FROM (SELECT tenant_id, cases, number, pause, step, random() < 0.3 AS automatic, random() < 0.9 AS known,
                         random() < 0.2 AS paid, random() < 0.08 AS repeats, random() AS luck, (random() * 4)::int AS who
                  FROM (SELECT tenant_id, cases, number, random() * 0.8 AS pause
                        FROM unnest($2::text[], $3::int[]) AS tenant (tenant_id, cases)
                        CROSS JOIN generate_series(1, cases) AS number OFFSET 0) AS each_case
                  CROSS JOIN generate_series(0, {STEPS - 1}) AS step OFFSET 0) AS each_step
            OFFSET 0) AS drawn ORDER BY {{order}}) AS timed"""
_ANSWERS = f"""
INSERT INTO analytics.survey_response (tenant_id, id, score, team, process, answered_at, known_at)
SELECT $1, uuidv7(), 1 + (random() * 4)::int, 'team-' || number % {TEAMS}, 'process-' || number % 4, at, at
FROM (SELECT number, $2::timestamptz + random() * {DAYS} * interval '1 day' AS at
      FROM generate_series(1, greatest($3 / 10, 1)) AS number OFFSET 0) AS drawn"""


async def fill(url: str, events: int, *, by_case: bool = False) -> None:
    """Store facts of two tenants and fold them. Indexes beside the keys are made anew afterwards, which is quicker.

    Facts lie as a live stream brings them: in the order in which they end, both tenants mixed; or `by_case`, as an
    imported log leaves them.
    """
    connection = await asyncpg.connect(url, timeout=60)
    await connection.execute("SET maintenance_work_mem = '256MB'; SET synchronous_commit = off; SELECT setseed(0.5)")
    indexes = await connection.fetch(
        "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS made FROM pg_index "
        "WHERE indrelid = 'analytics.operation'::regclass AND NOT indisprimary"
    )
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    cases = [max(round(events * share / STEPS), 1) for share in SHARES.values()]
    order = "tenant_id, number" if by_case else "finished_at"
    await connection.execute(_FACTS.format(order=order), BEGIN, list(SHARES), cases, timeout=3_600)
    for tenant, number in zip(SHARES, cases, strict=True):
        await connection.execute(_ANSWERS, tenant, BEGIN, number, timeout=3_600)
    for index in indexes:
        await connection.execute(index["made"], timeout=3_600)
    await connection.execute("ANALYZE", timeout=3_600)
    await connection.close()
    await _fold(url)
    connection = await asyncpg.connect(url)
    await connection.execute("VACUUM ANALYZE", timeout=3_600)  # what autovacuum has done to a table that lives
    await connection.execute("CHECKPOINT", timeout=3_600)
    await connection.close()


async def _fold(url: str) -> None:
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    for tenant in SHARES:
        async with engine.begin() as connection:
            await connection.execute(text("SET LOCAL search_path = analytics"))
            await connection.execute(text("SET LOCAL work_mem = '256MB'"))
            for statement in REBUILD:
                await connection.execute(statement, {"tenant": tenant, "requester": list(REQUESTER_ACTIVITIES)})
    await engine.dispose()


def period(days: int = 30) -> tuple[str, str]:
    """Return the days that are asked for, well inside what there is."""
    first = (BEGIN + timedelta(days=40)).date()
    return first.isoformat(), (first + timedelta(days=days)).isoformat()

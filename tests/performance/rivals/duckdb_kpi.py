"""The indicators of one tenant and period from every row, in DuckDB: what `exact=true` computes.

Arguments: folder with CSV files of the tables, tenant, first moment, last moment, times. Loading is not counted. DuckDB has
the cases ready as PostgreSQL does (`case_state`), so that neither has to make them. Prints the seconds of each time, the
figures and the threads.
"""

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb

TABLES = ("operation", "case_state", "survey_response", "hourly_rate", "fixed_cost")
LEVELS = "[0.5, 0.9, 0.95, 0.99]"
OPERATIONS = """
WITH chosen AS (
    SELECT *, finished_at::date AS day FROM operation WHERE tenant_id = $tenant AND finished_at >= $first AND finished_at < $last
), daily AS (
    SELECT process, activity, team, actor_kind, currency, day, count(*) AS n, count(touch_us) AS touch_n,
           sum(touch_us) AS touch_us, count(wait_us) AS wait_n, sum(wait_us) AS wait_us, count(lead_us) AS lead_n,
           sum(lead_us) AS lead_us, count(*) FILTER (estimated) AS estimated_n,
           count(*) FILTER (outcome = 'error') AS error_n, count(*) FILTER (outcome = 'rework') AS rework_n,
           count(*) FILTER (outcome = 'cancelled') AS cancelled_n, count(*) FILTER (corrected) AS corrected_n,
           count(*) FILTER (corrected OR outcome IN ('error', 'rework')) AS defect_n,
           count(cost) AS cost_n, sum(cost) AS cost_sum
    FROM chosen GROUP BY ALL
), priced AS (
    SELECT daily.*, (SELECT arg_max(amount, (r.team = daily.team, valid_from)) FROM hourly_rate AS r
                     WHERE daily.currency = '' AND daily.actor_kind = 'person' AND r.team IN (daily.team, '')
                       AND valid_from <= daily.day) AS rate,
           (SELECT arg_max(amount, (f.actor_kind = daily.actor_kind, valid_from)) FROM fixed_cost AS f
            WHERE daily.currency = '' AND f.process = daily.process AND f.activity = daily.activity
              AND f.actor_kind IN (daily.actor_kind, '') AND valid_from <= daily.day) AS fixed
    FROM daily
)
SELECT sum(n)::bigint AS n, sum(touch_n)::bigint AS touch_n, sum(touch_us)::bigint AS touch_us, sum(wait_us)::bigint AS wait_us,
       sum(lead_us)::bigint AS lead_us, sum(wait_n)::bigint, sum(lead_n)::bigint, sum(estimated_n)::bigint, sum(error_n)::bigint,
       sum(rework_n)::bigint, sum(cancelled_n)::bigint, sum(corrected_n)::bigint,
       sum(defect_n)::bigint AS defects, sum(n) FILTER (actor_kind = 'automation')::bigint AS automation,
       (coalesce(sum(cost_sum), 0) + coalesce(sum(fixed * n), 0) + coalesce(sum(rate * touch_us), 0) / 3600000000)::double AS cost,
       (sum(cost_n) + sum(CASE WHEN fixed IS NOT NULL THEN n WHEN rate IS NOT NULL THEN touch_n ELSE 0 END))::bigint AS cost_n
FROM priced"""
TIMES = f"""
SELECT quantile_cont(touch_us / 1e6, {LEVELS}) AS touch, quantile_cont(wait_us / 1e6, {LEVELS}) AS wait,
       quantile_cont(lead_us / 1e6, {LEVELS}) AS lead, max(touch_us) / 1e6, max(wait_us) / 1e6, max(lead_us) / 1e6
FROM operation WHERE tenant_id = $tenant AND finished_at >= $first AND finished_at < $last"""
CASES = f"""
WITH chosen AS (
    SELECT *, epoch_us(last_at) - epoch_us(first_at) AS took FROM case_state
    WHERE tenant_id = $tenant AND last_at >= $first AND last_at < $last
), path AS (
    SELECT md5(string_agg(activity, chr(31) ORDER BY finished_at, seq)) AS path
    FROM operation AS o SEMI JOIN chosen USING (tenant_id, process, case_id) GROUP BY process, case_id
)
SELECT count(*) AS cases, sum(took)::bigint AS took, sum(events)::bigint AS events, quantile_cont(took / 1e6, {LEVELS}) AS quantiles,
       max(took) / 1e6, count(*) FILTER (operations > 0), count(*) FILTER (person_n + automation_n > 0),
       count(*) FILTER (person_n = 0 AND automation_n > 0) AS no_touch, count(*) FILTER (rework_n > 0) AS rework_cases,
       sum(rework_n)::bigint, count(*) FILTER (operations > 0 AND rework_n = 0 AND defect_n = 0) AS first_pass,
       (SELECT count(DISTINCT path) FROM path) AS variants
FROM chosen"""
ANSWERS = """
SELECT count(*) AS answers, count(*) FILTER (score >= 4) AS satisfied, sum(score)::bigint
FROM survey_response WHERE tenant_id = $tenant AND answered_at >= $first AND answered_at < $last"""


def main(folder: str, tenant: str, first: str, last: str, times: str) -> None:
    database = duckdb.connect(str(Path(folder) / "rival.duckdb"))
    database.execute("SET TimeZone = 'UTC'")
    for table in TABLES:
        typed = "" if table != "operation" else ", types = {'corrects': 'UUID', 'cost': 'DECIMAL(18, 2)'}"
        # NULL has no quotes in what COPY writes, "" has.
        database.execute(
            f"CREATE TABLE {table} AS FROM read_csv('{Path(folder) / table}.csv', header = true, nullstr = '\\N'{typed})"
        )
    asked = {"tenant": tenant, "first": first, "last": last}
    seconds: list[float] = []
    found: dict[str, Any] = {}
    for _ in range(int(times)):
        began = perf_counter()
        for statement in (OPERATIONS, TIMES, CASES, ANSWERS):
            result = database.execute(statement, asked)
            found |= dict(zip([column[0] for column in result.description], result.fetchone(), strict=True))
        seconds.append(perf_counter() - began)
    threads = database.execute("SELECT current_setting('threads')").fetchone()[0]
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    print(
        json.dumps({"seconds": seconds, "threads": threads, "peak_mb": peak_kb / 1024, "figures": found}, default=str)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

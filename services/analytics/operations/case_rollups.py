"""Sums and histograms over cases by the UTC day of their last moment: written once, used to fold, rebuild and query.

A case that changes takes what it contributed out of the day it was in and adds what it contributes to the day it is in, in
the statement that changes it. So they are right in whatever order events come. What comes to nothing stays as a row of
zeros (of a histogram: of NULL), which says the same as no row.
"""

from services.analytics.operations.histograms import COUNTS, bucket

CASE_COLUMNS = ("first_at", "last_at", "operations", "events", "person_n", "automation_n", "defect_n", "rework_n")
CASE_DURATION = "(extract(epoch FROM last_at - first_at) * 1000000)::bigint"
CASE_DAY = "(last_at AT TIME ZONE 'UTC')::date"
# Column of `rollup_case` -> what a row of `case_state` contributes to it.
CASE_MEASURES = {
    "cases": "1",
    "events": "events",
    "duration_us": CASE_DURATION,
    "operations": "operations",
    "worked": "(operations > 0)::int",
    "handled": "(person_n + automation_n > 0)::int",
    "no_touch": "(person_n = 0 AND automation_n > 0)::int",
    "rework_cases": "(rework_n > 0)::int",
    "rework_events": "rework_n",
    "first_pass": "(operations > 0 AND rework_n = 0 AND defect_n = 0)::int",
}
CASE_BUCKET = bucket("duration_us")
SUM_KEY = ("day", "process")
BLOCK_KEY = (*SUM_KEY, "block")

_MEASURES, _CELLS = ", ".join(CASE_MEASURES), ", ".join(COUNTS)
SUM_COLUMNS = f"tenant_id, {', '.join(SUM_KEY)}, {_MEASURES}"
BLOCK_COLUMNS = f"tenant_id, {', '.join(BLOCK_KEY)}, {_CELLS}"

_SUMMED = ", ".join(f"sum({{sign}}{term}) AS {column}" for column, term in CASE_MEASURES.items())
_SUMS = f"SELECT tenant_id, {CASE_DAY} AS day, process, {_SUMMED} FROM {{cases}} GROUP BY 1, 2, 3"  # noqa: S608 - constants of this module
_BLOCKS = f"""
    SELECT tenant_id, day, process, bucket / {len(COUNTS)} AS block,
           {", ".join(f"nullif(coalesce(sum(n) FILTER (WHERE bucket % {len(COUNTS)} = {cell}), 0), 0)" for cell in range(len(COUNTS)))}
    FROM (SELECT tenant_id, day, process, {CASE_BUCKET} AS bucket, sum({{sign}}1) AS n
          FROM (SELECT *, {CASE_DAY} AS day, {CASE_DURATION} AS duration_us FROM {{cases}}) AS measured
          GROUP BY 1, 2, 3, 4 HAVING sum({{sign}}1) <> 0) AS cut
    GROUP BY 1, 2, 3, 4"""  # noqa: S608 - as above
SUM_ROWS, BLOCK_ROWS = _SUMS.replace("{sign}", ""), _BLOCKS.replace("{sign}", "")

# For the statement that changes cases: what RETURNING gives, and the parts after it, which read it as `cases`.
RETURNED = "tenant_id, process, " + ", ".join(
    f"old.{name} AS was_{name}, new.{name} AS {name}" for name in CASE_COLUMNS
)
RETURNED_BESIDE = RETURNED.replace("tenant_id, process,", "case_state.tenant_id, case_state.process,")
CHANGED = f"""
    SELECT tenant_id, process, state.*
    FROM cases CROSS JOIN LATERAL (VALUES
        (1, {", ".join(f"cases.{name}" for name in CASE_COLUMNS)}),
        (-1, {", ".join(f"cases.was_{name}" for name in CASE_COLUMNS)})) AS state (sign, {", ".join(CASE_COLUMNS)})
    WHERE state.last_at IS NOT NULL"""  # noqa: S608 - as above
# Rows are locked in the order of their keys, so that two consumers cannot deadlock.
CHANGE_SUMS = f"""
    INSERT INTO rollup_case ({SUM_COLUMNS})
    {_SUMS.format(sign="sign * ", cases="changed")} ORDER BY 1, 2, 3
    ON CONFLICT (tenant_id, {", ".join(SUM_KEY)}) DO UPDATE SET
        {", ".join(f"{column} = rollup_case.{column} + excluded.{column}" for column in CASE_MEASURES)}"""
CHANGE_BLOCKS = f"""
    INSERT INTO rollup_case_histogram ({BLOCK_COLUMNS})
    {_BLOCKS.format(sign="sign * ", cases="changed")} ORDER BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, {", ".join(BLOCK_KEY)}) DO UPDATE SET
        {", ".join(f"{n} = CASE WHEN excluded.{n} IS NULL THEN rollup_case_histogram.{n} ELSE nullif(coalesce(rollup_case_histogram.{n}, 0) + excluded.{n}, 0) END" for n in COUNTS)}"""
# Of a live row: that it says something.
SUMS_SAY = f"({_MEASURES}) <> ({', '.join('0' for _ in CASE_MEASURES)})"
BLOCK_SAYS = f"num_nonnulls({_CELLS}) > 0"

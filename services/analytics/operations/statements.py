"""The SQL that stores facts and folds them. Constants of this module go into the text; every value is bound."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text

from services.analytics.operations.case_rollups import (
    BLOCK_COLUMNS,
    BLOCK_ROWS,
    CASE_COLUMNS,
    CHANGE_BLOCKS,
    CHANGE_SUMS,
    CHANGED,
    RETURNED,
    RETURNED_BESIDE,
    SUM_COLUMNS,
    SUM_ROWS,
)
from services.analytics.operations.facts import Fact, ObservationFact, OperationFact, SurveyFact, WithdrawalFact
from services.analytics.operations.histograms import ADDED, OPERATION_KEY, SPREAD, SPREAD_COLUMNS, SPREAD_ROWS
from services.analytics.operations.measures import AGGREGATES, COLUMNS, DAY_OF_HOUR, HOUR, KEY, MEASURES, SUMMED

# The rows of a batch are one parameter: an array of a composite type whose columns are the fields of a fact.
ARRIVING: dict[type[Fact], tuple[str, str]] = {
    OperationFact: ("operations", "arriving_operation"),
    ObservationFact: ("observations", "arriving_observation"),
    SurveyFact: ("answers", "arriving_answer"),
    WithdrawalFact: ("withdrawals", "arriving_withdrawal"),
}


def arrived(fact: type[Fact]) -> str:
    """Return the rows of a batch; of two copies of an event the one with the lower `place` counts."""
    parameter, composite = ARRIVING[fact]
    return f"unnest(cast(:{parameter} AS {composite}[])) WITH ORDINALITY AS t ({_names(fact._fields)}, place)"


def _names(fields: Sequence[str]) -> str:
    return ", ".join(fields)


# Constants of this module alone go into the statements; every value is a bind parameter.
_CASE_COLUMNS = _names((*CASE_COLUMNS, "activities"))
_CASES = """
    SELECT tenant_id, process, case_id, min(first_at) AS first_at, max(last_at) AS last_at, sum(operations) AS operations,
           sum(events) AS events, sum(person_n) AS person_n, sum(automation_n) AS automation_n, sum(defect_n) AS defect_n,
           sum(operations) - count(DISTINCT activity) AS rework_n,
           coalesce(array_agg(DISTINCT activity ORDER BY activity) FILTER (WHERE activity IS NOT NULL), '{{}}') AS activities
    FROM (
        SELECT tenant_id, process, case_id, activity, least(requested_at, started_at, finished_at) AS first_at,
               greatest(requested_at, started_at, finished_at) AS last_at, 1 AS operations,
               1 + (started_at IS NOT NULL AND NOT estimated)::int AS events,
               (actor_kind = 'person' AND activity NOT LIKE ALL (cast(:requester AS text[])))::int AS person_n,
               (actor_kind = 'automation')::int AS automation_n,
               (corrected OR outcome IN ('error', 'rework'))::int AS defect_n
        FROM {operations}
        UNION ALL
        SELECT tenant_id, process, case_id, NULL, at, at, 0, 1, 0, 0, 0 FROM {observations}
    ) AS seen
    GROUP BY case_id, process, tenant_id"""

ROLLUP_KEY = ("tenant_id", *OPERATION_KEY)
_NEW_KEYS = f"""
INSERT INTO rollup_key ({_names(ROLLUP_KEY)})
SELECT DISTINCT {_names(ROLLUP_KEY)} FROM (SELECT * FROM {{operations}}) AS arrived
WHERE NOT EXISTS (SELECT FROM rollup_key AS known
                  WHERE ({_names([f"known.{n}" for n in ROLLUP_KEY])}) = ({_names([f"arrived.{n}" for n in ROLLUP_KEY])}))
ORDER BY {_names(ROLLUP_KEY)}
ON CONFLICT DO NOTHING"""  # noqa: S608 - as above

_DAYS = f"SELECT tenant_id, {DAY_OF_HOUR} AS day, {_names(KEY)}, {SUMMED} FROM {{hours}} GROUP BY 1, 2, 3, 4, 5, 6, 7"  # noqa: S608 - as above


def _added(table: str) -> str:
    return ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in MEASURES)


# Before STORE and apart from it: a key that another batch stores at the same moment is waited for, and seen by STORE.
# It also tells whether anything of these tenants was ever withdrawn, as for nearly all nothing was.
_TENANTS = "unnest(cast(:tenants AS text[])) AS of (tenant_id)"
_KEY_ARRAYS = ", ".join(f"cast(:{name} AS text[])" for name in ROLLUP_KEY)
_ARRIVED_KEYS = f"unnest({_KEY_ARRAYS}) AS t ({_names(ROLLUP_KEY)})"
STORE_KEYS = text(f"""
WITH keys AS ({_NEW_KEYS.format(operations=_ARRIVED_KEYS)})
SELECT EXISTS (SELECT FROM {_TENANTS} CROSS JOIN LATERAL (
    SELECT FROM withdrawal WHERE withdrawal.tenant_id = of.tenant_id LIMIT 1) AS one) AS withdrawals
""")  # noqa: S608 - as above

STORE = text(f"""
WITH fresh AS (
    INSERT INTO operation (seq, {_names(OperationFact._fields)})
    SELECT seq, {_names(OperationFact._fields)}
    FROM (SELECT nextval('operation_seq') AS seq, t.* FROM {arrived(OperationFact)}) AS arrived ORDER BY id, tenant_id, seq
    ON CONFLICT (tenant_id, id) DO NOTHING
    RETURNING *
), observed AS (
    INSERT INTO observation ({_names(ObservationFact._fields)})
    SELECT {_names(ObservationFact._fields)} FROM {arrived(ObservationFact)} ORDER BY id, tenant_id, place
    ON CONFLICT (tenant_id, id) DO NOTHING
    RETURNING *
), cases AS (
    INSERT INTO case_state (tenant_id, process, case_id, {_CASE_COLUMNS})
    {_CASES.format(operations="fresh", observations="observed")} ORDER BY case_id, process, tenant_id
    ON CONFLICT (tenant_id, process, case_id) DO UPDATE SET
        first_at = least(case_state.first_at, excluded.first_at),
        last_at = greatest(case_state.last_at, excluded.last_at),
        operations = case_state.operations + excluded.operations,
        events = case_state.events + excluded.events,
        person_n = case_state.person_n + excluded.person_n,
        automation_n = case_state.automation_n + excluded.automation_n,
        defect_n = case_state.defect_n + excluded.defect_n,
        (rework_n, activities) = (
            SELECT case_state.operations + excluded.operations - count(*), coalesce(array_agg(activity ORDER BY activity), '{{}}')
            FROM (SELECT unnest(case_state.activities) UNION SELECT unnest(excluded.activities)) AS known (activity))
    RETURNING {RETURNED}
), changed AS ({CHANGED}
), case_days AS ({CHANGE_SUMS}
), case_blocks AS ({CHANGE_BLOCKS}
), hourly AS (
    SELECT tenant_id, {HOUR} AS hour, {_names(KEY)}, {AGGREGATES} FROM fresh GROUP BY 1, 2, 3, 4, 5, 6, 7
), hours AS (
    INSERT INTO rollup_hour (tenant_id, hour, {_names(KEY)}, {COLUMNS})
    SELECT * FROM hourly ORDER BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (tenant_id, hour, {_names(KEY)}) DO UPDATE SET {_added("rollup_hour")}
), days AS (
    INSERT INTO rollup_day (tenant_id, day, {_names(KEY)}, {COLUMNS})
    {_DAYS.format(hours="hourly")} ORDER BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (tenant_id, day, {_names(KEY)}) DO UPDATE SET {_added("rollup_day")}
), blocks AS ({SPREAD.format(operations="fresh")}
    {ADDED}
)
SELECT (SELECT count(*) FROM fresh) AS operations, (SELECT count(*) FROM observed) AS observations,
       EXISTS (SELECT FROM {_TENANTS} CROSS JOIN LATERAL (
                   SELECT FROM operation WHERE corrects IS NOT NULL AND operation.tenant_id = of.tenant_id
                   ORDER BY corrects LIMIT 1) AS one) AS corrections
""")  # noqa: S608 - constants of this module; values are bound


def _corrected(table: str, unit: str, delta: str, sign: str) -> str:
    same = " AND ".join(f"{table}.{column} = delta.{column}" for column in ("tenant_id", unit, *KEY))
    return f"""
    UPDATE {table} SET corrected_n = corrected_n {sign} delta.corrected, defect_n = defect_n {sign} delta.defects
    FROM {delta} AS delta WHERE {same}"""  # noqa: S608 - as above


def judged_anew(sign: str) -> str:
    """Return the parts of a statement that count the operations of its part `hit` as corrected (+), or no longer (-)."""
    return f"""
otherwise_fine AS (
    SELECT *, CASE WHEN outcome IN ('error', 'rework') THEN 0 ELSE 1 END AS defect FROM hit
), hourly AS (
    SELECT tenant_id, {HOUR} AS hour, {_names(KEY)}, count(*) AS corrected, sum(defect) AS defects
    FROM otherwise_fine GROUP BY 1, 2, 3, 4, 5, 6, 7
), daily AS (
    SELECT tenant_id, {DAY_OF_HOUR} AS day, {_names(KEY)}, sum(corrected) AS corrected, sum(defects) AS defects
    FROM hourly GROUP BY 1, 2, 3, 4, 5, 6, 7
), hours AS ({_corrected("rollup_hour", "hour", "hourly", sign)}
), days AS ({_corrected("rollup_day", "day", "daily", sign)}
)"""  # noqa: S608 - as above


# Every operation that the batch corrects, and every one of the batch that something already here corrects;
# `NOT corrected` makes each count once, however many corrections name it and however often they arrive.
CORRECT = text(f"""
WITH targets AS (
    SELECT tenant_id, corrects AS id FROM operation
    WHERE corrects IS NOT NULL AND (tenant_id, id) IN (SELECT * FROM unnest(cast(:tenants AS text[]), cast(:ids AS uuid[])))
    UNION
    SELECT later.tenant_id, later.corrects FROM operation AS later
    JOIN unnest(cast(:tenants AS text[]), cast(:ids AS uuid[])) AS batch (tenant_id, id)
      ON later.tenant_id = batch.tenant_id AND later.corrects = batch.id
), hit AS (
    UPDATE operation SET corrected = true FROM targets
    WHERE operation.tenant_id = targets.tenant_id AND operation.id = targets.id AND NOT operation.corrected
    RETURNING operation.*
), {judged_anew("+")}, cases AS (
    UPDATE case_state SET defect_n = defect_n + delta.defects
    FROM (SELECT tenant_id, process, case_id, sum(defect) AS defects FROM otherwise_fine GROUP BY 1, 2, 3) AS delta
    WHERE (case_state.tenant_id, case_state.process, case_state.case_id) = (delta.tenant_id, delta.process, delta.case_id)
    RETURNING {RETURNED_BESIDE}
), changed AS ({CHANGED}
)
{CHANGE_SUMS}
""")  # noqa: S608 - as above

STORE_ANSWERS = text(f"""
WITH fresh AS (
    INSERT INTO survey_response ({_names(SurveyFact._fields)})
    SELECT {_names(SurveyFact._fields)} FROM {arrived(SurveyFact)} ORDER BY tenant_id, id, place
    ON CONFLICT (tenant_id, id) DO NOTHING RETURNING id
)
SELECT count(*) FROM fresh
""")  # noqa: S608 - as above


class Fold(NamedTuple):
    """How a derived table follows from facts: its columns, and the rows as a SELECT.

    `{operations}` and `{observations}` are where the facts come from; `{hours}` and `{cases}` are the folded
    `rollup_hour` and `case_state`.
    """

    columns: str
    rows: str


# In the order in which they follow from each other.
FOLDS = {
    "rollup_hour": Fold(
        f"tenant_id, hour, {_names(KEY)}, {COLUMNS}",
        f"SELECT tenant_id, {HOUR}, {_names(KEY)}, {AGGREGATES} FROM {{operations}} GROUP BY 1, 2, 3, 4, 5, 6, 7",  # noqa: S608 - as above
    ),
    "rollup_day": Fold(f"tenant_id, day, {_names(KEY)}, {COLUMNS}", _DAYS),
    "rollup_histogram": Fold(SPREAD_COLUMNS, SPREAD_ROWS),
    "case_state": Fold(f"tenant_id, process, case_id, {_CASE_COLUMNS}", _CASES),
    "rollup_case": Fold(SUM_COLUMNS, SUM_ROWS),
    "rollup_case_histogram": Fold(BLOCK_COLUMNS, BLOCK_ROWS),
}
OF_CASES = ("rollup_case", "rollup_case_histogram")  # which follow from `case_state` alone


def _of_tenant(table: str) -> str:
    return f"(SELECT * FROM {table} WHERE tenant_id = :tenant) AS {table}"  # noqa: S608 - as above


_SOURCES = {
    "operations": _of_tenant("operation"),
    "observations": _of_tenant("observation"),
    "hours": _of_tenant("rollup_hour"),
    "cases": _of_tenant("case_state"),
}
# What was withdrawn counted once, and `as_of` then needs its keys.
_EVER = " UNION ALL ".join(
    f"SELECT {_names(ROLLUP_KEY)} FROM {table} WHERE tenant_id = :tenant"  # noqa: S608 - as above
    for table in ("operation", "withdrawn_operation")
)
NEW_KEYS = _NEW_KEYS.format(operations=f"({_EVER}) AS ever")
REBUILD = (
    text(NEW_KEYS),
    *(
        text(statement)
        for table, fold in FOLDS.items()
        for statement in (
            f"DELETE FROM {table} WHERE tenant_id = :tenant",  # noqa: S608 - as above
            f"INSERT INTO {table} ({fold.columns}) {fold.rows.format(**_SOURCES)}",
        )
    ),
)

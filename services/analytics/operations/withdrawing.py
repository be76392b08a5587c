"""What is withdrawn counts nowhere: it is taken out of all that it is in, or withheld when it arrives afterwards.

A withdrawn fact moves to a table of its own (`withdrawn_operation` and so on), so that no reader of facts can forget to leave
it out. Sums and histograms are subtracted; a case's first and last moment cannot be, so the case is stated anew from what
is left of it. Rows that come to nothing are deleted, as if they had never been: whoever withdraws is alone.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.fact_tables import Observation, SurveyResponse, WithdrawnOperation
from services.analytics.operations.case_rollups import (
    CASE_COLUMNS,
    CHANGE_BLOCKS,
    CHANGE_SUMS,
    CHANGED,
    RETURNED_BESIDE,
)
from services.analytics.operations.facts import (
    Arrivals,
    Fact,
    ObservationFact,
    OperationFact,
    SurveyFact,
    WithdrawalFact,
)
from services.analytics.operations.histograms import COUNTS, SPREAD_COLUMNS, SPREAD_ROWS
from services.analytics.operations.measures import AGGREGATES, HOUR, KEY, MEASURES
from services.analytics.operations.requester import REQUESTER_ACTIVITIES
from services.analytics.operations.statements import ARRIVING, FOLDS, arrived, judged_anew

_Rows = Sequence[Any]
_CASE_KEY = ("tenant_id", "process", "case_id")
_CASE, _KEY = ", ".join(_CASE_KEY), ", ".join(KEY)
_NAMED = "unnest(cast(:tenants AS text[]), cast(:ids AS uuid[])) AS named (tenant_id, id)"

# Of several that withdraw an event the earliest is kept, in whatever order they come.
_EARLIER = 'known_at, {of}event_id, {of}reason COLLATE "C"'
_FIELDS = ", ".join(WithdrawalFact._fields)
_STORE = text(f"""
WITH stored AS (
    INSERT INTO withdrawal ({_FIELDS})
    SELECT DISTINCT ON (tenant_id, id) {_FIELDS} FROM {arrived(WithdrawalFact)}
    ORDER BY tenant_id, id, {_EARLIER.format(of="")}
    ON CONFLICT (tenant_id, id) DO UPDATE
    SET event_id = excluded.event_id, reason = excluded.reason, known_at = excluded.known_at
    WHERE (excluded.{_EARLIER.format(of="excluded.")}) < (withdrawal.{_EARLIER.format(of="withdrawal.")})
    RETURNING old.id
)
SELECT count(*) FROM stored WHERE id IS NULL
""")  # noqa: S608 - constants of this module and of `statements`; values are bound


def _same(table: str, of: str, *columns: str) -> str:
    return " AND ".join(f"{table}.{column} = {of}.{column}" for column in ("tenant_id", *columns))


def _less(table: str, of: str, key: Sequence[str], columns: Iterable[str], nothing: str) -> str:
    """Return the part that takes the rows of `of` out of a table, and deletes those of which `nothing` holds then."""
    return f"""
    MERGE INTO {table} USING {of} ON {_same(table, of, *key)}
    WHEN MATCHED AND {nothing} THEN DELETE
    WHEN MATCHED THEN UPDATE SET {", ".join(f"{name} = {table}.{name} - {of}.{name}" for name in columns)}"""


def _moved(kept: type[WithdrawnOperation | Observation | SurveyResponse], table: str) -> str:
    """Return the parts that move named facts out of the way; `gone` are those that were there."""
    columns = ", ".join(kept.__table__.columns.keys())
    return f"""
WITH named AS (SELECT DISTINCT tenant_id, id FROM {_NAMED}), gone AS (
    DELETE FROM {table} USING named WHERE {_same(table, "named", "id")} RETURNING {table}.*
), moved AS (
    INSERT INTO withdrawn_{table} ({columns}) SELECT {columns} FROM gone ON CONFLICT (tenant_id, id) DO NOTHING
)"""  # noqa: S608 - as above


_NO_CELL = " AND ".join(f"coalesce(rollup_histogram.{n}, 0) = coalesce(spread.{n}, 0)" for n in COUNTS)
_CELLS = ", ".join(
    f"{n} = CASE WHEN spread.{n} IS NULL THEN rollup_histogram.{n} ELSE nullif(rollup_histogram.{n} - spread.{n}, 0) END"
    for n in COUNTS
)
_TAKE_OUT = text(f"""
{_moved(WithdrawnOperation, "operation")}, hourly AS (
    SELECT tenant_id, {HOUR} AS hour, {_KEY}, {AGGREGATES} FROM gone GROUP BY 1, 2, 3, 4, 5, 6, 7
), daily AS ({FOLDS["rollup_day"].rows.format(hours="hourly")}
), spread ({SPREAD_COLUMNS}) AS ({SPREAD_ROWS.format(operations="gone")}
), hours AS ({_less("rollup_hour", "hourly", ("hour", *KEY), MEASURES, "rollup_hour.n = hourly.n")}
), days AS ({_less("rollup_day", "daily", ("day", *KEY), MEASURES, "rollup_day.n = daily.n")}
), blocks AS (
    MERGE INTO rollup_histogram USING spread ON {_same("rollup_histogram", "spread", "place")}
    WHEN MATCHED AND {_NO_CELL} THEN DELETE
    WHEN MATCHED THEN UPDATE SET {_CELLS}
)
SELECT {_CASE}, corrects FROM gone
""")  # noqa: S608 - as above
_TAKE_OUT_OBSERVATIONS = text(f"{_moved(Observation, 'observation')} SELECT DISTINCT {_CASE} FROM gone")  # noqa: S608 - as above
_TAKE_OUT_ANSWERS = text(f"{_moved(SurveyResponse, 'survey_response')} SELECT count(*) FROM gone")  # noqa: S608 - as above

# What a withdrawn operation corrected is fine again, unless something else corrects it.
_PARDON = text(f"""
WITH named AS (SELECT DISTINCT tenant_id, id FROM {_NAMED}), hit AS (
    UPDATE operation SET corrected = false FROM named
    WHERE {_same("operation", "named", "id")} AND operation.corrected AND NOT EXISTS (
        SELECT FROM operation AS later WHERE later.tenant_id = named.tenant_id AND later.corrects = named.id)
    RETURNING operation.*
), {judged_anew("-")}
SELECT DISTINCT {_CASE} FROM hit
""")  # noqa: S608 - as above


def _of_touched(table: str) -> str:
    return f"(SELECT fact.* FROM {table} AS fact JOIN touched USING ({_CASE})) AS fact"  # noqa: S608 - as above


_RESTATE = text(f"""
WITH touched AS (
    SELECT DISTINCT {
    _CASE
} FROM unnest(cast(:tenants AS text[]), cast(:processes AS text[]), cast(:cases AS text[])) AS t ({_CASE})
), state ({FOLDS["case_state"].columns}) AS ({
    FOLDS["case_state"].rows.format(
        operations=_of_touched("operation"),
        observations=_of_touched("observation"),
    )
}), cases AS (
    MERGE INTO case_state USING (SELECT * FROM touched LEFT JOIN state USING ({_CASE})) AS left_over
    ON {_same("case_state", "left_over", *_CASE_KEY[1:])}
    WHEN MATCHED AND left_over.last_at IS NULL THEN DELETE
    WHEN MATCHED THEN UPDATE SET {", ".join(f"{name} = left_over.{name}" for name in (*CASE_COLUMNS, "activities"))}
    RETURNING {RETURNED_BESIDE}
), changed AS ({CHANGED}
), days AS ({CHANGE_SUMS}
)
{CHANGE_BLOCKS}
""")  # noqa: S608 - as above

_WITHDRAWN = text(f"SELECT tenant_id, id FROM withdrawal JOIN {_NAMED} USING (tenant_id, id)")  # noqa: S608 - as above


def _kept_out(table: str, fact: type[Fact]) -> TextClause:
    columns, seq = (
        ", ".join(fact._fields),
        ("seq, ", "nextval('operation_seq'), ") if table == "operation" else ("", ""),
    )
    return text(f"""
INSERT INTO withdrawn_{table} ({seq[0]}{columns})
SELECT {seq[1]}{columns} FROM {arrived(fact)} ORDER BY tenant_id, id, place
ON CONFLICT (tenant_id, id) DO NOTHING""")  # noqa: S608 - as above


_KEEP_OUT: dict[str, TextClause] = {
    ARRIVING[fact][0]: _kept_out(table, fact)
    for table, fact in (
        ("operation", OperationFact),
        ("observation", ObservationFact),
        ("survey_response", SurveyFact),
    )
}


async def withdraw(session: AsyncSession, withdrawals: Sequence[WithdrawalFact]) -> int:
    """Note which events count nowhere, and take out what they brought. Return how many were not noted before.

    Needs the turn alone: what it takes out must not just be arriving elsewhere.
    """
    first = (await session.execute(_STORE, {"withdrawals": withdrawals})).scalar_one()
    await take_out(session, [(fact.tenant_id, fact.id) for fact in withdrawals])
    return int(first)


async def take_out(session: AsyncSession, events: _Rows) -> None:
    """Take facts (tenant, id) out of everything they count in. Needs the turn alone."""
    named = _named(events)
    cases = list((await session.execute(_TAKE_OUT, named)).all())
    if corrected := [(row.tenant_id, row.corrects) for row in cases if row.corrects]:
        cases += (await session.execute(_PARDON, _named(corrected))).all()
    cases += (await session.execute(_TAKE_OUT_OBSERVATIONS, named)).all()
    if cases:
        tenants, processes, ids = zip(*{tuple(row[:3]) for row in cases}, strict=True)
        touched = {"tenants": list(tenants), "processes": list(processes), "cases": list(ids)}
        await session.execute(_RESTATE, {**touched, "requester": list(REQUESTER_ACTIVITIES)})
    await session.execute(_TAKE_OUT_ANSWERS, named)


async def withhold(session: AsyncSession, arrivals: Arrivals) -> Arrivals:
    """Store apart what was withdrawn before it arrived; return the rest."""
    facts: Iterable[Fact] = chain(arrivals.operations, arrivals.observations, arrivals.answers)
    found = await session.execute(_WITHDRAWN, _named([(fact.tenant_id, fact.id) for fact in facts]))
    if not (withdrawn := {tuple(row) for row in found}):
        return arrivals
    rest = Arrivals()
    for attribute, statement in _KEEP_OUT.items():
        apart: list[Fact] = []
        for fact in getattr(arrivals, attribute):
            (apart if (fact.tenant_id, fact.id) in withdrawn else getattr(rest, attribute)).append(fact)
        if apart:
            await session.execute(statement, {attribute: apart})
    return rest


def _named(events: _Rows) -> dict[str, list[Any]]:
    return {"tenants": [tenant for tenant, _ in events], "ids": [event_id for _, event_id in events]}

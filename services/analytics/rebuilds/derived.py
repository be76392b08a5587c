"""What a rebuild compares: facts, and what is derived from them. Names of tables and columns alone go into statements."""

from dataclasses import dataclass
from typing import Any

from services.analytics.fact_tables import (
    Observation,
    Operation,
    SurveyResponse,
    Withdrawal,
    WithdrawnObservation,
    WithdrawnOperation,
    WithdrawnSurveyResponse,
)
from services.analytics.operations.case_rollups import BLOCK_SAYS, SUMS_SAY
from services.analytics.operations.histograms import FIRST_BUCKET, KEY, MOMENT, NUMBER, OPERATION_KEY
from services.analytics.operations.statements import FOLDS
from services.analytics.tables import metadata

KEYS = "rollup_key"  # numbers for keys: never deleted, so that one without operations is no difference


@dataclass(frozen=True, slots=True)
class Compared:
    """A table: what tells its rows apart, beside the tenant, and what they say. `told` shows a row `d` to people.

    `says` holds of rows that say something: a live one of which it does not is as good as none.
    """

    name: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    told: str = ""
    says: str = "true"


_SAYS = {"rollup_case": SUMS_SAY, "rollup_case_histogram": BLOCK_SAYS}


def _compared(name: str, *left_out: str, told: str = "") -> Compared:
    table = metadata.tables[f"analytics.{name}"]
    key = tuple(column.name for column in table.primary_key if column.name != "tenant_id")
    values = tuple(column.name for column in table.columns if column.name not in {"tenant_id", *key, *left_out})
    return Compared(name, key, values, told or ", ".join(f"d.{column}" for column in key), _SAYS.get(name, "true"))


_PLACE_TOLD = f"""({MOMENT})::date AS day, k.process, k.activity, k.team, k.actor_kind,
    (ARRAY['touch', 'wait', 'lead'])[{NUMBER} + 1] AS duration, {FIRST_BUCKET} AS bucket"""
DERIVED = tuple(_compared(name, told=_PLACE_TOLD if name == "rollup_histogram" else "") for name in FOLDS)
# Withdrawals before what they are about, and that before what they have put apart: what is missing is added in this order.
_FACT_TABLES: tuple[Any, ...] = (
    Withdrawal,
    Operation,
    Observation,
    SurveyResponse,
    WithdrawnOperation,
    WithdrawnObservation,
    WithdrawnSurveyResponse,
)
FACT_MODELS: dict[str, Any] = {each.__tablename__: each for each in _FACT_TABLES}
# A fact stands in the one or in the other.
WITHDRAWN = {name: f"withdrawn_{name}" for name in ("operation", "observation", "survey_response")}
APART = WITHDRAWN | {apart: name for name, apart in WITHDRAWN.items()}
FACTS = tuple(_compared(name, "seq") for name in FACT_MODELS)  # seq is the order of arrival, and no two runs' alike

# Of each derived table, the facts `f` that a row `d` follows from: where `operation` and `observation` are looked up.
_SAME_KEY = " AND ".join(f"f.{name} = {{of}}.{name}" for name in OPERATION_KEY)
_SAME_CASE = "f.process = d.process AND f.case_id = d.case_id"
_OF_CASE = (("operation", _SAME_CASE), ("observation", _SAME_CASE))
REACH: dict[str, tuple[tuple[str, str], ...]] = {
    "rollup_hour": (
        (
            "operation",
            f"{_SAME_KEY.format(of='d')} AND f.finished_at >= d.hour AND f.finished_at < d.hour + interval '1 hour'",
        ),
    ),
    "rollup_day": (
        (
            "operation",
            f"{_SAME_KEY.format(of='d')} AND f.finished_at >= d.day::timestamp AT TIME ZONE 'UTC' AND f.finished_at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'",
        ),
    ),
    "rollup_histogram": (
        (
            "operation",
            f"f.finished_at >= {MOMENT} AND f.finished_at < {MOMENT} + interval '1 day' AND ({KEY} = 0 OR EXISTS (SELECT FROM analytics.rollup_key AS k WHERE k.tenant_id = d.tenant_id AND k.id = {KEY} AND {_SAME_KEY.format(of='k')}))",
        ),
    ),
    "case_state": _OF_CASE,
    "rollup_case": (),  # these follow from cases
    "rollup_case_histogram": (),
}

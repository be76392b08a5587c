"""What was known at a moment: the tables that answers read, as they were then.

Every statement of an answer is preceded by common table expressions that bear the names of the tables. They hold the
facts known by then, and the folds of `operations/statements.py` over them: so the past is answered by the statements that
answer the present. Row-level security holds on the tables below. Rates, bands and keys are those of today.
"""

from datetime import datetime

from sqlalchemy import TextClause, event, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState

from services.analytics.fact_tables import (
    Observation,
    Operation,
    SurveyResponse,
    WithdrawnOperation,
    WithdrawnSurveyResponse,
)
from services.analytics.operations.requester import REQUESTER_ACTIVITIES
from services.analytics.operations.statements import FOLDS
from shared import clock
from shared.errors import DomainError

_SOURCES = {
    "operations": "operation",
    "observations": "observation",
    "hours": "rollup_hour",
    "cases": "case_state",
}


class AsOfInFuture(DomainError):
    code, status = "as-of-in-future", 422
    en = "as_of is {as_of}, and it is {now}: what will be known then nobody knows."
    es = "as_of es {as_of} y ahora es {now}: nadie sabe lo que se sabrá entonces."
    hint_en = "Leave as_of out for what is known now, or give a moment that has passed."
    hint_es = "Omita as_of para lo que se sabe ahora, o indique un momento pasado."


def check_as_of(as_of: datetime | None) -> None:
    """Raise AsOfInFuture for a moment that has not come."""
    if as_of is not None and as_of > (now := clock.now()):
        raise AsOfInFuture(as_of=as_of.isoformat(), now=now.isoformat(timespec="seconds"))


def look_back(session: AsyncSession, as_of: datetime | None) -> None:
    """Let every textual statement that the session runs from here on see what was known at that moment; None is now."""
    if as_of is not None:
        known = {"as_of": as_of, "requester": list(REQUESTER_ACTIVITIES)}

        def see_the_past(state: ORMExecuteState) -> object:
            if not isinstance(state.statement, TextClause):
                return None
            return state.invoke_statement(statement=text(preceded(state.statement.text)), params=known)

        event.listen(session.sync_session, "do_orm_execute", see_the_past)


def preceded(statement: str) -> str:
    """Return a SELECT with the tables of the past before it; its own WITH goes on with theirs."""
    own = statement.lstrip()
    return f"{_PAST}, {own.removeprefix('WITH ')}" if own.startswith("WITH ") else f"{_PAST} {own}"


_THEN = "cast(:as_of AS timestamptz)"
_Kept = type[Operation | Observation | SurveyResponse | WithdrawnOperation | WithdrawnSurveyResponse]


def _columns(table: _Kept, **other: str) -> str:
    names = table.__table__.columns.keys()
    return ", ".join(f"{other.get(name, f'fact.{name}')} AS {name}" for name in names)


def _withdrawn(fact: str, when: str) -> str:
    return f"""EXISTS (SELECT FROM analytics.withdrawal AS of WHERE of.tenant_id = {fact}.tenant_id AND of.id = {fact}.id
        AND of.known_at {when} {_THEN})"""


# Whether something corrected it is looked up only where something has by now, or where such a thing was withdrawn.
_CORRECTED = f"""EXISTS (
    SELECT FROM analytics.operation AS later WHERE later.tenant_id = fact.tenant_id AND later.corrects = fact.id
      AND later.known_at <= {_THEN})"""
_CORRECTED_BY_WITHDRAWN = f"""(EXISTS (SELECT FROM analytics.withdrawn_operation WHERE corrects IS NOT NULL) AND EXISTS (
    SELECT FROM analytics.withdrawn_operation AS later WHERE later.tenant_id = fact.tenant_id AND later.corrects = fact.id
      AND later.known_at <= {_THEN} AND {_withdrawn("later", ">")}))"""  # noqa: S608 - as above


def _facts(table: type[Operation | Observation | SurveyResponse]) -> str:
    """Return what was known of a kind of fact: what counts now, and what was withdrawn since."""
    now = _columns(table, corrected=f"fact.corrected AND {_CORRECTED} OR {_CORRECTED_BY_WITHDRAWN}")
    then = _columns(table, corrected=f"{_CORRECTED} OR {_CORRECTED_BY_WITHDRAWN}")
    name = table.__tablename__
    return f"""SELECT {now} FROM analytics.{name} AS fact WHERE fact.known_at <= {_THEN}
UNION ALL SELECT {then} FROM analytics.withdrawn_{name} AS fact
WHERE fact.known_at <= {_THEN} AND {_withdrawn("fact", ">")}"""  # noqa: S608 - as above


def _left_out(table: type[WithdrawnOperation | WithdrawnSurveyResponse]) -> str:
    return f"""SELECT {_columns(table)} FROM analytics.{table.__tablename__} AS fact
WHERE fact.known_at <= {_THEN} AND {_withdrawn("fact", "<=")}"""  # noqa: S608 - as above


_KNOWN = {
    "operation": _facts(Operation),
    "observation": _facts(Observation),
    "survey_response": _facts(SurveyResponse),
    "withdrawn_operation": _left_out(WithdrawnOperation),
    "withdrawn_survey_response": _left_out(WithdrawnSurveyResponse),
    **{f"{table} ({fold.columns})": fold.rows.format(**_SOURCES) for table, fold in FOLDS.items()},
}
# Not materialized: what a statement asks for reaches the facts' indexes.
_PAST = "WITH " + ",\n".join(f"{name} AS NOT MATERIALIZED ({rows})" for name, rows in _KNOWN.items())

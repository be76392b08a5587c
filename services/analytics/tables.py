"""What is derived from facts, and what a tenant says: every other table of analytics. Facts: `fact_tables.py`.

All lead with `tenant_id`; row-level security is forced on all of them.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Date,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.analytics.fact_tables import AnalyticsTable

metadata = AnalyticsTable.metadata


class _Sums:
    """Sums over operations, by key. Every column adds up over rows.

    `currency` "" holds the operations without measured cost. An operation counts once in `defect_n`
    (outcome error or rework, or corrected), whatever else it counts in.
    """

    process: Mapped[str] = mapped_column(primary_key=True)
    activity: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str] = mapped_column(primary_key=True)
    actor_kind: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]
    touch_n: Mapped[int]
    touch_us: Mapped[Decimal] = mapped_column(Numeric)
    estimated_n: Mapped[int]
    wait_n: Mapped[int]
    wait_us: Mapped[Decimal] = mapped_column(Numeric)
    lead_n: Mapped[int]
    lead_us: Mapped[Decimal] = mapped_column(Numeric)
    error_n: Mapped[int]
    rework_n: Mapped[int]
    cancelled_n: Mapped[int]
    corrected_n: Mapped[int]
    defect_n: Mapped[int]
    cost_n: Mapped[int]
    cost_sum: Mapped[Decimal] = mapped_column(Numeric)


class RollupHour(_Sums, AnalyticsTable):
    """Sums over the operations finished within one UTC hour."""

    __tablename__ = "rollup_hour"

    hour: Mapped[datetime] = mapped_column(primary_key=True, sort_order=-1)


class RollupDay(_Sums, AnalyticsTable):
    """Sums over the operations finished within one UTC day: those of its hours."""

    __tablename__ = "rollup_day"

    day: Mapped[date] = mapped_column(primary_key=True, sort_order=-1)


class RollupKey(AnalyticsTable):
    """A process, activity, team and kind of actor of which there are operations, as one number. Never deleted."""

    __tablename__ = "rollup_key"
    __table_args__ = (UniqueConstraint("tenant_id", "id"),)

    process: Mapped[str] = mapped_column(primary_key=True)
    activity: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str] = mapped_column(primary_key=True)
    actor_kind: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Integer, Identity(always=True))


class _Cells:
    """Counts of eight neighbouring buckets; NULL is none."""

    n0: Mapped[int | None] = mapped_column(Integer)
    n1: Mapped[int | None] = mapped_column(Integer)
    n2: Mapped[int | None] = mapped_column(Integer)
    n3: Mapped[int | None] = mapped_column(Integer)
    n4: Mapped[int | None] = mapped_column(Integer)
    n5: Mapped[int | None] = mapped_column(Integer)
    n6: Mapped[int | None] = mapped_column(Integer)
    n7: Mapped[int | None] = mapped_column(Integer)


class RollupHistogram(_Cells, AnalyticsTable):
    """How many durations of a key and UTC day fell into each of eight neighbouring buckets; NULL is none.

    `place` is day, key and block in one number: `operations/histograms.py`. Eight columns spare rows: to read, and
    to add to when the operations of a batch are alike.
    """

    __tablename__ = "rollup_histogram"
    __table_args__ = {"postgresql_with": {"fillfactor": "80"}}  # noqa: RUF012 - SQLAlchemy's declaration

    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-1)


class CaseState(AnalyticsTable):
    """One row per case, kept as its operations and observations arrive, in any order.

    `first_at` and `last_at` span every stamp known of the case; `events` counts the stamps of work seen
    (starts, ends, observations); `person_n` leaves out the requester's own submission; `activities` are those done,
    each once and in order, and `rework_n` is how many operations there are beyond them.
    """

    __tablename__ = "case_state"
    __table_args__ = (Index(None, "tenant_id", "last_at"),)

    process: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(primary_key=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    operations: Mapped[int]
    events: Mapped[int]
    person_n: Mapped[int]
    automation_n: Mapped[int]
    defect_n: Mapped[int]
    rework_n: Mapped[int]
    activities: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")


class RollupCase(AnalyticsTable):
    """Sums over the cases whose last moment is within one UTC day, by process: `operations/case_rollups.py`.

    `worked` are cases with an operation, `handled` those with one beside the requester's own submission.
    """

    __tablename__ = "rollup_case"

    day: Mapped[date] = mapped_column(primary_key=True)
    process: Mapped[str] = mapped_column(primary_key=True)
    cases: Mapped[int]
    events: Mapped[int]
    duration_us: Mapped[Decimal] = mapped_column(Numeric)
    operations: Mapped[int]
    worked: Mapped[int]
    handled: Mapped[int]
    no_touch: Mapped[int]
    rework_cases: Mapped[int]
    rework_events: Mapped[int]
    first_pass: Mapped[int]


class RollupCaseHistogram(_Cells, AnalyticsTable):
    """How many cases of a UTC day and process took as long as each of eight neighbouring buckets; NULL is none."""

    __tablename__ = "rollup_case_histogram"
    __table_args__ = {"postgresql_with": {"fillfactor": "80"}}  # noqa: RUF012 - SQLAlchemy's declaration

    day: Mapped[date] = mapped_column(primary_key=True, sort_order=-1)
    process: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)
    block: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, sort_order=-1)


class CaseActivity(AnalyticsTable):
    """Empty: a consumer of the version before `CaseState.activities` still writes it. The next version drops it."""

    __tablename__ = "case_activity"

    process: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(primary_key=True)
    activity: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]


class SurveyAnswer(AnalyticsTable):
    """An answer as given, comment included; the comment goes nowhere else."""

    __tablename__ = "survey_answer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    score: Mapped[int] = mapped_column(SmallInteger)
    team: Mapped[str]
    process: Mapped[str]
    comment: Mapped[str | None]
    answered_at: Mapped[datetime]


class CostModel(AnalyticsTable):
    """The tenant's cost model: one currency for all its rates, so that nothing is ever added across currencies."""

    __tablename__ = "cost_model"

    currency: Mapped[str]
    version: Mapped[int]


class HourlyRate(AnalyticsTable):
    """What an hour of a team's work costs from a date on; team "" is every team without a rate of its own."""

    __tablename__ = "hourly_rate"
    __table_args__ = (CheckConstraint("amount >= 0", name="amount"),)

    team: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Numeric)


class FixedCost(AnalyticsTable):
    """What doing an activity once costs from a date on, beside working time; actor_kind "" is both kinds."""

    __tablename__ = "fixed_cost"
    __table_args__ = (CheckConstraint("amount >= 0", name="amount"),)

    process: Mapped[str] = mapped_column(primary_key=True)
    activity: Mapped[str] = mapped_column(primary_key=True)
    actor_kind: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Numeric)


class BandScale(AnalyticsTable):
    """A tenant's own scale for an indicator; process "" is every process without its own.

    Versions go on for ever: of a scale that was dropped, the row holds the last one, negative.
    """

    __tablename__ = "band_scale"

    kpi: Mapped[str] = mapped_column(primary_key=True)
    process: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str]
    excellent: Mapped[float]
    good: Mapped[float]
    acceptable: Mapped[float]
    minimum_n: Mapped[int]
    source: Mapped[str]
    version: Mapped[int]


class ProcessSetting(AnalyticsTable):
    """What a tenant says of a process: finishing any of `terminal_activities` ends a case."""

    __tablename__ = "process_setting"

    process: Mapped[str] = mapped_column(primary_key=True)
    terminal_activities: Mapped[list[str]] = mapped_column(ARRAY(Text))
    version: Mapped[int]


class WorkCalendar(AnalyticsTable):
    """When a tenant works: hours as they were given, and the holidays that were known when they were.

    Versions go on for ever: of a calendar that was dropped, the row holds the last one, negative.
    """

    __tablename__ = "work_calendar"

    name: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    holidays: Mapped[list[date]] = mapped_column(ARRAY(Date))
    version: Mapped[int]


class Target(AnalyticsTable):
    """What an indicator of a process has to reach over the last `days`; "" is no activity, team or currency.

    `state` is the last known one, `since` its first evaluation, `changes` how often it changed: with the id it names
    the event of a change. `last_value` and `last_n` are of the last evaluation, also of one that told nothing.
    """

    __tablename__ = "target"
    __table_args__ = (
        UniqueConstraint("tenant_id", "process", "kpi", "activity", "team", "currency"),
        CheckConstraint("state IN ('met', 'breached', 'unknown')", name="state"),
        Index(None, "evaluated_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    process: Mapped[str]
    kpi: Mapped[str]
    activity: Mapped[str]
    team: Mapped[str]
    currency: Mapped[str]
    value: Mapped[Decimal] = mapped_column(Numeric)
    days: Mapped[int]
    owner_kind: Mapped[str]
    owner_id: Mapped[str]
    state: Mapped[Literal["met", "breached", "unknown"]] = mapped_column(Text)
    since: Mapped[datetime | None]
    changes: Mapped[int]
    last_value: Mapped[Decimal | None] = mapped_column(Numeric)
    last_n: Mapped[int]
    evaluated_at: Mapped[datetime | None]
    version: Mapped[int]


TABLES = tuple(sorted(table.name for table in metadata.tables.values()))

"""Tables of facts: what events brought, and what was withdrawn of it."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, Index, Numeric, Sequence, SmallInteger, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db import service_metadata

metadata = service_metadata("analytics")
OPERATION_SEQUENCE = Sequence("operation_seq", metadata=metadata, schema="analytics")

_TENANT = text("current_setting('trastienda.tenant')")
_ALWAYS = text("'-infinity'")  # what was stored before the moment was kept counts as known always


class AnalyticsTable(DeclarativeBase):
    """Texts are `text`, stamps aware, and the tenant is the transaction's unless a worker names it."""

    metadata = metadata
    type_annotation_map = {str: Text, datetime: DateTime(timezone=True), date: Date, int: BigInteger}  # noqa: RUF012 - SQLAlchemy's declaration

    tenant_id: Mapped[str] = mapped_column(primary_key=True, server_default=_TENANT, sort_order=-2)


class _Event:
    """What is kept of an event. `known_at` is when its producer recorded it; -infinity where that was not kept."""

    id: Mapped[UUID] = mapped_column(primary_key=True)
    known_at: Mapped[datetime] = mapped_column(server_default=_ALWAYS)


class _Work(_Event):
    process: Mapped[str]
    activity: Mapped[str]
    case_id: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[str]
    team: Mapped[str]
    requested_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime]
    touch_us: Mapped[int | None]
    wait_us: Mapped[int | None]
    lead_us: Mapped[int | None]
    estimated: Mapped[bool]
    outcome: Mapped[str]
    corrects: Mapped[UUID | None]
    cost: Mapped[Decimal | None] = mapped_column(Numeric)
    currency: Mapped[str]


class _Seen(_Event):
    process: Mapped[str]
    case_id: Mapped[str]
    at: Mapped[datetime]
    activity: Mapped[str] = mapped_column(server_default="")
    transition: Mapped[str] = mapped_column(server_default="")


class _Score(_Event):
    score: Mapped[int] = mapped_column(SmallInteger)
    team: Mapped[str]
    process: Mapped[str]
    answered_at: Mapped[datetime]


class Operation(_Work, AnalyticsTable):
    """One finished piece of work, as it arrived. Durations are whole microseconds, so that sums are exact.

    `seq` is the order of arrival; `team` and `currency` are "" where there is none; `corrected` says that a
    later or earlier event names this one in `corrects`. A duration that was not measured is NULL, never 0.
    """

    __tablename__ = "operation"
    __table_args__ = (
        CheckConstraint("touch_us >= 0 AND wait_us >= 0 AND lead_us >= 0", name="durations"),
        CheckConstraint("(cost IS NULL) = (currency = '')", name="cost"),
        Index(None, "tenant_id", "finished_at"),
        Index(None, "tenant_id", "process", "case_id"),
        Index(None, "tenant_id", "corrects", postgresql_where=text("corrects IS NOT NULL")),
    )

    seq: Mapped[int] = mapped_column(OPERATION_SEQUENCE, server_default=OPERATION_SEQUENCE.next_value())
    corrected: Mapped[bool] = mapped_column(server_default=text("false"))


class Observation(_Seen, AnalyticsTable):
    """Something seen of a case that is no finished operation; it moves the case's first or last moment.

    `activity` and `transition` are "" where nobody said what it was; they serve exports alone.
    """

    __tablename__ = "observation"
    __table_args__ = (Index(None, "tenant_id", "process", "case_id"),)


class SurveyResponse(_Score, AnalyticsTable):
    """A score as the event log brought it: what internal satisfaction counts."""

    __tablename__ = "survey_response"
    __table_args__ = (
        CheckConstraint("score BETWEEN 1 AND 5", name="score"),
        # All that answers are counted by: rows themselves, which lie apart, need not be read.
        Index(None, "tenant_id", "answered_at", postgresql_include=["process", "team", "score"]),
    )


class Withdrawal(AnalyticsTable):
    """The event `id` counts nowhere, whether it has arrived or not. Of several that say so, the earliest is kept."""

    __tablename__ = "withdrawal"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    reason: Mapped[str]
    known_at: Mapped[datetime]


class WithdrawnOperation(_Work, AnalyticsTable):
    """An operation that counts nowhere. Kept because `as_of` a moment before its withdrawal it counted."""

    __tablename__ = "withdrawn_operation"
    __table_args__ = (
        Index(None, "tenant_id", "finished_at"),
        Index(None, "tenant_id", "process", "case_id"),
        Index(None, "tenant_id", "corrects", postgresql_where=text("corrects IS NOT NULL")),
    )

    seq: Mapped[int]


class WithdrawnObservation(_Seen, AnalyticsTable):
    __tablename__ = "withdrawn_observation"
    __table_args__ = (Index(None, "tenant_id", "process", "case_id"),)


class WithdrawnSurveyResponse(_Score, AnalyticsTable):
    __tablename__ = "withdrawn_survey_response"
    __table_args__ = (Index(None, "tenant_id", "answered_at"),)

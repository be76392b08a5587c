"""Tables of decisions."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.tables import BillingTable, TenantRow
from shared.ids import uuid7

Stamp = TIMESTAMP(timezone=True)


class PolicyState(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


class Occasion(StrEnum):
    """When an invoice was decided: as it came in, or as it was let go from a hold."""

    INTAKE = "intake"
    RELEASE = "release"


class DecisionPolicy(TenantRow, BillingTable):
    """A version of a tenant's policy. What was active once never changes; `authors` are all who wrote on it."""

    __tablename__ = "decision_policy"
    __table_args__ = (
        UniqueConstraint("tenant_id", "number"),
        CheckConstraint("(state = 'draft') = (activated_by IS NULL)", name="activated_by_somebody"),
        CheckConstraint("activated_by IS NULL OR NOT activated_by = ANY (authors)", name="four_eyes"),
        Index("ix_decision_policy_active", "tenant_id", unique=True, postgresql_where=text("state = 'active'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    version: Mapped[int] = mapped_column(nullable=False)
    number: Mapped[int]
    state: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str]
    authors: Mapped[list[str]] = mapped_column(ARRAY(String))
    written_at: Mapped[datetime] = mapped_column(Stamp)
    activated_by: Mapped[str | None]
    activated_at: Mapped[datetime | None] = mapped_column(Stamp)
    retired_at: Mapped[datetime | None] = mapped_column(Stamp)

    # A concurrent change of the same policy fails instead of being overwritten.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict


class InvoiceDecision(TenantRow, BillingTable):
    """What a policy decided about an invoice, and all that it saw. Never changes."""

    __tablename__ = "invoice_decision"
    __table_args__ = (Index(None, "tenant_id", "invoice_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier_invoice.id"))
    policy_id: Mapped[UUID] = mapped_column(ForeignKey("billing.decision_policy.id"))
    policy_number: Mapped[int]
    rule: Mapped[str | None]
    occasion: Mapped[str]
    outcome: Mapped[dict[str, Any]] = mapped_column(JSONB)
    withheld: Mapped[list[str]] = mapped_column(ARRAY(String))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    decided_at: Mapped[datetime] = mapped_column(Stamp)


class DecisionSimulation(TenantRow, BillingTable):
    """What a version of the policy, as it stood then, would have decided about the invoices of some days."""

    __tablename__ = "decision_simulation"
    __table_args__ = (Index(None, "tenant_id", "policy_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    policy_id: Mapped[UUID] = mapped_column(ForeignKey("billing.decision_policy.id"))
    policy_number: Mapped[int]
    policy_version: Mapped[int]
    registered_from: Mapped[date]
    registered_to: Mapped[date]
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    simulated_by: Mapped[str]
    simulated_at: Mapped[datetime] = mapped_column(Stamp)


class SimulatedDecision(TenantRow, BillingTable):
    """What a simulation would have decided about one invoice, and what has really happened to it."""

    __tablename__ = "simulated_decision"
    __table_args__ = (Index(None, "tenant_id", "simulation_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    simulation_id: Mapped[UUID] = mapped_column(ForeignKey("billing.decision_simulation.id"))
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("billing.supplier_invoice.id"))
    rule: Mapped[str | None]
    outcome: Mapped[str]
    withheld: Mapped[list[str]] = mapped_column(ARRAY(String))
    happened: Mapped[str]
    by_rule: Mapped[bool]
    difference: Mapped[str]

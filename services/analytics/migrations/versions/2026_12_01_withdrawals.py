"""Withdrawals: which events count nowhere, and what they brought, out of the way of every reader of facts.

A consumer of the former version takes a withdrawal for an event without work, and passes over it:
`./trastienda rebuild analytics --from log --swap` finds and mends what one passed over after this.
"""

from alembic import op
from sqlalchemy import text

from shared.migrations import protect

revision = "2026_12_01_withdrawals"
down_revision = "2026_12_01_all_keys"
branch_labels = None
depends_on = None

_TENANT = "tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL"
_KNOWN = "known_at TIMESTAMP WITH TIME ZONE DEFAULT '-infinity' NOT NULL"
_TABLES = {
    "withdrawal": f"""
CREATE TABLE analytics.withdrawal (
  {_TENANT},
  id UUID NOT NULL,
  event_id UUID NOT NULL,
  reason TEXT NOT NULL,
  known_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_withdrawal PRIMARY KEY (tenant_id, id)
)""",
    "withdrawn_operation": f"""
CREATE TABLE analytics.withdrawn_operation (
  {_TENANT},
  id UUID NOT NULL,
  seq BIGINT NOT NULL,
  process TEXT NOT NULL,
  activity TEXT NOT NULL,
  case_id TEXT NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  team TEXT NOT NULL,
  requested_at TIMESTAMP WITH TIME ZONE,
  started_at TIMESTAMP WITH TIME ZONE,
  finished_at TIMESTAMP WITH TIME ZONE NOT NULL,
  touch_us BIGINT,
  wait_us BIGINT,
  lead_us BIGINT,
  estimated BOOLEAN NOT NULL,
  outcome TEXT NOT NULL,
  corrects UUID,
  cost NUMERIC,
  currency TEXT NOT NULL,
  {_KNOWN},
  CONSTRAINT pk_withdrawn_operation PRIMARY KEY (tenant_id, id)
)""",
    "withdrawn_observation": f"""
CREATE TABLE analytics.withdrawn_observation (
  {_TENANT},
  id UUID NOT NULL,
  process TEXT NOT NULL,
  case_id TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  {_KNOWN},
  activity TEXT DEFAULT '' NOT NULL,
  transition TEXT DEFAULT '' NOT NULL,
  CONSTRAINT pk_withdrawn_observation PRIMARY KEY (tenant_id, id)
)""",
    "withdrawn_survey_response": f"""
CREATE TABLE analytics.withdrawn_survey_response (
  {_TENANT},
  id UUID NOT NULL,
  score SMALLINT NOT NULL,
  team TEXT NOT NULL,
  process TEXT NOT NULL,
  answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
  {_KNOWN},
  CONSTRAINT pk_withdrawn_survey_response PRIMARY KEY (tenant_id, id)
)""",
}
_INDEXES = {
    "withdrawn_operation": ("tenant_id, finished_at", "tenant_id, process, case_id"),
    "withdrawn_observation": ("tenant_id, process, case_id",),
    "withdrawn_survey_response": ("tenant_id, answered_at",),
}


def upgrade() -> None:
    for statement in _TABLES.values():
        op.execute(text(statement))
    for table, indexes in _INDEXES.items():
        for columns in indexes:
            name = f"ix_{table}_{columns.replace(', ', '_')}"
            op.execute(text(f"CREATE INDEX {name} ON analytics.{table} ({columns})"))
    op.execute(
        text(
            "CREATE INDEX ix_withdrawn_operation_tenant_id_corrects ON analytics.withdrawn_operation "
            "(tenant_id, corrects) WHERE corrects IS NOT NULL"
        )
    )
    protect(op, "analytics", *_TABLES)


def downgrade() -> None:
    for table in _TABLES:
        op.execute(text(f"DROP TABLE analytics.{table}"))

"""Facts, roll-ups, cases, surveys, cost model and bands."""

from alembic import op
from sqlalchemy import text

from shared.migrations import create_kernel_tables, protect

revision = "2026_11_22_first_tables"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "band_scale",
    "case_activity",
    "case_state",
    "cost_model",
    "fixed_cost",
    "hourly_rate",
    "observation",
    "operation",
    "rollup_hour",
    "survey_answer",
    "survey_response",
)

_DDL = """
CREATE SEQUENCE analytics.operation_seq;

CREATE TABLE analytics.band_scale (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  kpi TEXT NOT NULL,
  process TEXT NOT NULL,
  unit TEXT NOT NULL,
  excellent DOUBLE PRECISION NOT NULL,
  good DOUBLE PRECISION NOT NULL,
  acceptable DOUBLE PRECISION NOT NULL,
  minimum_n BIGINT NOT NULL,
  source TEXT NOT NULL,
  version BIGINT NOT NULL,
  CONSTRAINT pk_band_scale PRIMARY KEY (tenant_id, kpi, process)
);

CREATE TABLE analytics.case_activity (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  process TEXT NOT NULL,
  case_id TEXT NOT NULL,
  activity TEXT NOT NULL,
  n BIGINT NOT NULL,
  CONSTRAINT pk_case_activity PRIMARY KEY (tenant_id, process, case_id, activity)
);

CREATE TABLE analytics.case_state (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  process TEXT NOT NULL,
  case_id TEXT NOT NULL,
  first_at TIMESTAMP WITH TIME ZONE NOT NULL,
  last_at TIMESTAMP WITH TIME ZONE NOT NULL,
  operations BIGINT NOT NULL,
  events BIGINT NOT NULL,
  person_n BIGINT NOT NULL,
  automation_n BIGINT NOT NULL,
  defect_n BIGINT NOT NULL,
  rework_n BIGINT NOT NULL,
  CONSTRAINT pk_case_state PRIMARY KEY (tenant_id, process, case_id)
);

CREATE INDEX ix_case_state_tenant_id_last_at ON analytics.case_state (tenant_id, last_at);

CREATE TABLE analytics.cost_model (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  currency TEXT NOT NULL,
  version BIGINT NOT NULL,
  CONSTRAINT pk_cost_model PRIMARY KEY (tenant_id)
);

CREATE TABLE analytics.fixed_cost (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  process TEXT NOT NULL,
  activity TEXT NOT NULL,
  actor_kind TEXT NOT NULL,
  valid_from DATE NOT NULL,
  amount NUMERIC NOT NULL,
  CONSTRAINT pk_fixed_cost PRIMARY KEY (tenant_id, process, activity, actor_kind, valid_from),
  CONSTRAINT ck_fixed_cost_amount CHECK (amount >= 0)
);

CREATE TABLE analytics.hourly_rate (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  team TEXT NOT NULL,
  valid_from DATE NOT NULL,
  amount NUMERIC NOT NULL,
  CONSTRAINT pk_hourly_rate PRIMARY KEY (tenant_id, team, valid_from),
  CONSTRAINT ck_hourly_rate_amount CHECK (amount >= 0)
);

CREATE TABLE analytics.observation (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  id UUID NOT NULL,
  process TEXT NOT NULL,
  case_id TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_observation PRIMARY KEY (tenant_id, id)
);

CREATE INDEX ix_observation_tenant_id_process_case_id ON analytics.observation (tenant_id, process, case_id);

CREATE TABLE analytics.operation (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  id UUID NOT NULL,
  seq BIGINT DEFAULT nextval('analytics.operation_seq') NOT NULL,
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
  corrected BOOLEAN DEFAULT false NOT NULL,
  cost NUMERIC,
  currency TEXT NOT NULL,
  CONSTRAINT pk_operation PRIMARY KEY (tenant_id, id),
  CONSTRAINT ck_operation_durations CHECK (touch_us >= 0 AND wait_us >= 0 AND lead_us >= 0),
  CONSTRAINT ck_operation_cost CHECK ((cost IS NULL) = (currency = ''))
);

CREATE INDEX ix_operation_tenant_id_corrects ON analytics.operation (tenant_id, corrects) WHERE corrects IS NOT NULL;

CREATE INDEX ix_operation_tenant_id_finished_at ON analytics.operation (tenant_id, finished_at);

CREATE INDEX ix_operation_tenant_id_process_case_id ON analytics.operation (tenant_id, process, case_id);

CREATE TABLE analytics.rollup_hour (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  hour TIMESTAMP WITH TIME ZONE NOT NULL,
  process TEXT NOT NULL,
  activity TEXT NOT NULL,
  team TEXT NOT NULL,
  actor_kind TEXT NOT NULL,
  currency TEXT NOT NULL,
  n BIGINT NOT NULL,
  touch_n BIGINT NOT NULL,
  touch_us NUMERIC NOT NULL,
  estimated_n BIGINT NOT NULL,
  wait_n BIGINT NOT NULL,
  wait_us NUMERIC NOT NULL,
  lead_n BIGINT NOT NULL,
  lead_us NUMERIC NOT NULL,
  error_n BIGINT NOT NULL,
  rework_n BIGINT NOT NULL,
  cancelled_n BIGINT NOT NULL,
  corrected_n BIGINT NOT NULL,
  defect_n BIGINT NOT NULL,
  cost_n BIGINT NOT NULL,
  cost_sum NUMERIC NOT NULL,
  CONSTRAINT pk_rollup_hour PRIMARY KEY (tenant_id, hour, process, activity, team, actor_kind, currency)
);

CREATE TABLE analytics.survey_answer (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  id UUID NOT NULL,
  score SMALLINT NOT NULL,
  team TEXT NOT NULL,
  process TEXT NOT NULL,
  comment TEXT,
  answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_survey_answer PRIMARY KEY (tenant_id, id)
);

CREATE TABLE analytics.survey_response (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  id UUID NOT NULL,
  score SMALLINT NOT NULL,
  team TEXT NOT NULL,
  process TEXT NOT NULL,
  answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_survey_response PRIMARY KEY (tenant_id, id),
  CONSTRAINT ck_survey_response_score CHECK (score BETWEEN 1 AND 5)
);

CREATE INDEX ix_survey_response_tenant_id_answered_at ON analytics.survey_response (tenant_id, answered_at)
"""


def upgrade() -> None:
    create_kernel_tables(op, "analytics")
    for statement in _DDL.split(";\n"):
        op.execute(text(statement))
    op.execute(text("GRANT USAGE ON SEQUENCE analytics.operation_seq TO trastienda_analytics_worker"))
    protect(op, "analytics", *_TABLES)


def downgrade() -> None:
    for table in _TABLES:
        op.execute(text(f"DROP TABLE analytics.{table}"))
    for table in ("outbox", "inbox", "consumer_offset", "idempotency_key", "job"):
        op.execute(text(f"DROP TABLE analytics.{table}"))
    op.execute(text("DROP SEQUENCE analytics.operation_seq"))

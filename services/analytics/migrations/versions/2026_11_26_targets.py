"""Targets and their state."""

from alembic import op
from sqlalchemy import text

from shared.migrations import protect

revision = "2026_11_26_targets"
down_revision = "2026_11_26_process_view"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE analytics.target (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  id UUID NOT NULL,
  process TEXT NOT NULL,
  kpi TEXT NOT NULL,
  activity TEXT NOT NULL,
  team TEXT NOT NULL,
  currency TEXT NOT NULL,
  value NUMERIC NOT NULL,
  days BIGINT NOT NULL,
  owner_kind TEXT NOT NULL,
  owner_id TEXT NOT NULL,
  state TEXT NOT NULL,
  since TIMESTAMP WITH TIME ZONE,
  changes BIGINT NOT NULL,
  last_value NUMERIC,
  last_n BIGINT NOT NULL,
  evaluated_at TIMESTAMP WITH TIME ZONE,
  version BIGINT NOT NULL,
  CONSTRAINT pk_target PRIMARY KEY (tenant_id, id),
  CONSTRAINT uq_target_tenant_id_process_kpi_activity_team_currency UNIQUE (tenant_id, process, kpi, activity, team, currency),
  CONSTRAINT ck_target_state CHECK (state IN ('met', 'breached', 'unknown'))
)
"""


def upgrade() -> None:
    op.execute(text(_TABLE))
    op.execute(text("CREATE INDEX ix_target_evaluated_at ON analytics.target (evaluated_at)"))
    protect(op, "analytics", "target")


def downgrade() -> None:
    op.execute(text("DROP TABLE analytics.target"))

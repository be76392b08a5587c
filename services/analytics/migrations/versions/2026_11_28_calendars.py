"""When a tenant works."""

from alembic import op
from sqlalchemy import text

from shared.migrations import protect

revision = "2026_11_28_calendars"
down_revision = "2026_11_28_known_at"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE analytics.work_calendar (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  name TEXT NOT NULL,
  document JSONB NOT NULL,
  holidays DATE[] NOT NULL,
  version BIGINT NOT NULL,
  CONSTRAINT pk_work_calendar PRIMARY KEY (tenant_id, name)
)
"""


def upgrade() -> None:
    op.execute(text(_TABLE))
    protect(op, "analytics", "work_calendar")


def downgrade() -> None:
    op.execute(text("DROP TABLE analytics.work_calendar"))

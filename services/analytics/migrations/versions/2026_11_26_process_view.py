"""What a tenant says of its processes."""

from alembic import op
from sqlalchemy import text

from shared.migrations import protect

revision = "2026_11_26_process_view"
down_revision = "2026_11_22_first_tables"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE analytics.process_setting (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  process TEXT NOT NULL,
  terminal_activities TEXT[] NOT NULL,
  version BIGINT NOT NULL,
  CONSTRAINT pk_process_setting PRIMARY KEY (tenant_id, process)
)
"""


def upgrade() -> None:
    op.execute(text(_TABLE))
    protect(op, "analytics", "process_setting")


def downgrade() -> None:
    op.execute(text("DROP TABLE analytics.process_setting"))

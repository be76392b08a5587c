"""Log histograms of touch, wait and lead times per day, filled from the facts.

A consumer of the former version adds nothing to them: whatever one stores after this is folded by POST /analytics/rebuilds.
"""

from alembic import op
from sqlalchemy import text

from shared.migrations import protect, roles_of

revision = "2026_11_27_histograms"
down_revision = "2026_11_26_bi_views"
branch_labels = None
depends_on = None

_TABLES = (
    """
CREATE TABLE analytics.rollup_key (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  process TEXT NOT NULL,
  activity TEXT NOT NULL,
  team TEXT NOT NULL,
  actor_kind TEXT NOT NULL,
  id INTEGER GENERATED ALWAYS AS IDENTITY NOT NULL,
  CONSTRAINT pk_rollup_key PRIMARY KEY (tenant_id, process, activity, team, actor_kind),
  CONSTRAINT uq_rollup_key_tenant_id_id UNIQUE (tenant_id, id)
)""",
    """
CREATE TABLE analytics.rollup_histogram (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  place BIGINT NOT NULL,
  n0 INTEGER, n1 INTEGER, n2 INTEGER, n3 INTEGER, n4 INTEGER, n5 INTEGER, n6 INTEGER, n7 INTEGER,
  CONSTRAINT pk_rollup_histogram PRIMARY KEY (tenant_id, place)
) WITH (fillfactor=80)""",
)

# Reading adds rows up by the part of a place that says block, day and block, or key and block. Without knowing how few
# sums that makes, the planner sorts all rows on disk.
_PARTS = {"block": 1023, "day": ~((1 << 42) - 1) | 1023, "key": (1 << 42) - 1}

_FILL = (
    # No batch may be under way: it would store facts that this does not see. Readers are not held up.
    "LOCK TABLE analytics.operation IN SHARE MODE",
    """
INSERT INTO analytics.rollup_key (tenant_id, process, activity, team, actor_kind)
SELECT DISTINCT tenant_id, process, activity, team, actor_kind FROM analytics.operation ORDER BY 1, 2, 3, 4, 5""",
    f"""
INSERT INTO analytics.rollup_histogram (tenant_id, place, n0, n1, n2, n3, n4, n5, n6, n7)
SELECT tenant_id, place, {", ".join(f"nullif(count(*) FILTER (WHERE bucket % 8 = {n}), 0)" for n in range(8))}
FROM (SELECT tenant_id, bucket,
             (((finished_at AT TIME ZONE 'UTC')::date - date '1900-01-01')::bigint << 42) + (k.id::bigint << 10)
             + number * 256 + bucket / 8 AS place
      FROM analytics.operation JOIN analytics.rollup_key AS k USING (tenant_id, process, activity, team, actor_kind)
      CROSS JOIN LATERAL (VALUES (0, touch_us), (1, wait_us), (2, lead_us)) AS duration (number, us)
      CROSS JOIN LATERAL (
          SELECT CASE WHEN us = 0 THEN 0 ELSE 1 + ceil(ln(us::float8) / 0.01980262729617973)::int END AS bucket) AS cut
      WHERE us IS NOT NULL) AS placed
GROUP BY 1, 2 ORDER BY 2""",
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(text(statement))
    for name, bits in _PARTS.items():
        statistics = f"CREATE STATISTICS analytics.rollup_histogram_{name} ON (place & ({bits})::bigint)"
        op.execute(text(f"{statistics} FROM analytics.rollup_histogram"))
    protect(op, "analytics", "rollup_key", "rollup_histogram")
    op.execute(text(f"SET LOCAL ROLE {roles_of('analytics')[1]}"))  # whoever owns the tables need not see rows
    for statement in _FILL:
        op.execute(text(statement))
    op.execute(text("RESET ROLE"))


def downgrade() -> None:
    op.execute(text("DROP TABLE analytics.rollup_histogram"))
    op.execute(text("DROP TABLE analytics.rollup_key"))

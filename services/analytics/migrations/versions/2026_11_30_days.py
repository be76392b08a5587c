"""Sums of operations by day, sums and histograms of cases by the day of their last moment, filled from what is there.

A consumer of the former version adds nothing to them: whatever one stores after this is folded by POST /analytics/rebuilds.
"""

from alembic import op
from sqlalchemy import text

from shared.migrations import protect, roles_of

revision = "2026_11_30_days"
down_revision = "2026_11_29_observed"
branch_labels = None
depends_on = None

_TABLES = {
    "rollup_day": """
CREATE TABLE analytics.rollup_day (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  day DATE NOT NULL,
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
  CONSTRAINT pk_rollup_day PRIMARY KEY (tenant_id, day, process, activity, team, actor_kind, currency)
)""",
    "rollup_case": """
CREATE TABLE analytics.rollup_case (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  day DATE NOT NULL,
  process TEXT NOT NULL,
  cases BIGINT NOT NULL,
  events BIGINT NOT NULL,
  duration_us NUMERIC NOT NULL,
  operations BIGINT NOT NULL,
  worked BIGINT NOT NULL,
  handled BIGINT NOT NULL,
  no_touch BIGINT NOT NULL,
  rework_cases BIGINT NOT NULL,
  rework_events BIGINT NOT NULL,
  first_pass BIGINT NOT NULL,
  CONSTRAINT pk_rollup_case PRIMARY KEY (tenant_id, day, process)
)""",
    "rollup_case_histogram": """
CREATE TABLE analytics.rollup_case_histogram (
  tenant_id TEXT DEFAULT current_setting('trastienda.tenant') NOT NULL,
  day DATE NOT NULL,
  process TEXT NOT NULL,
  block SMALLINT NOT NULL,
  n0 INTEGER, n1 INTEGER, n2 INTEGER, n3 INTEGER, n4 INTEGER, n5 INTEGER, n6 INTEGER, n7 INTEGER,
  CONSTRAINT pk_rollup_case_histogram PRIMARY KEY (tenant_id, day, process, block)
) WITH (fillfactor=80)""",
}

_FILL = (
    # No batch may be under way: it would change what this does not see. Readers are not held up.
    "LOCK TABLE analytics.operation, analytics.observation IN SHARE MODE",
    """
INSERT INTO analytics.rollup_day
SELECT tenant_id, (hour AT TIME ZONE 'UTC')::date, process, activity, team, actor_kind, currency,
       sum(n), sum(touch_n), sum(touch_us), sum(estimated_n), sum(wait_n), sum(wait_us), sum(lead_n), sum(lead_us),
       sum(error_n), sum(rework_n), sum(cancelled_n), sum(corrected_n), sum(defect_n), sum(cost_n), sum(cost_sum)
FROM analytics.rollup_hour GROUP BY 1, 2, 3, 4, 5, 6, 7""",
    """
INSERT INTO analytics.rollup_case
SELECT tenant_id, (last_at AT TIME ZONE 'UTC')::date, process, count(*), sum(events),
       sum((extract(epoch FROM last_at - first_at) * 1000000)::bigint), sum(operations),
       count(*) FILTER (WHERE operations > 0), count(*) FILTER (WHERE person_n + automation_n > 0),
       count(*) FILTER (WHERE person_n = 0 AND automation_n > 0), count(*) FILTER (WHERE rework_n > 0), sum(rework_n),
       count(*) FILTER (WHERE operations > 0 AND rework_n = 0 AND defect_n = 0)
FROM analytics.case_state GROUP BY 1, 2, 3""",
    f"""
INSERT INTO analytics.rollup_case_histogram
SELECT tenant_id, day, process, bucket / 8,
       {", ".join(f"nullif(count(*) FILTER (WHERE bucket % 8 = {n}), 0)" for n in range(8))}
FROM (SELECT tenant_id, (last_at AT TIME ZONE 'UTC')::date AS day, process,
             CASE WHEN us = 0 THEN 0 ELSE 1 + ceil(ln(us::float8) / 0.01980262729617973)::int END AS bucket
      FROM analytics.case_state
      CROSS JOIN LATERAL (SELECT (extract(epoch FROM last_at - first_at) * 1000000)::bigint AS us) AS took) AS cut
GROUP BY 1, 2, 3, 4""",
)


def upgrade() -> None:
    for statement in _TABLES.values():
        op.execute(text(statement))
    protect(op, "analytics", *_TABLES)
    op.execute(text(f"SET LOCAL ROLE {roles_of('analytics')[1]}"))  # whoever owns the tables need not see rows
    for statement in _FILL:
        op.execute(text(statement))
    op.execute(text("RESET ROLE"))


def downgrade() -> None:
    for table in _TABLES:
        op.execute(text(f"DROP TABLE analytics.{table}"))

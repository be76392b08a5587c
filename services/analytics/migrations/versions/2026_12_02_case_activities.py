"""The activities of a case stand in its row, not in rows of their own.

`case_activity` stays, empty, for consumers of the former version; a later migration drops it. Such a consumer adds nothing
to `activities`: POST /analytics/rebuilds makes them whole.
"""

from alembic import op
from sqlalchemy import text

from shared.migrations import roles_of

revision = "2026_12_02_case_activities"
down_revision = "2026_12_02_answers"
branch_labels = None
depends_on = None

_COLUMN = "ALTER TABLE analytics.case_state ADD COLUMN activities TEXT[] DEFAULT '{}' NOT NULL"
# No batch may be under way: it would change what this does not see. The new column keeps readers of cases waiting, too.
_LOCK = "LOCK TABLE analytics.case_state, analytics.case_activity IN SHARE ROW EXCLUSIVE MODE"
_FILL = """
UPDATE analytics.case_state SET activities = done.activities
FROM (SELECT tenant_id, process, case_id, array_agg(activity ORDER BY activity) AS activities
      FROM analytics.case_activity GROUP BY 1, 2, 3) AS done
WHERE (case_state.tenant_id, case_state.process, case_state.case_id) = (done.tenant_id, done.process, done.case_id)"""
_BACK = """
INSERT INTO analytics.case_activity (tenant_id, process, case_id, activity, n)
SELECT tenant_id, process, case_id, activity, count(*) FROM analytics.operation GROUP BY 1, 2, 3, 4"""


def upgrade() -> None:
    op.execute(text(_COLUMN))
    _as_worker(_LOCK, _FILL, "DELETE FROM analytics.case_activity")


def downgrade() -> None:
    _as_worker(_LOCK, "DELETE FROM analytics.case_activity", _BACK)
    op.execute(text("ALTER TABLE analytics.case_state DROP COLUMN activities"))


def _as_worker(*statements: str) -> None:
    """Whoever owns the tables need not see rows."""
    op.execute(text(f"SET LOCAL ROLE {roles_of('analytics')[1]}"))
    for statement in statements:
        op.execute(text(statement))
    op.execute(text("RESET ROLE"))

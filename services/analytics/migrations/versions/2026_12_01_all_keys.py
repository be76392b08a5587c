"""Histograms of all keys together, under key 0, added up from those by key.

A consumer of the former version adds nothing to them: whatever one stores after this is folded by POST /analytics/rebuilds.
"""

from alembic import op
from sqlalchemy import text

from shared.migrations import roles_of

revision = "2026_12_01_all_keys"
down_revision = "2026_11_30_days"
branch_labels = None
depends_on = None

_KEY = ((1 << 32) - 1) << 10  # where a place has its key
_FILL = (
    # No batch may be under way: it would change what this does not see. Readers are not held up.
    "LOCK TABLE analytics.operation IN SHARE MODE",
    f"""
INSERT INTO analytics.rollup_histogram
SELECT tenant_id, place & ({~_KEY})::bigint, sum(n0), sum(n1), sum(n2), sum(n3), sum(n4), sum(n5), sum(n6), sum(n7)
FROM analytics.rollup_histogram GROUP BY 1, 2""",
)


def upgrade() -> None:
    op.execute(text(f"SET LOCAL ROLE {roles_of('analytics')[1]}"))  # whoever owns the tables need not see rows
    for statement in _FILL:
        op.execute(text(statement))
    op.execute(text("RESET ROLE"))


def downgrade() -> None:
    op.execute(text(f"SET LOCAL ROLE {roles_of('analytics')[1]}"))
    op.execute(text(f"DELETE FROM analytics.rollup_histogram WHERE place & {_KEY} = 0"))
    op.execute(text("RESET ROLE"))

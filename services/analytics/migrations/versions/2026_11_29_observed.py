"""What was observed of a case, not only when: an export can tell it.

Rows that are here already do not hold it, and stay without; their events did not say it. The default stays, for
consumers of the former version; a constant one rewrites no table.
"""

from alembic import op
from sqlalchemy import text

revision = "2026_11_29_observed"
down_revision = "2026_11_28_calendars"
branch_labels = None
depends_on = None

_COLUMNS = ("activity", "transition")


def upgrade() -> None:
    for column in _COLUMNS:
        op.execute(text(f"ALTER TABLE analytics.observation ADD COLUMN {column} TEXT DEFAULT '' NOT NULL"))


def downgrade() -> None:
    for column in _COLUMNS:
        op.execute(text(f"ALTER TABLE analytics.observation DROP COLUMN {column}"))

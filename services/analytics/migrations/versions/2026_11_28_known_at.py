"""When each fact was known: the time of its event, for questions as of a moment.

Rows that are here already do not hold it: they count as known always (-infinity), until a rebuild from the log gives them
theirs. The default stays, for consumers of the former version; a constant one rewrites no table.
"""

from alembic import op
from sqlalchemy import text

revision = "2026_11_28_known_at"
down_revision = "2026_11_27_histograms"
branch_labels = None
depends_on = None

_FACTS = ("operation", "observation", "survey_response")


def upgrade() -> None:
    for table in _FACTS:
        column = "known_at TIMESTAMP WITH TIME ZONE DEFAULT '-infinity' NOT NULL"
        op.execute(text(f"ALTER TABLE analytics.{table} ADD COLUMN {column}"))


def downgrade() -> None:
    for table in _FACTS:
        op.execute(text(f"ALTER TABLE analytics.{table} DROP COLUMN known_at"))

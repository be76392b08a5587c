"""Composite types in which the facts of a batch arrive, as one array for each kind of fact.

A type is not altered once it is in use: a consumer of the former version goes on sending the old one.
"""

from alembic import op
from sqlalchemy import text

revision = "2026_12_03_arriving"
down_revision = "2026_12_02_case_activities"
branch_labels = None
depends_on = None

_TYPES = {
    "arriving_operation": "tenant_id text, id uuid, process text, activity text, case_id text, actor_kind text, "
    "actor_id text, team text, requested_at timestamptz, started_at timestamptz, finished_at timestamptz, touch_us bigint, "
    "wait_us bigint, lead_us bigint, estimated boolean, outcome text, corrects uuid, cost numeric, currency text, "
    "known_at timestamptz",
    "arriving_observation": "tenant_id text, id uuid, process text, case_id text, at timestamptz, known_at timestamptz, "
    "activity text, transition text",
    "arriving_answer": "tenant_id text, id uuid, score smallint, team text, process text, answered_at timestamptz, "
    "known_at timestamptz",
    "arriving_withdrawal": "tenant_id text, id uuid, event_id uuid, reason text, known_at timestamptz",
}


def upgrade() -> None:
    for name, columns in _TYPES.items():
        op.execute(text(f"CREATE TYPE analytics.{name} AS ({columns})"))


def downgrade() -> None:
    for name in _TYPES:
        op.execute(text(f"DROP TYPE analytics.{name}"))

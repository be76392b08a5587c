"""Answers are counted from their index alone."""

from alembic import op
from sqlalchemy import text

revision = "2026_12_02_answers"
down_revision = "2026_12_01_withdrawals"
branch_labels = None
depends_on = None

_NAME = "ix_survey_response_tenant_id_answered_at"


def upgrade() -> None:
    _replace(" INCLUDE (process, team, score)")


def downgrade() -> None:
    _replace("")


def _replace(included: str) -> None:
    op.execute(text(f"DROP INDEX analytics.{_NAME}"))
    op.execute(text(f"CREATE INDEX {_NAME} ON analytics.survey_response (tenant_id, answered_at){included}"))

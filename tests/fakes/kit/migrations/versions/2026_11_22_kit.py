"""The kit's tables; a thing called `fails-at-commit` makes the commit fail."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import create_kernel_tables, protect

revision = "2026_11_22_kit"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_kernel_tables(op, "kit")  # type: ignore[arg-type] # the module has what Operations has
    tenant = sa.Column(
        "tenant_id", sa.String, nullable=False, server_default=sa.text("current_setting('trastienda.tenant')")
    )
    op.create_table(
        "thing",
        sa.Column("id", sa.Uuid, primary_key=True),
        tenant,
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        schema="kit",
    )
    op.execute(
        """
        CREATE FUNCTION kit.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'not this one: %', NEW.name; END $$
        """
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON kit.thing DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW WHEN (NEW.name = 'fails-at-commit') EXECUTE FUNCTION kit.refuse()"
    )
    op.execute(
        "CREATE TABLE kit.effect (tenant_id text NOT NULL, consumer text, event_id uuid, place bigint GENERATED ALWAYS AS IDENTITY)"
    )
    protect(op, "kit", "thing", "effect")  # type: ignore[arg-type] # as above


def downgrade() -> None:
    op.execute("DROP SCHEMA kit CASCADE")

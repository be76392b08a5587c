"""Employees, leave and the kernel's tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import create_kernel_tables, protect

revision = "2026_11_22_initial"
down_revision = None
branch_labels = None
depends_on = None

STAMP = postgresql.TIMESTAMP(timezone=True)


def tenant() -> sa.Column:
    return sa.Column("tenant_id", sa.String, nullable=False, server_default=sa.text("current_setting('trastienda.tenant')"))


def upgrade() -> None:
    create_kernel_tables(op, "hr")
    # Exclusion constraints over an id and a range; a trusted extension, so that the schema's owner may create it.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public")
    create_employees()
    create_leave()
    protect(op, "hr", "employee", "employment", "leave_request")


def create_employees() -> None:
    op.create_table(
        "employee",
        sa.Column("id", sa.Uuid, primary_key=True),
        tenant(),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("given_name", sa.String, nullable=False),
        sa.Column("family_name", sa.String, nullable=False),
        sa.Column("national_id", sa.String, nullable=False),
        sa.Column("email", sa.String, nullable=False),
        sa.Column("user_id", sa.String),
        sa.Column("team", sa.String, nullable=False),
        sa.Column("changed_at", STAMP, nullable=False),
        sa.UniqueConstraint("tenant_id", "id", name="uq_employee_tenant_id_id"),
        sa.UniqueConstraint("tenant_id", "national_id", name="uq_employee_tenant_id_national_id"),
        sa.UniqueConstraint("tenant_id", "user_id", name="uq_employee_tenant_id_user_id"),
        schema="hr",
    )
    op.create_index("ix_employee_tenant_team", "employee", ["tenant_id", "team", "id"], schema="hr")
    op.create_table(
        "employment",
        sa.Column("id", sa.Uuid, primary_key=True),
        tenant(),
        sa.Column("employee_id", sa.Uuid, nullable=False),
        sa.Column("hire_date", sa.Date, nullable=False),
        sa.Column("leave_date", sa.Date),
        sa.Column("leaving_reason", sa.String),
        sa.Column("annual_leave_days", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "employee_id"], ["hr.employee.tenant_id", "hr.employee.id"], name="fk_employment_tenant_id_employee_id_employee"),
        sa.CheckConstraint("leave_date >= hire_date", name="ck_employment_ends_after_start"),
        sa.CheckConstraint("(leave_date IS NULL) = (leaving_reason IS NULL)", name="ck_employment_end_has_reason"),
        postgresql.ExcludeConstraint(
            ("tenant_id", "="),
            ("employee_id", "="),
            (sa.text("daterange(hire_date, leave_date, '[]')"), "&&"),
            using="gist",
            name="ex_employment_no_overlap",
        ),
        schema="hr",
    )


def create_leave() -> None:
    op.create_table(
        "leave_request",
        sa.Column("id", sa.Uuid, primary_key=True),
        tenant(),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("employee_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("first_day", sa.Date, nullable=False),
        sa.Column("last_day", sa.Date, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("requested_by", sa.String, nullable=False),
        sa.Column("requested_at", STAMP, nullable=False),
        sa.Column("decided_by", sa.String),
        sa.Column("decided_at", STAMP),
        sa.Column("decision_reason", sa.String),
        sa.ForeignKeyConstraint(["tenant_id", "employee_id"], ["hr.employee.tenant_id", "hr.employee.id"], name="fk_leave_request_tenant_id_employee_id_employee"),
        sa.CheckConstraint("last_day >= first_day", name="ck_leave_request_ends_after_start"),
        postgresql.ExcludeConstraint(
            ("tenant_id", "="),
            ("employee_id", "="),
            (sa.text("daterange(first_day, last_day, '[]')"), "&&"),
            where=sa.text("status IN ('requested', 'approved')"),
            using="gist",
            name="ex_leave_request_no_overlap",
        ),
        schema="hr",
    )
    op.create_index("ix_leave_request_tenant_employee", "leave_request", ["tenant_id", "employee_id", "id"], schema="hr")
    op.create_index("ix_leave_request_tenant_status", "leave_request", ["tenant_id", "status", "id"], schema="hr")


def downgrade() -> None:
    op.execute("DROP SCHEMA hr CASCADE")

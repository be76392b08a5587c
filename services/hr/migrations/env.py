"""Alembic's entry for HR."""

from services.hr.app import SERVICE
from shared.migrations import run_environment

run_environment(SERVICE.metadata)

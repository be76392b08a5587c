"""Alembic's entry for billing."""

from services.billing.app import SERVICE
from shared.migrations import run_environment

run_environment(SERVICE.metadata)

"""Alembic's entry for the kit."""

from shared.migrations import run_environment
from tests.fakes.kit.app import SERVICE

run_environment(SERVICE.metadata)

"""Run analytics' migrations against its own metadata."""

from services.analytics.tables import metadata
from shared.migrations import run_environment

run_environment(metadata)

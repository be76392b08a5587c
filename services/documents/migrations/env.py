"""Alembic's entry for documents."""

from services.documents.app import SERVICE
from shared.migrations import run_environment

run_environment(SERVICE.metadata)

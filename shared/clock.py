"""The time, in one place, so that a test can hold it still: others say `clock.now()`."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)

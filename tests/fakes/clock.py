"""A clock that stands still."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from shared import clock


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Make `clock.now()` return `at` for everybody while the block lasts."""
    running, clock.now = clock.now, lambda: at.astimezone(UTC)
    try:
        yield
    finally:
        clock.now = running

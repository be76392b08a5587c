"""The time, in one place, so that it can be held still: others say `clock.now()`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Make `now()` return `at` for everybody in this process while the block lasts."""
    global now  # noqa: PLW0603 - the one place that tells the time
    running, now = now, lambda: at.astimezone(UTC)
    try:
        yield
    finally:
        now = running

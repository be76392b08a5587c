"""How the time of one person is shared out over the invoices of a list. Pure."""

from datetime import timedelta

_NONE = timedelta(0)


def share_of(left: timedelta, to_come: int) -> timedelta:
    """Return the part of the time left that goes into the next of the invoices to come.

    Whole microseconds, rounded down: all parts together are never more than there was. An invoice that is refused takes
    none, so that what would have been its part goes into those that follow.
    """
    return max(left, _NONE) // max(to_come, 1)

"""Working time in SQL: W(t) by a binary search in arrays of open intervals, so that nothing is joined."""

from typing import Any

from services.analytics.calendars.rules import WorkingTime

_OPENS, _LENGTHS, _BEFORE = (f"cast(:working_{name} AS bigint[])" for name in ("opens", "lengths", "before"))


def working_parameters(working: WorkingTime) -> dict[str, Any]:
    """Return the values that the expressions of this module are bound to."""
    return {
        "working_opens": working.opens,
        "working_lengths": working.lengths,
        "working_before": working.before,
    }


def microseconds(stamp: str) -> str:
    """Return the expression of a stamp as whole microseconds since 1970."""
    return f"(extract(epoch FROM {stamp}) * 1000000)::bigint"


def place(us: str) -> str:
    """Return the expression of the open interval that began last before a moment."""
    return f"width_bucket({us}, {_OPENS})"


def open_before(us: str, at: str) -> str:
    """Return W of a moment, whose `place` is in the column `at`."""
    return f"({_BEFORE})[{at}] + least({us} - ({_OPENS})[{at}], ({_LENGTHS})[{at}])"


def worked(begin: str, end: str) -> str:
    """Return the expression of the working time between two stamps of a row, in microseconds."""
    # OFFSET 0 keeps the planner from searching once for each mention of the place.
    until, since = (
        f"(SELECT {open_before('us', 'at')} FROM (SELECT us, {place('us')} AS at "  # noqa: S608 - names of columns; values are bound
        f"FROM (SELECT {microseconds(stamp)} AS us OFFSET 0) AS moment OFFSET 0) AS placed)"
        for stamp in (end, begin)
    )
    return f"({until} - {since})"

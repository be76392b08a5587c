"""What is asked for: filters, period, grouping, and the SQL conditions they become."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

GroupBy = Literal["process", "activity", "team", "actor_kind", "hour", "day", "week", "month"]
TimeUnit = Literal["hour", "day", "week", "month"]
TIME_UNITS = frozenset(get_args(TimeUnit))
OF_OPERATIONS_ONLY = frozenset({"activity", "actor_kind"})  # survey answers have neither
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters that are None select everything; the period is half-open: begin <= moment < end."""

    process: str | None = None
    activity: str | None = None
    team: str | None = None
    actor_kind: str | None = None
    begin: datetime | None = None
    end: datetime | None = None
    group_by: tuple[GroupBy, ...] = ()
    details: bool = True
    parameters: dict[str, Any] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        names = ("process", "activity", "team", "actor_kind", "begin", "end")
        object.__setattr__(self, "parameters", {name: getattr(self, name) for name in names})

    def conditions(self, *names: str) -> str:
        """Return ` AND column = :column` for each of these filters that is set."""
        return "".join(f" AND {name} = :{name}" for name in names if getattr(self, name) is not None)

    def within(self, column: str) -> str:
        """Return the condition that a stamp lies within the period."""
        return _range(column, "begin" if self.begin else None, "end" if self.end else None)

    def keys(self, moment: str) -> list[str]:
        """Return the SQL expression of each grouping; `moment` is the stamp that decides the period."""
        return [f"date_trunc('{name}', {moment}, 'UTC')" if name in TIME_UNITS else name for name in self.group_by]


@dataclass(frozen=True, slots=True)
class HourSplit:
    """A period as whole UTC hours, which roll-ups answer, and edges, which only facts can."""

    whole: tuple[datetime | None, datetime | None] | None
    edges: tuple[tuple[datetime, datetime], ...]


def split_hours(begin: datetime | None, end: datetime | None) -> HourSplit:
    """Cut [begin, end) at whole hours."""
    first = None if begin is None else _floor(begin) if begin == _floor(begin) else _floor(begin) + _HOUR
    last = None if end is None else _floor(end)
    if begin is not None and end is not None and first is not None and last is not None and first >= last:
        inside = first == begin and last == end  # an empty period
        return HourSplit(None, () if inside or begin >= end else ((begin, end),))
    edges = []
    if begin is not None and first is not None and begin < first:
        edges.append((begin, first))
    if end is not None and last is not None and last < end:
        edges.append((last, end))
    return HourSplit((first, last), tuple(edges))


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _range(column: str, begin: str | None, end: str | None) -> str:
    return (f" AND {column} >= :{begin}" if begin else "") + (f" AND {column} < :{end}" if end else "")


def label(name: str, value: Any) -> str | None:
    """Return a group's value as it is answered: text, a date for days and longer, an instant for hours."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if name == "hour" else value.date().isoformat()
    return str(value) if value else None

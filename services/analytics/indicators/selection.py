"""What is asked for: filters, period, grouping, and the SQL conditions they become."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from services.analytics.calendars.measuring import worked, working_parameters
from services.analytics.calendars.rules import WorkingTime
from services.analytics.indicators.zones import AFTER_ALL, BEFORE_ALL, whole_hours_since

GroupBy = Literal["process", "activity", "team", "actor_kind", "hour", "day", "week", "month"]
TimeUnit = Literal["hour", "day", "week", "month"]
TIME_UNITS = frozenset(get_args(TimeUnit))
MAX_GROUPS = 2_000
OF_OPERATIONS = ("activity", "team", "actor_kind")  # cases and their roll-ups have none of these
OF_OPERATIONS_ONLY = frozenset({"activity", "actor_kind"})  # survey answers have neither
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_HALF_A_DAY = timedelta(hours=12)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MIDNIGHT = "day::timestamp AT TIME ZONE 'UTC'"
Reading = Literal["exact", "rollup"]
Period = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters that are None select everything; the period is half-open: begin <= moment < end.

    With `working`, waits, lead times and the duration of cases are working time, and read from facts. `as_of` selects
    what was known at that moment; None is all that is known (`as_of.look_back`).
    """

    process: str | None = None
    activity: str | None = None
    team: str | None = None
    actor_kind: str | None = None
    begin: datetime | None = None
    end: datetime | None = None
    group_by: tuple[GroupBy, ...] = ()
    details: bool = True
    exact: bool = False
    zone: str = "UTC"
    working: WorkingTime | None = None
    as_of: datetime | None = None
    parameters: dict[str, Any] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        names = ("process", "activity", "team", "actor_kind", "begin", "end", "zone")
        parameters = {name: getattr(self, name) for name in names}
        if self.working:
            parameters |= working_parameters(self.working)
        object.__setattr__(self, "parameters", parameters)

    @property
    def percentiles(self) -> Reading | None:
        """Where percentiles of operations come from: histograms know UTC days, whatever else is read from facts."""
        if not self.details:
            return None
        return "rollup" if self.by_whole_days and not self.exact and not self.working else "exact"

    @property
    def case_percentiles(self) -> Reading | None:
        """Where percentiles of cases come from."""
        return ("rollup" if self.cases_by_day else "exact") if self.details else None

    @property
    def cases_by_day(self) -> bool:
        """Whether roll-ups of cases answer: they know UTC day and process alone, and no sequences."""
        by_operation = any(name in self.group_by or getattr(self, name) is not None for name in OF_OPERATIONS)
        return self.by_whole_days and not (by_operation or self.working or self.counts_variants)

    @property
    def by_whole_days(self) -> bool:
        """Whether every group begins and ends at a UTC midnight, as days do."""
        return "hour" not in self.group_by and not self.by_local_time

    @property
    def by_local_time(self) -> bool:
        """Whether groups begin at other moments than those of UTC."""
        return self.zone != "UTC" and not TIME_UNITS.isdisjoint(self.group_by)

    @property
    def counts_variants(self) -> bool:
        """Whether the sequences of cases are told apart, which needs every fact of theirs."""
        return self.details and self.exact

    @property
    def case_duration(self) -> str:
        """The SQL expression of how long a case took, in microseconds."""
        if self.working:
            return worked("first_at", "last_at")
        return "(extract(epoch FROM last_at - first_at) * 1000000)::bigint"

    def conditions(self, *names: str) -> str:
        """Return ` AND column = :column` for each of these filters that is set."""
        return "".join(f" AND {name} = :{name}" for name in names if getattr(self, name) is not None)

    def within(self, column: str) -> str:
        """Return the condition that a stamp lies within the period."""
        return _range(column, "begin" if self.begin else None, "end" if self.end else None)

    def keys(self, moment: str) -> list[str]:
        """Return the SQL expression of each grouping; `moment` is the stamp that decides the period."""
        local = f"{moment}, cast(:zone AS text)"
        return [f"date_trunc('{name}', {local})" if name in TIME_UNITS else name for name in self.group_by]


@dataclass(frozen=True, slots=True)
class Split:
    """A period as whole UTC hours or days, which roll-ups answer, and edges, which only facts can."""

    whole: Period | None
    edges: tuple[tuple[datetime, datetime], ...]
    beyond: tuple[tuple[datetime, datetime], ...] = ()  # what `whole` has too much, to be taken away again

    @property
    def signed(self) -> list[tuple[int, tuple[datetime, datetime]]]:
        """What only facts can answer, with 1 where it counts and -1 where it is taken away."""
        return [(1, edge) for edge in self.edges] + [(-1, edge) for edge in self.beyond]


def split_hours(begin: datetime | None, end: datetime | None) -> Split:
    """Cut [begin, end) at whole hours."""
    return _split(begin, end, _HOUR)


def split_for_groups(selection: Selection) -> Split:
    """Cut the period of a selection at whole hours; none that begins within an hour of a group's is whole."""
    begin, end = selection.begin, selection.end
    if selection.as_of is not None:
        return _all_edge(selection)
    since = whole_hours_since(selection.zone) if selection.by_local_time else BEFORE_ALL
    if since <= (begin or BEFORE_ALL):
        return split_hours(begin, end)
    if end is not None and end <= since:
        return Split(None, ((begin or BEFORE_ALL, end),))
    rest = split_hours(since, end)
    return Split(rest.whole, ((begin or BEFORE_ALL, since), *rest.edges))


@dataclass(frozen=True, slots=True)
class Pieces:
    """A period as whole UTC days, whole hours beside them, and edges, which only facts can answer.

    Each has the sign 1 where it counts, and -1 where a day has it too much and it is taken away.
    """

    days: tuple[Period, ...]
    hours: tuple[tuple[int, Period], ...]
    edges: tuple[tuple[int, tuple[datetime, datetime]], ...]


def pieces_of(selection: Selection) -> Pieces:
    """Cut the period of a selection so that as little as can be is read."""
    if selection.as_of is not None or not selection.by_whole_days:
        days, splits = None, [(1, split_for_groups(selection))]
    else:
        split = round_days(selection)
        days, splits = split.whole, [(sign, split_hours(*edge)) for sign, edge in split.signed]
    hours = tuple((sign, split.whole) for sign, split in splits if split.whole is not None)
    return Pieces(
        () if days is None else (days,), hours, tuple((sign, edge) for sign, split in splits for edge in split.edges)
    )


def split_days(selection: Selection) -> Split:
    """Cut the period of a selection at UTC midnights."""
    return _split(selection.begin, selection.end, _DAY) if selection.as_of is None else _all_edge(selection)


def round_days(selection: Selection) -> Split:
    """Cut the period as `split_days`, but take a day whole of which the greater part is wanted, and the rest away from it.

    What is read from facts is never more than half a day at either end then: of a month in Madrid two hours twice.
    """
    split = split_days(selection)
    if split.whole is None:
        return split
    (first, last), edges, beyond = split.whole, [], []
    for begin, end in split.edges:
        if end - begin <= _HALF_A_DAY:
            edges.append((begin, end))
        elif end == first:
            first = end - _DAY
            beyond.append((first, begin))
        else:
            last = begin + _DAY
            beyond.append((end, last))
    return Split((first, last), tuple(edges), tuple(beyond))


def _all_edge(selection: Selection) -> Split:
    """Leave a period of the past to the facts: they have an index, a roll-up of the past would have to be made first."""
    return Split(None, ((selection.begin or BEFORE_ALL, selection.end or AFTER_ALL),))


def _split(begin: datetime | None, end: datetime | None, step: timedelta) -> Split:
    first = None if begin is None else -(-(begin - _EPOCH) // step) * step + _EPOCH
    last = None if end is None else (end - _EPOCH) // step * step + _EPOCH
    if begin is not None and end is not None and first is not None and last is not None and first >= last:
        inside = first == begin and last == end  # an empty period
        return Split(None, () if inside or begin >= end else ((begin, end),))
    edges = []
    if begin is not None and first is not None and begin < first:
        edges.append((begin, first))
    if end is not None and last is not None and last < end:
        edges.append((last, end))
    return Split((first, last), tuple(edges))


def bounds(column: str, period: Period, parameters: dict[str, Any], *, dates: bool = False) -> str:
    """Return the condition that a column lies within a half-open period, and bind its ends (their UTC dates)."""
    conditions = []
    for sign, moment in zip((">=", "<"), period, strict=True):
        if moment is not None:
            name = f"bound{len(parameters)}"
            parameters[name] = moment.astimezone(UTC).date() if dates else moment
            conditions.append(f"{column} {sign} :{name}")
    return " AND ".join(conditions) or "true"


def _range(column: str, begin: str | None, end: str | None) -> str:
    return (f" AND {column} >= :{begin}" if begin else "") + (f" AND {column} < :{end}" if end else "")


def label(name: str, value: Any, zone: str = "UTC") -> str | None:
    """Return a group's value as it is answered: text, the zone's date for days and longer, an instant for hours."""
    if isinstance(value, datetime):
        if name == "hour":
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        # Its noon: about midnights before 1970 PostgreSQL and Python may differ.
        return (value + _HALF_A_DAY).astimezone(ZoneInfo(zone)).date().isoformat()
    return str(value) if value else None


def aliases(expressions: list[str]) -> tuple[str, str]:
    """Return group expressions with their names g0, g1, and the names alone."""
    named = "".join(f"{expression} AS g{i}, " for i, expression in enumerate(expressions))
    return named, ", ".join(f"g{i}" for i in range(len(expressions)))


def key_of(row: Any, selection: Selection) -> tuple[str | None, ...]:
    """Return the group of a row that has its values as g0, g1."""
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row by column
    return tuple(label(name, values[f"g{i}"], selection.zone) for i, name in enumerate(selection.group_by))

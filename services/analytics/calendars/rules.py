"""Working time: the part of the time between two instants in which a calendar is open. Pure.

An instant is open when the clock on the wall shows, on that day, a time within its hours. So an hour that clocks skip is
in no day, one that they show twice counts twice, and nothing about them needs a rule of its own.

W(t) is the open time before t. The working time from a to b is W(b) - W(a): it adds up over neighbouring times.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTES_PER_DAY = 24 * 60
FIRST_YEAR, LAST_YEAR = 1900, 2100  # stamps before are refused when they arrive, as are those more than a year ahead
_SECONDS_PER_DAY = 86_400
_US = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_YEARS_KEPT = 128  # of all tenants' calendars: about 60 KB each

Span = tuple[int, int]  # of a day, half-open, in minutes since the wall clock's midnight
Interval = tuple[int, int]  # half-open, in seconds since 1970


@dataclass(frozen=True, slots=True)
class Hours:
    """When a calendar is open. `weekly` has seven days from Monday on; `opened` decides before `closed`.

    Spans of a day are in order and do not overlap.
    """

    zone: str
    weekly: tuple[tuple[Span, ...], ...]
    closed: frozenset[date] = frozenset()
    opened: frozenset[tuple[date, tuple[Span, ...]]] = frozenset()

    def of_days(self) -> "_Days":
        return _Days(self.weekly, {day.toordinal() for day in self.closed}, {d.toordinal(): s for d, s in self.opened})


@dataclass(frozen=True, slots=True)
class _Days:
    """The same, by the day's ordinal: looked up for every day of many years."""

    weekly: tuple[tuple[Span, ...], ...]
    closed: set[int]
    opened: Mapping[int, tuple[Span, ...]]

    def spans(self, ordinal: int) -> tuple[Span, ...]:
        own = self.opened.get(ordinal)
        if own is not None:
            return own
        return () if ordinal in self.closed else self.weekly[(ordinal - 1) % 7]  # ordinal 1 was a Monday


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """A calendar's open intervals over a range, in microseconds since 1970, in order: for a binary search.

    `before` is the open time before each of them. What lies before the range is unknown, and what lies behind it is
    taken to be closed: the range has to cover whatever is measured. Two are the same when calendar and version are.
    """

    calendar: str
    version: int
    zone: str
    opens: Sequence[int] = field(repr=False, compare=False)
    lengths: Sequence[int] = field(repr=False, compare=False)
    before: Sequence[int] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """What a definition's id says of it."""
        return f"{self.calendar}.v{self.version}"


def microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def instant(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def work_out(calendar: str, version: int, hours: Hours, begin: datetime, end: datetime) -> WorkingTime:
    """Return the calendar's working time over whole years (UTC) that cover [begin, end]."""
    years = range(begin.astimezone(UTC).year, end.astimezone(UTC).year + 1)
    # A first interval without length, from which on W is known.
    opens, lengths, before, total = [microseconds(datetime(years[0], 1, 1, tzinfo=UTC))], [0], [0], 0
    for year in years:
        for opening, closing in open_intervals(hours, year):
            length = (closing - opening) * _US
            opens.append(opening * _US)
            lengths.append(length)
            before.append(total)
            total += length
    return WorkingTime(calendar, version, hours.zone, opens, lengths, before)


@lru_cache(_YEARS_KEPT)
def open_intervals(hours: Hours, year: int) -> tuple[Interval, ...]:
    """Return when it is open in a year (UTC), in order and apart from each other."""
    begin, end = (_seconds(datetime(each, 1, 1, tzinfo=UTC)) for each in (year, year + 1))
    days, found = hours.of_days(), list[Interval]()
    for since, until, offset in offsets(hours.zone, begin, end):
        for opening, closing in _open_on_the_wall(days, since + offset, until + offset):
            opening, closing = opening - offset, closing - offset  # noqa: PLW2901 - the same, in UTC
            if found and found[-1][1] == opening:
                found[-1] = (found[-1][0], closing)
            else:
                found.append((opening, closing))
    return tuple(found)


def open_on(hours: Hours, day: date) -> list[Interval]:
    """Return when it is open on one day of its zone, in order."""
    midnight, days = (day.toordinal() - _EPOCH_ORDINAL) * _SECONDS_PER_DAY, hours.of_days()
    around = offsets(hours.zone, midnight - _SECONDS_PER_DAY, midnight + 2 * _SECONDS_PER_DAY)
    found = []
    for since, until, offset in around:
        first, last = max(since + offset, midnight), min(until + offset, midnight + _SECONDS_PER_DAY)
        found += [(begin - offset, end - offset) for begin, end in _open_on_the_wall(days, first, last)]
    return found


def _open_on_the_wall(days: _Days, begin: int, end: int) -> Iterator[Interval]:
    """Yield what is open of [begin, end), in seconds that a clock on the wall shows while its offset does not change."""
    for number in range(begin // _SECONDS_PER_DAY, (end - 1) // _SECONDS_PER_DAY + 1):
        midnight = number * _SECONDS_PER_DAY
        for first, last in days.spans(number + _EPOCH_ORDINAL):
            opening, closing = max(midnight + first * 60, begin), min(midnight + last * 60, end)
            if opening < closing:
                yield opening, closing


def offsets(zone: str, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield [since, until) in seconds since 1970 and the zone's seconds from UTC, which do not change in between.

    Looks at every day: no zone has ever changed its offset twice within three.
    """
    info, since, offset = ZoneInfo(zone), begin, _offset(ZoneInfo(zone), begin)
    for day in range(begin, end, _SECONDS_PER_DAY):
        tomorrow = min(day + _SECONDS_PER_DAY, end)
        later = _offset(info, tomorrow)
        if later != offset:
            change = _change(info, day, tomorrow)
            yield since, change, offset
            since, offset = change, later
    if since < end:
        yield since, end, offset


def _change(info: ZoneInfo, before: int, after: int) -> int:
    """Return the first second at which the offset is the later one."""
    later = _offset(info, after)
    while after - before > 1:
        between = (before + after) // 2
        if _offset(info, between) == later:
            after = between
        else:
            before = between
    return after


def _offset(info: ZoneInfo, seconds: int) -> int:
    shown = instant(seconds).astimezone(info).utcoffset()
    assert shown is not None
    return round(shown.total_seconds())


def _seconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1)

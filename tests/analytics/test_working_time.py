"""Working time against a counter of minutes that knows nothing but the clock on the wall."""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.calendars.rules import Hours, Span, WorkingTime, microseconds, open_intervals, open_on, work_out

MINUTE = timedelta(minutes=1)
OFFICE: tuple[Span, ...] = ((9 * 60, 14 * 60), (15 * 60, 18 * 60))
WEEKDAYS = (OFFICE,) * 5 + ((), ())
ALWAYS = (((0, 1440),),) * 7

# Changes of clocks: 23 and 25 hours, half an hour (Lord Howe), at midnight (Havana), over the date line (Apia).
CHANGES = {
    "Europe/Madrid": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "Asia/Kolkata": ("2026-03-29",),
    "America/Havana": ("2026-03-08", "2026-11-01"),
    "Pacific/Apia": ("2011-12-30",),
}
AROUND = [(zone, day) for zone, days in CHANGES.items() for day in days]


def is_open(hours: Hours, moment: datetime) -> bool:
    """Tell it from the definition: what the clock on the wall shows on its day."""
    shown = moment.astimezone(ZoneInfo(hours.zone))
    own = dict(hours.opened).get(shown.date())
    closed = shown.date() in hours.closed
    spans = own if own is not None else () if closed else hours.weekly[shown.weekday()]
    return any(first <= shown.hour * 60 + shown.minute < last for first, last in spans)


def count_minutes(hours: Hours, begin: datetime, end: datetime) -> int:
    """Return the open minutes between two whole minutes."""
    return sum(is_open(hours, begin + n * MINUTE) for n in range((end - begin) // MINUTE))


def between(working: WorkingTime, begin: datetime, end: datetime) -> int:
    """Return the working microseconds from begin to end, in the way that the database does."""

    def before(moment: datetime) -> int:
        at = bisect_right(working.opens, us := microseconds(moment)) - 1
        return working.before[at] + min(us - working.opens[at], working.lengths[at])

    return before(end) - before(begin)


spans = st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True).map(
    lambda ends: tuple(zip(*[iter(sorted(ends)[: len(ends) // 2 * 2])] * 2, strict=True))
)


@settings(max_examples=60, deadline=None)
@given(
    place=st.sampled_from(AROUND),
    weekly=st.lists(st.one_of(st.just(()), spans, st.just(((0, 1440),))), min_size=7, max_size=7),
    closed=st.sets(st.integers(-2, 2), max_size=2),
    opened=st.dictionaries(st.integers(-2, 2), spans, max_size=2),
    first=st.integers(-3 * 1440, 3 * 1440),
    length=st.integers(0, 4 * 1440),
)
def test_it_is_what_a_counter_of_minutes_counts(
    place: tuple[str, str],
    weekly: list[tuple[Span, ...]],
    closed: set[int],
    opened: dict[int, tuple[Span, ...]],
    first: int,
    length: int,
) -> None:
    zone, text = place
    day = date.fromisoformat(text)
    hours = Hours(
        zone,
        tuple(weekly),
        frozenset(day + timedelta(days=n) for n in closed),
        frozenset((day + timedelta(days=n), own) for n, own in opened.items()),
    )
    begin = datetime.combine(day, datetime.min.time(), UTC) + first * MINUTE
    end = begin + length * MINUTE
    working = work_out("c", 1, hours, begin, end)
    assert between(working, begin, end) == count_minutes(hours, begin, end) * 60_000_000


@pytest.mark.parametrize(("zone", "text"), AROUND)
def test_a_day_has_the_hours_that_its_clocks_show(zone: str, text: str) -> None:
    day = date.fromisoformat(text)
    shown = open_on(Hours(zone, ALWAYS), day)
    begin = datetime.combine(day - timedelta(days=2), datetime.min.time(), UTC)
    minutes = sum((begin + n * MINUTE).astimezone(ZoneInfo(zone)).date() == day for n in range(5 * 1440))
    assert sum(last - first for first, last in shown) == minutes * 60
    expected = {"2026-03-29": 23, "2026-10-25": 25, "2011-12-30": 0}
    if zone in {"Europe/Madrid", "Pacific/Apia"}:
        assert minutes == expected[text] * 60


def test_an_hour_that_does_not_exist_is_none_and_one_that_comes_twice_is_two() -> None:
    night = Hours("Europe/Madrid", (((2 * 60, 3 * 60),),) * 7)
    spring, autumn = (open_on(night, date.fromisoformat(day)) for day in CHANGES["Europe/Madrid"])
    assert spring == []
    assert sum(last - first for first, last in autumn) == 2 * 3600
    half = Hours("Europe/Madrid", (((60, 2 * 60 + 30),),) * 7)  # 01:00-02:30, shown to 02:59 and from 02:00 again
    pieces = [((last - first) // 60) for first, last in open_on(half, date(2026, 10, 25))]
    assert pieces == [90, 30]


def test_a_night_shift_goes_on_after_midnight() -> None:
    shift = Hours("Europe/Madrid", (((0, 360), (1320, 1440)),) * 7)
    begin, end = datetime(2026, 6, 1, 19, tzinfo=UTC), datetime(2026, 6, 2, 5, tzinfo=UTC)  # 21:00 to 07:00 there
    assert between(work_out("c", 1, shift, begin, end), begin, end) == 8 * 3_600_000_000
    assert len(open_intervals(shift, 2026)) == 366  # each night is one


def test_it_adds_up_and_knows_microseconds() -> None:
    hours = Hours("Europe/Madrid", WEEKDAYS, frozenset({date(2026, 12, 25)}))
    moments = [
        datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) + n * timedelta(days=3, microseconds=7)
        for n in range(400)
    ]
    working = work_out("c", 1, hours, moments[0], moments[-1])
    parts = [between(working, begin, end) for begin, end in pairwise(moments)]
    assert sum(parts) == between(working, moments[0], moments[-1])
    opening = datetime(2026, 1, 5, 8, tzinfo=UTC)  # Monday, 09:00 in Madrid
    assert between(working, opening - timedelta(microseconds=3), opening + timedelta(microseconds=5)) == 5


def test_a_whole_week_is_its_hours_and_a_weekend_is_none() -> None:
    hours = Hours("America/New_York", WEEKDAYS)
    begin = datetime(2026, 5, 4, 4, tzinfo=UTC)  # Monday, 00:00 there
    working = work_out("c", 1, hours, begin, begin + timedelta(weeks=1))
    assert between(working, begin, begin + timedelta(weeks=1)) == 40 * 3_600_000_000
    assert between(working, begin + timedelta(days=5), begin + timedelta(days=7)) == 0


@pytest.mark.parametrize("year", [1900, 1945, 1975, 2026, 2100])
def test_intervals_of_any_year_are_apart_in_order_and_within_it(year: int) -> None:
    found = open_intervals(Hours("Europe/Madrid", ALWAYS), year)
    begin, end = (microseconds(datetime(each, 1, 1, tzinfo=UTC)) // 1_000_000 for each in (year, year + 1))
    assert found == ((begin, end),)
    parts = open_intervals(Hours("Europe/London", WEEKDAYS), year)
    assert all(first < last for first, last in parts)
    assert all(earlier[1] < later[0] for earlier, later in pairwise(parts))

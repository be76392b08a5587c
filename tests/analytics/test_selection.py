"""Cutting periods into whole hours and edges."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.analytics.indicators.selection import split_hours

HOUR = timedelta(hours=1)
moments = st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 2)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware beside it


@given(moments, moments, st.datetimes(datetime(2025, 12, 31), datetime(2026, 1, 3)))  # noqa: DTZ001 - made aware below
def test_every_moment_is_counted_exactly_when_it_lies_in_the_period(
    begin: datetime | None, end: datetime | None, naive: datetime
) -> None:
    moment = naive.replace(tzinfo=UTC)
    hour = moment.replace(minute=0, second=0, microsecond=0)
    split = split_hours(begin, end)
    times = sum(edge_begin <= moment < edge_end for edge_begin, edge_end in split.edges)
    if split.whole is not None:
        first, last = split.whole
        times += (first is None or hour >= first) and (last is None or hour < last)
    inside = (begin is None or moment >= begin) and (end is None or moment < end)
    assert times == inside


@given(moments, moments)
def test_edges_are_shorter_than_an_hour_and_whole_hours_are_whole(begin: datetime | None, end: datetime | None) -> None:
    split = split_hours(begin, end)
    assert all(last - first < HOUR or split.whole is None for first, last in split.edges)
    for bound in split.whole or ():
        assert bound is None or (bound.minute, bound.second, bound.microsecond) == (0, 0, 0)

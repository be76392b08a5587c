"""Time zones: which roll-ups by UTC hour can answer, and when a date begins."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from shared.validation import value_error

_HOUR = timedelta(hours=1)
_WEEK = timedelta(weeks=1)  # no zone has ever been off by a part of an hour for less
BEFORE_ALL, AFTER_ALL = datetime(1800, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
# Databases of time zones agree from here on; the one of Python and that of PostgreSQL need not on what was before.
_AGREED = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def zone_names() -> frozenset[str]:
    """Return the names of time zones as IANA has them; what only says how a machine is set up is none."""
    return frozenset(available_timezones()) - {"Factory", "localtime", "posixrules"}


def check_zone(name: str) -> str:
    """Validate the name of a time zone."""
    if name not in zone_names():
        raise value_error(
            "time_zone",
            "the IANA name of a time zone is expected, as Europe/Madrid",
            "debe ser el nombre IANA de una zona horaria, como Europe/Madrid",
        )
    return name


@cache
def whole_hours_since(zone: str) -> datetime:
    """Return a UTC midnight, not before 1970, from which on the zone is whole hours from UTC; 2100 where it is not."""
    info, at = ZoneInfo(zone), AFTER_ALL
    while at > _AGREED and not (at.astimezone(info).utcoffset() or timedelta()) % _HOUR:
        at -= _WEEK
    return min(max(at, _AGREED) + _WEEK, AFTER_ALL)


def begin_of(day: date, zone: str) -> datetime:
    """Return a date's first moment; where clocks skip midnight, the moment at which they do."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)

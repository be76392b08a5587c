"""When a day or a week of a zone begins and ends, and whether all of it is known. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from services.analytics.indicators.zones import begin_of

Bucket = Literal["day", "week"]
_LENGTHS: dict[Bucket, timedelta] = {"day": timedelta(days=1), "week": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Asked:
    """The series that is looked at, and the moment at which it is."""

    bucket: Bucket
    zone: str
    begin: datetime | None
    end: datetime | None
    now: datetime

    def bounds(self, first_day: str) -> tuple[datetime, datetime]:
        """Return a bucket's first moment and the next one's; a day is as long as the zone's clocks make it."""
        first = date.fromisoformat(first_day)
        return begin_of(first, self.zone), begin_of(first + _LENGTHS[self.bucket], self.zone)

    def is_whole(self, first_day: str) -> bool:
        """Return whether a bucket is over and the period cuts nothing off it."""
        begin, end = self.bounds(first_day)
        known_until = self.now if self.end is None else min(self.end, self.now)
        return end <= known_until and (self.begin is None or self.begin <= begin)

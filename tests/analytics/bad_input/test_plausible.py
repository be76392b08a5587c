"""Which moments are mistakes is for a site to say, at every door alike."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.analytics.operations.consume import read, reader_under
from services.analytics.settings import AnalyticsSettings
from shared import clock
from shared.eventlog import Received
from shared.events import MalformedEventError
from tests.analytics.bad_input.kinds import ANSWER, GOOD, changed
from tests.analytics.bad_input.outcome import figures_of
from tests.analytics.bad_input.test_messages import work
from tests.analytics.bad_input.test_requests import drain
from tests.analytics.event_logs.importing import at_work, report_of
from tests.analytics.event_logs.logs import table
from tests.fakes.eventlog import received
from tests.fixtures.services import Harness

OLD = datetime(1948, 6, 1, 9, tzinfo=UTC)


def finished(at: datetime) -> Received:
    return received(work("t", changed(GOOD, {"started_at": None, "finished_at": at.isoformat()})))


@pytest.mark.parametrize(
    ("settings", "first", "ahead"),
    [
        ({}, datetime(1970, 1, 1, tzinfo=UTC), 366),
        ({"earliest_stamp": OLD, "days_ahead": 0}, OLD, 0),
        (
            {"earliest_stamp": datetime(1900, 1, 1, tzinfo=UTC), "days_ahead": 3_660},
            datetime(1900, 1, 1, tzinfo=UTC),
            3_660,
        ),
    ],
)
def test_limits_hold_on_both_sides(
    settings: dict[str, Any], first: datetime, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime(2026, 3, 2, 9, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: today)
    take = reader_under(AnalyticsSettings(**settings))
    # The consumer takes what is plausible at the end of the next day: whoever sent it may have a clock that is ahead.
    last = datetime(2026, 3, 4, tzinfo=UTC) + timedelta(days=ahead)
    for at in (first, last - timedelta(microseconds=1)):
        assert take(finished(at)).fact is not None
    for at in (first - timedelta(microseconds=1), last):
        with pytest.raises(MalformedEventError, match="is not a plausible moment") as refused:
            take(finished(at))
        assert refused.value.reason == "implausible"


def test_a_reader_knows_that_time_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    today = datetime(2026, 3, 2, 9, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: today)
    take = reader_under(AnalyticsSettings(days_ahead=0))
    tomorrow = datetime(2026, 3, 4, 9, tzinfo=UTC)
    with pytest.raises(MalformedEventError):
        take(finished(tomorrow))
    monkeypatch.setattr(clock, "now", lambda: today + timedelta(days=1))
    assert take(finished(tomorrow)).fact is not None


@pytest.mark.parametrize(
    "settings",
    [
        {"earliest_stamp": datetime(1899, 12, 31, tzinfo=UTC)},
        {"earliest_stamp": datetime(1970, 1, 1)},  # noqa: DTZ001 - this is what is refused
        {"days_ahead": -1},
        {"days_ahead": 3_661},
    ],
)
def test_limits_that_no_question_could_name_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnalyticsSettings(**settings)


async def test_a_site_with_older_work_takes_it_at_every_door(
    analytics: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MalformedEventError):
        read(finished(OLD))
    older = analytics.runtime.settings.model_copy(update={"earliest_stamp": datetime(1940, 1, 1, tzinfo=UTC)})
    monkeypatch.setattr(analytics.runtime, "settings", older)
    operation = changed(GOOD, {"started_at": None, "finished_at": OLD.isoformat()})
    async with analytics.client(tenant, **{"Content-Type": "application/json"}) as client:
        taken = [
            await client.post("/analytics/operations", content=f'{{"operations": [{operation}]}}'),
            await client.post("/analytics/survey-answers", content=changed(ANSWER, {"answered_at": OLD.isoformat()})),
        ]
    assert [each.status_code for each in taken] == [202, 201], [each.text for each in taken]
    await drain(analytics)
    log = table(("case", "activity", "timestamp"), ("c", "check", OLD.isoformat()))
    async with at_work(analytics.runtime):
        report = await report_of(analytics, tenant, log, format="csv")
    assert (report["operations"], report["rejected"]) == (1, {})
    figures = await figures_of(analytics, tenant)
    assert (figures["error_rate"]["n"], figures["internal_satisfaction"]["n"]) == (2, 1)

"""Every log of the test data, read and paired, against the known answers in its truth.json."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from itertools import chain, groupby
from pathlib import Path
from statistics import fmean

import pytest

from services.analytics.event_logs.formats import LogReader, ReadOptions
from services.analytics.event_logs.raw import START, RawEvent, Tally
from services.analytics.event_logs.rules import Counts, Operation, pair_case
from tests.fixtures.known_logs import FOLDER, cost_attribute, has_starts, known_logs, require

CHUNK = 64 * 1024


TRUTH = known_logs()


def test_there_is_test_data() -> None:
    require(TRUTH, "event logs with truth.json")
    assert all((FOLDER / name).is_file() for name in TRUTH)


def _read(path: Path, cost_attribute: str | None) -> tuple[list[RawEvent], Tally]:
    reader = LogReader(ReadOptions(cost_attribute=cost_attribute))
    found: list[RawEvent] = []
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            for events in reader.feed(chunk):
                found += events
    for events in reader.finish():
        found += events
    return found, reader.tally


def _pair(events: list[RawEvent]) -> tuple[list[Operation], Counts]:
    started = {event.activity for event in events if event.transition == START or event.started_at}
    counts, operations = Counts(), []
    for _, of_case in groupby(sorted(events, key=lambda event: event.case), key=lambda event: event.case):
        rework = counts.rework
        for item in pair_case(of_case, started):
            counts.add(item)
            if isinstance(item, Operation):
                operations.append(item)
        counts.close_case(rework)
    return operations, counts


def _touch(operations: list[Operation]) -> Mapping[str, list[float]]:
    by_activity = defaultdict(list)
    for operation in operations:
        if operation.started_at is not None:
            by_activity[operation.activity].append((operation.finished_at - operation.started_at).total_seconds())
    return by_activity


def _throughput(events: list[RawEvent]) -> list[float]:
    stamps: defaultdict[str, list[datetime]] = defaultdict(list)
    for event in events:
        stamps[event.case] += [event.at, *([event.started_at] if event.started_at else [])]
    return [(max(each) - min(each)).total_seconds() for each in stamps.values()]


@pytest.mark.parametrize("name", sorted(TRUTH))
def test_a_log_is_read_as_it_is_known(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    truth = TRUTH[name]
    events, tally = _read(FOLDER / name, None)
    operations, counts = _pair(events)
    assert tally.used == len(events)
    found = {
        "events_raw": tally.events,
        "cases": counts.cases,
        "events_complete": counts.operations,
        "rework_cases": counts.rework_cases,
        "rework_events": counts.rework,
        "auto_events": sum(operation.resource in truth.get("system_resources", ()) for operation in operations),
    }
    with capsys.disabled():
        print(f"\n{name}: {found}, {counts.paired} paired, rejected {dict(tally.rejected)}")  # noqa: T201 - the run tells what it counted
    known = {key: truth[key] for key in found if key in truth}
    assert known.keys() >= {"events_raw", "cases", "events_complete"}
    assert {key: found[key] for key in known} == known
    if "throughput_s" in truth:
        assert fmean(_throughput(events)) == pytest.approx(truth["throughput_s"]["mean"], abs=0.001)
    if "rework_event_rate" in truth:
        assert counts.rework / counts.operations == pytest.approx(truth["rework_event_rate"], abs=1e-6)


@pytest.mark.parametrize("name", sorted(name for name in TRUTH if "touch" in TRUTH[name]))
def test_touch_time_is_what_is_known(name: str) -> None:
    truth = TRUTH[name]["touch"]
    operations, counts = _pair(_read(FOLDER / name, None)[0])
    touch = _touch(operations)
    assert (counts.paired, counts.unpaired_starts, counts.orphan_completes) == (
        truth["paired"],
        truth["unpaired_start"],
        truth["orphan_complete"],
    )
    assert fmean(chain.from_iterable(touch.values())) == pytest.approx(truth["touch_mean_s"], abs=0.001)
    assert {activity: len(each) for activity, each in touch.items()} == {
        activity: each["n"] for activity, each in truth["per_activity"].items()
    }
    for activity, each in truth["per_activity"].items():
        assert fmean(touch[activity]) == pytest.approx(each["mean"], abs=0.001), activity


@pytest.mark.parametrize("name", sorted(name for name in TRUTH if not has_starts(name)))
def test_touch_time_is_unknown_where_nothing_starts(name: str) -> None:
    operations, counts = _pair(_read(FOLDER / name, None)[0])
    assert (counts.paired, counts.orphan_completes, len(_touch(operations))) == (0, 0, 0)


@pytest.mark.parametrize("name", sorted(name for name in TRUTH if "cost_total" in TRUTH[name]))
def test_costs_add_up(name: str) -> None:
    total = float(_pair(_read(FOLDER / name, cost_attribute(name))[0])[1].cost)
    assert total == pytest.approx(TRUTH[name]["cost_total"])

"""Every log of the test data, read and paired, against the known answers in its truth.json."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from itertools import chain, groupby
from statistics import fmean

import pytest

from services.analytics.event_logs.raw import START, RawEvent
from services.analytics.event_logs.rules import Counts, Operation, pair_case
from tests.fixtures.known_logs import (
    FOLDER,
    cost_attribute,
    figures_of,
    has_starts,
    known_logs,
    not_understood,
    read_log,
    require,
)
from tests.fixtures.workers import Tell

TRUTH = known_logs()


def test_there_is_test_data() -> None:
    require(TRUTH, "event logs with truth.json")
    assert [name for name in TRUTH if not (FOLDER / name).is_file()] == []


@pytest.mark.parametrize("name", sorted(TRUTH))
def test_every_figure_of_a_truth_is_held_against_something(name: str) -> None:
    assert not_understood(TRUTH[name]) == []
    assert figures_of(name)


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
def test_a_log_is_read_as_it_is_known(name: str, tell: Tell) -> None:
    truth = TRUTH[name]
    events, tally = read_log(name)
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
    tell(f"{name}: {found}, {counts.paired} paired, rejected {dict(tally.rejected)}")
    known = {key: truth[key] for key in found if truth.get(key) is not None}
    assert {key: found[key] for key in known} == known
    if "mean" in truth.get("throughput_s", {}):
        assert fmean(_throughput(events)) == pytest.approx(truth["throughput_s"]["mean"], abs=0.001)
    if truth.get("rework_event_rate") is not None:
        assert counts.rework / counts.operations == pytest.approx(truth["rework_event_rate"], abs=1e-6)
    if not has_starts(name):
        assert (counts.paired, counts.orphan_completes, len(_touch(operations))) == (0, 0, 0)


@pytest.mark.parametrize("name", sorted(name for name in TRUTH if "touch" in TRUTH[name]))
def test_touch_time_is_what_is_known(name: str) -> None:
    truth = TRUTH[name]["touch"]
    operations, counts = _pair(read_log(name)[0])
    touch = _touch(operations)
    found = {
        "paired": counts.paired,
        "unpaired_start": counts.unpaired_starts,
        "orphan_complete": counts.orphan_completes,
    }
    known = {key: truth[key] for key in found if truth.get(key) is not None}
    assert {key: found[key] for key in known} == known
    if truth.get("touch_mean_s") is not None:
        assert fmean(chain.from_iterable(touch.values())) == pytest.approx(truth["touch_mean_s"], abs=0.001)
    if "per_activity" in truth:
        assert touch.keys() == truth["per_activity"].keys()
    for activity, each in truth.get("per_activity", {}).items():
        assert len(touch[activity]) == each.get("n", len(touch[activity])), activity
        if "mean" in each:
            assert fmean(touch[activity]) == pytest.approx(each["mean"], abs=0.001), activity


@pytest.mark.parametrize("name", sorted(name for name in TRUTH if TRUTH[name].get("cost_total") is not None))
def test_costs_add_up(name: str) -> None:
    total = float(_pair(read_log(name, cost_attribute=cost_attribute(name))[0])[1].cost)
    assert total == pytest.approx(TRUTH[name]["cost_total"])

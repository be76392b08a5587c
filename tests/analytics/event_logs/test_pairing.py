from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.event_logs.raw import RawEvent
from services.analytics.event_logs.rules import (
    CasePairing,
    Counts,
    LogPairing,
    Observation,
    Operation,
    identify,
    pair_case,
)
from shared.events import Outcome
from tests.analytics.event_logs.logs import event, read, table, trace, xes

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def raw(ordinal: int, activity: str, transition: str, minute: int, cost: str | None = None) -> RawEvent:
    at = MONDAY + timedelta(minutes=minute)
    return RawEvent("c", activity, transition, at, None, "Ana", None, Decimal(cost) if cost else None, ordinal)


def operations(*events: RawEvent, started: tuple[str, ...] = ("A",)) -> list[Operation]:
    return [item for item in pair_case(events, started) if isinstance(item, Operation)]


def minutes(operation: Operation) -> float | None:
    return None if operation.started_at is None else (operation.finished_at - operation.started_at).total_seconds() / 60


def test_first_start_goes_with_first_completion() -> None:
    made = operations(
        raw(1, "A", "start", 0), raw(2, "A", "start", 5), raw(3, "A", "complete", 7), raw(4, "A", "complete", 20)
    )
    assert [minutes(operation) for operation in made] == [7, 15]
    assert [operation.outcome for operation in made] == [Outcome.DONE, Outcome.REWORK]


def test_activities_do_not_share_starts() -> None:
    made = operations(raw(1, "A", "start", 0), raw(2, "B", "complete", 3), raw(3, "A", "complete", 4))
    assert [(operation.activity, minutes(operation)) for operation in made] == [("B", None), ("A", 4)]


def test_a_completion_without_start_is_an_orphan_only_where_its_activity_has_starts() -> None:
    made = operations(raw(1, "A", "complete", 0), raw(2, "B", "complete", 3))
    assert [(operation.started_at, operation.orphan) for operation in made] == [(None, True), (None, False)]


def test_a_start_after_the_completion_is_not_its_start() -> None:
    made = pair_case([raw(1, "A", "start", 9), raw(2, "A", "complete", 3)], {"A"})
    assert [type(item) for item in made] == [Operation, Observation]
    assert isinstance(made[0], Operation)
    assert made[0].orphan


def test_equal_moments_keep_the_files_order() -> None:
    start, end = raw(1, "A", "start", 0), raw(2, "A", "complete", 0)
    assert [minutes(operation) for operation in operations(end, start)] == [0]
    swapped = [end._replace(ordinal=1), start._replace(ordinal=2)]
    assert [minutes(operation) for operation in operations(*swapped)] == [None]


def test_other_transitions_and_open_starts_are_observations() -> None:
    events = [
        raw(1, "A", "schedule", 0),
        raw(2, "A", "start", 1),
        raw(3, "B", "start", 2, "5"),
        raw(4, "A", "complete", 3),
    ]
    made = pair_case(events, {"A", "B"})
    assert [(type(item).__name__, item.activity) for item in made] == [
        ("Observation", "A"),
        ("Operation", "A"),
        ("Observation", "B"),
    ]
    counts = Counts()
    for item in made:
        counts.add(item)
    assert (counts.operations, counts.observations, counts.unpaired_starts, counts.paired) == (1, 2, 1, 1)
    assert (counts.cost, counts.unassigned_cost) == (Decimal(0), Decimal(5))


def test_costs_of_a_pair_are_added() -> None:
    made = operations(
        raw(1, "A", "start", 0, "1.5"),
        raw(2, "A", "complete", 1, "2"),
        raw(3, "A", "start", 2, "4"),
        raw(4, "A", "complete", 3),
        raw(5, "A", "complete", 4),
    )
    assert [operation.cost for operation in made] == [Decimal("3.5"), Decimal(4), None]


def test_what_happens_while_work_is_under_way_costs_what_the_work_costs() -> None:
    """A suspension is a transition of the work that it interrupts; what was never finished is no operation."""
    made = pair_case(
        [
            raw(1, "A", "schedule", 0, "8"),
            raw(2, "A", "start", 1, "1"),
            raw(3, "A", "suspend", 2, "2"),
            raw(4, "B", "suspend", 2, "16"),
            raw(5, "A", "resume", 3),
            raw(6, "A", "complete", 4, "4"),
            raw(7, "A", "start", 5, "32"),
            raw(8, "A", "suspend", 6, "64"),
        ],
        {"A"},
    )
    assert [item.cost for item in made if isinstance(item, Operation)] == [Decimal(7)]
    seen = {(item.activity, item.transition, item.cost) for item in made if isinstance(item, Observation)}
    assert seen >= {("A", "schedule", Decimal(8)), ("B", "suspend", Decimal(16)), ("A", "start", Decimal(96))}


def test_a_row_with_both_stamps_needs_no_other_start() -> None:
    both = raw(2, "A", "complete", 10)._replace(started_at=MONDAY)
    made = operations(raw(1, "A", "start", 5), both, raw(3, "A", "complete", 11))
    assert [minutes(operation) for operation in made] == [10, 6]


_EVENTS = st.lists(
    st.tuples(st.sampled_from("AB"), st.sampled_from(["start", "complete", "suspend"]), st.integers(0, 6)), max_size=30
).map(lambda made: [raw(number, *parts) for number, parts in enumerate(made)])


@given(_EVENTS)
def test_no_cost_is_lost_or_counted_twice(events: list[RawEvent]) -> None:
    priced = [event._replace(cost=Decimal(2) ** number) for number, event in enumerate(events)]
    counts = Counts()
    for item in pair_case(priced, {"A"}):
        counts.add(item)
    assert counts.cost + counts.unassigned_cost == 2 ** len(priced) - 1


@given(_EVENTS)
def test_pairing_uses_every_event_once_and_every_start_before_its_end(events: list[RawEvent]) -> None:
    made = pair_case(events, {"A", "B"})
    done = [item for item in made if isinstance(item, Operation)]
    seen = [item for item in made if isinstance(item, Observation)]
    count = Counter((each.activity, each.transition) for each in events)
    for activity in "AB":
        paired = [item for item in done if item.activity == activity and item.started_at is not None]
        unpaired = [item for item in seen if item.activity == activity and item.transition == "start"]
        assert len([item for item in done if item.activity == activity]) == count[activity, "complete"]
        assert len(paired) + len(unpaired) == count[activity, "start"]
        assert all(item.started_at is not None and item.started_at <= item.finished_at for item in paired)
        assert [item.started_at for item in paired] == sorted(item.started_at for item in paired if item.started_at)
    assert all(item.orphan == (item.started_at is None) for item in done)
    reworked = [item for item in done if item.outcome is Outcome.REWORK]
    assert len(reworked) == sum(max(0, count[activity, "complete"] - 1) for activity in "AB")


@given(_EVENTS, st.randoms(use_true_random=False))
def test_the_order_in_which_events_arrive_changes_nothing(events: list[RawEvent], random: object) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    assert pair_case(shuffled, {"A"}) == pair_case(events, {"A"})


@given(_EVENTS)
def test_ids_differ_within_a_log_and_are_the_same_in_the_next_import(events: list[RawEvent]) -> None:
    ids = [identify("t", "p", item, "a") for item in pair_case(events, {"A"})]
    assert len(set(ids)) == len(ids)
    assert ids == [identify("t", "p", item, "a") for item in pair_case(list(events), {"A"})]
    assert not set(ids) & {identify("other", "p", item, "a") for item in pair_case(events, {"A"})}


@given(_EVENTS)
def test_the_same_log_as_xes_and_as_csv_gives_the_same_ids(events: list[RawEvent]) -> None:
    as_xes = xes(
        trace("c", *[event(e.activity, e.at.isoformat(), e.transition.upper(), org__resource="Ana") for e in events])
    )
    header = ("case:concept:name", "concept:name", "time:timestamp", "lifecycle:transition", "org:resource")
    as_csv = table(header, *[("c", e.activity, f"{e.at:%Y-%m-%d %H:%M:%S+00:00}", e.transition, "Ana") for e in events])
    ids = [
        [identify("t", "p", item, "a") for item in pair_case(read(content)[0], {"A"})] for content in (as_xes, as_csv)
    ]
    assert ids[0] == ids[1]
    assert len(ids[0]) >= len([each for each in events if each.transition != "start"])


@given(_EVENTS, _EVENTS)
def test_a_log_is_paired_case_by_case(first: list[RawEvent], second: list[RawEvent]) -> None:
    cases = [first, [each._replace(case="d") for each in second]]
    pairing = LogPairing({"A"})
    made: list[Operation | Observation] = []
    for events in cases:
        for each in sorted(events, key=lambda each: (each.at, each.ordinal)):
            made += pairing.add(each)
            assert pairing.finished_case is None or each.case > pairing.finished_case
    made += pairing.close()
    assert made == [item for events in cases for item in pair_case(events, {"A"})]
    assert pairing.counts.cases == len([events for events in cases if events])
    assert pairing.counts.operations + pairing.counts.observations == len(made)
    assert pairing.close() == []


def test_a_case_keeps_a_bounded_number_of_open_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.analytics.event_logs.rules.MAX_OPEN_STARTS", 2)
    pairing = CasePairing({"A", "B"})
    assert [pairing.add(raw(n, "AB"[n % 2], "start", n)) for n in range(2)] == [None, None]
    displaced = pairing.add(raw(2, "A", "start", 2))
    assert isinstance(displaced, Observation)
    assert (displaced.activity, displaced.at) == ("A", MONDAY)
    done = pairing.add(raw(3, "A", "complete", 5))
    assert isinstance(done, Operation)
    assert minutes(done) == 3
    assert [left.activity for left in pairing.close()] == ["B"]


def test_events_beyond_those_told_apart_at_one_moment_still_have_ids_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.analytics.event_logs.rules.MAX_ALIKE", 3)
    pairing = CasePairing(())
    made = [pairing.add(raw(n, f"A{n % 6}", "complete", 0)) for n in range(18)]
    ids = {identify("t", "p", item, "") for item in made if item is not None}
    assert len(ids) == 18
    assert len(pairing._alike) <= 4

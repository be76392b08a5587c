"""How many sequences there are, exactly, against a recomputation from the events in plain Python."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from shared.events import Event
from tests.analytics.feeding import T0, ask, by_id, feed, observation, operation
from tests.analytics.oracle import standing
from tests.analytics.test_process_edges import get
from tests.analytics.working import put_calendar
from tests.fixtures.services import Harness

MADRID = ZoneInfo("Europe/Madrid")
FILTERS = ("process", "activity", "team", "actor_kind")
UNITS = ("hour", "day", "week", "month")
READ = "services.analytics.indicators.sequences"
HOURS = timedelta(hours=1)


def scattered(tenant: str, chance: random.Random) -> list[Event]:
    """Return cases that share names, moments and sequences: at few moments, so that many are at an end of a period."""
    events = []
    for _ in range(chance.choice([0, 1, 5, 60])):
        finished = T0 + chance.randrange(0, 49) * HOURS
        stamps: dict[str, Any] = {}
        started = finished - chance.choice([0, 1, 5, 30]) * HOURS
        if chance.random() < 0.6:
            stamps["started_at"] = started
        if chance.random() < 0.3:
            stamps["requested_at"] = started - chance.choice([0, 20, 900]) * HOURS
        events.append(
            operation(
                tenant,
                f"c{chance.randrange(12)}",
                chance.choice("ab") + chance.choice(["", ","]),
                minutes=None,
                finished_at=finished,
                kind=chance.choice(["person", "automation"]),
                team=chance.choice(["ap", "hr", None]),
                process=chance.choice("pq"),
                **stamps,
            )
        )
    for _ in range(chance.choice([0, 6])):
        at = T0 + chance.randrange(-40, 60) * HOURS
        events.append(observation(tenant, f"c{chance.randrange(14)}", at, chance.choice("pq")))
    chance.shuffle(events)
    return events


def cases_of(events: list[Event]) -> list[dict[str, Any]]:
    """Return cases with their operations, as they are when no event came twice."""
    cases: dict[Any, dict[str, Any]] = defaultdict(lambda: {"moments": [], "works": []})
    for event in standing(events):
        data = msgspec.json.decode(event.data)
        if (work := data.get("work")) is None:
            cases[data["process"], data["case"]]["moments"].append(datetime.fromisoformat(data["at"]))
            continue
        case = cases[work["process"], work["case"]]
        stamps = [
            datetime.fromisoformat(work[name])
            for name in ("requested_at", "started_at", "finished_at")
            if work.get(name)
        ]
        case["moments"] += stamps
        own = {"activity": work["activity"], "team": work["actor"].get("team"), "actor_kind": work["actor"]["kind"]}
        case["works"].append((stamps[-1], own))
    for (process, _), case in cases.items():
        case["process"], case["last_at"] = process, max(case["moments"])
        case["works"].sort(key=lambda each: each[0])
    return list(cases.values())


def groups_of(case: dict[str, Any], work: dict[str, Any], names: tuple[str, ...], zone: str) -> tuple[str | None, ...]:
    return tuple(
        case["process"] if name == "process" else begin_of(name, case["last_at"], zone) if name in UNITS else work[name]
        for name in names
    )


def begin_of(unit: str, at: datetime, zone: str) -> str:
    if unit == "hour":
        begin = at.astimezone(ZoneInfo(zone)).replace(minute=0)
        return begin.astimezone(UTC).isoformat().replace("+00:00", "Z")
    day = at.astimezone(ZoneInfo(zone)).date()
    if unit == "week":
        day -= timedelta(days=day.weekday())
    return (day.replace(day=1) if unit == "month" else day).isoformat()


def expected(events: list[Event], zone: str, names: tuple[str, ...], **wanted: Any) -> dict[Any, int]:
    """Return the number of sequences of the whole (None) and of each group that has any."""
    paths: dict[Any, set[tuple[str, ...]]] = defaultdict(set)
    begin, end = (wanted.pop(name, None) for name in ("begin", "end"))
    for case in cases_of(events):
        if (begin and case["last_at"] < begin) or (end and case["last_at"] >= end):
            continue
        if wanted.get("process", case["process"]) != case["process"]:
            continue
        held = [
            work for _, work in case["works"] if all(work[name] == wanted[name] for name in wanted if name != "process")
        ]
        path = tuple(work["activity"] for _, work in case["works"])
        for work in held:
            paths[None].add(path)
            if names:
                paths[groups_of(case, work, names, zone)].add(path)
    return {key: len(each) for key, each in paths.items()}


async def counted(analytics: Harness, tenant: str, names: tuple[str, ...], **asked: Any) -> dict[Any, int]:
    document = await ask(analytics, tenant, exact="true", group_by=list(names), **asked)
    found: dict[Any, int] = {None: by_id(document["kpis"])["case_throughput_time"]["variants"]}
    for group in document["groups"]:
        found[tuple(group["group"][name] for name in names)] = by_id(group["kpis"])["case_throughput_time"]["variants"]
    return {key: n for key, n in found.items() if n}


def question(chance: random.Random) -> tuple[tuple[str, ...], dict[str, Any]]:
    names = [*FILTERS, chance.choice(UNITS)]
    grouped = tuple(chance.sample(names, chance.randrange(3)))
    begin = T0 + chance.randrange(-2, 30) * HOURS
    period: dict[str, Any] = chance.choice(
        [{}, {"begin": begin}, {"end": begin}, *[{"begin": begin, "end": begin + chance.randrange(12) * HOURS}] * 3]
    )
    values = {"process": "p", "activity": "a", "team": "ap", "actor_kind": "automation"}
    return grouped, period | {name: values[name] for name in chance.sample(FILTERS, chance.choice([0, 0, 1, 2]))}


@pytest.mark.parametrize("seed", range(12))
async def test_variants_are_those_of_the_events(
    analytics: Harness, tenant: str, other_tenant: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    events = scattered(tenant, chance)
    both = [*events, *scattered(other_tenant, chance)]
    await feed(analytics, both)
    await put_calendar(analytics, tenant)
    for _ in range(20):
        names, asked = question(chance)
        monkeypatch.setattr(f"{READ}.LOOKED_UP", chance.choice([0, 0, 3, 10_000]))
        monkeypatch.setattr(f"{READ}.EARLIEST", chance.choice([0.01, 0.3, 0.9]))
        zone = chance.choice(["UTC", "Europe/Madrid", "Asia/Kolkata"])
        more = chance.choice([{}, {}, {"calendar": "office"}, {"as_of": datetime.now(UTC).isoformat()}])
        told = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asked.items()}
        found = await counted(analytics, tenant, names, time_zone=zone, **more, **told)
        assert found == expected(events, zone, names, **asked), (names, asked, zone, more)
        if "process" in asked and not names:
            document = await get(analytics, tenant, "variants", **{n: v for n, v in told.items() if n != "process"})
            assert document["variants"] == found.get(None, 0)

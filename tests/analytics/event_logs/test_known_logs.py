"""What a folder of known logs says is understood, or said not to be."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures import known_logs

Give = Callable[..., None]
BOTH_STAMPS = "case_id;activity;start_timestamp;timestamp;price\n1;a;2026-01-01;2026-01-02;2.50\n"
NO_START = "case_id;activity;timestamp;price\n1;a;2026-01-02;2.50\n"
OCEL = '{"events": [{"type": "a", "attributes": [{"name": "start_time", "value": "2026-01-01"}]}], "objects": []}'


@pytest.fixture
def give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Give:
    monkeypatch.setattr(known_logs, "FOLDER", tmp_path)
    for cached in (known_logs.has_starts, known_logs.has_both_stamps, known_logs.cost_attribute):
        cached.cache_clear()

    def write(content: str, **truth: Any) -> None:
        (tmp_path / "log").write_text(content)
        (tmp_path / "truth.json").write_text(json.dumps({"logs": {"log": truth}}))

    return write


def test_figures_that_nothing_is_held_against_are_named() -> None:
    touch = {"paired": 1, "sum": 2, "per_activity": {"a": {"n": 1, "p75": 1.0}}}
    truth = {"cases": 1, "note": "public", "median_length": 3, "throughput_s": {"mean": 1, "p25": 0}, "touch": touch}
    assert known_logs.not_understood(truth) == [
        "median_length",
        "throughput_s.p25",
        "touch.per_activity.a.p75",
        "touch.sum",
    ]


def test_null_is_a_claim_of_a_figure_and_none_of_a_section(give: Give) -> None:
    give(NO_START, cases=1, cost_total=None, touch=None, system_resources=None, auto_events=None)
    assert known_logs.known_logs() == {"log": {"cases": 1, "cost_total": None}}
    assert known_logs.settings_of("log") == {"automatic": []}
    give(NO_START, system_resources=["System"], auto_events=None)
    assert known_logs.figures_of("log") == {"system_resources": ["System"], "auto_events": None}


def test_a_table_tells_costs_and_starts(give: Give) -> None:
    give(BOTH_STAMPS, events_raw=1, cost_per_case=2.5)
    assert known_logs.has_starts("log")
    assert known_logs.settings_of("log") == {"automatic": [], "cost_attribute": "price"}
    assert known_logs.figures_of("log") == {"cost_per_case": 2.5}


def test_a_table_without_starts_tells_none(give: Give) -> None:
    give(NO_START, events_raw=1)
    assert not known_logs.has_starts("log")
    assert known_logs.figures_of("log") == {"events_raw": 1}


def test_an_object_centric_log_is_no_table(give: Give) -> None:
    give(OCEL, **{"import": {"case_object_type": "order"}})
    assert known_logs.has_starts("log")
    assert known_logs.settings_of("log") == {"automatic": [], "case_object_type": "order"}


def test_a_log_is_read_as_its_truth_says(give: Give) -> None:
    columns = {"case_column": "ticket", "activity_column": "what", "timestamp_column": "day"}
    give("ticket,what,day\n1,a,31/12/2025\n", **{"import": {**columns, "timestamp_format": "%d/%m/%Y"}})
    events, tally = known_logs.read_log("log")
    assert (tally.used, events[0].case, events[0].at.isoformat()) == (1, "1", "2025-12-31T00:00:00+00:00")

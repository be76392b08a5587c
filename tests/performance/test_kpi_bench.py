"""The benchmark of the indicators: it runs, both sides agree, and what is wrong is no result."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from tests.performance import kpi
from tests.performance.kpi import Result, Timing


async def test_a_small_run_gives_figures_on_which_both_sides_agree() -> None:
    """Times are no matter for a test on a shared machine; that everything was asked and computed is."""
    result = await kpi.run(events=4_000, times=2, exact_times=1)
    assert result.left_out or (result.duckdb_s > 0 and result.ratio == pytest.approx(result.exact_s / result.duckdb_s))
    assert set(result.rollup) == set(kpi.QUESTIONS)
    assert all(0 < timing.p50 <= timing.p95 <= timing.longest for timing in result.rollup.values())
    assert all(timing.service_cpu + timing.database_cpu > 0 for timing in result.rollup.values())
    assert 800 < result.operations < 3_200
    assert "aim p95" in kpi.render(result)
    assert json.loads(json.dumps(asdict(result)))["events"] == 4_000


def test_percentiles_are_of_what_was_measured() -> None:
    timing = Timing.of([n / 1_000 for n in range(20, 0, -1)], (0.04, 0.2))
    assert (timing.p50, timing.p95, timing.longest) == pytest.approx((10.5, 19, 20))
    assert (timing.service_cpu, timing.database_cpu) == pytest.approx((2, 10))


OURS: dict[str, Any] = {
    "processing_time": {"value": 2.0, "median": 2.0, "wait": {"p95": 3.0}, "lead": {"p99": 4.0}},
    "error_rate": {"n": 4, "defects": 1},
    "automation_level": {"automation": 2},
    "cost_per_operation": {"total": 1.5, "n": 3},
    "case_throughput_time": {"cases": 2, "value": 5.0, "p90": 6.0, "variants": 1},
    "case_rework_rate": {"rework_cases": 1},
    "no_touch_rate": {"no_touch_cases": 0},
    "first_pass_yield": {"first_pass_cases": 1},
    "internal_satisfaction": {"n": 7},
}
THEIRS: dict[str, Any] = {
    "n": 4, "touch_us": 6_000_000, "touch_n": 3, "touch": [2.0, 0, 0, 0], "wait": [0, 0, 3.0, 0], "lead": [0, 0, 0, 4.0],
    "defects": 1, "automation": 2, "cost": 1.5, "cost_n": 3, "cases": 2, "took": 10_000_000, "quantiles": [0, 6.0, 0, 0],
    "variants": 1, "rework_cases": 1, "no_touch": 0, "first_pass": 1, "answers": 7,
}  # fmt: skip


def test_what_does_not_agree_is_named() -> None:
    kpi.check_alike(OURS, THEIRS)
    with pytest.raises(RuntimeError, match=r"do not agree \(ours, theirs\): \{'variants': \(1, 2\)\}"):
        kpi.check_alike(OURS, THEIRS | {"variants": 2})


def test_ratios_and_aims_are_printed() -> None:
    timing = Timing(10, 20, 30, 4, 5)
    result = Result(50, 2, rollup={"UTC": timing}, exact_s=6, duckdb_s=2, ratio=3, threads=2)
    lines = kpi.render(result).splitlines()
    assert lines[-1].startswith("exact / DuckDB: 3.00 (aim <= 3); DuckDB 2.00 s with 2 threads")
    result.left_out = "no rivals here"
    assert kpi.render(result).endswith("\nno rivals here")


def test_help_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        kpi.main(["--help"])
    assert ended.value.code == 0
    assert "--exact-times" in capsys.readouterr().out

"""The benchmark of verdicts: its control judges the same files, and an aim that is missed is named."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.performance import einvoice
from tests.performance._register import measure
from tests.performance.einvoice import Bare, Result, invented, laid, through, validators

FOUND = Result(
    files=2,
    rounds=1,
    bare_p50_ms=4.0,
    bare_p95_ms=9.0,
    bare_rate=200.0,
    p50_ms=6.0,
    p95_ms=13.5,
    p50_ratio=1.5,
    p95_ratio=1.5,
    one_rate=150.0,
    two_rate=300.0,
    rate_ratio=1.5,
    parallel=1.9,
    bare_cpu_ms=4.0,
    validator_cpu_ms=5.0,
    service_cpu_ms=0.5,
    cpu_ratio=1.4,
    first_ms=12.0,
    lines_100_s=0.05,
    lines_1000_s=0.5,
    lines_4000_s=2.0,
    bare_4000_s=1.6,
    cpu_4000_s=1.9,
    full_4000_s=5.0,
    memory_mb=250.0,
    growth=0.01,
    settled=1_000,
    peak_mb=500.0,
    stored=100_000,
    register_rate=20.0,
    register_few_p50_ms=30.0,
    register_few_p95_ms=45.0,
    register_p50_ms=35.0,
    register_p95_ms=88.0,
    load=2.0,
)


async def test_control_and_validators_judge_the_same_files(tmp_path: Path) -> None:
    files = invented(4)
    assert sorted(name.split(".", 1)[1] for name in files) == ["cii.xml", "cii.xml", "ubl.xml", "ubl.xml"]
    async with Bare.running() as bare, validators(1) as pool:
        alone = await bare.judge(laid(tmp_path / "small", files))
        ours = await through(pool, list(files.values()), 2)
    assert (len(alone.latencies), len(ours.latencies)) == (4, 4)
    assert min(alone.latencies + ours.latencies) > 0


async def test_invoices_are_registered_beside_copies_of_others() -> None:
    found = await measure(stored=150, count=5, rate=20, suppliers=10)
    assert found.stored == 150
    assert 0 < found.p50_ms <= found.p95_ms
    assert 0 < found.few_p50_ms <= found.few_p95_ms


def test_an_aim_that_is_missed_is_named() -> None:
    assert FOUND.missed() == []
    assert einvoice.render(FOUND).endswith("all aims reached")
    slow = replace(FOUND, p50_ratio=2.1, rate_ratio=1.3, lines_4000_s=2.6)
    assert slow.missed() == ["p50_ratio", "lines_4000_s", "rate_ratio"]
    assert "not reached: p50_ratio" in einvoice.render(slow)
    assert json.loads(json.dumps(asdict(slow)))["p50_ratio"] == 2.1


def test_help_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        einvoice.main(["--help"])
    assert ended.value.code == 0
    assert "--settle" in capsys.readouterr().out

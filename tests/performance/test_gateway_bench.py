"""The benchmark itself: it runs, and counts every answer."""

import json
from dataclasses import asdict

import pytest

from tests.performance import gateway
from tests.performance._load import Sample


async def test_a_short_run_has_no_errors_and_sane_figures() -> None:
    """Ratios are no matter for a test on a shared machine; that both ways were really used is."""
    result = await gateway.run(rounds=1, seconds=0.5, connections=4)
    assert result.errors == 0
    assert result.rps_ratio == pytest.approx(result.gateway_rps / result.direct_rps)
    assert result.rps_ratio < 1.2
    assert result.gateway_cpu_us > result.direct_cpu_us > 0
    assert "target" in gateway.render(result)
    assert json.loads(json.dumps(asdict(result)))["rounds"] == 1


def test_help_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        gateway.main(["--help"])
    assert ended.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_percentiles() -> None:
    sample = Sample(seconds=2.0, latencies=[float(number) for number in range(100, 0, -1)])
    assert (sample.rate, sample.percentile(0.5), sample.percentile(0.99), sample.percentile(1)) == (50, 51, 100, 100)

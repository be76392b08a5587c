"""SIGKILL of everything in the middle of an import; what is there after the next start is exact."""

import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fixtures.stack import Stack

pytestmark = pytest.mark.slow
CASES, PATIENCE_S = 6_000, 120.0
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def write_log(path: Path) -> None:
    """Write a log whose figures are plain: two activities a case, three times the second in every tenth case."""
    lines = ["case,activity,lifecycle:transition,timestamp,resource"]
    for case in range(CASES):
        at = START + timedelta(minutes=case)
        lines.append(f"{case},register,complete,{at.isoformat()},System")
        for again in range(3 if case % 10 == 0 else 1):
            begin = at + timedelta(minutes=10 + 20 * again)
            lines.append(f"{case},check,start,{begin.isoformat()},Ana")
            lines.append(f"{case},check,complete,{(begin + timedelta(seconds=90)).isoformat()},Ana")
    path.write_text("\n".join(lines) + "\n")


CHECKS = CASES + 2 * CASES // 10
EXPECTED = {
    "automation_level": (CASES / (CASES + CHECKS), CASES + CHECKS),
    "processing_time": (90.0, CHECKS),
    "error_rate": (2 * CASES / 10 / (CASES + CHECKS), CASES + CHECKS),
    "case_rework_rate": (0.1, CASES),
    "case_throughput_time": ((0.9 * 690 + 0.1 * 3090), CASES),
}


def counted(stack: Stack) -> int:
    return int(stack.kpis("killed")["automation_level"]["n"])


def wait_until(stack: Stack, enough: Callable[[int], bool]) -> int:
    deadline = time.monotonic() + PATIENCE_S
    while not enough(n := counted(stack)):
        assert time.monotonic() < deadline, f"{n} operations are counted"
        time.sleep(0.02)
    return n


def test_an_import_survives_the_death_of_everything(new_stack: Callable[..., Stack], tmp_path: Path) -> None:
    log = tmp_path / "killed.csv"
    write_log(log)
    stack = new_stack()
    stack.start()
    command = ["import-log", str(log), "--process", "killed", "--automatic", "System"]
    with subprocess.Popen(
        [str(stack.launcher), *command],
        env=stack.environment() | {"TRASTIENDA_DATA": str(stack.data)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as importing:
        reached = wait_until(stack, lambda n: n > 0)
        stack.kill()
        importing.wait(60)
    assert reached < CASES + CHECKS, "the import ended before the kill: it proves nothing"
    stack.start()
    wait_until(stack, lambda n: n >= CASES + CHECKS)
    stack.command(*command)  # and once more, to its end: nothing changes
    after = stack.kpis("killed")
    for name, (value, n) in EXPECTED.items():
        assert after[name]["n"] == n, name
        assert after[name]["value"] == pytest.approx(value, abs=1e-6), name
    assert after["case_throughput_time"]["events"] == CASES + 2 * CHECKS

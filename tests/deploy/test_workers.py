"""Who runs what: a whole run is shared out, a part is not, and what shares a server stays on one worker."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.workers import group_of, place_of

ROOT = Path(__file__).parents[2]
SUITE = """
import os

import pytest


@pytest.mark.parametrize("number", range(4))
def test_counting(number, tell):
    tell(f"{number} on {os.environ.get('PYTEST_XDIST_WORKER', 'no worker')}")
    assert number < 3
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two files with our way of sharing out, and none of our tests."""
    (tmp_path / "tests").mkdir()
    for name in ("test_one.py", "test_two.py"):
        (tmp_path / "tests" / name).write_text(SUITE)
    shutil.copy(ROOT / "tests" / "fixtures" / "workers.py", tmp_path / "tests" / "conftest.py")
    settings = '[tool.pytest.ini_options]\ntestpaths = ["tests"]\naddopts = "-n auto"\n'
    (tmp_path / "pyproject.toml").write_text(settings)
    return tmp_path


def run(project: Path, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_a_whole_run_is_shared_out_and_reported_as_one(project: Path) -> None:
    for arguments in ([], ["tests"], [str(project / "tests")]):
        output = run(project, *arguments, PYTEST_XDIST_AUTO_NUM_WORKERS="2")
        assert "2 failed, 6 passed" in output
        assert "on no worker" not in output
        assert output.count("1 on gw0") == output.count("1 on gw1") == 1, "each file stays on one worker"
        assert output.count("FAILED tests/test_one.py::test_counting[3] - assert 3 < 3") == 1


@pytest.mark.parametrize("arguments", [["tests/test_one.py"], ["-k", "counting"], ["-m", "not slow"], ["-n", "0"]])
def test_a_part_runs_in_one_process(project: Path, arguments: list[str]) -> None:
    output = run(project, *arguments)
    assert "1 on no worker" in output
    assert " on gw" not in output


@pytest.mark.parametrize("name", ["TRASTIENDA_TEST_DATABASE_URL", "TRASTIENDA_KAFKA_BOOTSTRAP"])
def test_a_server_that_is_given_is_not_shared(project: Path, name: str) -> None:
    assert "1 on no worker" in run(project, **{name: "given"})


def test_what_shares_a_server_stays_together_and_begins_first() -> None:
    once = "tests/e2e/test_up.py::test_a[one process]"
    thrice = "tests/e2e/test_hostile_input.py::test_b[processes-Content-Length: 1\\r\\n-gateway]"
    alone = "tests/e2e/test_up.py::test_c"
    plain = "tests/shared/test_values.py::test_d[x]"
    kafka = "tests/shared/eventlog/test_kafka.py::test_e"
    assert group_of(once) == group_of("tests/e2e/test_rebuild.py::test_f[arguments0-one process]")
    assert group_of(once) != group_of(thrice) == group_of("tests/e2e/test_up.py::test_a[processes]")
    assert group_of(kafka) == group_of("tests/analytics/bad_input/test_messages.py::test_g[on_kafka]")
    assert (group_of(alone), group_of(plain)) == ("tests/e2e/test_up.py", "tests/shared/test_values.py")
    assert sorted([plain, alone, kafka, thrice, once], key=place_of) == [thrice, once, kafka, alone, plain]

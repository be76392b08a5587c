"""Every command block of the README, carried out in order as a reader would."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.stack import Stack

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
START, TEST = "./trastienda up\n", "./trastienda test\n"


def run(stack: Stack, script: str) -> str:
    """Run a block in the project's folder, against the stack of this test instead of port 8000."""
    script = script.replace("http://127.0.0.1:8000", stack.url)
    environment = stack.environment() | {"TRASTIENDA_DATA": str(stack.data)}
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{script}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def test_the_two_commands_come_first() -> None:
    assert BLOCKS[:2] == [START, TEST]


@pytest.mark.parametrize("stack", ["one process"], indirect=True)
def test_the_test_command_finds_the_tests(stack: Stack) -> None:
    output = run(stack, TEST.replace("test\n", "test --collect-only -q tests/e2e/test_readme.py\n"))
    assert "test_the_test_command_finds_the_tests" in output


@pytest.mark.parametrize("stack", ["one process"], indirect=True)
def test_every_other_block_works_while_up_is_running(stack: Stack) -> None:
    outputs = [run(stack, block) for block in BLOCKS[2:]]
    assert len(outputs) >= 5
    imported, asked, invoice, demo, doctor = outputs[:5]
    assert "automation_level" in imported or "utomation" in imported
    assert '"kpis"' in asked
    assert '"status":"registered"' in invoice.replace(" ", "")
    assert re.search(r"20\d\d-\d\d", demo)
    assert doctor


@pytest.mark.parametrize("stack", ["one process"], indirect=True)
def test_inline_commands_exist(stack: Stack) -> None:
    text = (ROOT / "README.md").read_text()
    commands = set(re.findall(r"`\./trastienda ([a-z-]+)", text)) | set(
        re.findall(r"`(?:serve|relay|consume|migrate)", text)
    )
    known = run(stack, "./trastienda --help")
    for command in commands:
        assert command.strip("`") in known, command

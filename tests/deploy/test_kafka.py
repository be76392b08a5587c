"""The broker we start ourselves: what it needs, and that it does not outlive us."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.kafka import available
from tests.fixtures.kafka import require_own_broker

ROOT = Path(__file__).parents[2]


def test_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert available() == "Java is not installed (java is not on PATH)"
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    assert available() == "Java 11 is too old, Kafka needs 17 or newer"


def test_without_java_tests_skip_but_fail_in_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Java is not installed"):
        require_own_broker()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Java is not installed"):
        require_own_broker()


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_broker_ends_with_its_parent(end: signal.Signals, tmp_path: Path) -> None:
    require_own_broker()
    command = [sys.executable, "-m", "deploy.kafka", "--data", str(tmp_path / "kafka")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        host, port = parent.stdout.readline().strip().split(":")
        socket.create_connection((host, int(port)), timeout=5).close()
        (java,) = psutil.Process(parent.pid).children()
        os.kill(parent.pid, end)
        assert parent.wait(30) == (0 if end is signal.SIGTERM else -signal.SIGKILL)
    deadline = time.monotonic() + 10
    while java.is_running() and java.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not java.is_running() or java.status() == psutil.STATUS_ZOMBIE
